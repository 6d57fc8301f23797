"""Adjusted X of Y for many meters and days at once: the engine's arithmetic over whole tables.

Here: ranking, averaging and adjusting of days that are known to be eligible. Not here: which days
are (many.py), a single event with its derivation (engine.py).

A cell is one event of one meter. Tables have one column for each cell, so that every step is one
operation over memory that lies in a row.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.adjustment import PERCENT
from negawatt.models.baselines.rule_days import Rank
from negawatt.models.baselines.rule_windows import AdjustmentRule

_CELLS_AT_ONCE: Final = 4096  # the tables of so many stay in the processor's own memory


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeterDays:
    """What every meter did on every day, in the clock times of the event; a row is a meter-day.

    Attributes:
        event_kwh: Energy of the event's clock times [kWh], shape (n, n_rows).
        adjustment_kwh: Energy of the adjustment window's clock times [kWh], shape (m, n_rows).
        adjustment_kwh_mean: Its mean over the window [kWh], shape (n_rows,).
        rank_values: What days are ranked by, shape (n_rows,).
    """

    event_kwh: NDArray[np.float64]
    adjustment_kwh: NDArray[np.float64]
    adjustment_kwh_mean: NDArray[np.float64]
    rank_values: NDArray[np.float64]


def adjusted_x_of_y(
    days: MeterDays,
    considered: NDArray[np.intp],
    event_rows: NDArray[np.intp],
    *,
    selected_count: int,
    rank: Rank,
    adjustment: AdjustmentRule,
    per_h: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the baseline and the adjusted baseline of every cell.

    Args:
        days: Energy of all meters and days.
        considered: Rows of the Y days that are ranked, nearest first, shape (Y, n_cells); every
            one is complete.
        event_rows: Row of each cell's own day, shape (n_cells,); its adjustment window is complete
            where there is one.
        selected_count: X.
        rank: How X are chosen of Y; not by a distance.
        adjustment: The same-day adjustment; not by weather.
        per_h: Power per energy of one interval [1/h].

    Returns:
        Baseline and adjusted baseline [kWh], each of shape (n, n_cells).

    Examples:
        One meter, three days of one interval; the third is the event's own. Highest one of two: 4
        kWh; the window before it was at 3 kWh and is now at 5: 2 kWh more.

        >>> from negawatt.models.baselines.rule_windows import HourWindow
        >>> table = MeterDays(
        ...     event_kwh=np.array([[2.0, 4.0, 0.0]]),
        ...     adjustment_kwh=np.array([[1.0, 3.0, 5.0]]),
        ...     adjustment_kwh_mean=np.array([1.0, 3.0, 5.0]),
        ...     rank_values=np.array([2.0, 4.0, 0.0]),
        ... )
        >>> adjusted_x_of_y(
        ...     table, np.array([[1], [0]]), np.array([2]), selected_count=1,
        ...     rank=Rank(metric="mean_event_window", order="highest"),
        ...     adjustment=AdjustmentRule(kind="additive", pre=HourWindow(start_h=-2, end_h=-1)),
        ...     per_h=1.0,
        ... )
        (array([[4.]]), array([[6.]]))
    """
    n_cells = considered.shape[1]
    baseline_kwh = np.empty((len(days.event_kwh), n_cells))
    adjusted_kwh = np.empty_like(baseline_kwh)
    for cells in _chunks(n_cells):
        rows = considered[:, cells]
        if rank.scope == "interval":
            chosen = _by_interval(days, rows, selected_count, rank.order)
        else:
            chosen = _by_day(days, rows, selected_count, rank.order, adjustment.basis)
        baseline_kwh[:, cells], window_kwh = chosen
        own_kwh = days.adjustment_kwh_mean.take(event_rows[cells])
        adjusted_kwh[:, cells] = _adjusted(
            adjustment, baseline_kwh[:, cells], own_kwh * per_h, window_kwh * per_h, per_h
        )
    return baseline_kwh, adjusted_kwh


