"""Tables of meter-days, and which days of them each event of each meter is compared with.

Here: what vectorized.py reads. Not here: its arithmetic; events whose days are not simply the Y
nearest complete ones, which the engine computes one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from negawatt.models.baselines.calendar import day_type_of
from negawatt.models.baselines.case import TOLERANCE
from negawatt.models.baselines.clocked import positions_on_days, values_at, whole_days_kwh
from negawatt.models.baselines.intervals import at_interval
from negawatt.models.baselines.many_plan import SEED_DAYS, Plan
from negawatt.models.baselines.rule_days import DayType
from negawatt.models.baselines.vectorized import MeterDays
from negawatt.models.metering.load_series import LoadSeries


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Group:
    """Cells of one day type that tables suffice for.

    Attributes:
        day_type: The type.
        cells: Load times number of windows plus window, shape (n_cells,).
        considered: Rows of the days that are ranked, nearest first, shape (Y, n_cells); while
            low usage is looked for, of the days of its reference as well.
        event_rows: Row of each cell's own day, shape (n_cells,).
    """

    day_type: DayType
    cells: NDArray[np.intp]
    considered: NDArray[np.intp]
    event_rows: NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tables:
    """All meter-days, and the cells that they suffice for.

    Attributes:
        days: Energy of all meters and days; row: load times number of days plus day.
        groups: Cells by day type.
    """

    days: MeterDays
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Known:
    """What is known of each load's days, shape (n_loads, n_days) each.

    Attributes:
        whole: The event's and the adjustment window's clock times are.
        adjustable: The adjustment window's are.
        seed_kwh: Highest energy of the event's clock times in the 30 days before [kWh].
    """

    whole: NDArray[np.bool_]
    adjustable: NDArray[np.bool_]
    seed_kwh: NDArray[np.float64]


def tables_of(plan: Plan, loads: Sequence[LoadSeries], is_plain: Sequence[bool]) -> Tables:
    """Return the tables of some loads under one plan.

    Args:
        plan: What is the same for every load.
        loads: The loads.
        is_plain: Which of them have no outages or other facts that drop days.
    """
    read = [_read(plan, load) for load in loads]
    energy_kwh, coverage_ratio = (
        np.concatenate(parts, axis=1) for parts in zip(*read, strict=True)
    )
    daily_kwh, missing_ratio = _daily(plan, loads)
    n = plan.interval_count
    event_kwh, adjustment_kwh = energy_kwh[:n], energy_kwh[n:]
    mean_kwh = event_kwh.mean(axis=0)
    metrics = {"max_event_window": event_kwh.max(axis=0), "daily_energy": daily_kwh}
    days = MeterDays(
        event_kwh=np.ascontiguousarray(event_kwh),
        adjustment_kwh=np.ascontiguousarray(adjustment_kwh),
        adjustment_kwh_mean=adjustment_kwh.mean(axis=0)
        if len(adjustment_kwh)
        else np.full(energy_kwh.shape[1], np.nan),
        rank_values=metrics.get(plan.rank.metric, mean_kwh),
    )
    shape = (len(loads), len(plan.days))
    limit = 1.0 - plan.rule.exclusions.incomplete_days.max_missing_fraction - TOLERANCE
    whole = _complete(energy_kwh, coverage_ratio, limit)
    if plan.rank.metric == "daily_energy":
        whole = ~np.isnan(daily_kwh) & ~np.isnan(mean_kwh) & (1.0 - missing_ratio >= limit)
        whole &= ~np.isnan(adjustment_kwh).any(axis=0)
    known = _Known(
        whole=whole.reshape(shape),
        adjustable=_complete(adjustment_kwh, coverage_ratio[n:], limit).reshape(shape),
        seed_kwh=_seeds_kwh(event_kwh.reshape(n, *shape)),
    )
    types = {index: day_type_of(plan.rule, plan.days[e]) for index, e in enumerate(plan.event_days)}
    groups = []
    for day_type in plan.rule.day_types:
        own = [j for j, found in types.items() if plan.in_tables[j] and found == day_type]
        if own:
            group = _group(plan, day_type, np.array(own), known, is_plain)
            groups.append(_without_low_usage(plan, group, mean_kwh, known.seed_kwh.ravel()))
    return Tables(days=days, groups=tuple(groups))


def _read(plan: Plan, load: LoadSeries) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return energy [kWh] and measured share of the plan's clock times, shape (n + m, n_days)."""
    at_rule = _at_rule(plan, load)
    positions, _ = positions_on_days(plan.clock, at_rule, plan.days, plan.labels)
    energy_kwh, coverage_ratio = values_at(at_rule, positions)
    return energy_kwh.T, coverage_ratio.T


