"""What people ask of a month of 10,000 GPUs, and of a tenth of them beside VictoriaMetrics."""

from pathlib import Path

import pytest

from benchmarks.question_month import metered_month, series
from benchmarks.series_servers import victoria_metrics
from benchmarks.test_questions import ask

FULL_GPU_COUNT, DAY_COUNT = 10_000, 30


def test_questions(tmp_path: Path, soak_share: float, capsys: pytest.CaptureFixture[str]) -> None:
    gpu_count = max(200, round(FULL_GPU_COUNT * soak_share))
    layout = metered_month(tmp_path, gpu_count, DAY_COUNT)

    with capsys.disabled():
        print(f"\n{DAY_COUNT} days of {gpu_count} GPUs")
        for words in ask(layout, DAY_COUNT):
            print(f"  {words}")


def test_questions_beside_series(
    tmp_path: Path, soak_share: float, capsys: pytest.CaptureFixture[str]
) -> None:
    gpu_count = max(100, round(FULL_GPU_COUNT * soak_share / 10))
    layout = metered_month(tmp_path / "warehouse", gpu_count, DAY_COUNT)

    with victoria_metrics(tmp_path, series(gpu_count, DAY_COUNT)) as server, capsys.disabled():
        print(f"\n{DAY_COUNT} days of {gpu_count} GPUs")
        for words in ask(layout, DAY_COUNT, server):
            print(f"  {words}")
