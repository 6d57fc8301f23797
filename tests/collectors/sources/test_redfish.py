"""A Redfish service on loopback, with payloads written from the DMTF's schemas.

Chassis.v1_24_0, EnvironmentMetrics.v1_3_0, Power.v1_7_1, PowerSubsystem.v1_1_0 and
PowerSupplyMetrics.v1_1_0 at redfish.dmtf.org/schemas/v1; sessions as in DSP0266.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from negawatt.collectors.access import Access
from negawatt.collectors.clock import VirtualClock
from negawatt.collectors.config_sections import AccessConfig
from negawatt.collectors.sources.fetch import exporter_session
from negawatt.collectors.sources.protocol import Batch, GapReason
from negawatt.collectors.sources.redfish import CONNECTIONS, RedfishSource
from negawatt.collectors.sources.redfish_session import SESSIONS, RedfishAccess
from tests.collectors.authority import Authority

pytestmark = pytest.mark.slow

_ROOT = "/redfish/v1/Chassis"


def _link(path: str) -> dict[str, str]:
    return {"@odata.id": f"{_ROOT}{path}"}


def _members(*paths: str) -> dict[str, object]:
    return {"Members": [_link(path) for path in paths], "Members@odata.count": len(paths)}


def _resources() -> dict[str, object]:
    """One chassis with the new resources and two supplies, an old one, a shelf without power."""
    return {
        _ROOT: _members("/HGX", "/Old", "/Shelf"),
        f"{_ROOT}/HGX": {
            "@odata.type": "#Chassis.v1_24_0.Chassis",
            "Id": "HGX",
            "EnvironmentMetrics": _link("/HGX/EnvironmentMetrics"),
            "PowerSubsystem": _link("/HGX/PowerSubsystem"),
            "Power": _link("/HGX/Power"),  # not asked for: the newer one is there
        },
        f"{_ROOT}/HGX/EnvironmentMetrics": {
            "@odata.type": "#EnvironmentMetrics.v1_3_0.EnvironmentMetrics",
            "PowerWatts": {"DataSourceUri": f"{_ROOT}/HGX/Sensors/Power", "Reading": 6841.5},
            "EnergykWh": {"Reading": 325.25},
            "PowerLimitWatts": {"SetPoint": 8000},
        },
        f"{_ROOT}/HGX/PowerSubsystem": {
            "PowerSupplies": _link("/HGX/PowerSubsystem/PowerSupplies")
        },
        f"{_ROOT}/HGX/PowerSubsystem/PowerSupplies": _members(
            "/HGX/PowerSubsystem/PowerSupplies/0", "/HGX/PowerSubsystem/PowerSupplies/1"
        ),
        f"{_ROOT}/HGX/PowerSubsystem/PowerSupplies/0": {"Metrics": _link("/HGX/PSU0Metrics")},
        f"{_ROOT}/HGX/PowerSubsystem/PowerSupplies/1": {"Metrics": _link("/HGX/PSU1Metrics")},
        f"{_ROOT}/HGX/PSU0Metrics": {"InputPowerWatts": {"Reading": 3500}},
        f"{_ROOT}/HGX/PSU1Metrics": {"InputPowerWatts": {"Reading": None}},
        f"{_ROOT}/Old": {"@odata.type": "#Chassis.v1_10_0.Chassis", "Power": _link("/Old/Power")},
        f"{_ROOT}/Old/Power": {
            "@odata.type": "#Power.v1_7_1.Power",
            "PowerControl": [{"MemberId": "0", "PowerConsumedWatts": 812}],
        },
        f"{_ROOT}/Shelf": {"Id": "Shelf"},
    }


class _Service:
    """Counts its connections and logins; a test changes its resources between reads."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self.resources: dict[str, object] = _resources()
        self.tokens: set[str] = set()
        self.login_count = 0
        self.peers: set[object] = set()
        self.wanted: Mapping[str, str] = {}

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post(SESSIONS, self._log_in)
        app.router.add_delete(f"{SESSIONS}/{{token}}", self._log_out)
        app.router.add_get("/{path:.*}", self._get)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self._authority.server())
        await site.start()
        try:
            yield f"https://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def _log_in(self, request: web.Request) -> web.Response:
        if await request.json() != {"UserName": "negawatt", "Password": "s3cret"}:
            return web.Response(status=401)
        self.login_count += 1
        token = f"token-{self.login_count}"
        self.tokens.add(token)
        headers = {"X-Auth-Token": token, "Location": f"{SESSIONS}/{token}"}
        return web.json_response({"Id": token}, status=201, headers=headers)

    async def _log_out(self, request: web.Request) -> web.Response:
        self.tokens.discard(request.match_info["token"])
        return web.Response(status=204)

    async def _get(self, request: web.Request) -> web.Response:
        self.peers.add(request.transport and request.transport.get_extra_info("peername"))
        await asyncio.sleep(0.01)  # a controller is slow: all connections come into use
        if request.headers.get("X-Auth-Token") not in self.tokens:
            return web.Response(status=401)
        found = self.resources.get(f"/{request.match_info['path']}")
        return web.json_response(found) if found is not None else web.Response(status=404)


