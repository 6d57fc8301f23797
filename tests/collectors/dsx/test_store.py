"""What was acknowledged is in the tables once, wherever the process ends."""

import errno
import itertools
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from negawatt.collectors import message_store as module
from negawatt.collectors.dsx.intake import Intake
from negawatt.collectors.message import Message, Outcome
from negawatt.collectors.message_journal import Journal
from negawatt.collectors.message_store import MessageStore
from negawatt.collectors.spool.segment import seal_facts
from negawatt.models.domain.errors import DataRefusedError
from tests.collectors.dsx.senders import ISV, NOW_UTC, Sender, load_target, target, terms
from tests.collectors.dsx.senders import opened as opened_for

pytestmark = pytest.mark.slow  # each test seals

ISV_1 = Sender(ISV, "isv-1")
POINT = "PowerMeter/ActivePower/hall/bus-1"
META = {
    "objectType": "PowerMeter",
    "pointType": "ActivePower",
    "engUnit": "kW",
    "objectId": "BUS-1",
    "servesId": ["TAP-1"],
}


def opened(folder: Path) -> MessageStore[Intake]:
    return opened_for(folder, terms(ISV_1))


def bms(kind: str, content: dict[str, Any]) -> Message:
    payload = json.dumps(content).encode()
    return Message(f"BMS/v1/PUB/{kind}/{POINT}", payload, NOW_UTC, len(payload))


def value(number: float, *, quality: int = 1, at_ms: int = 1_790_000_000_000) -> Message:
    return bms("Value", {"value": number, "timestamp": at_ms, "quality": quality})


def batch() -> list[Message]:
    """Return five messages: two are told again."""
    order = ISV_1.message("grid.loadtarget.set.v1", load_target())
    return [bms("Metadata", META), value(118.5), value(118.5), order, order]


def rows(folder: Path, table: str) -> list[dict[str, Any]]:
    files = sorted((folder / table).rglob("*.parquet"))
    return [row for file in files for row in pq.read_table(file, partitioning=None).to_pylist()]


def held(folder: Path) -> dict[str, int]:
    """Return how many rows each table has."""
    tables = ("raw_node__power_samples", "raw_site__topology", "raw_grid__events")
    return {table: len(rows(folder, table)) for table in tables}


ONCE = {"raw_node__power_samples": 1, "raw_site__topology": 1, "raw_grid__events": 1}


