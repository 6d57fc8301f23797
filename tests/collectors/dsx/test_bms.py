"""The BMS bus: topics and payloads as in DSX BMS Event Bus 1.0.0, made by hand."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from negawatt.collectors.dsx.bms import point_of, read_metadata, read_value
from negawatt.collectors.message import MessageRefusedError, Outcome

BUS = {
    "objectType": "PowerMeter",
    "pointType": "ActivePower",
    "engUnit": "kW",
    "objectName": "Bus 1",
    "objectId": "BUS-1",
    "servesId": ["TAP-2", "TAP-1", "TAP-2"],
}
BUS_TOPIC = "BMS/v1/PUB/Metadata/PowerMeter/ActivePower/hall/bus-1/value"


def refusal(what: Callable[..., object], *args: object) -> Outcome:
    with pytest.raises(MessageRefusedError) as refused:
        what(*args)
    return refused.value.outcome


def test_metadata_and_value_of_a_point_meet_in_its_tag_path() -> None:
    said = point_of(BUS_TOPIC)
    value = point_of(BUS_TOPIC.replace("Metadata", "Value"))

    assert (said.is_metadata, value.is_metadata) == (True, False)
    assert said.key == value.key == "PowerMeter/ActivePower/hall/bus-1/value"
    assert value.is_power


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "BMS/v2/PUB/Value/Rack/RackPower/r1",
        "BMS/v1/PUB/Value/Rack/RackPower",
        "BMS/v1/PUB/Order/Rack/RackPower/r1",
        "BMS/v1/MEPAI/Metadata/Rack/RackPower/r1",  # the BMS is the sole publisher of metadata
        "BMS/v1//Value/Rack/RackPower/r1",
    ],
)
def test_a_topic_that_the_bus_does_not_have_is_refused(topic: str) -> None:
    assert refusal(point_of, topic) == Outcome.TOPIC_UNKNOWN


def test_metadata_tells_the_unit_and_what_the_object_feeds() -> None:
    meta, served = read_metadata(point_of(BUS_TOPIC), json.dumps(BUS).encode())

    assert (meta.object_id, meta.w_per_unit, meta.publisher) == ("BUS-1", 1000, "PUB")
    assert served is not None
    assert served.serves_ids == ("TAP-1", "TAP-2")


def test_a_rack_is_known_by_its_location_and_feeds_nothing() -> None:
    point = point_of("BMS/v1/PUB/Metadata/Rack/RackPower/row1/rack05/power")
    said = {"objectType": "Rack", "pointType": "RackPower", "engUnit": "kW", "rackLocationId": "R5"}

    meta, served = read_metadata(point, json.dumps(said).encode())

    assert meta.object_id == "R5"
    assert served is not None
    assert served.serves_ids == ()


def test_a_cooling_unit_serves_liquid_and_is_no_part_of_the_electrical_path() -> None:
    point = point_of("BMS/v1/PUB/Metadata/CDU/LiquidFlow/cdu-1/flow")
    said = {"objectType": "CDU", "pointType": "LiquidFlow", "objectId": "CDU-1", "servesId": ["R5"]}

    _, served = read_metadata(point, json.dumps(said).encode())

    assert served is None


@pytest.mark.parametrize(
    "change",
    [{"objectType": "Rack"}, {"servesId": "TAP-1"}, {"servesId": [1]}, {"objectId": 5}],
)
def test_metadata_that_contradicts_its_topic_or_its_types_is_refused(
    change: dict[str, Any],
) -> None:
    payload = json.dumps(BUS | change).encode()

    assert refusal(read_metadata, point_of(BUS_TOPIC), payload) == Outcome.NOT_UNDERSTOOD


@pytest.mark.parametrize("quality", [0, 2, -1])
def test_a_number_of_bad_quality_is_no_value(quality: int) -> None:
    value = read_value(b'{"value": 118.5, "timestamp": 1743620423000, "quality": %d}' % quality)

    assert (value.value, value.quality) == (None, quality)


@pytest.mark.parametrize("number", ["null", "NaN", "Infinity", "true", '"118.5"', "1e999"])
def test_a_good_value_that_is_no_finite_number_is_refused(number: str) -> None:
    payload = f'{{"value": {number}, "timestamp": 1743620423000, "quality": 1}}'.encode()

    assert refusal(read_value, payload) == Outcome.NO_NUMBER


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"118.5",
        b'{"value": 1, "timestamp": {{timestamp_ms}}, "quality": 1}',
        b'{"value": 1, "timestamp": 1743620423000}',
        b'{"value": 1, "timestamp": 1743620423000.5, "quality": 1}',
        b'{"value": 1, "timestamp": -1, "quality": 1}',
        b'{"value": 1, "timestamp": 99999999999999999, "quality": 1}',
        b'{"value": 1, "timestamp": 1743620423000, "quality": true}',
        b'{"value": 1, "timestamp": 1743620423000, "quality": 1, "unit": "kW"}',
        b"[" * 100_000,
    ],
)
def test_a_value_of_another_form_is_refused(payload: bytes) -> None:
    assert refusal(read_value, payload) == Outcome.NOT_UNDERSTOOD


@given(st.binary(max_size=60))
def test_no_bytes_do_more_than_be_refused(payload: bytes) -> None:
    with suppress(MessageRefusedError):
        read_value(payload)
