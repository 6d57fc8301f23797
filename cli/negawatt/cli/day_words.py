"""Which days a rule compares, in words.

Not here: the rest of the rule (rule_words.py).
"""

from collections.abc import Iterator

from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.baselines.rule_days import DayType
from negawatt.models.baselines.rule_fallback import (
    ExtendLookback,
    ReadmitEventDays,
    SwitchTo,
    UseAvailable,
)
from negawatt.models.baselines.rule_windows import HourWindow

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def spaced(name: str) -> str:
    """Return a name of the file as words."""
    return name.replace("_", " ")


def window_of(window: HourWindow) -> str:
    """Return a window in hours around an instant, its end outside."""
    return f"[{window.start_h:+g}, {window.end_h:+g})"


def day_lines(rule: BaselineRule) -> Iterator[str]:
    """Yield the lines of a rule that compares days."""
    for day_type in rule.day_types:
        yield f"days          {_day_type(rule, day_type)}"
    yield f"holidays      {_holidays(rule)}"
    for season in rule.seasons:
        yield f"season        {season.name}: months {', '.join(map(str, season.months))}"
    yield f"clock change  {rule.dst_policy.replace('_', ' ')}"
    yield from _lookback_lines(rule)
    for dropped in (*_exclusions(rule), _low_usage(rule)):
        yield f"dropped       {dropped}"
    for step in rule.insufficient_days:
        if step != "fail":
            yield f"too few days  {_fallback(step)}"
    yield "too few days  refuse"
    yield from _rank_lines(rule)


def _lookback_lines(rule: BaselineRule) -> Iterator[str]:
    if rule.lookback is not None:
        reach = rule.lookback
        ahead = ", and as far ahead" if reach.direction == "both" else ""
        yield (
            f"look-back     {reach.gap_days} to {reach.max_calendar_days} calendar days before the "
            f"event day{ahead}"
        )
        if reach.max_candidate_days is not None:
            yield f"              at most {reach.max_candidate_days} days of the type"
        if reach.season_bound:
            yield "              of the event day's season only"


def _rank_lines(rule: BaselineRule) -> Iterator[str]:
    if rule.rank is not None:
        yield (
            f"rank          {rule.rank.order.replace('_', ' ')} by "
            f"{rule.rank.metric.replace('_', ' ')}, per {rule.rank.scope}; of equal ones the more "
            "recent"
        )
        yield from _shape_lines(rule)
        yield f"baseline      {spaced(rule.aggregator)} of the kept days, per interval"
    if rule.rolling is not None:
        yield (
            f"              the first {rule.rolling.initial_days} days count alike, each later one "
            f"{rule.rolling.newest_weight:.0%}"
        )
    if rule.baseline_hours is not None:
        own = ", the event day included" if rule.baseline_hours.with_event_day else ""
        yield f"              of {window_of(rule.baseline_hours.window)} h around the start{own}"
    if rule.flat != "none":
        yield f"              one value: the {rule.flat} of the intervals"


def _shape_lines(rule: BaselineRule) -> Iterator[str]:
    shape = rule.rank.shape if rule.rank is not None else None
    if shape is not None:
        after = "before and after" if shape.after_event else "before"
        yield (
            f"              compared {after} the event, {shape.buffer_h:g} h away from it, and "
            f"{shape.days_before} days before"
        )


def _holidays(rule: BaselineRule) -> str:
    added = f", and {', '.join(map(str, rule.holidays_added))}" if rule.holidays_added else ""
    dropped = f", without {', '.join(rule.holidays_dropped)}" if rule.holidays_dropped else ""
    return f"{rule.holiday_calendar}{added}{dropped}"


def _exclusions(rule: BaselineRule) -> Iterator[str]:
    exclusions = rule.exclusions
    yield f"event days: {spaced(exclusions.own_event_days)}"
    if exclusions.other_program_event_days:
        yield "event days of other programs"
    if exclusions.notified_not_dispatched:
        yield "days notified, not dispatched"
    if exclusions.outage_days:
        yield "outage days that the site states"
    if exclusions.declared_shutdown_days is not None:
        most = exclusions.declared_shutdown_days.max_per_season
        limit = "" if most is None else f", at most {most} of a season"
        yield f"shutdown days that the site declares{limit}"
    if exclusions.extra_days:
        yield ", ".join(map(str, exclusions.extra_days))


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
    span = f" ({screen.reference_count} days)" if screen.reference_count else ""
    if screen.upper_in_second_pass:
        renewed += "; the upper limit in a second pass"
    upper = f" or above {screen.upper_threshold:.0%}" if screen.upper_threshold else ""
    return (
        f"low usage: {screen.metric.replace('_', ' ')} below {screen.threshold:.0%}{upper} of "
        f"{spaced(screen.reference)}{span}{renewed}"
    )


def _fallback(step: object) -> str:
    if isinstance(step, UseAvailable):
        fewest = step.use_available_if_at_least
        return f"go on with {'the least number' if fewest == 'min_days' else fewest} or more"
    if isinstance(step, ReadmitEventDays):
        how = step.readmit_event_days
        outages = " and outage days" if how.with_outage_days else ""
        return f"readmit event days{outages}, {spaced(how.order)} first, until {how.until}"
    if isinstance(step, ExtendLookback):
        return f"look back {step.extend_lookback_to} calendar days"
    if isinstance(step, SwitchTo):
        return f"compute by {step.switch_to}"
    return "refuse"
