"""Back-testing against the clock and against OpenDSM, on made-up meters."""

import json
import os
import resource
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from benchmarks.conftest import best_s
from negawatt.models.baselines.many import many_baselines
from negawatt.models.baselines.registry import list_programs, load_program
from negawatt.models.baselines.rule_days import Rank
from negawatt.models.baselines.rule_windows import AdjustmentRule, HourWindow
from negawatt.models.baselines.vectorized import MeterDays, adjusted_x_of_y
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries

METER_COUNT, DAY_COUNT = 41, 185
OVERRIDES = ("settlement_clock.tz=Europe/London", "interval_minutes=60")
START_UTC = datetime(2018, 1, 1, tzinfo=UTC)
OPENDSM = ("opendsm==1.2.7", "multimethod<2.1")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


@cache
def loads() -> tuple[LoadSeries, ...]:
    """Return two years of hours for each meter, working days above the others."""
    hour = np.arange(24 * 730)
    at_work = ((hour // 24 % 7) < 5) & (hour % 24 > 7) & (hour % 24 < 19)
    random = np.random.default_rng(1)
    return tuple(
        LoadSeries(
            meter_id=f"m{meter}",
            start_utc=START_UTC,
            interval_minutes=60,
            energy_kwh=60 + 40 * at_work + random.normal(0, 4, len(hour)),
            coverage_ratio=np.ones(len(hour)),
        )
        for meter in range(METER_COUNT)
    )


@cache
def windows() -> tuple[Interval, ...]:
    """Return 16:00 to 19:00 London time of the working days from April 2019."""
    days = (datetime(2019, 4, 1, 15, tzinfo=UTC) + timedelta(day) for day in range(300))
    starts = [day for day in days if day.weekday() < 5][:DAY_COUNT]
    return tuple(Interval(start, start + timedelta(hours=3)) for start in starts)


def children_s() -> float:
    """Return the processor time of all worker processes that have ended [s]."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def back_test(program: str) -> int:
    found = many_baselines(load_program(program, overrides=OVERRIDES), loads(), windows())
    return int(np.isfinite(found.adjusted_baseline_kwh).any(axis=2).sum())


def test_all_programs_on_185_days_of_41_meters_take_less_than_a_minute(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Held against the limit is the time of two cores that do nothing else."""
    start_s, before_s = time.perf_counter(), children_s()
    with ProcessPoolExecutor(2) as workers:
        computed = sum(workers.map(back_test, list_programs()))
    taken_s = time.perf_counter() - start_s
    of_two_cores_s = (children_s() - before_s) / 2

    with capsys.disabled():
        print(
            f"\n{len(list_programs())} programs, {computed} baselines: {of_two_cores_s:.1f} s "
            f"of two cores, {taken_s:.1f} s on the clock",
            end="",
        )
    assert of_two_cores_s < 60


def test_adjusted_x_of_y_computes_two_million_meter_days_a_second(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A million meter-days of three hours, four of five, additive: PJM's rule."""
    count = 1_000_000
    random = np.random.default_rng(2)
    event_kwh, adjustment_kwh = random.random((3, count)), random.random((3, count))
    days = MeterDays(
        event_kwh=event_kwh,
        adjustment_kwh=adjustment_kwh,
        adjustment_kwh_mean=adjustment_kwh.mean(axis=0),
        rank_values=event_kwh.mean(axis=0),
    )
    event_rows = np.arange(5, count)
    considered = event_rows - np.arange(1, 6)[:, np.newaxis]

    def compute() -> object:
        return adjusted_x_of_y(
            days,
            considered,
            event_rows,
            selected_count=4,
            rank=Rank(metric="mean_event_window", order="highest"),
            adjustment=AdjustmentRule(kind="additive", pre=HourWindow(start_h=-4, end_h=-1)),
            per_h=1.0,
        )

    per_s = len(event_rows) / best_s(compute)
    with capsys.disabled():
        print(f"\nadjusted X of Y: {per_s / 1e6:.1f} million meter-days a second", end="")
    assert per_s >= 2e6


def opendsm_s_per_day(folder: Path) -> float:
    """Return OpenDSM's time for each meter-day, from an environment made for it."""
    uv = str(Path(sys.executable).with_name("uv"))
    python = str(folder / "bin" / "python")
    made = [
        [uv, "venv", "--quiet", "--python", sys.executable, str(folder)],
        [uv, "pip", "install", "--quiet", "--python", python, *OPENDSM],
    ]
    for command in made:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
        if done.returncode:
            pytest.skip(f"OpenDSM cannot be installed: {done.stderr.strip().splitlines()[-1]}")
    script = str(Path(__file__).with_name("opendsm_hourly.py"))
    found = subprocess.run(  # noqa: S603 - our own script
        [python, script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **ONE_THREAD},
    )
    figures = json.loads(found.stdout.splitlines()[-1])
    return float(figures["fit_and_predict_s"]) / int(figures["day_count"])


def test_adjusted_x_of_y_is_a_hundred_times_as_fast_as_opendsm(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both from the load series, on one thread: fit and predict against ``many_baselines``."""
    theirs_s = opendsm_s_per_day(tmp_path / "opendsm")
    ours_s = best_s(lambda: back_test("pjm_economic_3day")) / (METER_COUNT * DAY_COUNT)

    with capsys.disabled():
        ratio = theirs_s / ours_s
        print(
            f"\nper meter-day: OpenDSM {theirs_s * 1e3:.3f} ms, ours {ours_s * 1e3:.4f} ms: "
            f"{ratio:.0f} times",
            end="",
        )
    assert ratio >= 100
