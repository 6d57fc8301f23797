"""Sealing a node day against pyarrow's default Parquet writer: bytes."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.conftest import Report
from negawatt.collectors.raw_schema import POWER_SAMPLES, SCHEMAS
from negawatt.collectors.spool.segment import seal

GPU_COUNT, READING_COUNT = 8, 8_640


def node_day() -> pa.Table:
    """Return a reading of each of eight GPUs every ten seconds of 2026-06-30, with noise."""
    random = np.random.default_rng(1)
    power = random.normal(500_000, 9_000, (GPU_COUNT, READING_COUNT)).astype(np.int32)
    rows = GPU_COUNT * READING_COUNT
    tick = np.tile(np.arange(READING_COUNT), GPU_COUNT)
    columns = {
        "node_id": ["n1"] * rows,
        "boot_id": ["b1"] * rows,
        "gpu_uuid": np.repeat([f"GPU-{gpu}" for gpu in range(GPU_COUNT)], READING_COUNT),
        "observed_at_utc": pa.array(
            1_782_777_600_000 + tick * 10_000 + random.integers(0, 4, rows)
        ),
        "monotonic_ms": tick * 10_000,
        "sequence_number": tick,
        "counter_epoch": np.zeros(rows, np.int32),
        "power_milliwatt": power.ravel(),
        "power_instant_milliwatt": power.ravel(),
        "energy_total_millijoule": np.cumsum(power.astype(np.int64) * 10, axis=1).ravel(),
        "power_limit_milliwatt": np.full(rows, 700_000, np.int32),
        "power_scope": ["gpu"] * rows,
        "reading_quality": ["ok"] * rows,
        "read_latency_ns": random.integers(300_000, 500_000, rows),
    }
    schema = SCHEMAS[POWER_SAMPLES]
    arrays = [pa.array(columns[name]).cast(schema.field(name).type) for name in schema.names]
    return pa.table(arrays, schema=schema)


def test_a_sealed_file_is_smaller_than_the_default_one(tmp_path: Path, report: Report) -> None:
    table = node_day()
    pq.write_table(table, tmp_path / "default.parquet")

    (sealed,) = seal(table, root=tmp_path, site_id="s1", source="dcgm")

    reference = (tmp_path / "default.parquet").stat().st_size
    report(
        "bytes of a sealed node day, against pyarrow's defaults",
        sealed.stat().st_size,
        reference,
        0.7,
    )
