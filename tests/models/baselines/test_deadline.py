from dataclasses import replace
from datetime import date

import pytest

from negawatt.models.baselines.deadline import last_day
from negawatt.models.baselines.registry import load_program
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.baselines.rule_parts import Deadline


def with_deadline(count: int, unit: str, calendar: str = "nerc") -> BaselineRule:
    rule = load_program("pjm_economic_3day")
    due = Deadline(count=count, unit=unit, of="it")  # type: ignore[arg-type]  # as a file has it
    return replace(rule, deadline=due, holiday_calendar=calendar)


def test_calendar_days_count_every_day() -> None:
    """30 June and 60 days: July has 31, so 29 August is day 31 + 29."""
    assert last_day(with_deadline(60, "calendar_days"), date(2026, 6, 30)) == date(2026, 8, 29)


def test_business_days_pass_over_weekends_and_holidays() -> None:
    """Thursday 2 July 2026; Friday 3 is the first, then Saturday 4 (a holiday too), Monday 6."""
    rule = with_deadline(2, "business_days")

    assert last_day(rule, date(2026, 7, 2)) == date(2026, 7, 6)
    labor_day = with_deadline(1, "business_days")
    assert last_day(labor_day, date(2026, 9, 4)) == date(2026, 9, 8)
    assert last_day(replace(labor_day, holiday_calendar="none"), date(2026, 9, 4)) == date(
        2026, 9, 7
    )


@pytest.mark.parametrize(
    ("count", "event_day", "expected"),
    [
        (14, date(2026, 6, 30), date(2027, 8, 30)),
        (1, date(2026, 1, 31), date(2026, 2, 28)),
        (1, date(2026, 11, 30), date(2026, 12, 30)),
        (1, date(2026, 12, 31), date(2027, 1, 31)),
        (12, date(2028, 2, 29), date(2029, 2, 28)),
    ],
)
def test_a_month_later_is_the_same_day_or_the_months_last(
    count: int, event_day: date, expected: date
) -> None:
    assert last_day(with_deadline(count, "months"), event_day) == expected


def test_a_program_that_states_none_has_none() -> None:
    assert last_day(load_program("pre_event_hour"), date(2026, 6, 30)) is None
