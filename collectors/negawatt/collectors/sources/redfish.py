"""A server's management controller (BMC) over Redfish, as a source: what the node draws.

Of each chassis: ``EnvironmentMetrics`` where it has power, else the older ``Power`` resource; and
the inputs of its power supplies below ``PowerSubsystem``. Each is a meter of its own; nothing is
added up. A controller serves few clients, so at most two connections are opened to one.

Source: DMTF schemas at redfish.dmtf.org/schemas/v1: Chassis.v1_24_0, EnvironmentMetrics.v1_3_0
(PowerWatts and EnergykWh, excerpts of a Sensor with ``Reading``), Power.v1_7_1
(PowerControl/PowerConsumedWatts), PowerSubsystem.v1_1_0, PowerSupplyMetrics.v1_1_0
(InputPowerWatts, EnergykWh); sessions: DSP0266 section "Redfish session login authentication".
Not here: requests (fetch), sessions (redfish_session) and when to read.
"""

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import aiohttp

from negawatt.collectors.sources.fetch import Refusal, fetch_page
from negawatt.collectors.sources.protocol import (
    Batch,
    GapReason,
    NodePower,
    RowQuality,
    StopWatch,
)
from negawatt.collectors.sources.redfish_session import RedfishAccess
from negawatt.models.domain.clock import Clock
from negawatt.models.domain.findings import Finding, FindingCode, Severity

CHASSIS: Final = "/redfish/v1/Chassis"
CONNECTIONS: Final = 2
EVERY_METER: Final = "*"  # a controller that never answered named no meter
_POWER_NAMES: Final = ("PowerWatts", "PowerConsumedWatts", "InputPowerWatts")
_SIZE_LIMIT_BYTES = 4_194_304

_Json = Mapping[str, object]


class RedfishSource:
    """Reads one controller; it is asked for its chassis once, and again after it failed.

    Args:
        session: From ``client_session`` with at most two connections; closed by ``close``.
        url: Address of the controller, without a path.
        node_id: The node it manages.
        access: Certificates, and how requests are authorized.
    """

    def __init__(
        self, session: aiohttp.ClientSession, url: str, *, node_id: str, access: RedfishAccess
    ) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self._node_id = node_id
        self._access = access
        self._chassis: tuple[str, ...] = ()
        self._meters: set[str] = set()

    async def read(self, clock: Clock) -> Batch:
        """Read every meter once; one that was seen before and gave nothing is NULL, and why."""
        watch = StopWatch(clock)
        try:
            await self._access.open(self._session, self._url)
            self._chassis = self._chassis or await self._members(CHASSIS)
            of_chassis = await asyncio.gather(*(self._of_chassis(path) for path in self._chassis))
        except _RefusedError as error:
            self._chassis = ()
            if error.refusal.reason == GapReason.ACCESS_DENIED:
                self._access.forget()
            return self._failed(watch.stamp().observed_at_utc, error)
        found = [meter for meters in of_chassis for meter in meters]
        return self._batch(watch.stamp().observed_at_utc, dict(found))

    async def close(self) -> None:
        """End the login and close the connections."""
        await self._access.close(self._session, self._url)
        await self._session.close()

    async def _of_chassis(self, path: str) -> list[tuple[str, _Json]]:
        chassis = await self._get(path)
        name = path.rstrip("/").rpartition("/")[2]
        meters = await self._environment(chassis, name) or await self._power(chassis, name)
        return meters + await self._supplies(chassis, name)

    async def _environment(self, chassis: _Json, name: str) -> list[tuple[str, _Json]]:
        path = _link(chassis, "EnvironmentMetrics")
        metrics = await self._get(path) if path else {}
        return [(name, metrics)] if "PowerWatts" in metrics or "EnergykWh" in metrics else []

    async def _power(self, chassis: _Json, name: str) -> list[tuple[str, _Json]]:
        path = _link(chassis, "Power")
        controls = _objects((await self._get(path)).get("PowerControl")) if path else []
        return [
            (f"{name}.control-{control.get('MemberId', n)}", control)
            for n, control in enumerate(controls)
            if "PowerConsumedWatts" in control
        ]

    async def _supplies(self, chassis: _Json, name: str) -> list[tuple[str, _Json]]:
        path = _link(chassis, "PowerSubsystem")
        supplies = _link(await self._get(path), "PowerSupplies") if path else None
        meters = []
        for supply_path in await self._members(supplies) if supplies else ():
            supply = supply_path.rstrip("/").rpartition("/")[2]
            metrics_path = _link(await self._get(supply_path), "Metrics")
            metrics = await self._get(metrics_path) if metrics_path else {}
            if "InputPowerWatts" in metrics or "EnergykWh" in metrics:
                meters.append((f"{name}.supply-{supply}", metrics))
        return meters

    async def _members(self, path: str) -> tuple[str, ...]:
        members = _objects((await self._get(path)).get("Members"))
        return tuple(link for member in members if (link := _id(member)))

    async def _get(self, path: str) -> _Json:
        body = await fetch_page(
            self._session,
            self._url + path,
            size_limit_bytes=_SIZE_LIMIT_BYTES,
            access=self._access,
        )
        if isinstance(body, Refusal):
            raise _RefusedError(path, body)
        try:
            found = json.loads(body)
        except ValueError as error:
            refusal = Refusal(reason=GapReason.NOT_UNDERSTOOD, detail=f"no JSON: {error}")
            raise _RefusedError(path, refusal) from error
        if not isinstance(found, dict):
            refusal = Refusal(reason=GapReason.NOT_UNDERSTOOD, detail="JSON, but no object")
            raise _RefusedError(path, refusal)
        return found

    def _batch(self, observed_at_utc: datetime, found: Mapping[str, _Json]) -> Batch:
        rows = [
            node_power(resource, self._node_id, meter_id, observed_at_utc)
            for meter_id, resource in found.items()
        ]
        self._meters |= set(found)
        rows += self._missing(observed_at_utc, self._meters - set(found), GapReason.NOT_IN_ANSWER)
        if not rows:
            return self._failed(
                observed_at_utc,
                _RefusedError(
                    CHASSIS,
                    Refusal(
                        reason=GapReason.NO_POWER_READING,
                        detail="no chassis with EnvironmentMetrics, Power or PowerSubsystem",
                    ),
                ),
            )
        return Batch(node_powers=tuple(rows))

    def _failed(self, observed_at_utc: datetime, error: "_RefusedError") -> Batch:
        finding = Finding(
            code=FindingCode.SAMPLE_GAP,
            severity=Severity.WARNING,
            subject=f"controller of node {self._node_id!r}",
            message=f"expected power at {self._url}{error.path}, found {error.refusal.reason}: "
            f"{error.refusal.detail}",
            evidence={"gap_reason": error.refusal.reason, "path": error.path},
        )
        meters = self._meters or {EVERY_METER}
        return Batch(
            node_powers=self._missing(observed_at_utc, meters, error.refusal.reason),
            gap_reason=error.refusal.reason,
            findings=(finding,),
        )

    def _missing(
        self, observed_at_utc: datetime, meters: set[str], quality: GapReason
    ) -> tuple[NodePower, ...]:
        return tuple(
            NodePower(
                node_id=self._node_id,
                meter_id=meter_id,
                observed_at_utc=observed_at_utc,
                reading_quality=quality,
            )
            for meter_id in sorted(meters)
        )