def _daily(
    plan: Plan, loads: Sequence[LoadSeries]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return energy [kWh] and unmeasured share of every meter-day, if the rank asks for them."""
    if plan.rank.metric != "daily_energy":
        return np.empty(0), np.empty(0)
    found = [whole_days_kwh(plan.clock, _at_rule(plan, load), plan.days) for load in loads]
    return np.concatenate([kwh for kwh, _ in found]), np.concatenate([gone for _, gone in found])


def _at_rule(plan: Plan, load: LoadSeries) -> LoadSeries:
    spread = plan.rule.coarser_data == "flat_profile"
    return at_interval(load, plan.rule.interval_minutes, flat_profile=spread)


def _complete(
    energy_kwh: NDArray[np.float64], coverage_ratio: NDArray[np.float64], limit: float
) -> NDArray[np.bool_]:
    if not len(energy_kwh):
        return np.ones(energy_kwh.shape[1], dtype=np.bool_)
    known = ~np.isnan(energy_kwh).any(axis=0)
    return np.asarray(known & (coverage_ratio.mean(axis=0) >= limit))


def _seeds_kwh(event_kwh: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the highest energy of the 30 days before each day [kWh], shape (n_loads, n_days)."""
    highest_kwh = np.where(np.isnan(event_kwh), -np.inf, event_kwh).max(axis=0)
    before = np.full((len(highest_kwh), SEED_DAYS), -np.inf)
    padded = np.concatenate([before, highest_kwh[:, :-1]], axis=1)
    return np.asarray(sliding_window_view(padded, SEED_DAYS, axis=1).max(axis=-1))


def _group(
    plan: Plan,
    day_type: DayType,
    windows: NDArray[np.intp],
    known: _Known,
    is_plain: Sequence[bool],
) -> Group:
    """Return the cells of a day type whose Y nearest days are complete and undisturbed."""
    assert plan.rule.lookback is not None  # check_rule refuses such a rule  # noqa: S101
    event_days = plan.event_days[windows]
    nearest = event_days - plan.rule.lookback.gap_days
    candidate = plan.candidate_days(day_type)
    troubled, like = np.cumsum(candidate & ~plan.plain), np.cumsum(candidate)
    most = plan.rule.lookback.max_candidate_days or len(plan.days)
    wanted = max(day_type.considered_count, plan.rule.low_usage.reference_count or 0)
    cells, considered, event_rows = [], [], []
    for i, whole in enumerate(known.whole):
        if not is_plain[i]:
            continue
        eligible = np.flatnonzero(candidate & whole)
        count = np.searchsorted(eligible, nearest, side="right")
        places = count - 1 - np.arange(wanted)[:, np.newaxis]
        found = eligible[np.maximum(places, 0)] if len(eligible) else places
        oldest = found[-1]
        good = (
            (count >= wanted)
            & (event_days - oldest <= plan.rule.lookback.max_calendar_days)
            & (troubled[nearest] == troubled[np.maximum(oldest - 1, 0)])
            & (like[nearest] - like[np.maximum(oldest - 1, 0)] <= most)
            & known.adjustable[i, event_days]
        )
        first_row = i * len(plan.days)
        cells.append(i * len(plan.event_days) + windows[good])
        considered.append(found[:, good] + first_row)
        event_rows.append(event_days[good] + first_row)
    return Group(
        day_type=day_type,
        cells=np.concatenate(cells or [windows[:0]]),
        considered=np.concatenate(considered or [np.empty((wanted, 0), np.intp)], axis=1),
        event_rows=np.concatenate(event_rows or [windows[:0]]),
    )


def _without_low_usage(
    plan: Plan, group: Group, mean_kwh: NDArray[np.float64], seed_kwh: NDArray[np.float64]
) -> Group:
    """Return the group without cells that have a day outside the low-usage band."""
    screen = plan.rule.low_usage
    good = np.ones(len(group.cells), dtype=np.bool_)
    if screen.reference != "none" and group.day_type.screened:
        of_day_kwh = mean_kwh[group.considered]
        span_kwh = of_day_kwh[: screen.reference_count or group.day_type.considered_count]
        by_seed = screen.reference == "max_hourly_in_event_window_30d"
        reference_kwh = seed_kwh[group.event_rows] if by_seed else span_kwh.mean(axis=0)
        # A limit is compared with room for the order of sums: the engine decides what is close.
        room_kwh = TOLERANCE * abs(reference_kwh)
        good = of_day_kwh.min(axis=0) >= screen.threshold * reference_kwh + room_kwh
        if screen.upper_threshold is not None:
            highest_kwh = screen.upper_threshold * reference_kwh - room_kwh
            good &= of_day_kwh.max(axis=0) <= highest_kwh
    return Group(
        day_type=group.day_type,
        cells=group.cells[good],
        considered=group.considered[: group.day_type.considered_count, good],
        event_rows=group.event_rows[good],
    )
