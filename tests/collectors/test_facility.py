"""What is collected beside the GPUs, by a real agent: meter files, and jobs that labels name."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from negawatt.collectors.agent import Summary, collect
from negawatt.collectors.clock import SystemClock
from negawatt.collectors.config import CollectConfig
from negawatt.collectors.config_sections import DcgmConfig, MeterFilesConfig, RedfishConfig
from negawatt.collectors.emulated_page import EmulatedGpu, render_page
from negawatt.collectors.emulator import Emulator
from negawatt.collectors.raw_schema import ALLOCATIONS, METER_READINGS, NODE_POWER, POWER_SAMPLES
from negawatt.collectors.spool.segment import verify_sealed

pytestmark = pytest.mark.slow

_PAGE = render_page(
    [
        EmulatedGpu(
            gpu_uuid="GPU-a", power_milliwatt=400_000, more_labels=f'hpc_job="{job}"'
        )  # two jobs share the GPU: its lines are printed for each
        for job in (17, 18)
    ]
)


def _collect(folder: Path) -> Summary:
    async def run() -> Summary:
        async with Emulator(lambda _name: _PAGE) as emulator:
            config = CollectConfig(
                site_id="s1",
                spool_directory=folder / "spool",
                scrape_interval_s=0.2,
                request_timeout_s=0.15,
                facility_interval_s=0.2,
                dcgm=(DcgmConfig(url=emulator.url("n1"), node_id="n1"),),
                redfish=(RedfishConfig(url="http://127.0.0.1:9", node_id="n1"),),
                meter_files=(
                    MeterFilesConfig(
                        name="feeder",
                        files=folder / "meter-*.csv",
                        start_column="t",
                        interval_minutes=15,
                        value_column="kwh",
                        value_unit="kWh",
                        meter_id="m1",
                    ),
                ),
            )
            return await collect(config, clock=SystemClock(), boot_id="boot-1", tick_count=4)

    return asyncio.run(run())


def _rows(summary: Summary, table: str) -> list[dict[str, Any]]:
    paths = [path for path in summary.files if table in path.parts]
    return [row for path in paths for row in pq.read_table(path, partitioning=None).to_pylist()]


def test_a_meter_file_a_controller_and_jobs_are_sealed_beside_the_gpus(tmp_path: Path) -> None:
    (tmp_path / "meter-1.csv").write_text("t,kwh\n2026-07-01T00:00:00Z,12.5\n", "utf-8")

    first = _collect(tmp_path)
    second = _collect(tmp_path)

    assert [(r["meter_id"], r["energy_kwh"]) for r in _rows(first, METER_READINGS)] == [
        ("m1", 12.5)
    ]
    assert _rows(second, METER_READINGS) == []
    assert {(r["job_id"], r["gpu_uuid"], r["node_id"]) for r in _rows(first, ALLOCATIONS)} == {
        ("17", "GPU-a", "n1"),
        ("18", "GPU-a", "n1"),
    }
    node = _rows(first, NODE_POWER)
    assert {(r["meter_id"], r["power_w"], r["reading_quality"]) for r in node} == {
        ("*", None, "connection_failed")
    }
    assert {r["power_milliwatt"] for r in _rows(first, POWER_SAMPLES)} == {400_000}
    assert len({r["sequence_number"] for r in _rows(first, POWER_SAMPLES)}) == len(
        _rows(first, POWER_SAMPLES)
    )
    for path in first.files:
        verify_sealed(path)


def test_a_meter_alone_is_enough_to_collect(tmp_path: Path) -> None:
    (tmp_path / "meter-1.csv").write_text("t,kwh\n2026-07-01T00:00:00Z,\n", "utf-8")

    async def run() -> Summary:
        files = MeterFilesConfig(
            name="feeder",
            files=tmp_path / "meter-*.csv",
            start_column="t",
            interval_minutes=15,
            value_column="kwh",
            value_unit="kWh",
            meter_id="m1",
        )
        config = CollectConfig(
            site_id="s1",
            spool_directory=tmp_path / "spool",
            scrape_interval_s=0.3,
            request_timeout_s=0.1,
            meter_files=(files,),
        )
        return await collect(config, clock=SystemClock(), boot_id="boot-1", tick_count=4)

    rows = _rows(asyncio.run(run()), METER_READINGS)

    assert [(r["interval_start_utc"], r["energy_kwh"], r["reading_quality"]) for r in rows] == [
        (datetime(2026, 7, 1, tzinfo=UTC), None, "no_reading")
    ]
