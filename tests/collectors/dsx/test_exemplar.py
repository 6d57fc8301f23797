"""The publisher's own messages of a facility through a real broker; ours against its schemas.

4,711 messages of NVIDIA/dsx-exchange@c24771c (Apache-2.0): 166 of metadata, 4,545 values. What is
expected is counted here from the file, without the code under test.
"""

import csv
import gzip
import json
import re
import time
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow.parquet as pq
import pytest
import yaml

from negawatt.collectors.clock import SystemClock
from negawatt.collectors.dsx.config import ListenConfig
from negawatt.collectors.message import Outcome
from tests.collectors.dsx.broker import Broker, Publisher, hearing, needs_mosquitto, until
from tests.collectors.dsx.senders import AGENT, ISV, Sender, load_target, power_state, target

pytestmark = [pytest.mark.slow, pytest.mark.shared]

_OFFSET = re.compile(r"(?:(\d+)m(?!s))?(?:([\d.]+)s)?(?:([\d.]+)ms)?")
_POWER = re.compile(r"BMS/v1/PUB/Value/(PowerMeter/ActivePower|Rack/RackPower)/")


def exemplar(folder: Path) -> list[tuple[float, str, str]]:
    """Return offset [s], topic and payload of each message."""
    with gzip.open(folder / "formats" / "dsx" / "bms_exemplar.csv.gz", "rt") as file:
        return [(_seconds(r["offset"]), r["topic"], r["payload"]) for r in csv.DictReader(file)]


def _seconds(text: str) -> float:
    found = _OFFSET.fullmatch(text)
    assert found, text
    minutes, seconds, milliseconds = (float(part or 0) for part in found.groups())
    return 60 * minutes + seconds + milliseconds * 1e-3


def replay(sender: Publisher, messages: list[tuple[float, str, str]], *, speed: float) -> None:
    """Publish in the messages' own pace times ``speed``.

    The time is filled in as that of the start and a millisecond for each message, so that two
    values of one point never have the same.
    """
    start_ms, start_s = int(SystemClock().now_utc().timestamp() * 1e3), time.monotonic()
    filled = [
        (offset_s, topic, payload.replace("{{timestamp_ms}}", str(start_ms + number)).encode())
        for number, (offset_s, topic, payload) in enumerate(messages)
    ]
    while filled:
        now_s = (time.monotonic() - start_s) * speed
        due = [one for one in filled[:500] if one[0] <= now_s]
        sender.publish([(topic, payload) for _, topic, payload in due])
        del filled[: len(due)]
        time.sleep(0.002)


@needs_mosquitto
@pytest.mark.parametrize("speed", [1e9, 40.0])
def test_every_message_of_the_exemplar_is_accounted_for(
    tmp_path: Path, shared_data: Path, speed: float
) -> None:
    messages = exemplar(shared_data)
    said = [json.loads(p) for _, t, p in messages if t.startswith("BMS/v1/PUB/Metadata/")]
    power_count = sum(bool(_POWER.match(topic)) for _, topic, _ in messages)
    config = ListenConfig.model_validate(
        {
            "site_id": "titan",
            "root": tmp_path / "tables",
            "broker": {"url": "mqtt://127.0.0.1:1", "client_id": "listener"},
            "flex": {"feed_tag": "main-a", "program_id": "pjm_economic_3day"},
            "bms": {"topics": ["BMS/#"]},
        }
    )

    with Broker(tmp_path) as broker, Publisher(broker.port) as sender:
        place = config.broker.model_copy(update={"url": f"mqtt://127.0.0.1:{broker.port}"})
        with hearing(config.model_copy(update={"broker": place})) as one:
            replay(sender, messages, speed=speed)
            until(lambda: one.heard.message_count >= len(messages))

    counts = one.heard.counts
    assert one.heard.message_count == len(messages) == 4_711
    assert one.heard.refused_count == 0
    assert counts[Outcome.NOT_TAKEN] == 4_545 - power_count
    assert counts[Outcome.ACCEPTED] + counts.get(Outcome.REPEATED, 0) == 166 + power_count
    readings = _rows(tmp_path, "raw_node__power_samples")
    assert len(readings) == power_count
    assert {row["reading_quality"] for row in readings} == {"ok"}
    path = _rows(tmp_path, "raw_site__topology")
    meters = [row for row in path if row["object_type"] == "PowerMeter"]
    assert {(row["object_id"], *json.loads(row["serves_ids_json"])) for row in meters} == {
        (one["objectId"], *sorted(one["servesId"]))
        for one in said
        if one["objectType"] == "PowerMeter"
    }


def _rows(folder: Path, table: str) -> list[dict[str, Any]]:
    files = sorted((folder / "tables" / table).rglob("*.parquet"))
    return [row for file in files for row in pq.read_table(file, partitioning=None).to_pylist()]


def test_the_messages_of_these_tests_are_of_the_publishers_schema(shared_data: Path) -> None:
    path = shared_data.parent / "specs" / "dsx-flex.yaml"
    document = yaml.safe_load(path.read_text("utf-8"))
    isv, agent = Sender(ISV, "isv-1"), Sender(AGENT, "agent-1")
    contents = {
        "SetLoadTargetData": load_target(target(750.0), target(None)),
        "PowerStateStatusData": power_state(),
    }
    envelopes = {
        "LoadTargetSetEvent": isv.message("grid.loadtarget.set.v1", load_target()),
        "PowerStateStatusEvent": agent.message("grid.powerstate.status.v1", power_state()),
    }

    for name, content in contents.items():
        _validate(document, name, content)
    for name, message in envelopes.items():
        _validate(document, name, json.loads(message.payload))


def _validate(document: dict[str, Any], name: str, value: object) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(value)
