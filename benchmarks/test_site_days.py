"""Days of many GPUs, from sealed files to core tables, against a bare scan of the same files."""

from pathlib import Path

import pytest

from benchmarks.conftest import best_s
from benchmarks.site_days import metered, sealed_day
from negawatt.warehouse.connection import query

SCAN = """
SELECT gpu_uuid, epoch_ms(observed_at_utc) // 60000 AS minute, count(*) AS n,
    min(power_milliwatt), avg(power_milliwatt), max(power_milliwatt)
FROM raw_gpu__power_samples GROUP BY ALL
"""
LIMIT_BYTES = 4 * 2**30
LIMIT_RATIO = 100.0


@pytest.mark.parametrize(
    ("gpu_count", "step_ms", "hours"),
    [(500, 10_000, 24), (16, 100, 6)],
    ids=["500 GPUs, a day at 10 s", "16 GPUs, 6 h at 10 Hz"],
)
def test_a_day_of_gpus_from_raw_to_core(
    gpu_count: int, step_ms: int, hours: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = sealed_day(
        tmp_path, gpu_count=gpu_count, step_ms=step_ms, hours=hours, rows_at_once=1_000_000
    )
    row_count = query(layout, "SELECT count(*) FROM raw_gpu__power_samples").item()

    ours = metered(layout)
    scan_s = best_s(lambda: query(layout, SCAN), repeats=3)

    with capsys.disabled():
        print(
            f"\n{row_count:,} readings, a million at once: "
            f"{row_count / ours.took_s / 1e6:.2f} M rows/s from raw to core, "
            f"{ours.took_s / scan_s:.1f} of the bare scan, at most {ours.peak_bytes / 1e9:.2f} GB"
        )
    core_sql = "SELECT count(*) FROM core_gpu__interval_energy WHERE energy_j > 0"
    assert query(layout, core_sql).item() >= gpu_count * (hours * 60 - 1)
    assert ours.peak_bytes < LIMIT_BYTES
    assert ours.took_s / scan_s < LIMIT_RATIO
