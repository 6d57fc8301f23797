"""What people ask of a month of GPU minutes, and the same asked of VictoriaMetrics."""

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from benchmarks.question_month import (
    Question,
    last_day_ms,
    metered_month,
    questions,
    series,
)
from benchmarks.series_servers import Server, victoria_metrics
from negawatt.warehouse.connection import query
from negawatt.warehouse.layout import Layout

GPU_COUNT, DAY_COUNT = 500, 2
LIMIT_S = 1.0
_REPEATS = 5


def answer(layout: Layout, question: Question) -> dict[str, float]:
    """Ask the tables."""
    return dict(query(layout, question.sql).select("key", "value").rows())


def answer_of_series(server: Server, question: Question, day_count: int) -> dict[str, float]:
    """Ask the series."""
    rows = server.ask(question.promql, last_day_ms(day_count, question.hour))
    return {row["metric"][question.label]: float(row["value"][1]) for row in rows}


def median_s(work: Callable[[], object]) -> float:
    """Return the median time of some runs [s]."""
    times_s = []
    for _ in range(_REPEATS):
        start_s = time.perf_counter()
        work()
        times_s.append(time.perf_counter() - start_s)
    return statistics.median(times_s)


def ask(layout: Layout, day_count: int, server: Server | None = None) -> Iterator[str]:
    """Ask each question, hold the answers and times against what they must be, and yield words."""
    for question in questions(day_count):
        ours = answer(layout, question)
        ours_s = median_s(partial(answer, layout, question))
        words = f"{question.words}: {ours_s:.2f} s"
        if server is not None:
            assert ours == pytest.approx(answer_of_series(server, question, day_count))
            theirs_s = median_s(partial(answer_of_series, server, question, day_count))
            words += f", VictoriaMetrics {theirs_s:.3f} s"
        yield words
        assert len(ours) > 1
        assert ours_s < LIMIT_S


def test_questions_are_answered_as_series_answer_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = metered_month(tmp_path / "warehouse", GPU_COUNT, DAY_COUNT)

    with victoria_metrics(tmp_path, series(GPU_COUNT, DAY_COUNT)) as server, capsys.disabled():
        print(f"\n{DAY_COUNT} days of {GPU_COUNT} GPUs")
        for words in ask(layout, DAY_COUNT, server):
            print(f"  {words}")
