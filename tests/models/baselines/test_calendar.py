from datetime import UTC, date, datetime, time

import pytest

from negawatt.models.baselines.calendar import (
    ClockLabel,
    ProgramClock,
    day_type_of,
    holidays_of,
    program_clock,
)
from negawatt.models.baselines.registry import load_program
from negawatt.models.baselines.rule_parts import SettlementClock
from negawatt.models.domain.errors import ConfigurationError
from tests.models.baselines.conftest import NEW_YORK

CLOCK = ProgramClock(NEW_YORK)


def test_nerc_keeps_six_holidays_in_2026() -> None:
    """Read from a calendar: last Monday of May, first of September, fourth Thursday of November."""
    days = sorted(holidays_of("nerc", 2026))

    assert days == [
        date(2026, 1, 1),
        date(2026, 5, 25),
        date(2026, 7, 4),
        date(2026, 9, 7),
        date(2026, 11, 26),
        date(2026, 12, 25),
    ]


def test_a_nerc_holiday_on_a_sunday_is_kept_on_the_monday_too() -> None:
    """4 July 2027 is a Sunday."""
    assert {date(2027, 7, 4), date(2027, 7, 5)} <= set(holidays_of("nerc", 2027))


def test_veterans_day_is_no_nerc_holiday_but_a_national_one() -> None:
    day = date(2026, 11, 11)

    assert day not in holidays_of("nerc", 2026)
    assert day in holidays_of("national:US", 2026)


@pytest.mark.parametrize(
    ("program_id", "day", "day_type"),
    [
        ("pjm_economic_3day", date(2026, 7, 3), "weekday"),  # Friday before a Saturday holiday
        ("pjm_economic_3day", date(2026, 7, 4), "sunday_holiday"),
        ("pjm_economic_3day", date(2026, 11, 26), "sunday_holiday"),
        ("pjm_economic_3day", date(2026, 7, 11), "saturday"),
        ("caiso_10_in_10", date(2026, 11, 26), "non_business"),
        ("caiso_10_in_10", date(2026, 11, 27), "business"),
        ("nyiso_average_day", date(2026, 7, 4), "saturday"),
    ],
)
def test_the_day_type_is_the_one_a_calendar_shows(
    program_id: str, day: date, day_type: str
) -> None:
    found = day_type_of(load_program(program_id), day)

    assert found is not None
    assert found.name == day_type


def test_a_holiday_that_the_rule_does_not_place_has_no_day_type() -> None:
    assert day_type_of(load_program("nyiso_average_day"), date(2026, 11, 26)) is None


def test_local_days_of_a_clock_change_have_23_and_25_hours() -> None:
    """In 2026 New York changes on 8 March and 1 November."""
    assert CLOCK.day(date(2026, 3, 8)).duration_h == 23
    assert CLOCK.day(date(2026, 11, 1)).duration_h == 25
    assert CLOCK.is_transition_day(date(2026, 3, 8))
    assert not CLOCK.is_transition_day(date(2026, 3, 9))


def test_a_clock_time_keeps_its_label_across_the_change() -> None:
    """17:00 is 22:00 UTC on 7 March and 21:00 UTC on 8 March."""
    label = CLOCK.label(datetime(2026, 3, 8, 21, tzinfo=UTC), date(2026, 3, 8))

    before = CLOCK.instants_utc(date(2026, 3, 7), label)

    assert label == ClockLabel(0, time(17))
    assert before == (datetime(2026, 3, 7, 22, tzinfo=UTC),)


def test_the_repeated_hour_has_two_instants_and_the_skipped_hour_none() -> None:
    """01:00 on 1 November is 05:00 UTC (summer) and 06:00 UTC (winter)."""
    twice = CLOCK.instants_utc(date(2026, 11, 1), ClockLabel(0, time(1)))
    never = CLOCK.instants_utc(date(2026, 3, 8), ClockLabel(0, time(2, 30)))

    assert twice == (
        datetime(2026, 11, 1, 5, tzinfo=UTC),
        datetime(2026, 11, 1, 6, tzinfo=UTC),
    )
    assert never == ()


def test_standard_time_has_no_clock_change() -> None:
    """Eastern standard time is five hours behind UTC all year."""
    clock = program_clock(SettlementClock(tz="America/New_York", mode="standard"))

    noon = clock.instants_utc(date(2026, 7, 1), ClockLabel(0, time(12)))

    assert noon == (datetime(2026, 7, 1, 17, tzinfo=UTC),)
    assert not clock.is_transition_day(date(2026, 3, 8))


def test_standard_time_of_the_southern_hemisphere_is_not_its_january() -> None:
    """Sydney has daylight saving in January; its standard time is ten hours ahead of UTC."""
    clock = program_clock(SettlementClock(tz="Australia/Sydney", mode="standard"))

    assert clock.local_date(datetime(2026, 1, 1, 13, 59, tzinfo=UTC)) == date(2026, 1, 1)


def test_an_unknown_zone_or_country_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="Mars/Base"):
        program_clock(SettlementClock(tz="Mars/Base", mode="prevailing"))
    with pytest.raises(ConfigurationError, match="national:QQ"):
        holidays_of("national:QQ", 2026)
