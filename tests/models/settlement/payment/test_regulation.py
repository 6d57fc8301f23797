"""The regulation score: a perfect hour, a late one, a scaled one, and an opposite one."""

from decimal import Decimal

import numpy as np
import pytest
from numpy.typing import NDArray

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.payment.regulation import RegulationWeights, regulation_score

EQUAL = RegulationWeights(correlation=Decimal(1), delay=Decimal(1), precision=Decimal(1))
PRECISION = RegulationWeights(correlation=Decimal(0), delay=Decimal(0), precision=Decimal(1))
HOUR = 360  # samples of ten seconds
LATEST = 30  # samples of five minutes


@pytest.fixture
def signal_kw() -> NDArray[np.float64]:
    """An hour and five minutes on either side, as a signal that never repeats."""
    return np.random.default_rng(3).normal(size=HOUR + 2 * LATEST)


def test_a_load_that_follows_at_once_scores_one(signal_kw: NDArray[np.float64]) -> None:
    found = regulation_score(signal_kw[:HOUR], signal_kw[: HOUR + LATEST], EQUAL)

    assert (found.delay_ratio, found.precision_ratio) == (1.0, 1.0)
    assert found.correlation_ratio == pytest.approx(1.0, abs=1e-12)
    assert found.score_ratio == pytest.approx(1.0, abs=1e-12)


def test_a_load_two_minutes_late_loses_two_fifths_of_the_delay_score(
    signal_kw: NDArray[np.float64],
) -> None:
    """|2 - 5| / 5 = 0.6; it still correlates fully with the signal of two minutes ago."""
    late_kw = signal_kw[LATEST - 12 :][: HOUR + LATEST]

    found = regulation_score(signal_kw[LATEST:][:HOUR], late_kw, EQUAL)

    assert found.delay_ratio == 0.6
    assert found.correlation_ratio == pytest.approx(1.0, abs=1e-12)


def test_half_the_amplitude_costs_half_the_precision_and_no_correlation(
    signal_kw: NDArray[np.float64],
) -> None:
    """The mean of |s/2 - s| over the mean of |s| is a half: (1 + 1 + 0.5) / 3."""
    found = regulation_score(signal_kw[:HOUR], signal_kw[: HOUR + LATEST] / 2, EQUAL)

    assert found.precision_ratio == pytest.approx(0.5, abs=1e-12)
    assert found.score_ratio == pytest.approx(2.5 / 3, abs=1e-12)


def test_weights_are_data(signal_kw: NDArray[np.float64]) -> None:
    found = regulation_score(signal_kw[:HOUR], signal_kw[: HOUR + LATEST] / 2, PRECISION)

    assert found.score_ratio == found.precision_ratio


def test_the_opposite_of_the_signal_has_a_precision_of_minus_one(
    signal_kw: NDArray[np.float64],
) -> None:
    """The mean of |-s - s| is twice the mean of |s|: 1 - 2."""
    found = regulation_score(signal_kw[:HOUR], -signal_kw[: HOUR + LATEST], PRECISION)

    assert found.score_ratio == pytest.approx(-1.0, abs=1e-12)


def test_a_response_that_stands_still_has_no_score(signal_kw: NDArray[np.float64]) -> None:
    with pytest.raises(DataRefusedError, match="stands still"):
        regulation_score(signal_kw[:HOUR], np.ones(HOUR + LATEST), EQUAL)


def test_a_sample_that_is_not_known_is_refused(signal_kw: NDArray[np.float64]) -> None:
    response_kw = signal_kw[: HOUR + LATEST].copy()
    response_kw[7] = np.nan

    with pytest.raises(DataRefusedError, match="samples that are all known"):
        regulation_score(signal_kw[:HOUR], response_kw, EQUAL)


def test_a_response_without_the_minutes_after_the_hour_is_refused(
    signal_kw: NDArray[np.float64],
) -> None:
    with pytest.raises(ValueError, match="must have shape"):
        regulation_score(signal_kw[:HOUR], signal_kw[:HOUR], EQUAL)


@pytest.mark.parametrize("weights", [("0", "0", "0"), ("1", "-1", "1")])
def test_weights_that_weigh_nothing_are_refused(weights: tuple[str, str, str]) -> None:
    correlation, delay, precision = map(Decimal, weights)

    with pytest.raises(ValueError, match="not all 0"):
        RegulationWeights(correlation=correlation, delay=delay, precision=precision)
