"""One event under one rule: the baseline with its whole derivation.

Here: the order of the steps, and the result. Not here: any step's arithmetic.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.adjustment import adjust, adjustment_starts_utc
from negawatt.models.baselines.calendar import day_type_of, program_clock
from negawatt.models.baselines.case import Case, make_case
from negawatt.models.baselines.derivation import derivation
from negawatt.models.baselines.eligibility import Candidate, candidates, event_day_type
from negawatt.models.baselines.fallback import considered_days
from negawatt.models.baselines.findings import findings_of
from negawatt.models.baselines.low_usage import low_usage_reasons
from negawatt.models.baselines.result import Adjustment, BaselineResult, CandidateDay
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.baselines.rule_days import DayType, Rank
from negawatt.models.baselines.same_day import same_day_kwh
from negawatt.models.baselines.x_of_y import aggregate, aggregate_per_interval, select
from negawatt.models.domain.errors import InsufficientHistoryError
from negawatt.models.domain.interval import Interval
from negawatt.models.domain.units import exact_decimal
from negawatt.models.metering.load_series import LoadSeries

_ROUNDING: Final = {
    "half_up": ROUND_HALF_UP,
    "half_even": ROUND_HALF_EVEN,
    "truncate": ROUND_DOWN,
}


def compute_baseline(
    rule: BaselineRule,
    load: LoadSeries,
    event: Interval,
    *,
    other_event_windows: Sequence[Interval] = (),
    notified_at_utc: datetime | None = None,
    ramp_minutes: float = 0.0,
) -> BaselineResult:
    """Return what the site would have used during an event, by the rule of a program.

    The load inside the event window reaches ``metered_kwh`` and nothing else.

    Args:
        rule: The program's rule.
        load: The meter's load; its interval divides the rule's. Older and later data than the
            rule looks at changes nothing.
        event: The event window, on the rule's interval grid.
        other_event_windows: Other events of the site, in any order: their days are not eligible
            and their intervals enter no same-day window.
        notified_at_utc: When the site was notified; needed by rules that count from it.
        ramp_minutes: How long before the event the load was being lowered already [min]; same-day
            methods look outside it.

    Raises:
        DataRefusedError: Load or event do not fit the rule.
        InsufficientHistoryError: There are too few eligible days, or too little same-day load.
    """
    if rule.same_day is None:
        _require_history(rule, load, event)
    case = make_case(
        rule,
        load,
        event,
        other_event_windows=other_event_windows,
        notified_at_utc=notified_at_utc,
        ramp_minutes=ramp_minutes,
    )
    days: tuple[CandidateDay, ...] = ()
    day_type_name = ""
    if rule.same_day is not None:
        baseline_kwh = same_day_kwh(case, rule.same_day)
        adjusted_kwh = baseline_kwh
        adjustment = Adjustment(kind="none", note="a same-day baseline needs none")
    else:
        day_type = event_day_type(case)
        day_type_name = day_type.name
        baseline_kwh, adjusted_kwh, adjustment, days = _from_earlier_days(case, day_type)
    return BaselineResult(
        program_id=rule.program_id,
        rule_id=rule.rule_id,
        rule_digest=rule.digest,
        meter_id=load.meter_id,
        interval_minutes=rule.interval_minutes,
        interval_start_utc=case.event_starts_utc,
        baseline_kwh=baseline_kwh,
        adjusted_baseline_kwh=_rounded(rule, adjusted_kwh),
        metered_kwh=case.metered_kwh,
        days=days,
        adjustment=adjustment,
        findings=findings_of(case),
        day_type=day_type_name,
    )


def _require_history(rule: BaselineRule, load: LoadSeries, event: Interval) -> None:
    """Refuse a load that begins on the event's day for that, before its grid is looked at."""
    clock = program_clock(rule.settlement_clock)
    event_day = clock.local_date(event.start_utc)
    day_type = day_type_of(rule, event_day)
    if day_type is not None and clock.local_date(load.start_utc) >= event_day:
        raise InsufficientHistoryError(
            rule_id=rule.rule_id,
            required_count=day_type.min_days,
            found_count=0,
            unit=f"eligible days of type {day_type.name!r}",
            remedy="supply older load, or settle the event as 'not computable' under this program",
        )


