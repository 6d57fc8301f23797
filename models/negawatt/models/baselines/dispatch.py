"""The whole of a dispatch: events that follow each other closely, with their ramps.

A site that is asked in steps is not left alone between them, so "before" and "after" lie outside
all of them. Not here: what is computed from the load before and after.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from negawatt.models.domain.interval import Interval

JOINED_WITHIN: Final = timedelta(hours=1)
"""Events that overlap, or have less than this between them, are steps of one dispatch."""


def dispatch_window(
    event: Interval, other_event_windows: Sequence[Interval], *, ramp_minutes: float = 0.0
) -> Interval:
    """Return the span in which the site was not left alone around an event.

    Args:
        event: The event window.
        other_event_windows: Other events of the site, in any order.
        ramp_minutes: How long before the start the load is already being lowered [min]; as long
            after the end it is taken to rise again.

    Returns:
        From the first step's ramp to the end of the last step's, however many steps lie between.

    Examples:
        Two steps nine minutes apart, each with a ramp of 20 minutes, as in the APS trial of 2025.

        >>> from datetime import UTC, datetime
        >>> first = Interval(datetime(2025, 5, 2, 1, tzinfo=UTC),
        ...     datetime(2025, 5, 2, 2, 31, tzinfo=UTC))
        >>> second = Interval(datetime(2025, 5, 2, 2, 40, tzinfo=UTC),
        ...     datetime(2025, 5, 2, 4, 2, tzinfo=UTC))
        >>> both = dispatch_window(first, [second], ramp_minutes=20)
        >>> f"{both.start_utc:%H:%M} {both.end_utc:%H:%M}"
        '00:40 04:22'
    """
    span = event
    while (wider := _joined(span, other_event_windows)) != span:
        span = wider
    ramp = timedelta(minutes=ramp_minutes)
    return Interval(span.start_utc - ramp, span.end_utc + ramp)


def _joined(span: Interval, windows: Sequence[Interval]) -> Interval:
    """Return a span with every window that overlaps it or has less than an hour to it."""
    near = Interval(span.start_utc - JOINED_WITHIN, span.end_utc + JOINED_WITHIN)
    steps = [span, *(window for window in windows if window.overlaps(near))]
    return Interval(min(s.start_utc for s in steps), max(s.end_utc for s in steps))