@pytest.fixture
def service(tmp_path: Path) -> _Service:
    (tmp_path / "password").write_text("s3cret\n", "utf-8")
    return _Service(Authority(tmp_path))


def _read(
    service: _Service, folder: Path, *, user: str = "negawatt", count: int = 1
) -> list[Batch]:
    async def run() -> list[Batch]:
        config = AccessConfig(
            ca_file=folder / "ca.pem", user=user, password_file=folder / "password"
        )
        session = exporter_session(
            keepalive_s=5.0, request_timeout_s=5.0, connection_limit=CONNECTIONS
        )
        async with service.served() as url:
            access = RedfishAccess(Access(config), wants_session=True)
            source = RedfishSource(session, url, node_id="n1", access=access)
            batches = []
            for n in range(count):
                batches.append(await source.read(VirtualClock(datetime(2026, 7, 1, tzinfo=UTC))))
                if n == 0 and count > 1:
                    del service.resources[f"{_ROOT}/Old/Power"]
                    service.tokens.clear()  # the controller restarts and knows no session
            await source.close()
            await asyncio.sleep(0.1)  # both sides of TLS say good-bye
        return batches

    return asyncio.run(run())


def test_every_meter_of_a_node_is_read_and_none_is_added_to_another(
    service: _Service, tmp_path: Path
) -> None:
    batch = _read(service, tmp_path)[0]

    assert [
        (row.meter_id, row.power_w, row.energy_total_kwh, row.reading_quality)
        for row in batch.node_powers
    ] == [
        ("HGX", 6841.5, 325.25, "ok"),
        ("HGX.supply-0", 3500.0, None, "ok"),
        ("HGX.supply-1", None, None, "no_reading"),
        ("Old.control-0", 812.0, None, "ok"),
    ]
    assert {row.node_id for row in batch.node_powers} == {"n1"}
    assert batch.findings == ()


def test_a_controller_sees_two_connections_at_the_most_and_one_login_that_ends(
    service: _Service, tmp_path: Path
) -> None:
    _read(service, tmp_path)

    assert len(service.peers) <= CONNECTIONS
    assert (service.login_count, service.tokens) == (1, set())


def test_a_wrong_password_is_a_reading_that_is_missing_with_its_reason(
    service: _Service, tmp_path: Path
) -> None:
    batch = _read(service, tmp_path, user="other")[0]

    assert [(row.meter_id, row.power_w, row.reading_quality) for row in batch.node_powers] == [
        ("*", None, GapReason.ACCESS_DENIED)
    ]
    assert batch.findings[0].evidence["gap_reason"] == GapReason.ACCESS_DENIED


def test_meters_that_were_seen_are_missing_by_name_and_a_lost_session_is_opened_again(
    service: _Service, tmp_path: Path
) -> None:
    """The second read meets a controller that forgot the login; in the third, Power is gone."""
    _, second, third = _read(service, tmp_path, count=3)

    assert {row.reading_quality for row in second.node_powers} == {GapReason.ACCESS_DENIED}
    assert len(second.node_powers) == 4
    assert service.login_count == 2
    assert {row.reading_quality for row in third.node_powers} == {GapReason.HTTP_ERROR}


def test_an_answer_that_is_no_object_is_not_understood(service: _Service, tmp_path: Path) -> None:
    service.resources[f"{_ROOT}/HGX/EnvironmentMetrics"] = ["PowerWatts"]

    batch = _read(service, tmp_path)[0]

    assert {row.reading_quality for row in batch.node_powers} == {GapReason.NOT_UNDERSTOOD}


@pytest.mark.parametrize("reading", ["6841", True, -1, [1], {"Reading": "6841"}])
def test_what_is_no_number_of_watts_is_null(
    service: _Service, tmp_path: Path, reading: object
) -> None:
    service.resources[f"{_ROOT}/HGX/EnvironmentMetrics"] = {"PowerWatts": reading}

    row = _read(service, tmp_path)[0].node_powers[0]

    assert (row.meter_id, row.power_w, row.reading_quality) == ("HGX", None, "no_reading")


def test_a_link_to_another_host_is_not_followed(service: _Service, tmp_path: Path) -> None:
    service.resources[f"{_ROOT}/HGX"] = {
        "EnvironmentMetrics": {"@odata.id": "//elsewhere/EnvironmentMetrics"}
    }

    batch = _read(service, tmp_path)[0]

    assert [row.meter_id for row in batch.node_powers] == ["Old.control-0"]
