"""Events as a VTN gives them, made by hand."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from negawatt.collectors.message import Message
from negawatt.collectors.message_store import MessageStore
from negawatt.collectors.openadr.intake import EVENT, GONE, Intake, Terms
from negawatt.collectors.openadr.memory import read_memory
from negawatt.collectors.openadr.translate import ProgramTerms

NOW_UTC = datetime(2026, 7, 1, 20, tzinfo=UTC)
START_UTC = NOW_UTC + timedelta(hours=1)
PROGRAM = ProgramTerms(
    program_id="pjm_economic_3day",
    levels={1: ("target_reduction_ratio", 0.25), 2: ("committed_kw", 500.0)},
    price_series="utility-dynamic",
    alert_series="utility-alerts",
)


def interval(number: int, kind: str, *values: object, **period: str) -> dict[str, Any]:
    told = {"id": number, "payloads": [{"type": kind, "values": list(values)}]}
    return told | ({"intervalPeriod": period} if period else {})


def event(
    *intervals: dict[str, Any], vtn_id: str = "e-1", modified: int = 0, **more: object
) -> dict[str, Any]:
    """Return an event from 21:00, an hour for each interval, changed some seconds after 20:00."""
    kinds = sorted({one["type"] for part in intervals for one in part["payloads"]})
    return {
        "id": vtn_id,
        "objectType": "EVENT",
        "createdDateTime": "2026-07-01T20:00:00Z",
        "modificationDateTime": f"2026-07-01T20:00:{modified:02}Z",
        "programID": "44",
        "intervalPeriod": {"start": "2026-07-01T21:00:00Z", "duration": "PT1H"},
        "payloadDescriptors": [descriptor(kind) for kind in kinds],
        "intervals": list(intervals),
    } | more


def descriptor(kind: str) -> dict[str, Any]:
    told = {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": kind}
    if kind == "PRICE":
        return told | {"units": "KWH", "currency": "USD"}
    return told if kind == "SIMPLE" else told | {"units": "KW"}


def message(told: Mapping[str, Any] | str, received_utc: datetime = NOW_UTC) -> Message:
    text = told if isinstance(told, str) else json.dumps(told)
    vtn_id = "" if isinstance(told, str) else told["id"]
    return Message(f"{EVENT}{vtn_id}", text.encode(), received_utc, len(text))


def gone(vtn_id: str = "e-1", received_utc: datetime = NOW_UTC) -> Message:
    return Message(f"{GONE}{vtn_id}", b"", received_utc, 0)


def terms(
    programs: Mapping[str, ProgramTerms] | None = None, max_message_bytes: int = 1_000_000
) -> Terms:
    return Terms(
        site_id="hall-1",
        vtn_url="https://vtn.example/openadr3",
        programs=programs or {"44": PROGRAM},
        max_message_bytes=max_message_bytes,
    )


def values(rows: Sequence[tuple[Any, ...]], *columns: int) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in rows]


def opened(root: Path) -> MessageStore[Intake]:
    """Return the store of a listener, with its log and memory in ``root/state``."""
    folder, writer = root / "state", ("ven-1", "openadr", "https")
    return MessageStore(root, folder, "hall-1", writer, Intake(terms(), read_memory(folder)))
