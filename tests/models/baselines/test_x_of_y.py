import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.baselines.x_of_y import Order, aggregate, aggregate_per_interval, select

NEWEST_FIRST = np.array([3.0, 5.0, 3.0, 1.0, 4.0])


@pytest.mark.parametrize(
    ("order", "count", "kept"),
    [
        ("highest", 2, [1, 4]),
        ("highest", 3, [0, 1, 4]),  # of the two 3.0 the first, the more recent
        ("lowest", 2, [0, 3]),  # 1.0, and the more recent 3.0
        ("middle", 3, [0, 2, 4]),  # without 5.0 and 1.0
        ("middle", 2, [0, 2]),  # three to drop: 5.0 and 4.0 above, 1.0 below
        ("most_recent", 2, [0, 1]),
        ("highest", 9, [0, 1, 2, 3, 4]),
    ],
)
def test_these_days_are_kept(order: Order, count: int, kept: list[int]) -> None:
    assert select(NEWEST_FIRST, count, order).tolist() == kept


def test_of_equal_days_the_more_recent_are_kept() -> None:
    assert select(np.ones(5), 2, "highest").tolist() == [0, 1]


def test_aggregators_of_three_days() -> None:
    """Values 10, 20, 60: mean 30, median 20; by recency 0.5, 0.3, 0.2 give 5 + 6 + 12 = 23."""
    day_kwh = np.array([[10.0], [20.0], [60.0]])

    found = [aggregate(day_kwh, how)[0] for how in ("mean", "median", "min", "max")]
    weighted = aggregate(day_kwh, "weighted_mean", (0.5, 0.3, 0.2))

    assert found == [30.0, 20.0, 10.0, 60.0]
    assert weighted == pytest.approx([23.0])


def test_weights_are_divided_by_their_sum() -> None:
    """2, 1 and 1: (2 x 10 + 20 + 60) / 4 = 25."""
    day_kwh = np.array([[10.0], [20.0], [60.0]])

    assert aggregate(day_kwh, "weighted_mean", (2, 1, 1)).tolist() == [25.0]


def test_ranking_by_interval_takes_each_hours_own_values() -> None:
    """Highest two of three: hour one 5 and 4, hour two 9 and 8; by day it would be days 1 and 3."""
    day_kwh = np.array([[5.0, 1.0], [1.0, 9.0], [4.0, 8.0]])

    assert aggregate_per_interval(day_kwh, 2, "highest", "mean").tolist() == [4.5, 8.5]


def test_another_number_of_weights_than_of_days_is_refused() -> None:
    with pytest.raises(ValueError, match="2 days need as many weights, got 3"):
        aggregate(np.ones((2, 1)), "weighted_mean", (0.5, 0.3, 0.2))


@settings(max_examples=50)
@given(
    values=st.lists(st.integers(0, 5), min_size=1, max_size=12),
    count=st.integers(1, 12),
    order=st.sampled_from(["highest", "lowest", "middle", "most_recent"]),
)
def test_no_dropped_day_is_above_a_kept_one_when_the_highest_are_kept(
    values: list[int], count: int, order: Order
) -> None:
    metric = np.array(values, dtype=float)

    kept = select(metric, count, order)

    dropped = np.delete(metric, kept)
    assert len(set(kept.tolist())) == min(count, len(values))
    if order == "highest" and dropped.size:
        assert dropped.max() <= metric[kept].min()
    if order == "lowest" and dropped.size:
        assert dropped.min() >= metric[kept].max()
