"""Time as something that is passed in.

Here: the protocol. The system clock is made at the edges (collectors, pipelines, cli); a virtual
clock lets the same code run as fast as it can, with the same result every time.
"""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Something that tells the time and can wait."""

    def now_utc(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""
        ...

    def monotonic_ns(self) -> int:
        """Return a time that never steps back [ns], from an origin of its own."""
        ...

    async def sleep_until_ns(self, deadline_ns: int) -> None:
        """Return when ``monotonic_ns`` has reached the deadline [ns], at once if it has."""
        ...
