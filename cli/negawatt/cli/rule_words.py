"""A program's rule in words and numbers, to be read beside the manual.

Not here: what the rule does; every sentence restates a parameter of
negawatt.models.baselines.rule.
"""

from collections.abc import Iterator

from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.baselines.rule_days import DayType, ReadmitEventDays, UseAvailable
from negawatt.models.baselines.rule_windows import HourWindow

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def rule_lines(rule: BaselineRule) -> Iterator[str]:
    """Yield the lines of ``negawatt programs show``."""
    yield f"{rule.name}  ({rule.rule_id}, {rule.market})"
    yield f"file digest   {rule.digest}"
    yield f"in force      {_in_force(rule)}"
    clock = rule.settlement_clock
    yield f"clock         {clock.tz}, {clock.mode} time; intervals of {rule.interval_minutes} min"
    yield from (_same_day_lines(rule) if rule.same_day else _day_lines(rule))
    yield from _after_lines(rule)
    yield ""
    yield "Facts ('!': read the primary document before money moves on it)"
    for fact in rule.facts:
        mark = "!" if fact.confidence.needs_check else " "
        yield f"{mark} {fact.parameter} [{fact.confidence}, {fact.source_id}]: {fact.statement}"
        if fact.check:
            yield f"    check: {fact.check}"
    yield ""
    yield "Sources"
    for source in rule.sources:
        yield f"  {source.source_id}: {source.document}, {source.section}"
        if source.url:
            yield f"    {source.url}"


def _in_force(rule: BaselineRule) -> str:
    first, last = rule.effective.from_date, rule.effective.to_date
    return f"{first or 'not stated'} to {last or 'not stated'}"


def _day_lines(rule: BaselineRule) -> Iterator[str]:
    for day_type in rule.day_types:
        yield f"days          {_day_type(rule, day_type)}"
    yield f"holidays      {rule.holiday_calendar}"
    yield f"clock change  {rule.dst_policy.replace('_', ' ')}"
    if rule.lookback is not None:
        reach = rule.lookback
        ahead = ", and as far ahead" if reach.direction == "both" else ""
        yield (
            f"look-back     {reach.gap_days} to {reach.max_calendar_days} calendar days before the "
            f"event day{ahead}"
        )
    yield f"dropped       event days: {rule.exclusions.own_event_days.replace('_', ' ')}"
    if rule.exclusions.extra_days:
        yield f"dropped       {', '.join(map(str, rule.exclusions.extra_days))}"
    yield f"dropped       {_low_usage(rule)}"
    for step in rule.insufficient_days:
        yield f"too few days  {_fallback(step)}"
    yield "too few days  refuse"
    if rule.rank is not None:
        yield (
            f"rank          {rule.rank.order.replace('_', ' ')} by "
            f"{rule.rank.metric.replace('_', ' ')}, per {rule.rank.scope}; of equal ones the more "
            "recent"
        )
    yield f"baseline      {rule.aggregator.replace('_', ' ')} of the kept days, per interval"


def _day_type(rule: BaselineRule, day_type: DayType) -> str:
    days = ", ".join(_DAYS[dow - 1] for dow in day_type.dows)
    holiday = f"holidays count as {day_type.holiday_as}"
    if day_type.holiday_as is None:
        holiday = "holidays count as no day"
    if rule.holiday_calendar == "none":
        holiday = "no holidays"
    unscreened = "" if day_type.screened else "; event and low-usage days stay in"
    return (
        f"{day_type.name} ({days}): {day_type.selected_count} of {day_type.considered_count}, at "
        f"least {day_type.min_days}; {holiday}{unscreened}"
    )


def _low_usage(rule: BaselineRule) -> str:
    screen = rule.low_usage
    if screen.reference == "none":
        return "low usage: no screen"
    renewed = ", renewed as older days move up" if screen.iterative else ""
    upper = f" or above {screen.upper_threshold:.0%}" if screen.upper_threshold else ""
    return (
        f"low usage: {screen.metric.replace('_', ' ')} below {screen.threshold:.0%}{upper} of "
        f"{screen.reference.replace('_', ' ')}{renewed}"
    )


def _fallback(step: object) -> str:
    if isinstance(step, UseAvailable):
        fewest = step.use_available_if_at_least
        return f"go on with {'the least number' if fewest == 'min_days' else fewest} or more"
    if isinstance(step, ReadmitEventDays):
        how = step.readmit_event_days
        return f"readmit event days, {how.order.replace('_', ' ')} first, until {how.until}"
    return "refuse"


def _same_day_lines(rule: BaselineRule) -> Iterator[str]:
    if rule.same_day is None:
        return
    windows = rule.same_day
    if windows.before is not None:
        yield f"baseline      event day, {_window(windows.before)} h around the event's start"
    if windows.after is not None:
        yield f"baseline      event day, {_window(windows.after)} h around the event's end"
    yield f"buffer        {windows.buffer_minutes} min on either side"
    yield (
        f"combined      {windows.combine} of equal weight"
        if windows.combine != "minimum"
        else ("combined      the lower of the two means")
    )


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
            yield f"              window {_window(adjustment.pre)} h around {anchor}"
        if adjustment.post is not None:
            yield f"              window {_window(adjustment.post)} h around the event's end"
        yield (
            f"              against {adjustment.basis.replace('_', ' ')}; where load is missing: "
            + (adjustment.on_missing.replace("_", " "))
        )
    missing = rule.exclusions.incomplete_days.max_missing_fraction
    yield f"missing data  at most {missing:.0%} of a window"
    if rule.accuracy_gate is not None:
        gate = rule.accuracy_gate
        yield f"accuracy      {gate.metric} at most {gate.max_ratio:.0%} over {gate.days} days"
    for step in rule.rounding:
        yield f"rounding      {step.stage}: {step.decimals} decimals, {step.mode}"
    if not rule.rounding:
        yield "rounding      none stated"


def _window(window: HourWindow) -> str:
    return f"[{window.start_h:+g}, {window.end_h:+g})"