def _from_earlier_days(
    case: Case, day_type: DayType
) -> tuple[NDArray[np.float64], NDArray[np.float64], Adjustment, tuple[CandidateDay, ...]]:
    rank = case.rule.rank
    assert rank is not None  # RuleFile refuses such a rule  # noqa: S101
    starts_utc = adjustment_starts_utc(case)
    looked_at = candidates(case, day_type, starts_utc)
    eligible = [candidate for candidate in looked_at if not candidate.reason]
    low = low_usage_reasons(case, day_type, eligible)
    considered = considered_days(
        case,
        day_type,
        [candidate for candidate in eligible if candidate.day not in low],
        [candidate for candidate in looked_at if candidate.readmissible],
    )
    selected = _selected(case, rank, day_type, considered)
    baseline_kwh, window_kwh = _aggregated(case, rank, day_type, considered, selected)
    adjusted_kwh, adjustment = adjust(case, starts_utc, baseline_kwh, window_kwh)
    days = derivation(case, looked_at, low, considered, selected)
    return baseline_kwh, adjusted_kwh, adjustment, days


def _selected(
    case: Case, rank: Rank, day_type: DayType, considered: tuple[Candidate, ...]
) -> tuple[Candidate, ...]:
    if rank.scope == "interval":
        return considered
    values_kwh = np.array([_metric_kwh(candidate, rank) for candidate in considered])
    kept = select(values_kwh, day_type.selected_count, rank.order)
    if case.rule.aggregator == "weighted_mean" and len(kept) < day_type.selected_count:
        raise InsufficientHistoryError(
            rule_id=case.rule.rule_id,
            required_count=day_type.selected_count,
            found_count=len(kept),
            unit="eligible days, one for each weight",
            remedy="supply older load, or settle the event as 'not computable' under this program",
        )
    return tuple(considered[position] for position in kept)


def _metric_kwh(candidate: Candidate, rank: Rank) -> float:
    if rank.metric == "daily_energy":
        return candidate.daily_kwh
    window_kwh = candidate.window_kwh
    return float(window_kwh.max() if rank.metric == "max_event_window" else window_kwh.mean())


def _aggregated(
    case: Case,
    rank: Rank,
    day_type: DayType,
    considered: tuple[Candidate, ...],
    selected: tuple[Candidate, ...],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the baseline of the event and of the adjustment window [kWh]."""
    how, count = case.rule.aggregator, day_type.selected_count
    event_kwh = np.array([candidate.window_kwh for candidate in selected])
    if rank.scope == "interval":
        window_kwh = np.array([candidate.adjustment_kwh for candidate in considered])
        return (
            aggregate_per_interval(event_kwh, count, rank.order, how),
            aggregate_per_interval(window_kwh, count, rank.order, how),
        )
    baseline_kwh = aggregate(event_kwh, how, day_type.weights)
    if case.rule.adjustment.basis == "window_days":
        return baseline_kwh, np.array([c.adjustment_kwh for c in considered]).mean(axis=0)
    window_kwh = np.array([candidate.adjustment_kwh for candidate in selected])
    return baseline_kwh, aggregate(window_kwh, how, day_type.weights)


def _rounded(rule: BaselineRule, energy_kwh: NDArray[np.float64]) -> NDArray[np.float64]:
    for step in rule.rounding:
        if step.stage == "baseline":
            unit = Decimal(1).scaleb(-step.decimals)
            exact = [exact_decimal(value) for value in energy_kwh]
            energy_kwh = np.array([float(v.quantize(unit, _ROUNDING[step.mode])) for v in exact])
    return energy_kwh
