"""Spools for tests: logs written by hand, and the account of what lies in one."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from negawatt.collectors.clock import VirtualClock
from negawatt.collectors.raw_schema import GAPS, POWER_SAMPLES
from negawatt.collectors.sources.protocol import Batch, GapReason, GpuIdentity, Reading, StopWatch
from negawatt.collectors.spool.block import Block, TargetState
from negawatt.collectors.spool.gaps import EVERY_GPU
from negawatt.collectors.spool.log import DiskLimits, SpoolLog
from negawatt.collectors.spool.target_log import SpoolPlace, TargetLog
from negawatt.models.domain.units import NS_PER_S

START_UTC = datetime(2026, 7, 1, 12, tzinfo=UTC)
LIMITS = DiskLimits(thin_below_bytes=0, energy_only_below_bytes=0, reserve_bytes=16384)
POWER_MILLIWATT = 500_000


def place(node_id: str = "n1", boot_id: str = "boot-1") -> SpoolPlace:
    return SpoolPlace(
        site_id="s1", node_id=node_id, boot_id=boot_id, source="dcgm", interval_ns=NS_PER_S
    )


def batch(clock: VirtualClock, gpu_uuids: Sequence[str]) -> Batch:
    """Return a reading of each GPU at 500 W since the clock began."""
    stamp = StopWatch(clock).stamp()
    return Batch(
        readings=tuple(
            Reading(
                identity=GpuIdentity(gpu_uuid=uuid, driver_version="580.1"),
                stamp=stamp,
                power_milliwatt=POWER_MILLIWATT,
                energy_total_millijoule=POWER_MILLIWATT * clock.monotonic_ns() // NS_PER_S,
            )
            for uuid in gpu_uuids
        ),
        gap_reason=GapReason.TIMEOUT,
    )


def blocks(
    target: TargetLog, clock: VirtualClock, ticks: Sequence[Sequence[str]], each: int = 1
) -> Iterator[Block]:
    """Read once a second what each tick names, and yield a block after every ``each`` ticks."""
    for n, gpu_uuids in enumerate(ticks, start=1):
        target.record(clock.now_utc(), batch(clock, gpu_uuids))
        jump(clock, 1)
        if n % each == 0 or n == len(ticks):
            part, rows, gaps = target.take(is_closed=False)
            yield Block(parts=(part,), rows=rows, gaps=gaps)


def jump(clock: VirtualClock, seconds: float) -> None:
    """Let time pass."""
    waiting = clock.sleep_until_ns(clock.monotonic_ns() + round(seconds * NS_PER_S))
    try:
        while True:
            waiting.send(None)
    except StopIteration:
        return


def write_log(
    root: Path,
    ticks: Sequence[Sequence[str]],
    *,
    clock: VirtualClock | None = None,
    resumed: TargetState | None = None,
    number: int = 0,
    boot_id: str = "boot-1",
) -> Path:
    """Write a segment with a frame for each tick, as an agent leaves it that is killed."""
    clock = clock or VirtualClock(START_UTC)
    log = SpoolLog(root, boot_id=boot_id, next_frame_number=number, limits=LIMITS)
    target = TargetLog(place(boot_id=boot_id), clock, resumed)
    for block in blocks(target, clock, ticks):
        assert log.append(block) == []
    log.close()
    return root / "spool" / f"{number:012d}.log"


def sealed_rows(root: Path, table_name: str) -> list[dict[str, Any]]:
    """Return the rows of all sealed files of a table."""
    paths = sorted((root / table_name).rglob("[!.]*.parquet"))
    return [row for path in paths for row in pq.read_table(path, partitioning=None).to_pylist()]


def unaccounted(root: Path, tick_count: int) -> dict[str, int]:
    """Expected less received less gaps of each GPU of a spool; nothing may remain."""
    ticks = {(row["gpu_uuid"], row["sequence_number"]) for row in sealed_rows(root, POWER_SAMPLES)}
    counts = Counter(uuid for uuid, _ in ticks)
    for row in sealed_rows(root, GAPS):
        counts[row["gpu_uuid"]] += row["expected_count"] - row["received_count"]
    of_every_gpu = counts.pop(EVERY_GPU, 0)
    return {
        uuid: tick_count - count - of_every_gpu
        for uuid, count in counts.items()
        if count + of_every_gpu != tick_count
    }


def files(root: Path) -> dict[str, bytes]:
    """Return every file of a spool with its bytes."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=schema)
