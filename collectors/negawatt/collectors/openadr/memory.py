"""What is remembered of each event of a VTN: what it said last, and what became of that.

It is saved whole behind the rows that it led to (negawatt.collectors.message_store). Not here: what
a message says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from negawatt.collectors.grid_event import GridEvent
from negawatt.collectors.openadr.quotes import Quote
from negawatt.collectors.spool.json_state import load_state


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One event of the VTN.

    Attributes:
        vtn_program: Its program's id at the VTN.
        sha256: Digest of the message that was accepted last.
        modified_utc: When the VTN changed it last.
        is_gone: The VTN does not know it any more.
        events: Newest revision of each of our events that it led to.
        quotes: Its prices and alerts.
    """

    vtn_program: str
    sha256: str
    modified_utc: datetime
    is_gone: bool
    events: tuple[GridEvent, ...]
    quotes: tuple[Quote, ...] = ()

    def holds_after(self, moment: datetime) -> bool:
        """Say whether it asks for or says something that is not over."""
        ends = [event.event_end_utc for event in self.events if not event.cancelled]
        ends += [quote.end_utc for quote in self.quotes]
        return not self.is_gone and any(end is None or end > moment for end in ends)


@dataclass(slots=True)
class Memory:
    """All of it.

    Attributes:
        known: Events by the VTN's id.
        sealed: What the last seal took out of the log, each message with when it came: a log that
            a crash left behind is not taken in twice.
    """

    known: dict[str, Known] = field(default_factory=dict)
    sealed: set[str] = field(default_factory=set)

    def forget_quotes(self, before_utc: datetime) -> None:
        """Let go of prices and alerts that were over then; they are withdrawn no more."""
        for vtn_id, one in self.known.items():
            kept = tuple(
                quote for quote in one.quotes if quote.end_utc is None or quote.end_utc > before_utc
            )
            if len(kept) < len(one.quotes):
                self.known[vtn_id] = replace(one, quotes=kept)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "sealed": sorted(self.sealed),
            "known": {
                vtn_id: {
                    "vtn_program": one.vtn_program,
                    "sha256": one.sha256,
                    "modified_utc": one.modified_utc.isoformat(),
                    "is_gone": one.is_gone,
                    "events": [event.values() for event in one.events],
                    "quotes": [quote.values() for quote in one.quotes],
                }
                for vtn_id, one in self.known.items()
            },
        }

    @classmethod
    def of_json(cls, saved: Mapping[str, Any]) -> Self:
        """Read back what ``to_json`` gave; nothing gives an empty memory."""
        return cls(
            sealed=set(saved.get("sealed", ())),
            known={
                vtn_id: Known(
                    vtn_program=one["vtn_program"],
                    sha256=one["sha256"],
                    modified_utc=datetime.fromisoformat(one["modified_utc"]),
                    is_gone=one["is_gone"],
                    events=tuple(GridEvent.of(event) for event in one["events"]),
                    quotes=tuple(Quote.of(quote) for quote in one.get("quotes", ())),
                )
                for vtn_id, one in saved.get("known", {}).items()
            },
        )


def read_memory(folder: Path) -> Memory:
    """Return what was remembered in a folder; an empty memory where nothing was.

    Raises:
        DataRefusedError: The file holds something else.
    """
    return Memory.of_json(load_state(folder / "memory.json", _is_saved))


def _is_saved(values: object) -> bool:
    return isinstance(values, dict) and set(values) == {"known", "sealed"}
