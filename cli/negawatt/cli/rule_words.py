"""A program's rule in words and numbers, to be read beside the manual.

Not here: what the rule does; every sentence restates a parameter of
negawatt.models.baselines.rule.
"""

from collections.abc import Iterator

from negawatt.cli.day_words import day_lines, spaced, window_of
from negawatt.cli.input_words import input_lines
from negawatt.models.baselines.rule import BaselineRule, low_confidence_facts

_COMBINED = {
    "intervals": "intervals of equal weight",
    "windows": "windows of equal weight",
    "minimum": "the lower of the two means",
    "highest": "the highest interval of all",
}


def rule_lines(rule: BaselineRule) -> Iterator[str]:
    """Yield the lines of ``negawatt programs show``."""
    yield f"{rule.name}  ({rule.rule_id}, {rule.market})"
    yield f"file digest   {rule.digest}"
    yield f"in force      {_in_force(rule)}"
    clock = rule.settlement_clock
    yield f"clock         {clock.tz}, {clock.mode} time; intervals of {rule.interval_minutes} min"
    if rule.performance_evaluation_methodology is not None:
        yield f"NAESB method  {spaced(rule.performance_evaluation_methodology)}"
    if rule.coarser_data == "flat_profile":
        yield "coarser data  longer intervals are spread evenly"
    if rule.aggregation is not None:
        yield f"portfolio     {spaced(rule.aggregation)}"
    yield from _method_lines(rule)
    yield from _after_lines(rule)
    yield ""
    yield "Facts ('!': read the primary document before money moves on it)"
    if low_confidence_facts(rule):
        yield "  LOW: nobody read it, and it may well be otherwise"
    for fact in rule.facts:
        mark = "!" if fact.confidence.needs_check else " "
        low = "LOW " if fact.confidence.is_low else ""
        known = f"[{fact.confidence}, {fact.source_id}]"
        yield f"{mark} {low}{fact.parameter} {known}: {fact.statement}"
        if fact.check:
            yield f"    check: {fact.check}"
    yield ""
    yield "Sources"
    for source in rule.sources:
        yield f"  {source.source_id}: {source.document}, {source.section}"
        if source.url:
            yield f"    {source.url}"


def _method_lines(rule: BaselineRule) -> Iterator[str]:
    yield f"method        {spaced(rule.algorithm)}"
    if rule.day_types:
        yield from day_lines(rule)
    yield from _same_day_lines(rule)
    yield from input_lines(rule)


def _in_force(rule: BaselineRule) -> str:
    first, last = rule.effective.from_date, rule.effective.to_date
    return f"{first or 'not stated'} to {last or 'not stated'}"


def _same_day_lines(rule: BaselineRule) -> Iterator[str]:
    if rule.same_day is None:
        return
    windows = rule.same_day
    if windows.before is not None:
        yield f"baseline      event day, {window_of(windows.before)} h around the event's start"
    if windows.after is not None:
        yield f"baseline      event day, {window_of(windows.after)} h around the event's end"
    if windows.event_length:
        yield "              each as long as the event"
    if windows.into_event_minutes:
        yield f"              the first {windows.into_event_minutes} min of the event are read"
    yield f"buffer        {windows.buffer_minutes} min on either side"
    yield f"combined      {_COMBINED[windows.combine]}"


def _settlement_lines(rule: BaselineRule) -> Iterator[str]:
    for step in rule.rounding:
        yield f"rounding      {step.stage} to {step.decimals} decimals, {spaced(step.mode)}"
    if rule.deadline is not None:
        due = rule.deadline
        yield f"deadline      {due.count} {spaced(due.unit)} after the event: {due.of}"


def _after_lines(rule: BaselineRule) -> Iterator[str]:
    adjustment = rule.adjustment
    if adjustment.kind == "none":
        yield "adjustment    none"
    else:
        cap = adjustment.cap
        limits = "no cap" if cap.kind == "none" else f"{cap.kind} {cap.lower} to {cap.upper}"
        yield (
            f"adjustment    {adjustment.kind}, {adjustment.direction.replace('_', ' ')}, {limits}, "
            f"{adjustment.election.replace('_', ' ')}"
        )
        if adjustment.pre is not None:
            anchor = adjustment.anchor.replace("_", " ")
            yield f"              window {window_of(adjustment.pre)} h around {anchor}"
        if adjustment.post is not None:
            yield f"              window {window_of(adjustment.post)} h around the event's end"
        if adjustment.by_window:
            yield (
                f"              against {spaced(adjustment.basis)}; where load is missing: "
                f"{spaced(adjustment.on_missing)}"
            )
    yield from _bound_lines(rule)
    missing = rule.exclusions.incomplete_days.max_missing_fraction
    yield f"missing data  at most {missing:.0%} of a window"
    if rule.estimates is not None:
        longest_h, count = rule.estimates.interpolated_h_max, rule.estimates.like_day_count
        yield f"estimates     allowed: gaps up to {longest_h:g} h by a straight line,"
        yield f"              longer ones by the mean of {count} like days"
    yield from _settlement_lines(rule)
    if rule.accuracy_gate is not None:
        gate = rule.accuracy_gate
        yield (
            f"accuracy      {gate.metric} at most {gate.max_ratio:.0%} over {gate.days} days, "
            f"{spaced(gate.hours)}"
        )
        if gate.bias is not None:
            yield f"              {gate.bias.metric} within {gate.bias.max_abs_ratio:.0%}"
    for step in rule.rounding:
        yield f"rounding      {step.stage}: {step.decimals} decimals, {step.mode}"
    if not rule.rounding:
        yield "rounding      none stated"


def _bound_lines(rule: BaselineRule) -> Iterator[str]:
    for name, level_kw in (
        ("at least", rule.baseline_floor_kw),
        ("at most", rule.baseline_ceiling_kw),
    ):
        if level_kw is not None:
            yield f"adjusted      {name} {level_kw:g} kW"
