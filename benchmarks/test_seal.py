"""The bytes of readings: sealed against pyarrow's default Parquet writer, in the log, and a row."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.conftest import Report, best_s
from negawatt.collectors.clock import VirtualClock
from negawatt.collectors.raw_schema import POWER_SAMPLES, SCHEMAS
from negawatt.collectors.spool.block import Block, Part, encode_block
from negawatt.collectors.spool.gaps import gap_batch
from negawatt.collectors.spool.segment import seal
from negawatt.collectors.spool.target_log import SpoolPlace, begun
from negawatt.models.domain.units import MS_PER_S, NS_PER_MS, NS_PER_S

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


def fast_quarter() -> pa.Table:
    """Return 15 minutes of eight GPUs polled at 100 Hz whose values are new each 100 ms.

    Lateness has the median that was measured for such a loop, 105 microseconds; a read takes about
    300 microseconds, with a spread of half. The instant power has noise of 9 W, the other is its
    mean over a second, the counter its integral.
    """
    random = np.random.default_rng(1)
    tick = np.arange(15 * 60 * 100)
    value = tick * 10 // 100
    parts = []
    for gpu in range(GPU_COUNT):
        late_ns = random.lognormal(np.log(105_000), 1.0, tick.size)
        latency_ns = random.lognormal(np.log(300_000), 0.5, tick.size).astype(np.int64)
        mono_ms = (tick * 10 * NS_PER_MS + late_ns + latency_ns / 2).astype(np.int64) // NS_PER_MS
        instant = random.normal(620_000, 9_000, value[-1] + 1).astype(np.int64)
        mean = np.convolve(instant, np.ones(10) / 10, "full")[: instant.size].astype(np.int64)
        parts.append(
            {
                "gpu_uuid": np.full(tick.size, f"GPU-{gpu:08x}-1111-2222-3333-444455556666"),
                "observed_at_utc": 1_782_777_600_000 + mono_ms,
                "monotonic_ms": mono_ms,
                "sequence_number": tick,
                "power_milliwatt": mean[value],
                "power_instant_milliwatt": instant[value],
                "energy_total_millijoule": 10**12 + np.cumsum(instant * 100 // MS_PER_S)[value],
                "read_latency_ns": latency_ns,
                "reading_quality": np.where(tick % 10 == 0, "ok", "repeat"),
            }
        )
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    rows = GPU_COUNT * tick.size
    columns |= {
        "node_id": np.full(rows, "n1"),
        "boot_id": np.full(rows, "b1"),
        "counter_epoch": np.zeros(rows, np.int32),
        "power_limit_milliwatt": np.full(rows, 700_000),
        "power_scope": np.full(rows, "gpu"),
    }
    schema = SCHEMAS[POWER_SAMPLES]
    arrays = [pa.array(columns[name]).cast(schema.field(name).type) for name in schema.names]
    return pa.table(arrays, schema=schema)


def test_a_raw_row_takes_six_and_a_half_bytes_at_most(tmp_path: Path) -> None:
    """All fourteen columns are written; ten of them differ from row to row or GPU to GPU."""
    table = fast_quarter()
    (sealed,) = seal(table, root=tmp_path, site_id="s1", source="nvml")
    bytes_per_row = sealed.stat().st_size / table.num_rows

    print(f"\nsealed: {bytes_per_row:.2f} bytes a row (limit 6.5)", end="")
    assert bytes_per_row <= 6.5


def test_a_row_of_the_log_takes_less_than_half_of_its_arrow_bytes() -> None:
    """A block of a second, in the order of the polls, with the account of its target."""
    second = fast_quarter().filter(pa.array(np.tile(np.arange(90_000) < 100, GPU_COUNT)))
    second = second.sort_by([("sequence_number", "ascending"), ("gpu_uuid", "ascending")])
    (rows,) = second.combine_chunks().to_batches()
    clock = VirtualClock(datetime(2026, 6, 30, tzinfo=UTC))
    place = SpoolPlace(
        site_id="s1", node_id="n1", boot_id="b1", source="nvml", interval_ns=NS_PER_S // 100
    )
    state = begun(place, clock)
    part = Part(first_sequence_number=0, start_utc=state.due_utc, state=state)
    block = Block(parts=(part,), rows=rows, gaps=gap_batch([]))

    length = len(encode_block(block))
    seconds = best_s(lambda: encode_block(block))

    print(
        f"\nlog: {length / rows.num_rows:.1f} bytes a row of {rows.nbytes / rows.num_rows:.0f} in "
        f"Arrow; {seconds * MS_PER_S:.2f} ms to encode the {rows.num_rows} rows of a second",
        end="",
    )
    assert length < rows.nbytes / 2
