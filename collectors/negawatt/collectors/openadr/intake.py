"""From messages to rows: each message gets one outcome, and those that are new become rows.

A message is one event as the VTN gave it, or the word that an event is gone. The same messages in
the same order on the same memory give the same rows, so that a log can be taken in again after a
crash. Not here: transport (vtn, listen), disk (negawatt.collectors.message_store).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from negawatt.collectors.grid_event import GridEvent
from negawatt.collectors.message import Message, MessageRefusedError, Outcome
from negawatt.collectors.message_store import MessageIntake
from negawatt.collectors.openadr.memory import Known, Memory
from negawatt.collectors.openadr.quotes import Quote, changed_quotes, quotes_of
from negawatt.collectors.openadr.revisions import Told, revised
from negawatt.collectors.openadr.spec import Event, read_object
from negawatt.collectors.openadr.translate import ProgramTerms, Said, translated
from negawatt.collectors.raw_schema import GRID_EVENTS, GRID_MESSAGES

EVENT: Final = "openadr/event/"
"""Begins the topic of an event; the VTN's id may follow."""
GONE: Final = "openadr/gone/"
"""Begins the topic of the word that an event is gone; the VTN's id follows."""
_MOST_PASSED: Final = 10_000
_QUOTES_KEPT: Final = timedelta(days=1)
_ID: Final = re.compile("[a-zA-Z0-9_-]{1,128}", re.ASCII)


