"""The whole agent on the driver library: every tick of every GPU is a reading or in a gap."""

import asyncio
import socket
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import polars as pl
import pyarrow.parquet as pq
import pytest

from negawatt.collectors.agent import Summary, collect
from negawatt.collectors.clock import SystemClock
from negawatt.collectors.config import CollectConfig
from negawatt.collectors.config_sections import MetricsConfig, NvmlConfig
from negawatt.collectors.raw_schema import (
    CONDITIONS,
    DRIVER_SAMPLES,
    GAPS,
    INSTRUMENTS,
    POWER_SAMPLES,
)
from negawatt.collectors.spool.block import decode_block
from negawatt.collectors.spool.frames import scan
from negawatt.collectors.spool.log import segments
from negawatt.collectors.spool.segment import verify_sealed
from negawatt.warehouse.catalog import check
from tests.collectors.driver.stub import Driver

pytestmark = pytest.mark.slow  # real time passes, and a compiler runs first


def _config(root: Path, port: int = 0) -> CollectConfig:
    return CollectConfig(
        site_id="s1",
        spool_directory=root,
        scrape_interval_s=0.25,
        request_timeout_s=0.2,
        log_interval_s=0.2,
        nvml=NvmlConfig(enabled=True, node_id="n1", sample_interval_s=0.02),
        metrics=MetricsConfig(port=port),
    )


def _collect(root: Path, tick_count: int) -> Summary:
    config = _config(root)
    return asyncio.run(collect(config, clock=SystemClock(), boot_id="b1", tick_count=tick_count))


def _rows(summary: Summary, table_name: str) -> list[dict[str, Any]]:
    return [
        row
        for path in summary.files
        if table_name in path.parts
        for row in pq.read_table(path, partitioning=None).to_pylist()
    ]


def test_readings_and_gaps_add_up_through_a_reset_a_hang_and_a_lost_gpu(
    driver: Driver, tmp_path: Path
) -> None:
    driver.load(
        "gpus 4",
        "gpu 0 reset 0.5",
        "gpu 1 hang 0.4 0.9",
        "gpu 2 error 0.4 1.2 15",
        "gpu 3 memory 0.1",
    )

    summary = _collect(tmp_path, 14)

    counts: Counter[str] = Counter()
    for row in _rows(summary, POWER_SAMPLES):
        counts[row["gpu_uuid"]] += row["power_scope"] == "gpu"
    read = dict(counts)
    for row in _rows(summary, GAPS):
        counts[row["gpu_uuid"]] += row["expected_count"] - row["received_count"]
    assert len(set(counts.values())) == 1
    assert sum(counts.values()) == summary.expected_count
    assert sum(read.values()) == summary.received_count
    assert read["GPU-stub-3"] > max(read[f"GPU-stub-{gpu}"] for gpu in (0, 1, 2))
    epochs = {(r["gpu_uuid"], r["counter_epoch"]) for r in _rows(summary, POWER_SAMPLES)}
    assert {("GPU-stub-0", 1), ("GPU-stub-2", 1)} <= epochs
    assert ("GPU-stub-1", 1) not in epochs
    assert ("GPU-stub-3", 1) not in epochs
    reasons = {row["gap_reason"] for row in _rows(summary, GAPS)}
    assert {"gpu_lost", "timeout"} <= reasons


def test_a_restarted_agent_counts_on_at_its_own_rate(driver: Driver, tmp_path: Path) -> None:
    driver.load("gpus 1")
    first = _collect(tmp_path, 3)
    second = _collect(tmp_path, 3)

    rows = [*_rows(first, POWER_SAMPLES), *_rows(second, POWER_SAMPLES)]
    missing = sum(row["expected_count"] for s in (first, second) for row in _rows(s, GAPS))
    numbers = [row["sequence_number"] for row in rows]
    assert len(set(numbers)) == len(numbers)
    assert max(numbers) + 1 == len(numbers) + missing


def test_what_the_driver_says_once_a_second_is_sealed_beside_the_readings(
    driver: Driver, tmp_path: Path
) -> None:
    """The catalog's rules hold for it: columns, types, keys, what may be NULL."""
    driver.load("gpus 2")

    summary = _collect(tmp_path, 7)

    for name, least in ((CONDITIONS, 4), (DRIVER_SAMPLES, 80), (INSTRUMENTS, 2)):
        rows = _rows(summary, name)
        assert len(rows) >= least
        assert all(outcome.passed for outcome in check(name, pl.DataFrame(rows)))
    assert {row["driver_version"] for row in _rows(summary, INSTRUMENTS)} == {"580.95.05"}
    for path in summary.files:
        verify_sealed(path)


def test_readings_of_the_driver_are_in_the_log_long_before_the_next_round_of_exporters(
    driver: Driver, tmp_path: Path
) -> None:
    """A round of ten seconds: what a crash loses is as long as the log's interval, not the round's.

    Within a second at 50 Hz the log holds frames of most of it.
    """
    driver.load("gpus 1")
    config = _config(tmp_path).model_copy(update={"scrape_interval_s": 10.0})

    async def run() -> int:
        stop = asyncio.Event()
        running = asyncio.ensure_future(
            collect(config, clock=SystemClock(), boot_id="b1", stop=stop)
        )
        await asyncio.sleep(1.5)
        frames = [frame for path in segments(tmp_path) for frame in scan(path.read_bytes()).frames]
        stop.set()
        await running
        return sum(decode_block(frame.body).rows.num_rows for frame in frames)

    assert asyncio.run(run()) > 25


def test_the_agents_own_figures_are_those_of_its_loop(driver: Driver, tmp_path: Path) -> None:
    driver.load("gpus 3", "gpu 1 hang 0.3 9")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pages: list[str] = []

    def read() -> None:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            pages.append(answer.read().decode())

    async def run() -> None:
        stop = asyncio.Event()
        running = asyncio.ensure_future(
            collect(_config(tmp_path, port), clock=SystemClock(), boot_id="b1", stop=stop)
        )
        await asyncio.sleep(1.5)
        await asyncio.to_thread(read)
        stop.set()
        await running

    asyncio.run(run())

    figures = {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
        for line in pages[0].splitlines()
        if not line.startswith("#")
    }
    assert figures['negawatt_collect_driver_gpus{state="hung"}'] == 1
    assert figures['negawatt_collect_driver_gpus{state="asked"}'] == 2
    assert figures["negawatt_collect_driver_calls_total"] > 60
    assert 0 < figures["negawatt_collect_driver_seconds_total"] < 1
    assert 0 <= figures["negawatt_collect_log_age_seconds"] < 5
    assert figures['negawatt_collect_targets{state="healthy"}'] == 1
    assert figures["negawatt_collect_samples_total"] > 60
