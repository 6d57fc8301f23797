"""Large days of GPU readings, sealed as collectors seal them, and the memory that metering takes.

Here: making the day, metering it through Dagster in a process of its own, watching its memory. Not
here: what is compared.
"""

import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from negawatt.collectors.raw_schema import POWER_SAMPLES, SCHEMAS
from negawatt.collectors.spool.segment import seal
from negawatt.models.domain.units import MS_PER_S, S_PER_H
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.sites import Site, register_sites

SITE_ID, DAY = "hall", date(2026, 6, 30)
START_UTC = datetime(2026, 6, 30, tzinfo=UTC)
GPUS_PER_NODE = 8
_WATCH_EVERY_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered:
    """What metering a day took.

    Attributes:
        took_s: From raw files to committed tables [s].
        peak_bytes: Most memory of all its processes together, pages they share counted in each.
    """

    took_s: float
    peak_bytes: int


def sealed_day(
    root: Path, *, gpu_count: int, step_ms: int, hours: int = 24, rows_at_once: int = 16_000_000
) -> Layout:
    """Return a warehouse with a day of readings: one file for each node and hour.

    Power is noise around 500 W, and the counter is its integral.
    """
    layout = Layout(root)
    register_sites(
        layout,
        {
            SITE_ID: Site(
                time_zone="America/New_York",
                settlement_meter_id="feeder",
                revenue_grade=True,
                boundary="a hall that a benchmark made",
                gpu_rows_at_once=rows_at_once,
            )
        },
    )
    random = np.random.default_rng(1)
    hour = pl.col("observed_at_utc").dt.truncate("1h")
    for first in range(0, gpu_count, GPUS_PER_NODE):
        gpus = range(first, min(gpu_count, first + GPUS_PER_NODE))
        rows = _node_rows(f"n{first // GPUS_PER_NODE:04d}", gpus, step_ms, hours, random)
        for part in rows.with_columns(hour.alias("hour")).partition_by("hour"):
            table = part.to_arrow().select(SCHEMAS[POWER_SAMPLES].names)
            seal(table.cast(SCHEMAS[POWER_SAMPLES]), root=root, site_id=SITE_ID, source="dcgm")
    return layout


def metered(layout: Layout) -> Metered:
    """Run the daily metering job in a process of its own, as the command does."""
    command = (sys.executable, "-m", "benchmarks.site_days", str(layout.root))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        peak_bytes = 0
        while process.poll() is None:
            peak_bytes = max(peak_bytes, _resident_bytes(process.pid))
            time.sleep(_WATCH_EVERY_S)
        assert process.returncode == 0
        assert process.stdout is not None
        return Metered(took_s=float(process.stdout.read()), peak_bytes=peak_bytes)


def _resident_bytes(pid: int) -> int:
    """Return the memory of a process and of those that it started; 0 of one that has ended."""
    folder = Path(f"/proc/{pid}")
    try:
        pages = int((folder / "statm").read_text("ascii").split()[1])
        children = (folder / "task" / str(pid) / "children").read_text("ascii").split()
    except OSError:
        return 0
    return pages * resource.getpagesize() + sum(_resident_bytes(int(child)) for child in children)


def _node_rows(
    node_id: str, gpus: range, step_ms: int, hours: int, random: np.random.Generator
) -> pl.DataFrame:
    count = hours * S_PER_H * MS_PER_S // step_ms
    since_ms = np.tile(np.arange(count) * step_ms, len(gpus))
    power = random.normal(500_000, 40_000, (len(gpus), count)).astype(np.int32)
    start_ms = round(START_UTC.timestamp() * MS_PER_S)
    return pl.DataFrame(
        {
            "node_id": node_id,
            "boot_id": "boot-1",
            "gpu_uuid": np.repeat(
                [f"GPU-{gpu:08x}-0000-4000-8000-000000000000" for gpu in gpus], count
            ),
            "observed_at_utc": start_ms + since_ms,
            "monotonic_ms": since_ms + 1_000_000,
            "sequence_number": since_ms // step_ms,
            "counter_epoch": 0,
            "power_milliwatt": power.ravel(),
            "power_instant_milliwatt": power.ravel(),
            "energy_total_millijoule": np.cumsum(
                power.astype(np.int64) * step_ms // MS_PER_S, axis=1
            ).ravel(),
            "power_limit_milliwatt": 700_000,
            "power_scope": "gpu",
            "reading_quality": "ok",
            "read_latency_ns": random.integers(20_000, 60_000, power.size),
        }
    ).with_columns(pl.col("observed_at_utc").cast(pl.Datetime("ms", "UTC")))


def _meter(root: Path) -> float:
    """Meter the day; importing is not counted."""
    from negawatt.pipelines import run  # noqa: PLC0415 - takes seconds, and only here

    start_s = time.perf_counter()
    run.run_daily_metering(Layout(root), SITE_ID, DAY, DAY, fixed_utc=START_UTC + timedelta(days=2))
    return time.perf_counter() - start_s


if __name__ == "__main__":
    print(_meter(Path(sys.argv[1])))