def topic_of(vtn_id: object) -> str:
    """Return the topic of an event, without its id where that is none.

    Examples:
        >>> topic_of("e-1"), topic_of("e 1")
        ('openadr/event/e-1', 'openadr/event/')
    """
    is_id = isinstance(vtn_id, str) and _ID.fullmatch(vtn_id)
    return f"{EVENT}{vtn_id}" if is_id else EVENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What messages are held against.

    Attributes:
        site_id: The site whose load is asked for.
        vtn_url: Who says it.
        programs: Programs by their id at the VTN; events of others are not ours.
        prefix: Begins the names of our events, where ids of two VTNs might be the same.
        max_message_bytes: What is larger is not read.
        version: Of OpenADR, as it was spoken.
    """

    site_id: str
    vtn_url: str
    programs: Mapping[str, ProgramTerms]
    prefix: str = ""
    max_message_bytes: int = 1_000_000
    version: str = "3.1"


class Intake(MessageIntake):
    """Takes messages in.

    Args:
        terms: What they are held against.
        memory: What is remembered; it is changed.
    """

    def __init__(self, terms: Terms, memory: Memory) -> None:
        super().__init__()
        self._terms = terms
        self.memory = memory
        self._taken: set[str] = set()
        self._passed: dict[str, None] = {}  # what was refused or is not ours, in this run

    def remembered(self, newest_utc: datetime) -> Mapping[str, Any]:
        """Let go of prices and alerts that are over, and return the rest as JSON has it.

        Events are kept for good: a VTN may show an old one again.
        """
        self.memory.forget_quotes(newest_utc - _QUOTES_KEPT)
        self.memory.sealed, self._taken = self._taken, set()
        return self.memory.to_json()

    def is_new(self, message: Message) -> bool:
        """Say whether a message says anything that is not known or refused in this run."""
        if message.sha256 in self._passed:
            return False
        return all(one.sha256 != message.sha256 or one.is_gone for one in self._about(message))

    def take(self, message: Message) -> Outcome:
        """Take one message in, and say what became of it."""
        key = f"{message.sha256} {message.received_utc.isoformat()}"
        self._taken.add(key)
        if key in self.memory.sealed:
            self.counts[Outcome.REPEATED] += 1
            return Outcome.REPEATED
        event = None
        try:
            if message.topic.startswith(GONE):
                outcome = self._take_gone(message)
            else:
                event = self._event(message)
                outcome = self._take_event(event, message)
        except MessageRefusedError as refusal:
            outcome = refusal.outcome
        if outcome != Outcome.ACCEPTED:
            self._passed[message.sha256] = None
            if len(self._passed) > _MOST_PASSED:
                del self._passed[next(iter(self._passed))]
        if outcome != Outcome.NOT_TAKEN:
            self._keep(message, outcome, event)
        self.counts[outcome] += 1
        return outcome

    def _about(self, message: Message) -> tuple[Known, ...]:
        known = self.memory.known.get(message.topic.removeprefix(EVENT))
        return (known,) if known else ()

    def _event(self, message: Message) -> Event:
        if message.byte_count > self._terms.max_message_bytes:
            raise MessageRefusedError(Outcome.OVERSIZED)
        return read_object(Event, message.payload)

    def _take_event(self, event: Event, message: Message) -> Outcome:
        program = self._terms.programs.get(event.programID)
        if program is None:
            return Outcome.NOT_TAKEN
        known = self.memory.known.get(event.id)
        is_ours = program.concerns(event)
        if not is_ours and (known is None or known.is_gone):
            return Outcome.NOT_TAKEN
        if known and event.modificationDateTime < known.modified_utc:
            raise MessageRefusedError(Outcome.OUTDATED)
        if known and event.modificationDateTime == known.modified_utc and not known.is_gone:
            raise MessageRefusedError(Outcome.CONTRADICTORY)
        said = translated(event, program) if is_ours else Said()  # it is for others now
        told = self._told(event.id, event.modificationDateTime, message)
        changed = revised(known.events if known else (), said.asks, told)
        self._add_events(changed, program, message.received_utc)
        quotes = quotes_of(said, program)
        self._add_quotes(event.id, quotes, event.modificationDateTime, message.received_utc)
        self.memory.known[event.id] = Known(
            vtn_program=event.programID,
            sha256=message.sha256,
            modified_utc=event.modificationDateTime,
            is_gone=False,
            events=_newest(known, changed),
            quotes=quotes,
        )
        return Outcome.ACCEPTED

    def _take_gone(self, message: Message) -> Outcome:
        """End or cancel what an event asked for."""
        vtn_id = message.topic.removeprefix(GONE)
        known = self.memory.known.get(vtn_id)
        program = self._terms.programs.get(known.vtn_program) if known else None
        if known is None or program is None or known.is_gone:
            return Outcome.NOT_TAKEN
        told = self._told(vtn_id, message.received_utc, message)
        changed = revised(known.events, (), told)
        self._add_events(changed, program, message.received_utc)
        self._add_quotes(vtn_id, (), message.received_utc, message.received_utc)
        self.memory.known[vtn_id] = replace(
            known, is_gone=True, events=_newest(known, changed), quotes=()
        )
        return Outcome.ACCEPTED

    def _told(self, vtn_id: str, at_utc: datetime, message: Message) -> Told:
        return Told(
            name=f"{self._terms.prefix}{vtn_id}",
            at_utc=at_utc,
            source=f"openadr {self._terms.version} message sha256 {message.sha256}",
        )

    def _add_events(
        self, changed: Iterable[GridEvent], program: ProgramTerms, received_utc: datetime
    ) -> None:
        for event in changed:
            row = event.row(
                self._terms.site_id, program.program_id, program.event_kind, received_utc
            )
            if row is not None:
                self._add(GRID_EVENTS, *row)

    def _add_quotes(
        self, vtn_id: str, quotes: Sequence[Quote], at_utc: datetime, received_utc: datetime
    ) -> None:
        known = self.memory.known.get(vtn_id)
        others = (
            quote
            for other_id, other in self.memory.known.items()
            if other_id != vtn_id and not other.is_gone
            for quote in other.quotes
        )
        changed = list(changed_quotes(known.quotes if known else (), quotes, others, at_utc))
        for table in dict.fromkeys(quote.table for quote in changed):
            new = {quote.key: quote.row(received_utc) for quote in changed if quote.table == table}
            # Of two versions that came together the later one counts.
            kept = [
                row
                for row in self.rows.get(table, [])
                if row[-1] != received_utc or (table, *row[:2]) not in new
            ]
            self.rows[table] = [*kept, *new.values()]

    def _keep(self, message: Message, outcome: Outcome, event: Event | None) -> None:
        """Keep a message as it came, with what became of it."""
        self._add(
            GRID_MESSAGES,
            message.sha256,
            message.topic,
            event and event.id,
            event and event.objectType,
            self._terms.vtn_url,
            outcome.value,
            None,
            None,
            None,
            message.payload.decode("utf-8", errors="backslashreplace"),
            message.byte_count,
            message.received_utc,
        )


def _newest(known: Known | None, changed: Iterable[GridEvent]) -> tuple[GridEvent, ...]:
    events = {event.event_id: event for event in known.events} if known else {}
    events |= {event.event_id: event for event in changed}
    return tuple(events.values())
