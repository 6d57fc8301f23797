"""X of Y: which days are kept, and what becomes of their values. Pure arithmetic on arrays.

Not here: which days are eligible (eligibility.py), the same-day adjustment (adjustment.py), which
numbers a program uses (programs/*.toml).
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Order = Literal["highest", "lowest", "middle", "most_recent", "nearest"]
Aggregator = Literal["mean", "median", "min", "max", "weighted_mean", "rolling"]


def select(metric: NDArray[np.float64], count: int, order: Order) -> NDArray[np.intp]:
    """Return the positions of the values that are kept, in ascending order.

    Of equal values the one that stands first is kept: days are given nearest first, so the more
    recent day wins. ``nearest`` keeps the lowest values, which are distances. ``middle`` drops as
    many high as low values, and one more high one where the number to drop is odd. No program
    that was read states a rule for ties.

    Args:
        metric: One value per day, nearest day first, shape (n_days,).
        count: X, how many are kept; all, where there are fewer.
        order: Which are kept.

    Returns:
        Positions, shape (min(count, n_days),).

    Examples:
        >>> select(np.array([3.0, 5.0, 3.0, 1.0]), 2, "highest")
        array([0, 1])
        >>> select(np.array([3.0, 5.0, 3.0, 1.0]), 2, "middle")
        array([0, 2])
    """
    n_days = len(metric)
    kept = min(count, n_days)
    if order == "most_recent":
        return np.arange(kept)
    descending = np.argsort(metric if order in ("lowest", "nearest") else -metric, kind="stable")
    skipped_high = n_days - kept - (n_days - kept) // 2 if order == "middle" else 0
    return np.sort(descending[skipped_high : skipped_high + kept])


def aggregate(
    energy_kwh: NDArray[np.float64], how: Aggregator, weights: Sequence[float] = ()
) -> NDArray[np.float64]:
    """Return one value per interval from the kept days.

    Args:
        energy_kwh: Energy of the kept days, nearest first [kWh], shape (n_days, n).
        how: Mean, median, lowest, highest, or mean weighted by recency.
        weights: One per day for ``weighted_mean``; divided by their sum.

    Returns:
        Energy [kWh], shape (n,).

    Raises:
        ValueError: Another number of weights than of days.

    Examples:
        >>> aggregate(np.array([[10.0], [20.0], [40.0]]), "weighted_mean", (0.5, 0.25, 0.25))
        array([20.])
    """
    if how == "rolling":
        raise ValueError("use rolling_average: it needs to know its weights")
    if how == "weighted_mean":
        if len(weights) != len(energy_kwh):
            raise ValueError(f"{len(energy_kwh)} days need as many weights, got {len(weights)}")
        value_kwh = (energy_kwh * np.array(weights)[:, np.newaxis]).sum(axis=0) / math.fsum(weights)
    elif how == "median":
        value_kwh = np.median(energy_kwh, axis=0)
    elif how == "min":
        value_kwh = energy_kwh.min(axis=0)
    elif how == "max":
        value_kwh = energy_kwh.max(axis=0)
    else:
        value_kwh = energy_kwh.mean(axis=0)
    return np.asarray(value_kwh, dtype=np.float64)


def aggregate_per_interval(
    energy_kwh: NDArray[np.float64], count: int, order: Order, how: Aggregator
) -> NDArray[np.float64]:
    """Rank the values of each interval by themselves, keep X of each, and aggregate.

    Args:
        energy_kwh: Energy of the considered days, nearest first [kWh], shape (n_days, n).
        count: X, values kept per interval.
        order: Which are kept.
        how: Any aggregator but ``weighted_mean``.

    Returns:
        Energy [kWh], shape (n,).

    Examples:
        Each hour keeps its own highest two of three, from different days.

        >>> day_kwh = np.array([[1.0, 6.0], [3.0, 2.0], [5.0, 4.0]])
        >>> aggregate_per_interval(day_kwh, 2, "highest", "mean")
        array([4., 5.])
    """
    kept_kwh = [column[select(column, count, order)] for column in energy_kwh.T]
    return np.array([aggregate(of_one[:, np.newaxis], how)[0] for of_one in kept_kwh])


def rolling_average(
    energy_kwh: NDArray[np.float64], initial_days: int, newest_weight: float
) -> NDArray[np.float64]:
    r"""Return the value that every new day moved a little.

    .. math::

        B_d = (1 - w) B_{d-1} + w L_d

    The first value is the mean of the oldest days. Only the days that are given move it: on other
    days, those of events among them, it stays as it is.

    Args:
        energy_kwh: Energy of the days, nearest first [kWh], shape (n_days, n).
        initial_days: How many of the oldest days make the first value.
        newest_weight: w, the weight of each later day.

    Returns:
        Energy [kWh], shape (n,).

    Examples:
        The two oldest days have the mean 15; then 0.9 x 15 + 0.1 x 30.

        >>> rolling_average(np.array([[30.0], [20.0], [10.0]]), 2, 0.1)
        array([16.5])

    Source: ISO New England, baseline in use until 2018 (0.9 of yesterday's, 0.1 of yesterday's
    load, frozen on event days), as recorded in programs/isone_90_10.toml.
    """
    oldest_first = energy_kwh[::-1]
    value_kwh = oldest_first[:initial_days].mean(axis=0)
    for day_kwh in oldest_first[initial_days:]:
        value_kwh = (1.0 - newest_weight) * value_kwh + newest_weight * day_kwh
    return np.asarray(value_kwh, dtype=np.float64)