def kept(values: NDArray[np.float64], count: int, order: str) -> NDArray[np.bool_]:
    """Return which values ``x_of_y.select`` keeps, column by column, shape (Y, n_cells).

    Every pair is compared once; of two equal values the one that stands first is ahead.

    Examples:
        >>> kept(np.array([[3.0], [5.0], [3.0], [1.0]]), 2, "middle").ravel()
        array([ True, False,  True, False])
    """
    n_days = len(values)
    if order == "most_recent":
        return np.broadcast_to(np.arange(n_days)[:, np.newaxis] < count, values.shape)
    signed = -values if order == "lowest" else values
    ahead = np.empty(values.shape, dtype=np.int16)
    ahead[:] = np.arange(n_days)[:, np.newaxis]
    for first in range(n_days):
        later_wins = signed[first + 1 :] > signed[first]
        ahead[first] += later_wins.sum(axis=0, dtype=np.int16)
        ahead[first + 1 :] -= later_wins
    dropped = max(n_days - count, 0)
    skipped_high = dropped - dropped // 2 if order == "middle" else 0
    return (ahead >= skipped_high) & (ahead < skipped_high + count)


def _chunks(n_cells: int) -> Iterator[slice]:
    for first in range(0, n_cells, _CELLS_AT_ONCE):
        yield slice(first, min(first + _CELLS_AT_ONCE, n_cells))


def _by_day(
    days: MeterDays, rows: NDArray[np.intp], count: int, order: str, basis: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean of the kept days in the event and in the adjustment window [kWh]."""
    if order == "most_recent" or count >= len(rows):
        keep, chosen = None, rows[:count]
    else:
        keep, chosen = kept(days.rank_values.take(rows), count, order), rows
    energy_kwh = [_mean_kwh(interval_kwh, chosen, keep) for interval_kwh in days.event_kwh]
    if basis == "window_days":
        return np.array(energy_kwh), _mean_kwh(days.adjustment_kwh_mean, rows, None)
    return np.array(energy_kwh), _mean_kwh(days.adjustment_kwh_mean, chosen, keep)


def _mean_kwh(
    of_rows_kwh: NDArray[np.float64], rows: NDArray[np.intp], keep: NDArray[np.bool_] | None
) -> NDArray[np.float64]:
    values_kwh = of_rows_kwh.take(rows)
    if keep is None:
        return np.asarray(values_kwh.sum(axis=0) / len(rows))
    np.multiply(values_kwh, keep, out=values_kwh)
    return np.asarray(values_kwh.sum(axis=0) / keep[:, 0].sum())


def _by_interval(
    days: MeterDays, rows: NDArray[np.intp], count: int, order: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the same where every interval keeps values of its own."""
    event, window = (
        [_mean_kwh(kwh, rows, kept(kwh.take(rows), count, order)) for kwh in table]
        for table in (days.event_kwh, days.adjustment_kwh)
    )
    window_kwh = np.mean(window, axis=0) if window else np.full(rows.shape[1], np.nan)
    return np.array(event), np.asarray(window_kwh)


def _adjusted(
    rule: AdjustmentRule,
    baseline_kwh: NDArray[np.float64],
    metered_kw: NDArray[np.float64],
    window_kw: NDArray[np.float64],
    per_h: float,
) -> NDArray[np.float64]:
    if rule.kind == "none":
        return baseline_kwh
    if rule.kind == "additive":
        in_percent = rule.cap.kind == "percent_of_baseline"
        unit = baseline_kwh.mean(axis=0) * per_h / PERCENT if in_percent else np.ones(1)
        return np.asarray(baseline_kwh + _capped(metered_kw - window_kw, 0.0, rule, unit) / per_h)
    possible = window_kw > rule.min_denominator_kw
    ratio = np.divide(metered_kw, window_kw, out=np.ones_like(window_kw), where=possible)
    capped = _capped(ratio, 1.0, rule, np.ones(1))
    return np.asarray(baseline_kwh * np.where(possible, capped, 1.0))


def _capped(
    values: NDArray[np.float64],
    neutral: float,
    rule: AdjustmentRule,
    unit: NDArray[np.float64],
) -> NDArray[np.float64]:
    if rule.direction == "up_only":
        values = np.maximum(values, neutral)
    if rule.direction == "down_only":
        values = np.minimum(values, neutral)
    if rule.cap.lower is None or rule.cap.upper is None or rule.cap.kind == "none":
        return values
    return np.minimum(np.maximum(values, rule.cap.lower * unit), rule.cap.upper * unit)
