"""Exporters on loopback, and their failures.

For tests, benchmarks and the demonstration. Not here: what a page looks like
(negawatt.collectors.emulated_page) and what its GPUs do; a callable says that.
"""

import asyncio
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import TracebackType
from typing import Final, Self

from aiohttp import web

_CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SHUTDOWN_S: Final = 0.05  # a request that hangs on purpose is not waited for


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
