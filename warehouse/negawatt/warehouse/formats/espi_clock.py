"""The clock of a place as ESPI states it: its offset, and the rules by which it changes.

Source: NAESB REQ.21 (ESPI), TimeConfiguration and DstRuleType. Not here: readings, whose times are
UTC.
"""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE

_NEVER = "00000000"
_YEARS = 10
_LAST = 7
_DAYS_PER_WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeConfiguration:
    """A clock in ESPI's terms.

    Attributes:
        offset_s: Standard time less UTC [s].
        dst_offset_s: Daylight saving time less standard time [s]; 0 where there is none.
        dst_start_rule: Eight hex digits: when daylight saving time starts.
        dst_end_rule: When it ends.
    """

    offset_s: int
    dst_offset_s: int
    dst_start_rule: str
    dst_end_rule: str


def time_configuration(zone: ZoneInfo, year: int) -> TimeConfiguration:
    """Return a zone's clock as its rules are from a year on, over ten years.

    A rule is month (4 bits), operator (3: 2 to 6 the first to fifth of a weekday, 7 the last), day
    of month (5, here 0), day of week (3, Monday 1), hour (5) and second of the hour (12); hour and
    second are those of the clock before it changes.

    Raises:
        DataRefusedError: The zone's changes follow no such rule.

    Examples:
        The second Sunday of March and the first of November, both at 02:00.

        >>> new_york = time_configuration(ZoneInfo("America/New_York"), 2026)
        >>> new_york.dst_start_rule, new_york.dst_end_rule
        ('360E2000', 'B40E2000')
        >>> new_york.offset_s, new_york.dst_offset_s
        (-18000, 3600)
    """
    changes = [change for y in range(year, year + _YEARS) for change in _changes(zone, y)]
    offsets_s = {_offset_s(zone, datetime(year, month, 1, tzinfo=UTC)) for month in range(1, 13)}
    if not changes:
        return TimeConfiguration(
            offset_s=min(offsets_s),
            dst_offset_s=0,
            dst_start_rule=_NEVER,
            dst_end_rule=_NEVER,
        )
    starts = [local for local, step_s in changes if step_s > 0]
    ends = [local for local, step_s in changes if step_s < 0]
    return TimeConfiguration(
        offset_s=min(offsets_s),
        dst_offset_s=max(offsets_s) - min(offsets_s),
        dst_start_rule=_rule(zone, starts),
        dst_end_rule=_rule(zone, ends),
    )


def _offset_s(zone: ZoneInfo, instant_utc: datetime) -> int:
    offset = instant_utc.astimezone(zone).utcoffset() or timedelta()
    return round(offset.total_seconds())


def _changes(zone: ZoneInfo, year: int) -> list[tuple[datetime, int]]:
    """Return each change of a year: the clock just before it, and by how much it changes [s]."""
    found = []
    quarter = timedelta(minutes=15)
    day_utc, end_utc = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    while day_utc < end_utc:
        next_utc = day_utc + timedelta(days=1)
        if _offset_s(zone, day_utc) != _offset_s(zone, next_utc):
            change_utc = day_utc
            before_s = _offset_s(zone, day_utc)
            while _offset_s(zone, change_utc) == before_s:
                change_utc += quarter
            local = change_utc.replace(tzinfo=None) + timedelta(seconds=before_s)
            found.append((local, _offset_s(zone, change_utc) - before_s))
        day_utc = next_utc
    return found


def _rule(zone: ZoneInfo, moments: Sequence[datetime]) -> str:
    """Return the rule that all moments follow, one a year."""
    nth = {(local.day - 1) // _DAYS_PER_WEEK for local in moments}
    is_last = all(
        local.day + _DAYS_PER_WEEK > calendar.monthrange(local.year, local.month)[1]
        for local in moments
    )
    clocks = {(local.month, local.isoweekday(), local.hour, local.minute) for local in moments}
    if len(moments) != _YEARS or len(clocks) != 1 or (len(nth) != 1 and not is_last):
        raise DataRefusedError(
            thing=f"time zone {zone.key!r}",
            expected="a change of the clock by a weekday of a month, the same each year",
            found=f"{len(moments)} changes in {_YEARS} years, as {sorted(clocks)[:2]}",
            remedy="export it in another format",
        )
    ((month, weekday, hour, minute),) = clocks
    operator = _LAST if len(nth) > 1 else min(nth) + 2
    second = minute * S_PER_MINUTE % S_PER_H
    bits = month << 28 | operator << 25 | weekday << 17 | hour << 12 | second
    return f"{bits:08X}"
