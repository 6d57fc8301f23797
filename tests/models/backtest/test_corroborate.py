"""Models on loads whose truth is known: scikit-learn takes a second to load, so this is slow."""

from datetime import date, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from negawatt.models.backtest.corroborate import walk_forward
from negawatt.models.backtest.features import Features
from negawatt.models.backtest.shared_ridge import SharedRidge
from negawatt.models.domain.errors import InsufficientHistoryError

pytestmark = pytest.mark.slow

DATES = tuple(date(2026, 1, 1) + timedelta(day) for day in range(300))
IS_LIKE = np.array([day.weekday() < 5 for day in DATES])
FIRST = date(2026, 8, 1)


def found(noise_ratio: float = 0.01) -> Features:
    """Return six meters whose deviation is 0.8 of the first feature, and their own of the second.

    The own part is -0.25, -0.15 ... 0.25 by meter; the anchor is 100 kWh per hour.
    """
    random = np.random.default_rng(4)
    seen = random.normal(0, 0.1, (6, len(DATES), 3))
    own = np.linspace(-0.25, 0.25, 6)[:, np.newaxis]
    deviation = 0.8 * seen[..., 0] + own * seen[..., 1]
    target = deviation[..., np.newaxis] + random.normal(0, noise_ratio, (6, len(DATES), 2))
    return Features(
        seen=seen,
        target=target,
        anchor_kwh=np.full(target.shape, 100.0),
        scale_kwh=np.full(target.shape[:2], 100.0),
    )


def rmse_kwh(expected_kwh: NDArray[np.float64], data: Features) -> float:
    errors_kwh = expected_kwh - data.energy_kwh(data.target)
    return float(np.sqrt(np.nanmean(errors_kwh**2)))


def test_the_ridge_finds_what_meters_share_and_what_each_does_differently() -> None:
    """Noise is 1 kWh; the shared line alone would leave 0.17 x 0.1 of 100 kWh, 1.7, beside it."""
    data = found()

    expected_kwh = walk_forward(data, DATES, IS_LIKE, FIRST, lambda: SharedRidge(own_penalty=0.01))

    assert rmse_kwh(expected_kwh, data) < 1.1


def test_a_heavy_penalty_leaves_the_shared_line() -> None:
    data = found()

    expected_kwh = walk_forward(data, DATES, IS_LIKE, FIRST, lambda: SharedRidge(own_penalty=1e6))

    assert 1.6 < rmse_kwh(expected_kwh, data) < 2.4


def test_what_happens_in_and_after_a_month_changes_no_prediction_of_it() -> None:
    data = found()
    august = np.array([day.month == 8 for day in DATES]) & IS_LIKE
    later = np.array([day >= FIRST for day in DATES])
    target = data.target.copy()
    target[:, later] = 0.9

    changed = Features(
        seen=data.seen, target=target, anchor_kwh=data.anchor_kwh, scale_kwh=data.scale_kwh
    )

    assert np.array_equal(
        walk_forward(changed, DATES, IS_LIKE, FIRST, SharedRidge)[:, august],
        walk_forward(data, DATES, IS_LIKE, FIRST, SharedRidge)[:, august],
    )


def test_days_that_are_not_like_the_events_are_neither_learned_from_nor_predicted() -> None:
    data = found()
    target = data.target.copy()
    target[:, ~IS_LIKE] = 0.9

    changed = Features(
        seen=data.seen, target=target, anchor_kwh=data.anchor_kwh, scale_kwh=data.scale_kwh
    )
    expected_kwh = walk_forward(changed, DATES, IS_LIKE, FIRST, SharedRidge)

    assert np.isnan(expected_kwh[:, ~IS_LIKE]).all()
    assert np.array_equal(
        expected_kwh, walk_forward(data, DATES, IS_LIKE, FIRST, SharedRidge), equal_nan=True
    )


def test_what_is_not_seen_is_not_predicted() -> None:
    data = found()
    place = DATES.index(date(2026, 8, 5))
    data.seen[2, place, 0] = np.nan

    expected_kwh = walk_forward(data, DATES, IS_LIKE, FIRST, SharedRidge)

    assert np.isnan(expected_kwh[2, place]).all()
    assert np.isfinite(expected_kwh[1, place]).all()


def test_a_meter_without_a_known_day_follows_the_others() -> None:
    data = found()
    data.target[5, : DATES.index(FIRST)] = np.nan

    expected_kwh = walk_forward(data, DATES, IS_LIKE, FIRST, SharedRidge)

    assert np.isfinite(expected_kwh[5, DATES.index(date(2026, 8, 5))]).all()


def test_too_few_days_to_learn_from_are_refused() -> None:
    with pytest.raises(InsufficientHistoryError, match="like days before 2026-02-02"):
        walk_forward(found(), DATES, IS_LIKE, date(2026, 2, 1), SharedRidge)
