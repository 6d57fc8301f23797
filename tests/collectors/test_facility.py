"""What is collected beside the GPUs, by a real agent: meter files, and jobs that labels name."""

import asyncio
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from negawatt.collectors.agent import Summary, collect
from negawatt.collectors.clock import SystemClock
from negawatt.collectors.config import CollectConfig
from negawatt.collectors.config_sections import (
    DcgmConfig,
    MeterFilesConfig,
    MetricsConfig,
    RedfishConfig,
    ShipConfig,
)
from negawatt.collectors.emulated_page import EmulatedGpu, render_page
from negawatt.collectors.emulator import Emulator
from negawatt.collectors.facility_sources import FacilitySource
from negawatt.collectors.raw_schema import ALLOCATIONS, METER_READINGS, NODE_POWER, POWER_SAMPLES
from negawatt.collectors.sources.meter_file import MeterFiles
from negawatt.collectors.sources.protocol import Batch
from negawatt.collectors.spool.manifest import Manifest
from negawatt.collectors.spool.segment import verify_sealed
from negawatt.models.domain.clock import Clock
from negawatt.models.domain.findings import FindingCode

pytestmark = pytest.mark.slow

_PAGE = render_page(
    [
        EmulatedGpu(
            gpu_uuid="GPU-a", power_milliwatt=400_000, more_labels=f'hpc_job="{job}"'
        )  # two jobs share the GPU: its lines are printed for each
        for job in (17, 18)
    ]
)


def _collect(
    folder: Path,
    tick_count: int = 4,
    is_enough: Callable[[], bool] = lambda: False,
    **settings: Any,  # noqa: ANN401 - of a configuration
) -> Summary:
    async def run() -> Summary:
        async with Emulator(lambda _name: _PAGE) as emulator:
            config = CollectConfig(
                site_id="s1",
                spool_directory=folder / "spool",
                scrape_interval_s=0.2,
                request_timeout_s=0.15,
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
                **{"facility_interval_s": 0.2, **settings},
            )
            stop = asyncio.Event()
            return await collect(
                config,
                clock=SystemClock(),
                boot_id="boot-1",
                tick_count=tick_count,
                on_tick=lambda _report: stop.set() if is_enough() else None,
                stop=stop,
            )

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


def test_the_agents_own_page_counts_controllers_and_files_by_state(tmp_path: Path) -> None:
    """The controller refuses every connection, the meter file has a row that is none."""
    (tmp_path / "meter-1.csv").write_text("t,kwh\n2026-07-01T00:00:00Z,much\n", "utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pages: list[str] = []

    def look() -> None:
        time.sleep(1.2)
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            pages.append(answer.read().decode())

    with ThreadPoolExecutor(1) as reader:
        looking = reader.submit(look)
        _collect(tmp_path, metrics=MetricsConfig(port=port), tick_count=10, facility_interval_s=5)
        looking.result()

    assert 'negawatt_collect_targets{state="healthy"} 1\n' in pages[0]
    assert 'negawatt_collect_sources{kind="redfish",state="failing"} 1\n' in pages[0]
    assert 'negawatt_collect_sources{kind="files",state="degraded"} 1\n' in pages[0]


def test_rows_that_the_disk_does_not_take_wait_and_stop_no_other_source(tmp_path: Path) -> None:
    """A file lies where the controller's rows go, until after the second try to seal them."""
    (tmp_path / "meter-1.csv").write_text("t,kwh\n2026-07-01T00:00:00Z,12.5\n", "utf-8")
    obstacle = tmp_path / "spool" / NODE_POWER
    obstacle.parent.mkdir()
    obstacle.write_text("in the way", "utf-8")

    def clear() -> None:
        time.sleep(0.7)
        obstacle.unlink()

    with ThreadPoolExecutor(1) as other:
        clearing = other.submit(clear)
        summary = _collect(tmp_path, tick_count=10, facility_interval_s=0.5)
        clearing.result()

    refused = [c for c in summary.findings if c.finding.code is FindingCode.SPOOL_DISK_LOW]
    assert [counted.finding.subject for counted in refused] == ["redfish of 'n1'"]
    [meter] = _rows(summary, METER_READINGS)
    first_utc = min(row["observed_at_utc"] for row in _rows(summary, NODE_POWER))
    assert first_utc - meter["available_at_utc"] < timedelta(seconds=0.4)  # of the first read


def test_a_defect_beside_the_gpus_ends_the_agent_at_once_and_what_came_is_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_source: MeterFiles, _clock: Clock) -> Batch:
        await asyncio.sleep(0.5)
        raise RuntimeError("a defect")

    monkeypatch.setattr(MeterFiles, "read", broken)
    start_s = time.monotonic()

    with pytest.raises(RuntimeError, match="a defect"):
        _collect(tmp_path, tick_count=600)

    assert time.monotonic() - start_s < 60
    assert list((tmp_path / "spool" / POWER_SAMPLES).rglob("*.parquet"))


class _Silent:
    async def read(self, clock: Clock) -> Batch:  # noqa: ARG002 - of the protocol
        return Batch()

    async def close(self) -> None:
        pass


def test_what_waits_for_a_disk_is_limited_and_the_oldest_goes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("negawatt.collectors.facility_sources._MOST_WAITING_ROWS", 3)
    old, new = (pa.table({"n": rows}) for rows in ([1, 2], [3, 4, 5]))
    source = FacilitySource(name="n1", kind="redfish", source=_Silent())
    source.waiting = {"t": [new]}

    given_up_count = source.put_back({"t": [old]})

    assert given_up_count == 2
    assert [table["n"].to_pylist() for table in source.waiting["t"]] == [[3, 4, 5]]


def test_all_that_is_sealed_while_the_agent_runs_is_in_the_manifest_and_arrives(
    tmp_path: Path,
) -> None:
    """Meter, controller and jobs are sealed beside the log, the last of them after its end."""
    (tmp_path / "meter-1.csv").write_text("t,kwh\n2026-07-01T00:00:00Z,12.5\n", "utf-8")

    summary = _collect(tmp_path, ship=ShipConfig(to=str(tmp_path / "hall")), tick_count=10)

    sealed = {path.relative_to(tmp_path / "spool").as_posix() for path in summary.files}
    tables = {path.partition("/")[0] for path in sealed}
    assert tables >= {POWER_SAMPLES, METER_READINGS, NODE_POWER, ALLOCATIONS}
    assert set(Manifest(tmp_path / "spool").files()) == sealed
    arrived = (tmp_path / "hall").rglob("*.parquet")
    assert {path.relative_to(tmp_path / "hall").as_posix() for path in arrived} == sealed


def test_what_is_sealed_beside_the_log_is_shipped_long_before_the_end(tmp_path: Path) -> None:
    """A seal each 0.3 s, and 100 ticks: the run is ended as soon as the file is seen."""
    (tmp_path / "meter-1.csv").write_text("t,kwh\n2026-07-01T00:00:00Z,12.5\n", "utf-8")
    hall = tmp_path / "hall"

    summary = _collect(
        tmp_path,
        ship=ShipConfig(to=str(hall)),
        seal_interval_s=0.3,
        tick_count=100,
        is_enough=lambda: any(hall.glob(f"{METER_READINGS}/*/*/*.parquet")),
    )

    assert summary.tick_count < 100


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
