"""The 47 examples of the OpenADR 3.1.0 user guide: each is read, or refused for its own fault.

Source: user guide of grid-coordination/openadr3-specification at 179eae22 (Apache-2.0), read from
beside the checkout.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from negawatt.collectors.message import MessageRefusedError, Outcome
from negawatt.collectors.openadr.intake import Intake
from negawatt.collectors.openadr.memory import Memory
from negawatt.collectors.openadr.spec import (
    Event,
    EventRequest,
    ProgramRequest,
    ReportDescriptor,
    ReportRequest,
    ResourceRequest,
    VenRequest,
    read_object,
)
from negawatt.collectors.openadr.translate import ProgramTerms
from negawatt.collectors.raw_schema import GRID_EVENTS, MARKET_PRICES
from tests.collectors.openadr.vtn_events import message, terms

pytestmark = pytest.mark.shared

FAULTS = {
    3: "createdDateTime",  # 14:13:26, a time of day
    9: "reportDescriptors.0.payloadType",  # written payLoadType
    20: "property name enclosed in double quotes",  # points written {0.9, 0.4}: no JSON
    38: "intervals.0.intervalPeriod.start",  # a space where RFC 3339 has a T
    44: "createdDateTime",
    46: "objectType",  # RESOURCE, where the document's own schema has BL_RESOURCE_REQUEST
}
"""Where the fault is, by the number of the example."""

SAYS_NOTHING = {
    22: "reports only", 24: "reports only", 26: "reports only", 34: "reports only",
    43: "no intervals", 45: "no intervals",
}  # fmt: skip
TAKEN = {2, 7, 8, 13, 15, 21, 28, 32}
REFUSED = {
    2: Outcome.UNIT_UNKNOWN,  # a price without unit and currency
    6: Outcome.MANY_VALUES,  # three prices for one interval: which holds when is not said
    7: Outcome.UNIT_UNKNOWN,
    12: Outcome.PAYLOAD_UNKNOWN,  # ALERT_GRID_EMERGENCY
    19: Outcome.PAYLOAD_UNKNOWN,  # CURVE
    29: Outcome.PAYLOAD_UNKNOWN,  # CONTROL_SETPOINT of a device
    30: Outcome.PAYLOAD_UNKNOWN,
    33: Outcome.PAYLOAD_UNKNOWN,  # CAPACITY_SUBSCRIPTION: a right, no order
    36: Outcome.PAYLOAD_UNKNOWN,  # CAPACITY_RESERVATION
    37: Outcome.PAYLOAD_UNKNOWN,  # CAPACITY_AVAILABLE
    39: Outcome.PAYLOAD_UNKNOWN,  # DISPATCH_INSTRUCTION in words
}
LIMITS_KW = {21: [0.0], 32: [10.0, 8.0]}


@pytest.fixture(scope="module")
def examples(shared_data: Path) -> list[dict[str, Any]]:
    path = shared_data / "formats" / "openadr" / "openadr3_user_guide_examples.json"
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
    return found


def kind_of(told: dict[str, Any]) -> type[BaseModel]:
    for name, kind in (
        ("programName", ProgramRequest), ("eventID", ReportRequest), ("venName", VenRequest),
        ("resourceName", ResourceRequest),
    ):  # fmt: skip
        if name in told:
            return kind
    if "programID" in told:
        return Event if "id" in told else EventRequest
    return ReportDescriptor


def fault(example: dict[str, Any]) -> str | None:
    """Return why an example is refused; None where it is read."""
    told = example.get("json")
    (one,) = told if isinstance(told, list) else [told]
    kind = Event if one is None else kind_of(one)
    try:
        read_object(kind, example["raw"] if one is None else json.dumps(one))
    except MessageRefusedError as refusal:
        return str(refusal.__cause__)
    return None


def test_each_example_is_read_or_refused_where_its_fault_is(examples: list[dict[str, Any]]) -> None:
    found = {number: why for number, one in enumerate(examples) if (why := fault(one))}

    assert len(examples) == 47
    assert found.keys() == FAULTS.keys()
    assert not [number for number, place in FAULTS.items() if place not in found[number]]


def test_each_event_is_taken_or_refused_for_what_it_does_not_say(
    examples: list[dict[str, Any]],
) -> None:
    """Each is read as if a VTN had given it, in a program that explains level 1 and its prices."""
    program = ProgramTerms(
        program_id="p", levels={1: ("committed_kw", 5.0)}, price_series="utility-dynamic"
    )
    events = {
        number: one["json"] | {"id": f"e-{number}", "objectType": "EVENT"}
        for number, one in enumerate(examples)
        if isinstance(one.get("json"), dict) and kind_of(one["json"]) is EventRequest
    }
    outcomes, limits_kw, tables = {}, {}, Counter[str]()
    for number in events.keys() - FAULTS.keys():
        told = events[number] | dict.fromkeys(
            ("createdDateTime", "modificationDateTime"), "2026-07-01T20:00:00Z"
        )
        one = Intake(terms({told["programID"]: program}), Memory())
        outcomes[number] = one.take(message(told))
        rows = one.rows.get(GRID_EVENTS, [])
        limits_kw[number] = [row[9] for row in rows if row[9] is not None]
        tables.update({name: len(found) for name, found in one.rows.items()})

    accepted = {number for number, found in outcomes.items() if found == Outcome.ACCEPTED}
    refused = {number: found for number, found in outcomes.items() if found != Outcome.ACCEPTED}
    assert refused == REFUSED
    assert accepted == (TAKEN - REFUSED.keys()) | SAYS_NOTHING.keys()
    assert {number: found for number, found in limits_kw.items() if found} == LIMITS_KW
    assert (tables[GRID_EVENTS], tables[MARKET_PRICES]) == (4, 3)
