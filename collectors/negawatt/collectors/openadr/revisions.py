"""From what an OpenADR event asks for to revisions of our events.

Not here: what it asks for (translate), and the table of events.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from negawatt.collectors.grid_event import GridEvent
from negawatt.collectors.message import MessageRefusedError, Outcome
from negawatt.collectors.openadr.translate import Ask
from negawatt.models.domain.errors import ConfigurationError
from negawatt.models.domain.identifiers import checked_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is known of a message about an event.

    Attributes:
        name: The VTN's id of the event, behind the configured prefix.
        at_utc: When the VTN changed it, or when it was found to be gone.
        source: For ``GridEvent.event_source``.
    """

    name: str
    at_utc: datetime
    source: str


def revised(known: Iterable[GridEvent], asks: Sequence[Ask], told: Told) -> list[GridEvent]:
    """Return the revisions that follow from one message, in the order of its intervals.

    An interval that says the same as before is no revision. One that is not there any more was
    withdrawn: it is cancelled if it had not begun, ends now if it had, and stays if it was over.

    Args:
        known: The newest revision of each of the event's intervals.
        asks: What it asks for now; nothing where it is gone.
        told: The message.

    Raises:
        MessageRefusedError: The VTN's id can name no event of ours.
    """
    newest = {event.event_id: event for event in known}
    changed = []
    for ask in asks:
        event = _event(ask, told)
        before = newest.pop(event.event_id, None)
        if before is None or _said(before) != _said(event):
            changed.append(replace(event, revision=before.revision + 1 if before else 1))
    return [*changed, *_withdrawn(newest.values(), told)]


def _event(ask: Ask, told: Told) -> GridEvent:
    event_id = f"{told.name}.{ask.interval_id}"
    try:
        checked_name("event", event_id)
    except ConfigurationError as error:
        raise MessageRefusedError(Outcome.NOT_UNDERSTOOD) from error
    return GridEvent(
        event_id=event_id,
        revision=1,
        event_start_utc=ask.start_utc,
        event_end_utc=ask.end_utc,
        notified_at_utc=told.at_utc,
        limit_kw=ask.limit_kw,
        committed_kw=ask.committed_kw,
        target_reduction_ratio=ask.target_reduction_ratio,
        cancelled=False,
        event_source=told.source,
    )


def _said(event: GridEvent) -> GridEvent:
    """Return what counts when two revisions are compared."""
    return replace(event, revision=1, notified_at_utc=event.event_start_utc, event_source="")


def _withdrawn(events: Iterable[GridEvent], told: Told) -> Iterator[GridEvent]:
    for event in events:
        is_over = event.event_end_utc is not None and event.event_end_utc <= told.at_utc
        if event.cancelled or is_over:
            continue
        next_one = replace(event, revision=event.revision + 1, event_source=told.source)
        if told.at_utc <= event.event_start_utc:
            yield replace(next_one, cancelled=True)
        else:
            yield replace(next_one, event_end_utc=told.at_utc)
