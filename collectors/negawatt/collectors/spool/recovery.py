"""Where an earlier run of the same boot stopped, read from what it sealed.

Sequence numbers are unique within a boot, so a restarted agent goes on counting. Not here: replay
of unsealed readings, which needs the log that is not built yet.
"""

from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from negawatt.collectors.freshness import CounterState, GpuScope
from negawatt.collectors.raw_schema import POWER_SAMPLES
from negawatt.collectors.sources.protocol import PowerScope

_COLUMNS = [
    "gpu_uuid",
    "power_scope",
    "sequence_number",
    "counter_epoch",
    "energy_total_millijoule",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumePoint:
    """What a run of an agent starts from.

    Attributes:
        next_sequence_number: First number that no sealed reading has.
        counters: Where the energy counters stood in the last sealed file.
    """

    next_sequence_number: int = 0
    counters: dict[GpuScope, CounterState] = field(default_factory=dict)


def resume_point(
    root: Path, *, site_id: str, node_id: str, boot_id: str, source: str
) -> ResumePoint:
    """Return where to go on; the beginning, if nothing of this boot and source was sealed."""
    folder = root / POWER_SAMPLES / f"site={site_id}"
    prefix = f"{node_id}_{boot_id}_{source}_"
    paths = [
        path
        for path in folder.glob("date=*/[!.]*.parquet")
        if path.name.rsplit("_", maxsplit=3)[0] + "_" == prefix
    ]
    if not paths:
        return ResumePoint()
    newest = max(paths, key=_last_sequence_number)
    return ResumePoint(
        next_sequence_number=_last_sequence_number(newest) + 1, counters=_counters(newest)
    )


def _last_sequence_number(path: Path) -> int:
    return int(path.stem.split("_")[-2])


def _counters(path: Path) -> dict[GpuScope, CounterState]:
    rows = pq.read_table(path, columns=_COLUMNS, partitioning=None).sort_by("sequence_number")
    counters: dict[GpuScope, CounterState] = {}
    for row in rows.to_pylist():
        key = (row["gpu_uuid"], PowerScope(row["power_scope"]))
        energy_millijoule = row["energy_total_millijoule"]
        if energy_millijoule is None and key in counters:
            energy_millijoule = counters[key].energy_total_millijoule
        counters[key] = CounterState(energy_millijoule, row["counter_epoch"])
    return counters
