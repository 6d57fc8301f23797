"""One event under one rule: the baseline with its whole derivation.

Here: which method computes it, the local days of the event, limits and rounding. Not here: any
method's arithmetic.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.calendar import day_type_of, program_clock
from negawatt.models.baselines.case import Case, make_case
from negawatt.models.baselines.earlier_days import from_earlier_days
from negawatt.models.baselines.fallback import SwitchRuleError
from negawatt.models.baselines.findings import findings_of, switched
from negawatt.models.baselines.levels import (
    average_coincident_load,
    firm_service_level,
    not_above_level,
)
from negawatt.models.baselines.other_meters import (
    control_group,
    generator_load,
    nominated,
    not_above_site_load,
)
from negawatt.models.baselines.parts import joined, parts_of
from negawatt.models.baselines.registry import load_program
from negawatt.models.baselines.regression import regression
from negawatt.models.baselines.result import Adjustment, BaselineResult, Outcome
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.baselines.same_day import same_day_kwh
from negawatt.models.baselines.site_inputs import SiteInputs, required
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
    site: SiteInputs | None = None,
) -> BaselineResult:
    """Return what the site would have used during an event, by the rule of a program.

    The load inside the event window reaches ``metered_kwh`` and nothing else, but for the minutes
    that a rule says it reads, and for a generator's output, which never counts beyond the load.

    An event across a local midnight is computed day by day, each with its own day type; the
    adjustment window of every part counts from the start of the whole event.

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
        site: What else is known of the site, for rules that ask for it.

    Raises:
        DataRefusedError: Load, event or an input of the site do not fit the rule.
        InsufficientHistoryError: There are too few eligible days, or too little same-day load, or
            an input that the rule asks for is not known.
    """
    if rule.day_types:
        _require_history(rule, load, event)
    site = site or SiteInputs()
    of_generator = rule.algorithm == "generator_output"
    metered = (
        generator_load(required(site.generator, "generator", rule.rule_id))
        if of_generator
        else load
    )
    case = make_case(
        rule,
        metered,
        event,
        other_event_windows=other_event_windows,
        notified_at_utc=notified_at_utc,
        ramp_minutes=ramp_minutes,
        site=site,
    )
    findings = findings_of(case)
    try:
        outcome = _outcome(case, load)
    except SwitchRuleError as short:
        findings = (*findings, switched(case, short))
        outcome = _by_program(case, load, short.program_id)
    return BaselineResult(
        program_id=rule.program_id,
        rule_id=rule.rule_id,
        rule_digest=rule.digest,
        meter_id=metered.meter_id,
        interval_minutes=rule.interval_minutes,
        interval_start_utc=case.event_starts_utc,
        baseline_kwh=outcome.baseline_kwh,
        adjusted_baseline_kwh=_rounded(rule, _bounded(case, outcome.adjusted_kwh)),
        metered_kwh=case.metered_kwh,
        days=outcome.days,
        adjustment=outcome.adjustment,
        findings=findings,
        day_type=outcome.day_type,
        steps=outcome.steps,
        tables=outcome.tables,
    )


def _require_history(rule: BaselineRule, load: LoadSeries, event: Interval) -> None:
    """Refuse a load that begins on the event's day for that, before its grid is looked at."""
    clock = program_clock(rule.settlement_clock)
    event_day = clock.local_date(event.start_utc)
    day_type = day_type_of(rule, event_day)
    if day_type is not None and clock.local_date(load.start_utc) >= event_day:
        raise InsufficientHistoryError(
            rule_id=rule.rule_id,
            required_count=rule.regression.min_days if rule.regression else day_type.min_days,
            found_count=0,
            unit=f"eligible days of type {day_type.name!r}",
            remedy="supply older load, or settle the event as 'not computable' under this program",
        )


def _outcome(case: Case, load: LoadSeries) -> Outcome:
    """Return what the rule's method says."""
    algorithm = case.rule.algorithm
    if algorithm == "average_coincident_load":
        return average_coincident_load(case, load)
    if algorithm == "guaranteed_load_drop":
        assert case.rule.comparison is not None  # check_rule refuses such a rule  # noqa: S101
        return not_above_level(_by_program(case, load, case.rule.comparison), case)
    if algorithm in _OF_EVENT:
        return _OF_EVENT[algorithm](case)
    if algorithm == "regression":
        return joined([(part, regression(part, load)) for part in parts_of(case)])
    outcome = joined([(part, from_earlier_days(part)) for part in parts_of(case)])
    if algorithm == "generator_output":
        return not_above_site_load(outcome, case, load)
    return outcome


def _same_day(case: Case) -> Outcome:
    assert case.rule.same_day is not None  # check_rule refuses such a rule  # noqa: S101
    baseline_kwh = same_day_kwh(case, case.rule.same_day)
    made = Adjustment(kind="none", note="a same-day baseline needs none")
    return Outcome(baseline_kwh=baseline_kwh, adjusted_kwh=baseline_kwh, adjustment=made)


_OF_EVENT: Final[Mapping[str, Callable[[Case], Outcome]]] = {
    "same_day": _same_day,
    "firm_service_level": firm_service_level,
    "control_group": control_group,
    "nominated": nominated,
}


def _by_program(case: Case, load: LoadSeries, program_id: str) -> Outcome:
    """Return what another program's rule says of the same event."""
    result = compute_baseline(
        load_program(program_id),
        load,
        case.event,
        other_event_windows=case.other_event_windows,
        notified_at_utc=case.notified_at_utc,
        ramp_minutes=case.ramp_minutes,
        site=case.site,
    )
    return Outcome(
        baseline_kwh=result.baseline_kwh,
        adjusted_kwh=result.adjusted_baseline_kwh,
        adjustment=result.adjustment,
        days=result.days,
        day_type=result.day_type,
        steps=result.steps,
        tables=result.tables,
    )


def _bounded(case: Case, energy_kwh: NDArray[np.float64]) -> NDArray[np.float64]:
    floor_kw, ceiling_kw = case.rule.baseline_floor_kw, case.rule.baseline_ceiling_kw
    if floor_kw is not None:
        energy_kwh = np.maximum(energy_kwh, floor_kw / case.per_h)
    if ceiling_kw is not None:
        energy_kwh = np.minimum(energy_kwh, ceiling_kw / case.per_h)
    return energy_kwh


def _rounded(rule: BaselineRule, energy_kwh: NDArray[np.float64]) -> NDArray[np.float64]:
    for step in rule.rounding:
        if step.stage == "baseline":
            unit = Decimal(1).scaleb(-step.decimals)
            exact = [exact_decimal(value) for value in energy_kwh]
            energy_kwh = np.array([float(v.quantize(unit, _ROUNDING[step.mode])) for v in exact])
    return energy_kwh
