"""The settlement of one event as one function of values: the same inputs give the same body.

Here: the order of the steps from load to statement body. Not here: any step's arithmetic, reading
inputs, issuing versions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from functools import partial
from typing import Final, TypedDict

from negawatt.models.baselines.calendar import day_type_of, program_clock
from negawatt.models.baselines.dispatch import dispatch_window
from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.result import BaselineResult
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.domain.event import Event
from negawatt.models.domain.findings import Finding
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.settlement.build import Assessment, SettlementTerms, build_statement_body
from negawatt.models.settlement.market import Market
from negawatt.models.settlement.statement import StatementBody
from negawatt.models.uncertainty.conformal import ReductionBand, conformal_band
from negawatt.models.uncertainty.placebo import placebo_errors
from negawatt.models.verification.attribution import Attribution, attribute_to_jobs
from negawatt.models.verification.context import NO_CONTEXT, Context
from negawatt.models.verification.corroboration import Corroboration, corroborate
from negawatt.models.verification.cost import Cost, cost_of
from negawatt.models.verification.delivery import delivery_of
from negawatt.models.verification.leakage import Leakage, leakage_of
from negawatt.models.verification.obligation import Obligation, obligation_of
from negawatt.models.verification.on_site import OnSite, on_site_of
from negawatt.models.verification.reconciliation import reconciliation_findings
from negawatt.models.verification.reduction import EventReduction, event_reduction
from negawatt.models.verification.response import Response, response_of
from negawatt.models.verification.screening import screen_event
from negawatt.models.verification.screening.inputs import ScreenInputs
from negawatt.models.verification.screening.window import adjustment_window_of
from negawatt.models.verification.sensitivity import method_sensitivity
from negawatt.models.verification.verdict import judge

_SATURDAY: Final = 5  # of date.weekday()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SettlementInputs:
    """Everything that a statement is computed from.

    Attributes:
        event: The revision to settle.
        rule: The program's rule.
        alternative_rules: Rules that the site could also have elected, or that corroborate.
        load: Load at the settlement meter, as fine as it is measured.
        job_loads: Load of each job around the event; empty where none is measured.
        other_event_windows: Other events of the site.
        time_zone: The site's clock, for placebo days of rules without day types.
        input_sha256: Digest of the content of each input, by name.
        data_findings: Findings of earlier stages about the data.
        terms: What is decided and not computed.
        market: Rule, prices and facts of the payment; None where the site registered none.
        context: What else verification looks at: other sites, storage, dispatch log, progress.
    """

    event: Event
    rule: BaselineRule
    alternative_rules: tuple[BaselineRule, ...]
    load: LoadSeries
    job_loads: Mapping[str, LoadSeries]
    other_event_windows: tuple[Interval, ...]
    time_zone: tzinfo
    input_sha256: Mapping[str, str]
    data_findings: tuple[Finding, ...]
    terms: SettlementTerms
    market: Market | None = None
    context: Context = NO_CONTEXT


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settlement:
    """What the settlement of one event gives.

    Attributes:
        body: The statement's body.
        result: The baseline it rests on.
        band: How sure the reduction is.
        alternatives: Baselines under the other rules that could be computed.
    """

    body: StatementBody
    result: BaselineResult
    band: ReductionBand
    alternatives: tuple[BaselineResult, ...]


def settle_event(inputs: SettlementInputs) -> Settlement:
    """Settle one event: baseline, band, verdicts, sensitivity, response, screens, body.

    The tariff's number is the settled number; everything else corroborates it.

    Raises:
        DataRefusedError: The program's baseline cannot be computed, an interval's energy is not
            known, or a blocking finding has no override.
        InsufficientHistoryError: There is too little history for the program's rule.
    """
    event = inputs.event
    result = _baseline(inputs, inputs.rule)
    steps = dispatch_window(event.interval, inputs.other_event_windows)
    dispatch = inputs.load.enclosing(
        Interval(steps.start_utc - timedelta(minutes=event.ramp_minutes), steps.end_utc)
    )
    since_quiet = event.interval.start_utc - dispatch.start_utc
    obligation = obligation_of(event, inputs.load, ramp_minutes=since_quiet / timedelta(minutes=1))
    committed_kw = obligation.committed.power_kw
    reduction = event_reduction(result, committed_kw=committed_kw)
    placebo_zone, is_like_day = _placebo_days(inputs)
    placebo = placebo_errors(
        partial(compute_baseline, inputs.rule, ramp_minutes=event.ramp_minutes),
        inputs.load,
        event.interval,
        time_zone=placebo_zone,
        is_like_day=is_like_day,
        other_event_windows=inputs.other_event_windows,
        notified_at_utc=event.notified_at_utc,
    )
    band = conformal_band(
        result.reduction_kwh,
        placebo,
        committed_kwh=None if committed_kw is None else committed_kw * event.interval.duration_h,
        subject=f"event {event.event_id!r}",
    )
    alternatives: list[BaselineResult] = []
    sensitivity = method_sensitivity(
        reduction,
        {
            rule.rule_id: partial(_alternative, inputs, rule, alternatives)
            for rule in inputs.alternative_rules
            if rule.rule_id != inputs.rule.rule_id
        },
    )
    screens = screen_event(
        ScreenInputs(
            event=event,
            result=result,
            load=inputs.load,
            time_zone=placebo_zone,
            is_like_day=is_like_day,
            other_event_windows=inputs.other_event_windows,
            adjustment_window=adjustment_window_of(inputs.rule.adjustment, event),
            generation=inputs.context.outputs(),
            siblings=inputs.context.sibling_loads(),
            placebo=placebo,
            sensitivity=sensitivity,
        )
    )
    context = inputs.context
    assessment = Assessment(
        reduction=reduction,
        verdicts=judge(
            reduction,
            inputs.load,
            event.interval,
            obligation,
            tolerance_kw=context.limit_tolerance_kw,
        ),
        band=band,
        placebo=placebo,
        sensitivity=sensitivity,
        delivery=delivery_of(
            result,
            band,
            committed_kw=committed_kw,
            tolerance_kw=context.commitment_tolerance_kw,
        ),
        **_verified(inputs, reduction, obligation, dispatch),
    )
    body = build_statement_body(
        event,
        result,
        assessment,
        inputs.terms,
        input_sha256=inputs.input_sha256,
        market=inputs.market,
        data_findings=(
            *inputs.data_findings,
            *_reconciled(inputs, dispatch),
            *(finding for screen in screens for finding in screen.findings),
        ),
    )
    return Settlement(body=body, result=result, band=band, alternatives=tuple(alternatives))


def _reconciled(inputs: SettlementInputs, dispatch: Interval) -> tuple[Finding, ...]:
    """Return how GPUs and meter agree, nothing where GPUs are not measured."""
    if inputs.context.reconciliation is None:
        return ()
    return reconciliation_findings(
        inputs.context.reconciliation,
        inputs.load,
        inputs.event,
        dispatch=dispatch,
        other_event_windows=inputs.other_event_windows,
        outputs=list((inputs.context.outputs() or {}).values()),
    )


class _Verified(TypedDict):
    """What corroborates and explains a reduction and settles nothing."""

    response: Response
    attribution: Attribution | None
    leakage: Leakage
    on_site: OnSite
    cost: Cost | None
    corroboration: Corroboration | None


def _verified(
    inputs: SettlementInputs,
    reduction: EventReduction,
    obligation: Obligation,
    dispatch: Interval,
) -> _Verified:
    """Look at the event beside its settled figures."""
    event, context = inputs.event, inputs.context
    reduction_kwh, metered_kwh = reduction.reduction_kwh, reduction.metered_kwh
    baseline_of = partial(_baseline, inputs, inputs.rule)
    return _Verified(
        response=response_of(
            inputs.load,
            event.interval,
            level_kw=obligation.pre_event_kw_mean,
            limit_kw=obligation.limit.power_kw,
            notified_at_utc=event.notified_at_utc,
            dispatch=dispatch,
        ),
        attribution=attribute_to_jobs(
            inputs.load,
            inputs.job_loads,
            event.interval,
            dispatch=dispatch,
            target_reduction_ratio=event.target_reduction_ratio,
            context=context,
        )
        if inputs.job_loads or context.it_load is not None
        else None,
        leakage=leakage_of(reduction_kwh, context.other_sites, baseline_of),
        on_site=on_site_of(reduction_kwh, inputs.load, event.interval, context, baseline_of),
        cost=cost_of(
            context.progress,
            event.interval,
            performance=context.performance,
            dispatch_start_utc=dispatch.start_utc,
            reduction_kwh=reduction_kwh,
        ),
        corroboration=corroborate(
            context.estimate, event.interval, metered_kwh=metered_kwh, settled_kwh=reduction_kwh
        )
        if context.estimate and metered_kwh is not None and reduction_kwh is not None
        else None,
    )


def _baseline(
    inputs: SettlementInputs, rule: BaselineRule, load: LoadSeries | None = None
) -> BaselineResult:
    return compute_baseline(
        rule,
        inputs.load if load is None else load,
        inputs.event.interval,
        other_event_windows=inputs.other_event_windows,
        notified_at_utc=inputs.event.notified_at_utc,
        ramp_minutes=inputs.event.ramp_minutes,
    )


def _alternative(
    inputs: SettlementInputs, rule: BaselineRule, computed: list[BaselineResult]
) -> BaselineResult:
    result = _baseline(inputs, rule)
    computed.append(result)
    return result


def _placebo_days(inputs: SettlementInputs) -> tuple[tzinfo, Callable[[date], bool]]:
    """Return the clock of placebo days, and what says whether a day is like the event's.

    A rule that compares days of one type has placebos of that type on the program's clock; one
    that looks at no other day has weekdays or weekends on the site's clock.
    """
    rule, start_utc = inputs.rule, inputs.event.interval.start_utc
    if not rule.day_types:
        weekend = start_utc.astimezone(inputs.time_zone).weekday() >= _SATURDAY
        return inputs.time_zone, lambda day: (day.weekday() >= _SATURDAY) == weekend
    clock = program_clock(rule.settlement_clock)
    own_type = day_type_of(rule, clock.local_date(start_utc))
    return clock.zone, lambda day: day_type_of(rule, day) == own_type
