"""The program's clock and calendar: local days, clock labels, holidays, day types.

Here: the only local time in the baselines. Windows are matched on clock labels ("17:00 of the
day"), never on elapsed time since midnight, so that a day of 23 or 25 hours shifts nothing. Not
here: which days are eligible (eligibility.py).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays

from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.baselines.rule_days import DayType
from negawatt.models.baselines.rule_parts import SettlementClock
from negawatt.models.domain.errors import ConfigurationError
from negawatt.models.domain.interval import Interval

_NERC: Final = frozenset(
    {
        "New Year's Day",
        "Memorial Day",
        "Independence Day",
        "Labor Day",
        "Thanksgiving Day",
        "Christmas Day",
    }
)
_MONDAY: Final = 0
_HOURS_OF_ORDINARY_DAY: Final = 24


@dataclass(frozen=True, slots=True)
class ClockLabel:
    """An instant as a program tells it: a clock time, on a day relative to another.

    Attributes:
        day_offset: 0 on the day itself, -1 on the day before.
        wall: Clock time of that day.
    """

    day_offset: int
    wall: time


@dataclass(frozen=True, slots=True)
class ProgramClock:
    """Local days and clock labels of one program.

    Attributes:
        zone: The zone, or a fixed offset where the program stays on standard time.

    Examples:
        >>> clock = ProgramClock(ZoneInfo("America/New_York"))
        >>> clock.day(date(2026, 3, 8)).duration_h
        23.0
        >>> clock.instants_utc(date(2026, 7, 1), ClockLabel(0, time(17)))
        (datetime.datetime(2026, 7, 1, 21, 0, tzinfo=datetime.timezone.utc),)
        >>> clock.instants_utc(date(2026, 3, 8), ClockLabel(0, time(2)))
        ()
    """

    zone: tzinfo

    def local_date(self, moment_utc: datetime) -> date:
        """Return the local day of an instant."""
        return moment_utc.astimezone(self.zone).date()

    def day(self, day: date) -> Interval:
        """Return a local day, midnight to midnight."""
        return _day_of(self.zone, day)

    def days_of(self, window: Interval) -> Iterator[date]:
        """Yield the local days that a window touches, oldest first.

        Examples:
            >>> clock = ProgramClock(ZoneInfo("Asia/Tokyo"))
            >>> night = Interval(datetime(2026, 7, 1, 14, tzinfo=UTC),
            ...     datetime(2026, 7, 1, 16, tzinfo=UTC))
            >>> [day.day for day in clock.days_of(night)]
            [1, 2]
        """
        day = self.local_date(window.start_utc)
        while self.day(day).start_utc < window.end_utc:
            yield day
            day += timedelta(1)

    def is_transition_day(self, day: date) -> bool:
        """Say whether a local day has 23 or 25 hours."""
        return self.day(day).duration_h != _HOURS_OF_ORDINARY_DAY

    def label(self, moment_utc: datetime, day: date) -> ClockLabel:
        """Return what the clock shows at an instant, relative to a local day."""
        local = moment_utc.astimezone(self.zone)
        return ClockLabel((local.date() - day).days, local.time())

    def instants_utc(self, day: date, label: ClockLabel) -> tuple[datetime, ...]:
        """Return when the clock shows a label: once; twice or never on a transition day."""
        wall = datetime.combine(day + timedelta(label.day_offset), label.wall)
        found = {
            moment_utc
            for fold in (0, 1)
            if (moment_utc := wall.replace(tzinfo=self.zone, fold=fold).astimezone(UTC))
            .astimezone(self.zone)
            .replace(tzinfo=None)
            == wall
        }
        return tuple(sorted(found))


@lru_cache(maxsize=16384)
def _day_of(zone: tzinfo, day: date) -> Interval:
    midnights = (datetime.combine(d, time(), zone) for d in (day, day + timedelta(1)))
    start_utc, end_utc = (midnight.astimezone(UTC) for midnight in midnights)
    return Interval(start_utc, end_utc)


@lru_cache(maxsize=64)
def program_clock(clock: SettlementClock) -> ProgramClock:
    """Return the clock that a rule names.

    Standard time is the zone's offset of 1 January 2026 less any daylight saving of that day.

    Raises:
        ConfigurationError: There is no such time zone.
    """
    try:
        zone = ZoneInfo(clock.tz)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigurationError(
            thing="settlement_clock.tz",
            expected="an IANA time zone such as America/New_York",
            found=repr(clock.tz),
            remedy="correct the name",
        ) from error
    if clock.mode == "prevailing":
        return ProgramClock(zone)
    winter = datetime(2026, 1, 1, tzinfo=zone)
    return ProgramClock(
        timezone((winter.utcoffset() or timedelta(0)) - (winter.dst() or timedelta(0)))
    )


@lru_cache(maxsize=256)
def holidays_of(calendar: str, year: int) -> Mapping[date, str]:
    """Return the holidays of a year, by day.

    ``nerc``: the six NERC holidays. One that falls on a Sunday is kept on the Monday after as
    well; one on a Saturday stays there, and the Friday before is an ordinary day.

    Args:
        calendar: ``nerc``, ``national:US`` (any country code; with a region, ``AU-NSW``) or
            ``none``.
        year: The year.

    Raises:
        ConfigurationError: The country's holidays are not known.

    Examples:
        >>> sorted(holidays_of("nerc", 2026))[2:4]
        [datetime.date(2026, 7, 4), datetime.date(2026, 9, 7)]
    """
    if calendar == "none":
        return {}
    country, _, region = calendar.removeprefix("national:").partition("-")
    country = "US" if calendar == "nerc" else country
    try:
        public = holidays.country_holidays(country, subdiv=region or None, years=year)
    except NotImplementedError as error:
        raise ConfigurationError(
            thing="holiday_calendar",
            expected="nerc, none, or national: with a country code whose holidays are known",
            found=repr(calendar),
            remedy="correct the country code",
        ) from error
    named = {day: name for day, name in public.items() if day.year == year}
    if calendar != "nerc":
        return named
    return {
        day: name
        for day, name in named.items()
        if name in _NERC or (name.removesuffix(" (observed)") in _NERC and day.weekday() == _MONDAY)
    }


@lru_cache(maxsize=16384)
def holiday_name(rule: BaselineRule, day: date) -> str | None:
    """Return the name of the rule's holiday on a day, if there is one."""
    if day in rule.holidays_added:
        return "holiday of the program"
    name = holidays_of(rule.holiday_calendar, day.year).get(day)
    return None if name in rule.holidays_dropped else name


@lru_cache(maxsize=16384)
def day_type_of(rule: BaselineRule, day: date) -> DayType | None:
    """Return the day type that a rule gives a day; None where it gives none.

    A holiday takes the type that the type of its day of the week names in ``holiday_as``.
    """
    by_weekday = next((d for d in rule.day_types if day.isoweekday() in d.dows), None)
    if by_weekday is None or holiday_name(rule, day) is None:
        return by_weekday
    return next((d for d in rule.day_types if d.name == by_weekday.holiday_as), None)


def season_of(rule: BaselineRule, day: date) -> str | None:
    """Return the rule's season that a day belongs to; None where it belongs to none."""
    return next((season.name for season in rule.seasons if day.month in season.months), None)
