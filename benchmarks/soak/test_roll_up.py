"""A hundred million readings on disk to minutes, against DuckDB's bare scan of the same files."""

from pathlib import Path

import pytest

from benchmarks.site_days import sealed_day
from benchmarks.test_roll_up import LIMIT_ASKED, LIMIT_BYTES, LIMIT_ENERGY, compared


@pytest.mark.parametrize(
    ("full_gpu_count", "step_ms", "hours"),
    [(1_160, 1_000, 24), (512, 100, 6)],
    ids=["a day at 1 Hz: 100,224,000 readings", "6 h at 10 Hz: 110,592,000 readings"],
)
def test_roll_up(
    full_gpu_count: int,
    step_ms: int,
    hours: int,
    tmp_path: Path,
    soak_share: float,
    capsys: pytest.CaptureFixture[str],
) -> None:
    gpu_count = max(16, round(full_gpu_count * soak_share))
    layout = sealed_day(tmp_path, gpu_count=gpu_count, step_ms=step_ms, hours=hours)

    best = compared(layout, 1, capsys)

    assert best["energy"].row_count == gpu_count * 1_440
    assert best["asked"].cpu_s <= LIMIT_ASKED * best["bare"].cpu_s
    assert best["energy"].cpu_s <= LIMIT_ENERGY * best["bare"].cpu_s
    assert best["energy"].peak_bytes < LIMIT_BYTES
