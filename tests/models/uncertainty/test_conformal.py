from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.domain.findings import FindingCode
from negawatt.models.uncertainty.conformal import (
    conformal_band,
    finite_sample_quantile,
    probability_at_least,
)
from negawatt.models.uncertainty.placebo import PlaceboResult


def placebo_of(errors_kwh: Sequence[Sequence[float]]) -> PlaceboResult:
    """Return placebos with the given interval errors, one row for each."""
    return PlaceboResult(
        dates=tuple(date(2026, 6, 30) - timedelta(days=n) for n in range(len(errors_kwh))),
        errors_kwh=tuple(float(sum(row)) for row in errors_kwh),
        interval_errors_kwh=np.array(errors_kwh, dtype=float),
        refused=(),
        rrmse_ratio=None,
        bias_ratio=None,
    )


NINE = [[error] for error in (-9.0, -7.0, -5.0, -3.0, 1.0, 2.0, 4.0, 6.0, 8.0)]


def test_the_interval_and_the_one_sided_bound_are_different_quantiles() -> None:
    """Nine placebos have rank ceil(10 x 0.9) = 9, the largest.

    The largest size is 9: 100 +- 9. The largest overstatement is 8: at least 92.
    """
    band = conformal_band(np.array([100.0]), placebo_of(NINE))

    assert (band.lower_kwh, band.upper_kwh) == (91.0, 109.0)
    assert band.one_sided_lower_kwh == 92.0
    assert band.findings == ()


def test_with_eight_placebos_there_is_no_band_but_a_finding() -> None:
    """Rank ceil(9 x 0.9) = 9 of 8 does not exist."""
    band = conformal_band(np.array([100.0]), placebo_of(NINE[:8]), committed_kwh=50.0)

    assert band.lower_kwh is band.upper_kwh is band.one_sided_lower_kwh is None
    assert band.commitment_met_probability is None
    assert band.interval_lower_kwh == (None,)
    assert [finding.code for finding in band.findings] == [FindingCode.UNCERTAINTY_NOT_CALIBRATED]
    assert band.findings[0].evidence["placebo_count"] == 8


def test_no_placebo_at_all_is_not_calibrated_either() -> None:
    band = conformal_band(np.array([1.0, 2.0]), placebo_of([]))

    assert band.interval_upper_kwh == (None, None)
    assert band.findings[0].code is FindingCode.UNCERTAINTY_NOT_CALIBRATED


def test_the_rank_does_not_depend_on_the_last_bit_of_the_level() -> None:
    """100 x 0.55 is 55; in binary it is 55.00000000000001, whose ceiling would be 56."""
    assert finite_sample_quantile(range(1, 100), 0.55) == 55


def test_the_chance_that_a_new_score_is_covered_is_at_least_the_level() -> None:
    """Of n + 1 exchangeable scores each is the new one equally often: 18 of 19 + 1 are covered.

    n = 19, rank 18: of the 20 values, leaving each out in turn, 18 stay at or below the quantile.
    """
    values = list(range(20))

    covered_count = 0
    for new in values:
        quantile = finite_sample_quantile([v for v in values if v != new], 0.9)
        covered_count += quantile is not None and new <= quantile

    assert covered_count == 18


def test_the_probability_counts_the_placebos_that_leave_the_commitment_met() -> None:
    """100 less the error is 94 or more for the errors of 6 and less: 8 of 9; (8 + 1) / (9 + 2)."""
    band = conformal_band(np.array([100.0]), placebo_of(NINE), committed_kwh=94.0)

    assert band.commitment_met_probability == 9 / 11


@given(
    errors_kwh=st.lists(st.floats(-1e6, 1e6), min_size=0, max_size=40),
    threshold_kwh=st.floats(-1e6, 1e6),
)
@settings(max_examples=50)
def test_the_probability_is_never_certainty(errors_kwh: list[float], threshold_kwh: float) -> None:
    probability = probability_at_least(threshold_kwh, 0.0, errors_kwh)

    assert 0 < probability < 1


def test_the_bands_of_a_chart_are_each_intervals_own() -> None:
    """Errors of +3 and -3 cancel in the event: its band is 20 +- 0, each interval's 10 +- 3."""
    band = conformal_band(np.array([10.0, 10.0]), placebo_of([[3.0, -3.0]] * 9))

    assert (band.lower_kwh, band.upper_kwh) == (20.0, 20.0)
    assert band.interval_lower_kwh == (7.0, 7.0)
    assert band.interval_upper_kwh == (13.0, 13.0)


def test_an_unknown_reduction_has_no_band() -> None:
    band = conformal_band(np.array([10.0, np.nan]), placebo_of([[1.0, 1.0]] * 9), committed_kwh=1.0)

    assert band.lower_kwh is band.one_sided_lower_kwh is band.commitment_met_probability is None
    assert band.interval_lower_kwh == (9.0, None)


@given(order=st.permutations(NINE), power_of_two=st.integers(-8, 8))
@settings(max_examples=30)
def test_the_order_of_days_does_not_matter_and_the_band_scales_with_the_site(
    order: list[list[float]], power_of_two: int
) -> None:
    factor = 2.0**power_of_two

    band = conformal_band(
        np.array([100.0 * factor]), placebo_of([[row[0] * factor] for row in order])
    )

    assert (band.lower_kwh, band.upper_kwh) == (91.0 * factor, 109.0 * factor)


@pytest.mark.parametrize("level_ratio", [0.0, 1.0, float("nan")])
def test_a_level_outside_zero_to_one_is_refused(level_ratio: float) -> None:
    with pytest.raises(ValueError, match="level_ratio"):
        finite_sample_quantile([1.0], level_ratio)


def test_placebos_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="1 intervals, the event has 2"):
        conformal_band(np.array([1.0, 2.0]), placebo_of(NINE))