def node_power(
    resource: _Json, node_id: str, meter_id: str, observed_at_utc: datetime
) -> NodePower:
    """Return what a resource with power says: EnvironmentMetrics, a PowerControl, supply metrics.

    A value that is not there, is null, or is no finite number of at least 0, is NULL.

    Examples:
        >>> from datetime import UTC
        >>> metrics = {"PowerWatts": {"Reading": 6841.5}, "EnergykWh": {"Reading": 325.25}}
        >>> found = node_power(metrics, "n1", "1", datetime(2026, 7, 1, tzinfo=UTC))
        >>> found.power_w, found.energy_total_kwh, found.reading_quality.value
        (6841.5, 325.25, 'ok')
    """
    texts = [resource.get(name) for name in _POWER_NAMES if name in resource]
    power_w = _reading(texts[0]) if texts else None
    energy_total_kwh = _reading(resource.get("EnergykWh"))
    is_read = power_w is not None or energy_total_kwh is not None
    return NodePower(
        node_id=node_id,
        meter_id=meter_id,
        observed_at_utc=observed_at_utc,
        power_w=power_w,
        energy_total_kwh=energy_total_kwh,
        reading_quality=RowQuality.OK if is_read else RowQuality.NO_READING,
    )


def _reading(value: object) -> float | None:
    """Return a number, or the ``Reading`` of an excerpt of a sensor."""
    if isinstance(value, dict):
        value = value.get("Reading")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and value >= 0 else None


def _link(resource: _Json, name: str) -> str | None:
    return _id(resource.get(name))


def _id(value: object) -> str | None:
    """Return a link's path; a link to another host is none."""
    link = value.get("@odata.id") if isinstance(value, dict) else None
    return link if isinstance(link, str) and link.startswith("/") and link[1:2] != "/" else None


def _objects(value: object) -> Sequence[_Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


class _RefusedError(Exception):
    """A resource that could not be read; it never leaves this module."""

    def __init__(self, path: str, refusal: Refusal) -> None:
        self.path = path
        self.refusal = refusal
        super().__init__(path)
