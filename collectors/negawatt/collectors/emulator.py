"""Exporters on loopback: pages in the real exporter's format, and its failures.

For tests, benchmarks and the demonstration. Not here: what the GPUs do; a callable says that.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Final, Self

from aiohttp import web

from negawatt.models.domain.units import MILLIWATT_PER_W

_CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SHUTDOWN_S: Final = 0.05  # a request that hangs on purpose is not waited for


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatedGpu:
    """What an exporter shows of one GPU; a value of None leaves its line out.

    Attributes:
        gpu_uuid: The driver's identity.
        index: Position in the node, from 0.
        model_name: The product.
        host_name: The node's name for itself.
        driver_version: The driver.
        pci_bus_id: Where the GPU sits.
        power_milliwatt: Power [mW], printed in watts.
        energy_total_millijoule: Energy counter [mJ].
        power_limit_milliwatt: Enforced limit [mW], printed in watts.
        gpu_util_ratio: Share of time with work, 0 to 1, printed as a percentage.
        gpu_temperature_c: Temperature [degree Celsius].
    """

    gpu_uuid: str
    index: int = 0
    model_name: str = "NVIDIA H100 80GB HBM3"
    host_name: str = "node"
    driver_version: str = "580.105.08"
    pci_bus_id: str = "00000000:31:00.0"
    power_milliwatt: int | None = None
    energy_total_millijoule: int | None = None
    power_limit_milliwatt: int | None = None
    gpu_util_ratio: float | None = None
    gpu_temperature_c: int | None = None


def _watt_text(milliwatt: int | None) -> str | None:
    """Print milliwatt in watt with six decimals, exactly; None stays None."""
    if milliwatt is None:
        return None
    whole, rest = divmod(milliwatt, MILLIWATT_PER_W)
    return f"{whole}.{rest:03d}000"


def _plain_text(value: float | None) -> str | None:
    return None if value is None else str(round(value))


# Name, type, help as the exporter's default counter file words them, and how a GPU's value prints.
_FAMILIES: Final[tuple[tuple[str, str, str, Callable[[EmulatedGpu], str | None]], ...]] = (
    (
        "DCGM_FI_DEV_GPU_TEMP",
        "gauge",
        "GPU temperature (in C).",
        lambda gpu: _plain_text(gpu.gpu_temperature_c),
    ),
    (
        "DCGM_FI_DEV_POWER_USAGE",
        "gauge",
        "Power draw (in W).",
        lambda gpu: _watt_text(gpu.power_milliwatt),
    ),
    (
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
        "counter",
        "Total energy consumption since boot (in mJ).",
        lambda gpu: _plain_text(gpu.energy_total_millijoule),
    ),
    (
        "DCGM_FI_DEV_ENFORCED_POWER_LIMIT",
        "gauge",
        "Effective power limit (in W).",
        lambda gpu: _watt_text(gpu.power_limit_milliwatt),
    ),
    (
        "DCGM_FI_DEV_GPU_UTIL",
        "gauge",
        "GPU utilization (in %).",
        lambda gpu: _plain_text(None if gpu.gpu_util_ratio is None else gpu.gpu_util_ratio * 100),
    ),
)


def render_page(gpus: Sequence[EmulatedGpu]) -> bytes:
    """Return an exporter page: for each metric HELP, TYPE and a line for each GPU that has it.

    Examples:
        >>> gpu = EmulatedGpu(gpu_uuid="GPU-1", power_milliwatt=68_244)
        >>> print(render_page([gpu]).decode().splitlines()[1])
        # TYPE DCGM_FI_DEV_POWER_USAGE gauge
        >>> render_page([gpu]).decode().splitlines()[2].rpartition(" ")[2]
        '68.244000'
    """
    labels = [_labels(gpu) for gpu in gpus]
    lines: list[str] = []
    for name, kind, help_text, value in _FAMILIES:
        texts = [value(gpu) for gpu in gpus]
        shown = [
            f"{name}{{{label}}} {text}"
            for label, text in zip(labels, texts, strict=True)
            if text is not None
        ]
        if shown:
            lines += [f"# HELP {name} {help_text}", f"# TYPE {name} {kind}", *shown]
    return "".join(f"{line}\n" for line in lines).encode()


def _labels(gpu: EmulatedGpu) -> str:
    return (
        f'gpu="{gpu.index}",UUID="{gpu.gpu_uuid}",pci_bus_id="{gpu.pci_bus_id}",'
        f'device="nvidia{gpu.index}",modelName="{gpu.model_name}",Hostname="{gpu.host_name}",'
        f'DCGM_FI_DRIVER_VERSION="{gpu.driver_version}"'
    )


class Failure(StrEnum):
    """What an emulated exporter can do wrong."""

    CLOSE_DELIMITED = "close_delimited"
    EMPTY = "empty"
    HANG = "hang"
    HTTP_500 = "http_500"
    TRUNCATED = "truncated"
    TRUNCATED_CHUNKS = "truncated_chunks"


_RAW_HEADERS: Final[Mapping[Failure, str]] = {
    Failure.CLOSE_DELIMITED: "Connection: close",
    Failure.TRUNCATED: "Content-Length: {length}",
    Failure.TRUNCATED_CHUNKS: "Transfer-Encoding: chunked",
}


class Emulator:
    """A server on loopback with one address for each target.

    Use it as an asynchronous context manager. Answers are kept alive and state their length.

    Args:
        page: Gives the page of a target, or raises KeyError for one that does not exist (404).
        port: Port to listen on; 0 takes a free one.

    Attributes:
        failures: What each target does wrong from now on; tests change it between reads.
    """

    def __init__(self, page: Callable[[str], bytes], *, port: int = 0) -> None:
        self._page = page
        self._port = port
        self._runner: web.AppRunner | None = None
        self.failures: dict[str, Failure] = {}
        self._peers: set[object] = set()

    @property
    def connection_count(self) -> int:
        """Connections that asked for a page so far, by the client's address."""
        return len(self._peers)

    def url(self, target_name: str) -> str:
        """Return the address of a target's page."""
        return f"http://127.0.0.1:{self._port}/{target_name}/metrics"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/{target_name}/metrics", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        target_name = request.match_info["target_name"]
        failure = self.failures.get(target_name)
        self._peers.add(request.transport and request.transport.get_extra_info("peername"))
        if failure == Failure.HTTP_500:
            return web.Response(status=500, text="error collecting metrics")
        if failure == Failure.EMPTY:
            return web.Response(body=b"", headers={"Content-Type": _CONTENT_TYPE})
        if failure == Failure.HANG:
            await asyncio.Event().wait()
        try:
            body = self._page(target_name)
        except KeyError:
            return web.Response(status=404, text="no such target")
        if failure:
            _answer_raw(request, failure, body)
        return web.Response(body=body, headers={"Content-Type": _CONTENT_TYPE})


def _answer_raw(request: web.Request, failure: Failure, body: bytes) -> None:
    """Write half a page as an exporter that dies would, and hang up."""
    half = body[: len(body) // 2]
    if failure == Failure.TRUNCATED_CHUNKS:
        half = f"{len(half):x}\r\n".encode() + half + b"\r\n"
    header = _RAW_HEADERS[failure].format(length=len(body))
    if request.transport:
        request.transport.write(f"HTTP/1.1 200 OK\r\n{header}\r\n\r\n".encode() + half)
        request.transport.close()
