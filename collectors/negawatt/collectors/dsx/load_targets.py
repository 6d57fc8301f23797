"""From load targets on one feed to events, revision by revision.

A target is a cap on a feed; where that feed's meter is a site's settlement meter, it is an event
with a limit. Source: DSX Flex 1.7.0, ``SetLoadTargetData``, ``Interval``, ``FeedTags``.

Not here: who may send one (signatures), and the event itself (negawatt.collectors.grid_event).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from negawatt.collectors.dsx.flex import LoadTargets, Target
from negawatt.collectors.grid_event import GridEvent
from negawatt.collectors.message import MessageRefusedError, Outcome
from negawatt.models.domain.units import W_PER_KW


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is known of a message with load targets.

    Attributes:
        content: Its targets.
        correlation: Its correlation, or its id where it has none.
        time_utc: When it says it was made: the start of a target that names none.
        source: For ``GridEvent.event_source``.
    """

    content: LoadTargets
    correlation: str
    time_utc: datetime
    source: str


def revised(known: Iterable[GridEvent], told: Told, feed_tag: str) -> list[GridEvent]:
    """Return the revisions that follow from one message, in the order of its targets.

    A target without an end ends where the next one on the feed starts, whichever was told first,
    and wherever that one is moved to before it starts; it is cancelled by one of the same start. A
    limit of null ends every target that holds at its start, and cancels those that had not begun
    and begin in its window.

    Args:
        known: The newest revision of every event of the feed.
        told: The message.
        feed_tag: The feed.

    Raises:
        MessageRefusedError: A target ends before it starts.
    """
    before = {event.event_id: event for event in known}
    newest = dict(before)
    targets = [t for t in told.content.targets if not t.feed_tags or feed_tag in t.feed_tags]
    for number, target in enumerate(targets, start=1):
        start_utc = target.interval.start_time or told.time_utc
        if target.interval.end_time is not None and target.interval.end_time <= start_utc:
            raise MessageRefusedError(Outcome.NOT_UNDERSTOOD)
        event_id = f"{told.correlation}.{feed_tag}" + (f".{number}" if number > 1 else "")
        if target.load_constraint is not None:
            newest.pop(event_id, None)
        newest |= {
            event.event_id: event for event in _ended(newest.values(), target, start_utc, told)
        }
        if target.load_constraint is not None:
            newest[event_id] = GridEvent(
                event_id=event_id,
                revision=1,
                event_start_utc=start_utc,
                event_end_utc=target.interval.end_time,
                notified_at_utc=told.time_utc,
                limit_kw=target.load_constraint.power_w / W_PER_KW,
                cancelled=False,
                event_source=told.source,
                holds_until_next=target.interval.end_time is None,
            )
    for event in _until_next(newest.values(), told):
        newest[event.event_id] = event
    return [
        replace(event, revision=before[event_id].revision + 1 if event_id in before else 1)
        for event_id, event in newest.items()
        if before.get(event_id) != event
    ]


def without_end(event: GridEvent, before: GridEvent | None) -> GridEvent:
    """Return what is said of an event that lost its end: the one that was told is cancelled.

    Args:
        event: The revision; where it has an end it is returned as it is.
        before: The revision before it.
    """
    if event.event_end_utc is not None or before is None or before.event_end_utc is None:
        return event
    return replace(before, revision=event.revision, cancelled=True, event_source=event.event_source)


def _ended(
    events: Iterable[GridEvent], target: Target, start_utc: datetime, told: Told
) -> Iterator[GridEvent]:
    """Yield what a new target makes of the events that are there."""
    for event in events:
        is_removed = target.load_constraint is None and _overlaps(event, target, start_utc)
        is_replaced = event.holds_until_next and start_utc == event.event_start_utc
        if event.cancelled or not (is_removed or is_replaced):
            continue
        changed = replace(event, event_source=told.source, holds_until_next=False)
        if start_utc <= event.event_start_utc:
            yield replace(changed, cancelled=True)
        else:
            yield replace(changed, event_end_utc=start_utc)


def _until_next(events: Iterable[GridEvent], told: Told) -> Iterator[GridEvent]:
    """Yield the targets without an end whose next one is another now; what is over stays."""
    all_events = list(events)
    for event in all_events:
        is_over = event.event_end_utc is not None and event.event_end_utc <= told.time_utc
        if event.cancelled or not event.holds_until_next or is_over:
            continue
        end_utc = _next_start(all_events, event.event_start_utc)
        if end_utc != event.event_end_utc:
            yield replace(event, event_end_utc=end_utc, event_source=told.source)


def _next_start(events: Iterable[GridEvent], start_utc: datetime) -> datetime | None:
    starts = [event.event_start_utc for event in events if not event.cancelled]
    return min((start for start in starts if start > start_utc), default=None)


def _overlaps(event: GridEvent, target: Target, start_utc: datetime) -> bool:
    # Where the next target is removed at its start, the one that held until then ends there too.
    begins = (
        event.event_end_utc is None
        or start_utc < event.event_end_utc
        or (event.holds_until_next and start_utc == event.event_end_utc)
    )
    end_utc = target.interval.end_time
    return begins and (end_utc is None or event.event_start_utc < end_utc)
