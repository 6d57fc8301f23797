"""What is remembered from message to message: units, the electrical path, what came before.

It is saved whole behind the rows that it led to (negawatt.collectors.message_store). Not here: what
a message says.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

from negawatt.collectors.dsx.bms import Meta, Served
from negawatt.collectors.grid_event import GridEvent
from negawatt.collectors.spool.json_state import load_state

VALUES_REMEMBERED: Final = 200_000
_KEY_BYTES: Final = 24  # 16 of the point and instant, 8 of the payload
_POINT_BYTES: Final = 16


@dataclass(slots=True)
class Memory:
    """All of it.

    Attributes:
        points: What is told of each point.
        served: What each object of the electrical path feeds.
        values: Digest of a value's payload, by the digest of its point and instant; the newest
            ``VALUES_REMEMBERED``.
        accepted: Ids and signed contents of accepted messages, each with the instant after which
            its content would be expired anyway; None where it never is.
        events: Newest revision of each event.
    """

    points: dict[str, Meta] = field(default_factory=dict)
    served: dict[str, Served] = field(default_factory=dict)
    values: dict[bytes, bytes] = field(default_factory=dict)
    accepted: dict[str, datetime | None] = field(default_factory=dict)
    events: dict[str, GridEvent] = field(default_factory=dict)

    def forget(self, now_utc: datetime, max_age: timedelta) -> None:
        """Let go of what cannot matter any more."""
        before_utc = now_utc - max_age
        self.accepted = {
            key: latest_utc
            for key, latest_utc in self.accepted.items()
            if latest_utc is None or latest_utc >= before_utc
        }
        self.events = {
            key: event
            for key, event in self.events.items()
            if event.event_end_utc is None or event.event_end_utc >= before_utc
        }

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "points": {key: asdict(meta) for key, meta in self.points.items()},
            "served": [asdict(one) for one in self.served.values()],
            "values": b"".join(key + said for key, said in self.values.items()).hex(),
            "accepted": {
                key: latest_utc.isoformat() if latest_utc else None
                for key, latest_utc in self.accepted.items()
            },
            "events": [event.values() for event in self.events.values()],
        }

    @classmethod
    def of_json(cls, saved: Mapping[str, Any]) -> Self:
        """Read back what ``to_json`` gave; nothing gives an empty memory."""
        if not saved:
            return cls()
        values = bytes.fromhex(saved["values"])
        entries = [
            values[start : start + _KEY_BYTES] for start in range(0, len(values), _KEY_BYTES)
        ]
        served = [
            Served(**one | {"serves_ids": tuple(one["serves_ids"])}) for one in saved["served"]
        ]
        events = [GridEvent.of(one) for one in saved["events"]]
        return cls(
            points={key: Meta(**meta) for key, meta in saved["points"].items()},
            served={one.object_id: one for one in served},
            values={entry[:_POINT_BYTES]: entry[_POINT_BYTES:] for entry in entries},
            accepted={
                key: datetime.fromisoformat(latest_utc) if latest_utc else None
                for key, latest_utc in saved["accepted"].items()
            },
            events={event.event_id: event for event in events},
        )


def read_memory(folder: Path) -> Memory:
    """Return what was remembered in a folder; an empty memory where nothing was.

    Raises:
        DataRefusedError: The file holds something else.
    """
    return Memory.of_json(load_state(folder / "memory.json", _is_saved))


def _is_saved(values: object) -> bool:
    return isinstance(values, dict) and set(values) == {
        "points", "served", "values", "accepted", "events",
    }  # fmt: skip
