"""The slow loop: a thread for each GPU, beside the fast loop and never in its way."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from negawatt.collectors.clock import SystemClock
from negawatt.collectors.raw_schema import CONDITIONS, DRIVER_SAMPLES, INSTRUMENTS, SCHEMAS
from negawatt.collectors.sources.nvml_slow_source import SlowSource
from negawatt.collectors.sources.nvml_source import NvmlSource
from negawatt.collectors.sources.protocol import Batch, GapReason
from tests.collectors.driver.stub import Driver

pytestmark = pytest.mark.slow  # real time passes, and a compiler runs first


@contextmanager
def _sources() -> Iterator[tuple[NvmlSource, SlowSource]]:
    fast = NvmlSource(interval_s=0.02, clock=SystemClock())
    slow = SlowSource(fast, node_id="n1", boot_id="b1", clock=SystemClock())
    try:
        yield fast, slow
    finally:
        asyncio.run(slow.close())
        asyncio.run(fast.close())


def _read(slow: SlowSource) -> Batch:
    return asyncio.run(slow.read(SystemClock()))


def _rows_of_gpu(batch: Batch, table: str) -> Counter[str]:
    return Counter(batch.tables[table]["gpu_uuid"].to_pylist())


def test_rows_have_the_columns_of_their_tables_and_come_once(driver: Driver) -> None:
    driver.load("gpus 2")

    with _sources() as (_, slow):
        time.sleep(1.5)
        first = _read(slow)
        again = _read(slow)

    for name in (CONDITIONS, DRIVER_SAMPLES, INSTRUMENTS):
        assert first.tables[name].schema.equals(SCHEMAS[name])
        assert again.tables[name].num_rows == 0
    assert _rows_of_gpu(first, CONDITIONS) == {"GPU-stub-0": 2, "GPU-stub-1": 2}
    assert _rows_of_gpu(first, INSTRUMENTS) == {"GPU-stub-0": 1, "GPU-stub-1": 1}
    assert min(_rows_of_gpu(first, DRIVER_SAMPLES).values()) > 40
    assert set(first.tables[CONDITIONS]["node_id"].to_pylist()) == {"n1"}


def test_a_gpu_that_hangs_stops_no_other(driver: Driver) -> None:
    driver.load("gpus 2", "gpu 0 hang 0.5 9")

    with _sources() as (fast, slow):
        time.sleep(2.4)
        rows = _rows_of_gpu(_read(slow), CONDITIONS)
        ticks = fast.take()
        driver.load()  # the call comes back

    assert rows == {"GPU-stub-0": 1, "GPU-stub-1": 3}
    missed = sum(tick.batch.gap_reason is GapReason.TICK_MISSED for tick in ticks)
    assert missed < len(ticks) / 10


def test_a_gpu_that_is_lost_gives_nothing_and_comes_back(driver: Driver) -> None:
    driver.load("gpus 2", "gpu 0 error 0.5 1.8 15")

    with _sources() as (fast, slow):
        for _ in range(44):
            time.sleep(0.1)
            fast.take()
        rows = _rows_of_gpu(_read(slow), CONDITIONS)

    assert rows["GPU-stub-1"] == 5
    assert 2 <= rows["GPU-stub-0"] < 5


def test_a_slow_driver_is_asked_less(driver: Driver) -> None:
    """Six calls of 5 ms are 12 s of 0.25 %: two looks, and then none for as long."""
    driver.load("gpus 1", "gpu 0 latency 5000")

    with _sources() as (fast, slow):
        time.sleep(3.5)
        rows = _rows_of_gpu(_read(slow), CONDITIONS)
        slow_s = fast.facts.slow_driver_time_s

    assert rows == {"GPU-stub-0": 2}
    assert slow_s > 0.06
