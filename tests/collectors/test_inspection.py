"""Everything a configuration names, read once and stored nowhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from negawatt.cli.collect_words import print_inspection
from negawatt.collectors.clock import SystemClock
from negawatt.collectors.config import load_config
from negawatt.collectors.emulated_page import EmulatedGpu, render_page
from negawatt.collectors.emulator import Emulator
from negawatt.collectors.inspection import Inspection, inspect, inspect_configured
from tests.collectors.driver.stub import Driver

pytestmark = pytest.mark.slow  # servers are started

_PAGE = render_page([EmulatedGpu(gpu_uuid="GPU-a", power_milliwatt=400_000)])
_CHASSIS = "/redfish/v1/Chassis"
_RESOURCES = {
    _CHASSIS: {"Members": [{"@odata.id": f"{_CHASSIS}/1"}]},
    f"{_CHASSIS}/1": {"Power": {"@odata.id": f"{_CHASSIS}/1/Power"}},
    f"{_CHASSIS}/1/Power": {"PowerControl": [{"MemberId": "0", "PowerConsumedWatts": 812}]},
}
_METER = "t,kwh\n2026-07-01T00:00:00Z,12.5\n2026-07-01T00:15:00Z,much\n2026-07-01T00:30:00Z,\n"


@asynccontextmanager
async def _controller() -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response(_RESOURCES[request.path])

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _inspected(folder: Path) -> dict[str, Inspection]:
    (folder / "meter-1.csv").write_text(_METER, "utf-8")

    async def run() -> dict[str, Inspection]:
        async with Emulator(lambda _name: _PAGE) as emulator, _controller() as controller:
            (folder / "collect.toml").write_text(
                f"""
                site_id = "s1"
                spool_directory = "spool"
                [[dcgm]]
                url = "{emulator.url("n1")}"
                node_id = "n1"
                [[redfish]]
                url = "{controller}"
                node_id = "n1"
                [[meter_files]]
                name = "feeder"
                files = "meter-*.csv"
                start_column = "t"
                interval_minutes = 15
                value_column = "kwh"
                value_unit = "kWh"
                meter_id = "m1"
                """,
                "utf-8",
            )
            return await inspect_configured(load_config(folder / "collect.toml"), SystemClock())

    return asyncio.run(run())


def test_each_source_shows_what_it_gives_and_what_is_rejected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _inspected(tmp_path)

    for inspection in found.values():
        print_inspection(inspection)
    words = capsys.readouterr().out
    assert list(found) == ["node n1: exporter", "n1: redfish", "feeder: files"]
    assert "GPU-a (NVIDIA H100 80GB HBM3, driver 580.105.08), scope gpu: power 400.000 W" in words
    assert "meter 1.control-0: power 812 W, energy unknown, ok\n" in words
    assert "meter m1: 2026-07-01T00:00Z to 00:15Z 12.5 kWh\n" in words
    assert "meter m1: 2026-07-01T00:30Z to 00:45Z unknown\n" in words
    assert "meter_row_rejected" in words


def test_nothing_is_stored_and_a_second_look_shows_the_same(tmp_path: Path) -> None:
    first = _inspected(tmp_path)
    second = _inspected(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["collect.toml", "meter-1.csv"]
    for name in ("n1: redfish", "feeder: files"):
        assert len(first[name].batch.meter_readings) == len(second[name].batch.meter_readings)
        assert len(first[name].batch.node_powers) == len(second[name].batch.node_powers)


def test_the_driver_shows_conditions_and_its_own_samples(
    driver: Driver, capsys: pytest.CaptureFixture[str]
) -> None:
    driver.load("gpus 1", "gpu 0 square 500 500 1 0.5", "samples 0.02 120 boottime")

    print_inspection(asyncio.run(inspect("nvml", SystemClock())))

    words = capsys.readouterr().out
    assert "GPU-stub-0 (NVIDIA Stub H100, driver 580.95.05), scope gpu: power 500.000 W" in words
    assert "serial 1650623000000" in words
    assert "throttled_thermal_ns unknown" in words
    assert "temperature_c 61" in words
    assert ", each 20000 us, by the clock boottime, 0 refused" in words
    assert "field_not_supported" in words
