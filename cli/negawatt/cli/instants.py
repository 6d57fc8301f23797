"""Instants, windows and zones as people type them in options.

Not here: which option means what.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from negawatt.models.domain.errors import ConfigurationError
from negawatt.models.domain.interval import Interval


def zone_of(name: str) -> ZoneInfo:
    """Return the time zone of an option."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise wrong("--time-zone", "an IANA time zone such as America/New_York", name) from error


def other_event_of(text: str, zone: ZoneInfo) -> Interval:
    """Read another event of the site, START/END."""
    start, separator, end = text.partition("/")
    if not separator:
        raise wrong("--other-event", "START/END", text)
    return interval_of("--other-event", start, end, zone)


def interval_of(option: str, start: str, end: str, zone: ZoneInfo) -> Interval:
    """Read a window, its end after its start."""
    start_utc, end_utc = instant_utc(option, start, zone), instant_utc(option, end, zone)
    if end_utc <= start_utc:
        raise wrong(option, "an end after the start", f"{start} to {end}")
    return Interval(start_utc, end_utc)


def instant_utc(option: str, text: str, zone: ZoneInfo) -> datetime:
    """Read an instant; a clock time that occurs twice, or never, must state its offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise wrong(option, "an ISO 8601 instant such as 2026-07-15T16:00", text) from error
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    first, second = (moment.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first != second:
        expected = "an instant with its offset, because the clock changes there"
        raise wrong(option, expected, text)
    return first


def wrong(option: str, expected: str, found: str) -> ConfigurationError:
    """Return the error of an option whose value cannot be used."""
    return ConfigurationError(
        thing=option, expected=expected, found=repr(found), remedy="correct the option"
    )
