"""Half-open UTC intervals: the only way negawatt says 'when'.

Not here: program calendars and local clocks (negawatt.models.baselines.calendar).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """A span of time, start included, end excluded, both in UTC.

    Attributes:
        start_utc: First instant inside the interval.
        end_utc: First instant after the interval.

    Raises:
        ValueError: An instant is not aware and UTC, or the end is not after the start.

    Examples:
        >>> start_utc = datetime(2026, 7, 1, 21, tzinfo=UTC)
        >>> quarter = Interval(start_utc, start_utc + timedelta(minutes=15))
        >>> quarter.duration_s, quarter.duration_h
        (900.0, 0.25)
        >>> Interval(quarter.end_utc, start_utc)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        ValueError: interval must end after it starts (2026-07-01T21:15:00+00:00), got end ...
    """

    start_utc: datetime
    end_utc: datetime

    def __post_init__(self) -> None:
        for name in ("start_utc", "end_utc"):
            moment: datetime = getattr(self, name)
            if moment.utcoffset() != timedelta(0):
                raise ValueError(f"{name} must be an aware UTC datetime, got {moment!r}")
        if self.end_utc <= self.start_utc:
            raise ValueError(
                f"interval must end after it starts ({self.start_utc.isoformat()}), "
                f"got end {self.end_utc.isoformat()}"
            )

    @property
    def duration_s(self) -> float:
        """Length of the interval [s]."""
        return (self.end_utc - self.start_utc) / timedelta(seconds=1)

    @property
    def duration_h(self) -> float:
        """Length of the interval [h]."""
        return (self.end_utc - self.start_utc) / timedelta(hours=1)

    def contains(self, moment_utc: datetime) -> bool:
        """Say whether an instant lies inside: the start does, the end does not.

        Examples:
            >>> day = Interval(datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 7, 2, tzinfo=UTC))
            >>> day.contains(day.start_utc), day.contains(day.end_utc)
            (True, False)
        """
        return self.start_utc <= moment_utc < self.end_utc

    def overlaps(self, other: "Interval") -> bool:
        """Say whether the two have an instant in common; neighbors have none.

        Examples:
            >>> first = Interval(datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 7, 2, tzinfo=UTC))
            >>> first.overlaps(Interval(first.end_utc, datetime(2026, 7, 3, tzinfo=UTC)))
            False
        """
        return self.start_utc < other.end_utc and other.start_utc < self.end_utc


def parse_utc(text: str) -> datetime:
    """Read an ISO 8601 instant that states its offset, and return it in UTC.

    Raises:
        ValueError: The text is no instant, or states no offset.

    Examples:
        >>> parse_utc("2025-05-03T16:30:00-07:00")
        datetime.datetime(2025, 5, 3, 23, 30, tzinfo=datetime.timezone.utc)
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"instant must state its offset from UTC, got {text!r}")
    return moment.astimezone(UTC)
