"""Tables of many cells against the functions that compute one."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.baselines.rule_days import Rank
from negawatt.models.baselines.rule_windows import AdjustmentRule, Cap, HourWindow
from negawatt.models.baselines.vectorized import MeterDays, adjusted_x_of_y, kept
from negawatt.models.baselines.x_of_y import Order, select

WINDOW = HourWindow(start_h=-2, end_h=-1)


@settings(max_examples=50, deadline=None)
@given(
    values=st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=1, max_size=7),
    count=st.integers(1, 8),
    order=st.sampled_from(["highest", "lowest", "middle", "most_recent"]),
)
def test_the_same_days_are_kept_as_one_by_one_ties_included(
    values: list[list[int]], count: int, order: Order
) -> None:
    table = np.array(values, dtype=float)

    found = kept(table, count, order)

    for column in range(table.shape[1]):
        expected = select(table[:, column], count, order)
        assert np.flatnonzero(found[:, column]).tolist() == expected.tolist()


def cells(adjustment: AdjustmentRule) -> tuple[float, float]:
    """Return baseline and adjusted baseline of one cell: days of 10, 20 and 40 kWh, two highest.

    Baseline (20 + 40) / 2 = 30 kWh; its window (2 + 4) / 2 = 3 kWh against 6 kWh metered.
    """
    days = MeterDays(
        event_kwh=np.array([[10.0, 20.0, 40.0, 0.0]]),
        adjustment_kwh=np.array([[1.0, 2.0, 4.0, 6.0]]),
        adjustment_kwh_mean=np.array([1.0, 2.0, 4.0, 6.0]),
        rank_values=np.array([10.0, 20.0, 40.0, 0.0]),
    )
    baseline_kwh, adjusted_kwh = adjusted_x_of_y(
        days,
        np.array([[2], [1], [0]]),
        np.array([3]),
        selected_count=2,
        rank=Rank(metric="mean_event_window", order="highest"),
        adjustment=adjustment,
        per_h=1.0,
    )
    return float(baseline_kwh[0, 0]), float(adjusted_kwh[0, 0])


ADDED = AdjustmentRule(kind="additive", pre=WINDOW)
SHARE = Cap(kind="percent_of_baseline", lower=-5, upper=5)
RATIO = AdjustmentRule(kind="multiplicative", pre=WINDOW)


@pytest.mark.parametrize(
    ("rule", "expected_kwh"),
    [
        (ADDED, 33.0),  # 30 + (6 - 3)
        (replace(ADDED, basis="window_days"), 30 + 6 - 7 / 3),  # mean of 1, 2 and 4
        (replace(ADDED, direction="down_only"), 30.0),
        (replace(ADDED, cap=Cap(kind="kw", lower=-1, upper=1)), 31.0),
        (replace(ADDED, cap=SHARE), 31.5),  # 5 % of 30
        (RATIO, 60.0),  # 6 / 3
        (replace(RATIO, cap=Cap(kind="ratio", lower=0.8, upper=1.2)), 36.0),
    ],
)
def test_the_adjustment_is_the_rules(rule: AdjustmentRule, expected_kwh: float) -> None:
    assert cells(rule) == pytest.approx((30.0, expected_kwh))


def test_no_ratio_is_formed_of_too_low_a_baseline() -> None:
    rule = AdjustmentRule(kind="multiplicative", pre=WINDOW, min_denominator_kw=3.0)

    assert cells(rule) == (30.0, 30.0)


def test_a_rule_without_adjustment_leaves_the_baseline() -> None:
    assert cells(AdjustmentRule()) == (30.0, 30.0)
