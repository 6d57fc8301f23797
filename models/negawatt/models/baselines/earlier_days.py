"""The one engine of baselines from earlier days: eligible days, rank, aggregate, adjustment.

Here: the order of the steps, for one local day of one event. Not here: any step's arithmetic.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.adjustment import adjust, adjustment_starts_utc
from negawatt.models.baselines.case import Case
from negawatt.models.baselines.derivation import derivation
from negawatt.models.baselines.eligibility import candidates, event_day_type
from negawatt.models.baselines.fallback import Screened, considered_days
from negawatt.models.baselines.low_usage import low_usage_reasons
from negawatt.models.baselines.ranking import rank_values
from negawatt.models.baselines.result import CandidateDay, DayTable, DayUse, Outcome
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.baselines.rule_days import DayType, Rank
from negawatt.models.baselines.weather_adjustment import weather_adjustment
from negawatt.models.baselines.x_of_y import (
    aggregate,
    aggregate_per_interval,
    rolling_average,
    select,
)
from negawatt.models.domain.errors import InsufficientHistoryError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hours:
    """Intervals of the event day whose clock times are read on every day.

    Attributes:
        event_utc: Those that stand for the event.
        adjustment_utc: Those of the adjustment window.
    """

    event_utc: tuple[datetime, ...]
    adjustment_utc: tuple[datetime, ...]


def from_earlier_days(case: Case) -> Outcome:
    """Return the baseline of a case from the days that its rule compares.

    Raises:
        DataRefusedError: The rule has no day type for the event day.
        InsufficientHistoryError: There are too few eligible days.
    """
    rule, day_type = case.rule, event_day_type(case)
    assert rule.rank is not None  # check_rule refuses such a rule  # noqa: S101
    hours = Hours(event_utc=_stand_ins(case), adjustment_utc=adjustment_starts_utc(case))

    def look_back(max_calendar_days: int) -> Screened:
        looked_at = candidates(
            case, day_type, hours.event_utc, hours.adjustment_utc, max_calendar_days
        )
        low = low_usage_reasons(case, day_type, looked_at, hours.event_utc)
        return Screened(looked_at=looked_at, low_usage=low)

    screened, considered = considered_days(case, day_type, look_back)
    table = _table(rule.rank, screened, considered, hours)
    kept = _kept(rule, rule.rank, day_type, table)
    event_kwh, window_kwh = _aggregated(rule, rule.rank, day_type, table, kept)
    selected = [considered[position] for position in kept]
    days = derivation(screened, considered, selected, rule.interval_minutes)
    if rule.baseline_hours is not None and rule.baseline_hours.with_event_day:
        event_kwh, own_day = _with_event_day(case, table.window_kwh[kept], hours)
        days = (own_day, *days)
    baseline_kwh = _flattened(rule, event_kwh, len(case.event_starts_utc))
    if rule.adjustment.kind == "weather":
        kept_days = tuple(table.days[position] for position in kept)
        adjusted_kwh, made, steps = weather_adjustment(case, table, kept_days, baseline_kwh)
    else:
        steps = ()
        adjusted_kwh, made = adjust(case, hours.adjustment_utc, baseline_kwh, window_kwh)
    return Outcome(
        baseline_kwh=baseline_kwh,
        adjusted_kwh=adjusted_kwh,
        adjustment=made,
        days=days,
        day_type=day_type.name,
        steps=steps,
        tables=(table,),
    )


def _stand_ins(case: Case) -> tuple[datetime, ...]:
    """Return the intervals that stand for the event's: its own, or those of other hours."""
    hours = case.rule.baseline_hours
    if hours is None:
        return case.event_starts_utc
    return case.starts_in(hours.window.around(case.event.start_utc))


def _table(rank: Rank, screened: Screened, considered: list[int], hours: Hours) -> DayTable:
    looked_at = screened.looked_at
    window_kwh = looked_at.window_kwh[considered]
    return DayTable(
        days=tuple(looked_at.days[row] for row in considered),
        interval_start_utc=hours.event_utc,
        window_kwh=window_kwh,
        adjustment_start_utc=hours.adjustment_utc,
        adjustment_kwh=looked_at.adjustment_kwh[considered],
        rank_values=rank_values(
            rank.metric,
            window_kwh,
            looked_at.daily_kwh[considered],
            looked_at.distance[considered],
        ),
    )


def _kept(rule: BaselineRule, rank: Rank, day_type: DayType, table: DayTable) -> NDArray[np.intp]:
    if rank.scope == "interval":
        return np.arange(len(table.days))
    kept = select(table.rank_values, day_type.selected_count, rank.order)
    if rule.aggregator == "weighted_mean" and len(kept) < day_type.selected_count:
        raise InsufficientHistoryError(
            rule_id=rule.rule_id,
            required_count=day_type.selected_count,
            found_count=len(kept),
            unit="eligible days, one for each weight",
            remedy="supply older load, or settle the event as 'not computable' under this program",
        )
    return kept


def _aggregated(
    rule: BaselineRule,
    rank: Rank,
    day_type: DayType,
    table: DayTable,
    kept: NDArray[np.intp],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the baseline of the event and of the adjustment window [kWh]."""
    how, count, weights = rule.aggregator, day_type.selected_count, day_type.weights
    if rank.scope == "interval":
        return (
            aggregate_per_interval(table.window_kwh, count, rank.order, how),
            aggregate_per_interval(table.adjustment_kwh, count, rank.order, how),
        )
    if rule.rolling is not None:
        shares = rule.rolling.initial_days, rule.rolling.newest_weight
        return (
            rolling_average(table.window_kwh[kept], *shares),
            rolling_average(table.adjustment_kwh[kept], *shares),
        )
    event_kwh = aggregate(table.window_kwh[kept], how, weights)
    if rule.adjustment.basis == "window_days":
        return event_kwh, table.adjustment_kwh.mean(axis=0)
    return event_kwh, aggregate(table.adjustment_kwh[kept], how, weights)


def _with_event_day(
    case: Case, kept_kwh: NDArray[np.float64], hours: Hours
) -> tuple[NDArray[np.float64], CandidateDay]:
    """Return the aggregate with the event day as one more of the days."""
    own = case.on_event_day(hours.event_utc)
    if np.isnan(own.energy_kwh).any():
        raise InsufficientHistoryError(
            rule_id=case.rule.rule_id,
            required_count=len(hours.event_utc),
            found_count=int((~np.isnan(own.energy_kwh)).sum()),
            unit="measured intervals of the event day before the event",
            remedy="supply the event day's load",
        )
    power_kw = float(own.energy_kwh.mean()) * case.per_h
    day = CandidateDay(
        candidate_date=case.event_day,
        use=DayUse.SELECTED,
        reason="averaged: the event day itself is one of the days",
        window_power_kw_mean=power_kw,
    )
    return aggregate(np.vstack([own.energy_kwh, kept_kwh]), case.rule.aggregator), day


def _flattened(
    rule: BaselineRule, energy_kwh: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    if rule.flat == "none":
        return energy_kwh
    return np.full(count, float(aggregate(energy_kwh[:, np.newaxis], rule.flat)[0]))
