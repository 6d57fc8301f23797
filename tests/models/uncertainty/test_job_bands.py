"""Bands of jobs: proportions by their own errors, size by the fleet's band."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.uncertainty.job_bands import error_correlation, job_half_widths


@settings(max_examples=50)
@given(
    own=st.lists(st.floats(0.01, 100), min_size=1, max_size=20),
    correlation=st.floats(0, 1),
    fleet=st.floats(0.1, 50),
)
def test_the_bands_of_jobs_give_the_band_of_the_fleet(
    own: list[float], correlation: float, fleet: float
) -> None:
    found = job_half_widths(np.array(own), fleet_half_width=fleet, correlation=correlation)

    together = (1 - correlation) * (found**2).sum() + correlation * found.sum() ** 2
    assert together == pytest.approx(fleet**2)
    assert found / found[0] == pytest.approx(np.array(own) / own[0])


def test_jobs_without_errors_of_their_own_have_no_band() -> None:
    found = job_half_widths(np.zeros(3), fleet_half_width=2.0, correlation=0.5)

    assert found.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("correlation", [0.0, 0.3, 1.0])
def test_the_correlation_that_was_put_in_is_found(correlation: float) -> None:
    """400 windows of 30 jobs with a common and an own part of their normal errors."""
    random = np.random.default_rng(3)
    common = random.standard_normal((400, 1)) * np.sqrt(correlation)
    own = random.standard_normal((400, 30)) * np.sqrt(1 - correlation)

    found = error_correlation(
        [[(error, 1.0) for error in window] for window in (common + own).tolist()]
    )

    assert found == pytest.approx(correlation, abs=0.12)


def test_without_windows_the_correlation_is_none() -> None:
    assert error_correlation([]) == 0.0
    assert error_correlation([[], []]) == 0.0
