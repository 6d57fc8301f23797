"""Metering a site day of GPUs against the cheapest roll-up there is: a mean for each minute."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from benchmarks.conftest import Report, best_s
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.gpu_minutes import gpu_interval_energy

START_UTC = datetime(2026, 6, 30, tzinfo=UTC)
DAY = Interval(START_UTC, START_UTC + timedelta(days=1))
GPU_COUNT, STEP_S = 64, 10


def site_day() -> pl.DataFrame:
    """Return a reading of each GPU every ten seconds, with noise and a counter that fits it."""
    count = 86_400 // STEP_S + 1
    random = np.random.default_rng(1)
    power = random.normal(500_000, 40_000, (GPU_COUNT, count)).astype(np.int32)
    energy = np.cumsum(power.astype(np.int64) * STEP_S, axis=1)
    start_ms = round(START_UTC.timestamp() * 1_000)
    return pl.DataFrame(
        {
            "node_id": np.repeat([f"n{gpu // 8}" for gpu in range(GPU_COUNT)], count),
            "boot_id": "b",
            "gpu_uuid": np.repeat([f"GPU-{gpu:02d}" for gpu in range(GPU_COUNT)], count),
            "observed_at_utc": np.tile(start_ms + np.arange(count) * STEP_S * 1_000, GPU_COUNT),
            "monotonic_ms": np.tile(np.arange(count) * STEP_S * 1_000, GPU_COUNT),
            "sequence_number": np.tile(np.arange(count), GPU_COUNT),
            "counter_epoch": 0,
            "power_milliwatt": power.ravel(),
            "energy_total_millijoule": energy.ravel(),
            "power_scope": "gpu",
            "reading_quality": "ok",
        }
    ).with_columns(pl.col("observed_at_utc").cast(pl.Datetime("ms", "UTC")))


def test_metering_with_evidence_costs_a_small_multiple_of_a_plain_mean(report: Report) -> None:
    samples = site_day()
    minute = pl.col("observed_at_utc").dt.truncate("1m")
    plain = samples.lazy().group_by("gpu_uuid", minute).agg(pl.col("power_milliwatt").mean())

    ours_s = best_s(lambda: gpu_interval_energy(samples, DAY, "s1"), 3)
    reference_s = best_s(plain.collect, 3)

    report("a site day of 64 GPUs at 10 s, against a group_by mean", ours_s, reference_s, 20.0)
