"""The two clocks of a collector: the machine's, and one whose sleep jumps.

Both are a negawatt.models.domain.clock.Clock. Not here: deadlines and missed ticks
(negawatt.collectors.agent).
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta

from negawatt.models.domain.units import NS_PER_MS, NS_PER_S


class SystemClock:
    """The machine's wall clock and its monotonic clock."""

    # Plain numbers for loops in which a call of our own would count.
    wall_ns = staticmethod(time.time_ns)
    monotonic_ns = staticmethod(time.monotonic_ns)

    def clocks_ns(self) -> dict[str, int]:
        """Return what each clock shows now [ns]: what another program may have stamped by."""
        return {
            "realtime": time.time_ns(),
            "boottime": time.clock_gettime_ns(time.CLOCK_BOOTTIME),
            "monotonic": time.monotonic_ns(),
        }

    def now_utc(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""
        return datetime.now(UTC)

    async def sleep_until_ns(self, deadline_ns: int) -> None:
        """Return when the monotonic time has reached the deadline [ns]."""
        # asyncio.sleep may return a little early: look again. There is no event to wait for.
        while (remaining_ns := deadline_ns - self.monotonic_ns()) > 0:  # noqa: ASYNC110 - as above
            await asyncio.sleep(remaining_ns / NS_PER_S)


class VirtualClock:
    """A clock on which time passes only by sleeping, at once.

    A read takes no time on it, so that the same pages give the same bytes in every run.

    Args:
        start_utc: The wall-clock time it starts at, aware, in UTC.
        booted_utc: When its monotonic time was 0, by default at the start.

    Raises:
        ValueError: ``start_utc`` is not aware and UTC.

    Examples:
        >>> clock = VirtualClock(datetime(2026, 7, 1, tzinfo=UTC))
        >>> asyncio.run(clock.sleep_until_ns(90 * NS_PER_S))
        >>> clock.now_utc().isoformat(), clock.monotonic_ns()
        ('2026-07-01T00:01:30+00:00', 90000000000)
    """

    def __init__(self, start_utc: datetime, booted_utc: datetime | None = None) -> None:
        if start_utc.utcoffset() != timedelta(0):
            raise ValueError(f"start_utc must be an aware UTC datetime, got {start_utc!r}")
        self._booted_utc = booted_utc or start_utc
        self._elapsed_ns = (start_utc - self._booted_utc) // timedelta(milliseconds=1) * NS_PER_MS

    def now_utc(self) -> datetime:
        """Return the start plus the time slept, aware, in UTC."""
        return self._booted_utc + timedelta(milliseconds=self._elapsed_ns / NS_PER_MS)

    def monotonic_ns(self) -> int:
        """Return the time since the boot [ns]."""
        return self._elapsed_ns

    async def sleep_until_ns(self, deadline_ns: int) -> None:
        """Jump to the deadline [ns]; other tasks get their turn."""
        self._elapsed_ns = max(self._elapsed_ns, deadline_ns)
        await asyncio.sleep(0)