def test_a_value_is_stored_in_watt_with_its_meter_and_its_own_time(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.keep([bms("Metadata", META), value(118.5)])
    store.close()

    (row,) = rows(tmp_path, "raw_node__power_samples")
    assert (row["node_id"], row["meter_id"]) == ("BUS-1", "hall/bus-1")
    assert (row["power_w"], row["reading_quality"]) == (118_500.0, "ok")
    assert row["observed_at_utc"].timestamp() == 1_790_000_000


def test_a_value_of_bad_quality_is_a_row_without_a_value(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.keep([bms("Metadata", META), value(118.5, quality=0)])
    store.close()

    (row,) = rows(tmp_path, "raw_node__power_samples")
    assert (row["power_w"], row["reading_quality"]) == (None, "bms_quality_0")


@pytest.mark.parametrize("failing", [1, 2, 3, 4])
def test_a_seal_that_fails_loses_nothing_and_what_it_sealed_is_there_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    calls = itertools.count(1)

    def sometimes(
        name: str, rows: pa.Table, *, root: Path, site_id: str, writer: tuple[str, str, str]
    ) -> list[Path]:
        if next(calls) == failing:
            raise PermissionError(errno.EACCES, "no access")
        return seal_facts(name, rows, root=root, site_id=site_id, writer=writer)

    monkeypatch.setattr(module, "seal_facts", sometimes)
    store = opened(tmp_path)
    store.keep(batch())

    with pytest.raises(PermissionError):
        store.seal()
    store.close()
    opened(tmp_path).close()

    assert held(tmp_path) == ONCE
    assert len(rows(tmp_path, "raw_grid__messages")) == 2


def test_every_message_has_one_outcome_and_what_is_refused_is_kept(tmp_path: Path) -> None:
    store = opened(tmp_path)
    other_unit = META | {"engUnit": "hp"}
    store.keep(
        [
            value(1.0),  # nobody told its unit yet
            *batch(),
            value(119.0),  # another value of the same instant
            bms("Metadata", other_unit),
            value(1.0, at_ms=1_790_000_001_000),
        ]
    )
    store.close()

    counts = store.intake.counts
    assert counts == {
        Outcome.ACCEPTED: 4,
        Outcome.REPEATED: 1,
        Outcome.REPLAYED: 1,
        Outcome.NO_METADATA: 1,
        Outcome.CONTRADICTORY: 1,
        Outcome.UNIT_UNKNOWN: 1,
    }
    kept = [row["message_outcome"] for row in rows(tmp_path, "raw_grid__messages")]
    assert sorted(kept) == sorted(
        ["accepted", "replayed", "no_metadata", "contradictory", "unit_unknown"]
    )


def test_a_value_from_somebody_who_does_not_own_the_point_is_refused(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.keep([bms("Metadata", META | {"integration": "MEPAI"}), value(118.5)])

    assert store.intake.counts[Outcome.NOT_ITS_POINT] == 1


def test_a_new_version_of_the_electrical_path_is_a_new_row(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.keep([bms("Metadata", META)])
    store.seal()
    store.keep([bms("Metadata", META), bms("Metadata", META | {"servesId": ["TAP-2"]})])
    store.close()

    found = [row["serves_ids_json"] for row in rows(tmp_path, "raw_site__topology")]
    assert sorted(found) == ['["TAP-1"]', '["TAP-2"]']


def test_a_process_that_ends_before_it_sealed_seals_at_its_next_start(tmp_path: Path) -> None:
    opened(tmp_path).keep(batch())
    assert held(tmp_path) == dict.fromkeys(ONCE, 0)

    store = opened(tmp_path)

    assert held(tmp_path) == ONCE
    store.keep(batch())
    store.close()
    assert held(tmp_path) == ONCE


@pytest.mark.parametrize("last_step", ["seal_facts", "save_state", "begin_anew"])
def test_a_process_that_ends_between_two_steps_of_sealing_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last_step: str
) -> None:
    store = opened(tmp_path)
    store.keep(batch())

    def ends(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        where: object = Journal if last_step == "begin_anew" else module
        patch.setattr(where, last_step, ends)
        with pytest.raises(KeyboardInterrupt):
            store.seal()
    again = opened(tmp_path)
    again.keep(batch())
    again.close()

    assert held(tmp_path) == ONCE


def test_a_write_that_was_cut_short_is_left_out_and_damage_in_the_midst_is_told(
    tmp_path: Path,
) -> None:
    store = opened(tmp_path)
    store.keep(batch())
    store.keep([value(1.0, at_ms=1_790_000_001_000)])
    log = tmp_path / "state" / "messages.log"
    whole = log.read_bytes()

    log.write_bytes(whole[:100] + b"\0" + whole[101:])
    with pytest.raises(DataRefusedError, match="damaged bytes"):
        opened(tmp_path)
    log.write_bytes(whole[:-5])
    again = opened(tmp_path)
    assert held(tmp_path) == ONCE

    again.keep([value(1.0, at_ms=1_790_000_001_000)])  # nobody acknowledged it: it comes again
    again.close()
    assert held(tmp_path) == ONCE | {"raw_node__power_samples": 2}


def test_a_log_with_nothing_whole_in_it_is_begun_anew(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.keep(batch())
    log = tmp_path / "state" / "messages.log"
    log.write_bytes(log.read_bytes()[:-5])

    opened(tmp_path).keep(batch())
    opened(tmp_path)

    assert held(tmp_path) == ONCE


def test_a_load_target_that_changes_after_a_restart_is_the_next_revision(tmp_path: Path) -> None:
    correlation = "00000000-0000-4000-8000-000000000007"
    for number, limit_kw in enumerate((750.0, 500.0), start=1):
        store = opened(tmp_path)
        store.keep(
            [
                ISV_1.message(
                    "grid.loadtarget.set.v1",
                    load_target(target(limit_kw)),
                    number=number,
                    correlationid=correlation,
                )
            ]
        )
        store.close()

    found = {(row["revision"], row["limit_kw"]) for row in rows(tmp_path, "raw_grid__events")}
    assert found == {(1, 750.0), (2, 500.0)}


def test_a_memory_comes_back_from_disk_as_it_went_and_forgets_what_is_past(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.keep(batch())
    store.close()

    back = opened(tmp_path).intake.memory

    assert back == store.intake.memory
    assert len(back.accepted) == 2
    back.forget(NOW_UTC + timedelta(days=30), timedelta(days=1))
    assert (back.accepted, back.events) == ({}, {})
