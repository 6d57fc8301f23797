"""Until when a program takes a settlement: the last local day, counted from the event's.

Not here: what happens at that day (negawatt.models.settlement.review).
"""

from datetime import date, timedelta
from typing import Final

from negawatt.models.baselines.calendar import holidays_of
from negawatt.models.baselines.rule import BaselineRule

_SATURDAY: Final = 5  # of date.weekday()
_MONTHS: Final = 12


def last_day(rule: BaselineRule, event_day: date) -> date | None:
    """Return the last local day on which the program takes the settlement of an event's day.

    Business days are Mondays to Fridays that are no holiday of the program. A month later is the
    same day of that month, or its last.

    Args:
        rule: The program's rule.
        event_day: Local day on which the event ended.

    Returns:
        The day itself included; None where the rule states no deadline.

    Examples:
        >>> from negawatt.models.baselines.registry import load_program
        >>> last_day(load_program("pjm_economic_3day"), date(2026, 6, 30))
        datetime.date(2026, 8, 29)
    """
    deadline = rule.deadline
    if deadline is None:
        return None
    if deadline.unit == "calendar_days":
        return event_day + timedelta(deadline.count)
    if deadline.unit == "months":
        return _months_later(event_day, deadline.count)
    day, left = event_day, deadline.count
    while left:
        day += timedelta(1)
        holiday = day in holidays_of(rule.holiday_calendar, day.year)
        left -= day.weekday() < _SATURDAY and not holiday
    return day


def _months_later(day: date, count: int) -> date:
    years, month = divmod(day.month - 1 + count, _MONTHS)
    first = date(day.year + years, month + 1, 1)
    following = date(first.year + first.month // _MONTHS, first.month % _MONTHS + 1, 1)
    return min(first + timedelta(day.day - 1), following - timedelta(1))
