"""Bytes of a reading: sealed files beside Prometheus and VictoriaMetrics with the same series."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from benchmarks.series_servers import Series, prometheus, victoria_metrics
from negawatt.collectors.raw_schema import POWER_SAMPLES, SCHEMAS
from negawatt.collectors.spool.segment import seal
from negawatt.models.domain.units import MS_PER_S, NS_PER_MS

GPU_COUNT, HOURS, STEP_MS = 4, 2, 100
LIMIT_SAMPLE_BYTES, LIMIT_ROW_BYTES = 3.0, 6.5
START_MS = 1_782_777_600_000
_SAMPLE = ("gpu_uuid", "observed_at_utc", "power_milliwatt")
_TEN = (
    *(*_SAMPLE, "node_id", "boot_id", "counter_epoch", "sequence_number"),
    *("energy_total_millijoule", "power_scope", "reading_quality"),
)
"""What a reading was, whose and when, and what it is worth: all that the first version kept."""


def readings() -> pa.Table:
    """Return two hours of four GPUs read ten times a second, new each time.

    GPUs idle, train in waves of a minute, and answer requests in bursts; noise follows itself with
    a spread of 9 W under load. A reading is taken up to 3 ms late, within 300 microseconds.
    """
    random = np.random.default_rng(1)
    count = HOURS * 3_600 * MS_PER_S // STEP_MS
    tick = np.arange(count)
    parts = [_gpu(gpu, tick, random) for gpu in range(GPU_COUNT)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    rows = GPU_COUNT * count
    columns |= {
        "node_id": np.full(rows, "n1"),
        "boot_id": np.full(rows, "b1"),
        "counter_epoch": np.zeros(rows, np.int32),
        "power_limit_milliwatt": np.full(rows, 700_000),
        "power_scope": np.full(rows, "gpu"),
        "reading_quality": np.full(rows, "ok"),
    }
    schema = SCHEMAS[POWER_SAMPLES]
    arrays = [pa.array(columns[name]).cast(schema.field(name).type) for name in schema.names]
    return pa.table(arrays, schema=schema)


def _gpu(gpu: int, tick: np.ndarray, random: np.random.Generator) -> dict[str, np.ndarray]:
    second = tick * STEP_MS / MS_PER_S
    is_burst = random.random(tick.size // 20 + 1).repeat(20)[: tick.size] < 0.3
    level_w = (
        np.full(tick.size, 75.0),
        500 + 150 * np.sign(np.sin(second * 2 * np.pi / 60)),
        np.where(is_burst, 620.0, 140.0),
        np.where(second % 3_600 < 2_400, 640.0, 80.0),
    )[gpu % 4]
    spread_w = np.where(level_w > 100, 9.0, 0.8)
    noise_w = random.normal(0, 1, tick.size)
    for at in range(1, 4):  # each value keeps some of those before
        noise_w[at:] += 0.5**at * noise_w[:-at]
    instant = np.round((level_w + spread_w * noise_w / 1.15) * 1_000).astype(np.int64)
    mean = np.convolve(instant, np.full(10, 0.1), "full")[: tick.size].astype(np.int64)
    latency_ns = random.lognormal(np.log(300_000), 0.5, tick.size).astype(np.int64)
    late_ns = random.uniform(0, 3 * NS_PER_MS, tick.size)
    mono_ms = (tick * STEP_MS * NS_PER_MS + late_ns + latency_ns / 2).astype(np.int64) // NS_PER_MS
    return {
        "gpu_uuid": np.full(tick.size, f"GPU-{gpu:08x}-1111-2222-3333-444455556666"),
        "observed_at_utc": START_MS + mono_ms,
        "monotonic_ms": mono_ms,
        "sequence_number": tick,
        "power_milliwatt": instant,
        "power_instant_milliwatt": mean,
        "energy_total_millijoule": 10**12 + np.cumsum(instant * STEP_MS // MS_PER_S),
        "read_latency_ns": latency_ns,
    }


def series_of(table: pa.Table) -> Iterator[Series]:
    """Yield the power of each GPU as those servers keep it, in watts."""
    for gpu_uuid in sorted(set(table["gpu_uuid"].to_pylist())):
        rows = table.filter(pc.equal(table["gpu_uuid"], gpu_uuid))
        yield Series(
            name="gpu_power_watts",
            labels={"UUID": gpu_uuid, "Hostname": "n1"},
            time_ms=rows["observed_at_utc"].cast(pa.int64()).to_numpy(),
            values=rows["power_milliwatt"].to_numpy() / 1_000,
        )


def test_a_sample_takes_three_bytes_and_those_servers_keep_it_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = readings()
    (sealed,) = seal(table, root=tmp_path, site_id="s1", source="nvml")
    of_column = _bytes_of_columns(sealed)
    ours = {
        "GPU, time and power": sum(of_column[name] for name in _SAMPLE),
        "ten columns": sum(of_column[name] for name in _TEN),
        "all fourteen": sealed.stat().st_size / table.num_rows,
    }
    theirs = {}
    until_ms = int(table["observed_at_utc"].cast(pa.int64()).to_numpy().max()) + 1
    for run in (prometheus, victoria_metrics):
        with run(tmp_path, series_of(table)) as server:
            assert server.sample_count("gpu_power_watts", until_ms) == table.num_rows
            theirs[run.__name__] = server.byte_count / table.num_rows

    with capsys.disabled():
        print(f"\n{table.num_rows:,} readings, bytes of each")
        for name, bytes_each in (ours | theirs).items():
            print(f"  {name}: {bytes_each:.2f}")
    assert ours["GPU, time and power"] <= LIMIT_SAMPLE_BYTES
    assert ours["ten columns"] <= LIMIT_ROW_BYTES


def _bytes_of_columns(path: Path) -> dict[str, float]:
    """Return the bytes that each column of a file takes for a row."""
    metadata = pq.read_metadata(path)
    found: dict[str, float] = {}
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            taken = column.total_compressed_size / metadata.num_rows
            found[column.path_in_schema] = found.get(column.path_in_schema, 0.0) + taken
    return found
