from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from negawatt.collectors.freshness import CounterState
from negawatt.collectors.raw_schema import POWER_SAMPLES, SCHEMAS
from negawatt.collectors.sources.protocol import PowerScope
from negawatt.collectors.spool.recovery import ResumePoint, resume_point
from negawatt.collectors.spool.segment import seal


def _seal(root: Path, node: str, rows: list[tuple[int, int | None]]) -> None:
    values = [
        {
            "node_id": node,
            "boot_id": "b",
            "gpu_uuid": "GPU-a",
            "observed_at_utc": datetime(2026, 7, 1, 0, 0, number % 60, tzinfo=UTC),
            "monotonic_ms": 0,
            "sequence_number": number,
            "counter_epoch": 2,
            "energy_total_millijoule": energy_millijoule,
            "power_scope": "gpu",
            "reading_quality": "ok",
        }
        for number, energy_millijoule in rows
    ]
    table = pa.Table.from_pylist(values, schema=SCHEMAS[POWER_SAMPLES])
    seal(table, root=root, site_id="s1", source="dcgm")


def _resume(root: Path, node: str = "n", boot: str = "b") -> ResumePoint:
    return resume_point(root, site_id="s1", node_id=node, boot_id=boot, source="dcgm")


def test_counting_goes_on_after_the_highest_number_of_any_file(tmp_path: Path) -> None:
    """Numbers 99 to 101 were sealed in two files; the counter last stood at 70 mJ, in epoch 2."""
    _seal(tmp_path, "n", [(99, 60)])
    _seal(tmp_path, "n", [(100, 70), (101, None)])

    resumed = _resume(tmp_path)

    assert resumed.next_sequence_number == 102
    assert resumed.counters == {("GPU-a", PowerScope.GPU): CounterState(70, 2)}


def test_another_boot_or_a_node_with_a_longer_name_begins_at_the_beginning(tmp_path: Path) -> None:
    _seal(tmp_path, "x_n", [(5, 60)])

    assert _resume(tmp_path) == _resume(tmp_path, "x_n", "b2") == ResumePoint()
    assert _resume(tmp_path, "x_n").next_sequence_number == 6
