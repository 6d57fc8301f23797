import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from negawatt.collectors.clock import VirtualClock
from negawatt.collectors.raw_schema import POWER_SAMPLES, SCHEMAS
from negawatt.collectors.sources.protocol import (
    Batch,
    GapReason,
    GpuIdentity,
    PowerScope,
    ReadingQuality,
)
from negawatt.collectors.sources.replay import ReplaySource
from negawatt.collectors.spool.segment import seal
from negawatt.models.domain.errors import DataRefusedError

_OBSERVED_UTC = datetime(2026, 7, 1, 12, 0, 0, 250_000, tzinfo=UTC)


def _seal(root: Path, *rows: tuple[int, str, str]) -> list[Path]:
    """Seal rows given as sequence number, scope and quality."""
    values = [
        {
            "node_id": "n",
            "boot_id": "b",
            "gpu_uuid": "GPU-a",
            "observed_at_utc": _OBSERVED_UTC,
            "monotonic_ms": 41,
            "sequence_number": number,
            "counter_epoch": 0,
            "power_milliwatt": 1000 + number,
            "power_scope": scope,
            "reading_quality": quality,
            "read_latency_ns": 9,
        }
        for number, scope, quality in rows
    ]
    table = pa.Table.from_pylist(values, schema=SCHEMAS[POWER_SAMPLES])
    gpu = GpuIdentity(gpu_uuid="GPU-a", driver_version="580.1")
    return seal(table, root=root, site_id="s", source="nvml", identities=[gpu])


def _read(source: ReplaySource, count: int) -> list[Batch]:
    async def run() -> list[Batch]:
        clock = VirtualClock(datetime(2030, 1, 1, tzinfo=UTC))
        return [await source.read(clock) for _ in range(count)]

    return asyncio.run(run())


def test_each_read_gives_one_sequence_number_and_gaps_stay_gaps(tmp_path: Path) -> None:
    paths = _seal(tmp_path, (7, "gpu", "ok"), (7, "module", "ok"), (9, "gpu", "ok"))

    batches = _read(ReplaySource(paths), 4)

    assert [[r.power_milliwatt for r in batch.readings] for batch in batches] == [
        [1007, 1007],
        [],
        [1009],
        [],
    ]
    assert [batch.gap_reason for batch in batches[1::2]] == [
        GapReason.NOT_IN_ANSWER,
        GapReason.REPLAY_ENDED,
    ]


def test_a_reading_keeps_its_time_its_scope_and_its_instrument(tmp_path: Path) -> None:
    reading = _read(ReplaySource(_seal(tmp_path, (0, "module", "ok"))), 1)[0].readings[0]

    assert reading.stamp.observed_at_utc == _OBSERVED_UTC
    assert (reading.stamp.monotonic_ns, reading.stamp.read_latency_ns) == (41_000_000, 9)
    assert reading.power_scope == PowerScope.MODULE
    assert reading.energy_total_millijoule is None
    assert reading.identity.driver_version == "580.1"


@pytest.mark.parametrize(
    ("recorded", "replayed"), [("field_error", ReadingQuality.FIELD_ERROR), ("repeat", "ok")]
)
def test_only_what_the_source_itself_found_wrong_is_replayed(
    tmp_path: Path, recorded: str, replayed: str
) -> None:
    source = ReplaySource(_seal(tmp_path, (0, "gpu", recorded)))

    assert _read(source, 1)[0].readings[0].reading_quality == replayed


def test_files_without_readings_are_refused() -> None:
    with pytest.raises(DataRefusedError, match="0 files"):
        ReplaySource([])
