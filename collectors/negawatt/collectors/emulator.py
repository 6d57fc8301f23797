"""Exporters on loopback, and their failures.

For tests, benchmarks and the demonstration. It speaks just enough HTTP to serve a thousand pages a
second from a part of one core, and to break off where a web server would not. Not here: what a page
looks like (negawatt.collectors.emulated_page) and what its GPUs do; a callable says that.
"""

import asyncio
import re
import ssl
from collections import Counter
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import TracebackType
from typing import Final, Self

_REQUEST: Final = re.compile(rb"GET /([^/ ]*)/metrics HTTP/1\.1\r\n")
_AUTHORIZATION: Final = re.compile(rb"\r\nauthorization: ([^\r]*)", re.IGNORECASE)
_END_OF_HEAD: Final = b"\r\n\r\n"


class Failure(StrEnum):
    """What an emulated exporter can do wrong."""

    CLOSE_DELIMITED = "close_delimited"
    EMPTY = "empty"
    HANG = "hang"
    HTTP_500 = "http_500"
    STALE = "stale"  # the page of the last good answer, again and again
    TRUNCATED = "truncated"
    TRUNCATED_CHUNKS = "truncated_chunks"


def _whole(status: bytes, body: bytes) -> bytes:
    return (
        b"HTTP/1.1 %b\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (status, len(body), body)
    )


_WITHOUT_PAGE: Final[Mapping[Failure | None, bytes]] = {
    Failure.EMPTY: _whole(b"200 OK", b""),
    Failure.HANG: b"",
    Failure.HTTP_500: _whole(b"500 Internal Server Error", b"error collecting metrics"),
}


class Emulator:
    """A server on loopback with one address for each target.

    Use it as an asynchronous context manager. Answers are kept alive and state their length.

    Args:
        page: Gives the page of a target, or raises KeyError for one that does not exist (404).
        port: Port to listen on; 0 takes a free one.
        tls: The server's side of TLS; without it, plain HTTP.
        authorization: The header of authorization that each request must bring.

    Attributes:
        failures: What each target does wrong from now on; tests change it between reads.
        request_count: Requests for each target so far.
        connection_count: Connections that asked for a page so far.
    """

    def __init__(
        self,
        page: Callable[[str], bytes],
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        authorization: str | None = None,
    ) -> None:
        self._page = page
        self._port = port
        self._tls = tls
        self._authorization = authorization and authorization.encode()
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._bodies: dict[str, bytes] = {}
        self.failures: dict[str, Failure] = {}
        self.request_count: Counter[str] = Counter()
        self.connection_count = 0

    def url(self, target_name: str) -> str:
        """Return the address of a target's page."""
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self._port}/{target_name}/metrics"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self.answer, self._connections),
            "127.0.0.1",
            self._port,
            ssl=self._tls,
        )
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server:
            self._server.close()
        for connection in list(self._connections):
            connection.hang_up()
        await asyncio.sleep(0)  # let them close

    def answer(self, head: bytes, *, is_first: bool) -> tuple[bytes, bool]:
        """Return what a request is answered with, and whether the connection ends with it.

        Args:
            head: The request line and its headers.
            is_first: It is the first request of its connection.
        """
        request = _REQUEST.match(head)
        target_name = request[1].decode() if request else ""
        self.connection_count += is_first
        self.request_count[target_name] += 1
        failure = self.failures.get(target_name)
        brought = _AUTHORIZATION.search(head)
        if self._authorization and (brought is None or brought[1] != self._authorization):
            return _whole(b"401 Unauthorized", b"who asks?"), False
        if failure in _WITHOUT_PAGE:
            return _WITHOUT_PAGE[failure], False
        try:
            body = (
                self._bodies[target_name] if failure == Failure.STALE else self._page(target_name)
            )
        except KeyError:
            return _whole(b"404 Not Found", b"no such target"), False
        self._bodies[target_name] = body
        if failure in {None, Failure.STALE}:
            return _whole(b"200 OK", body), False
        return _broken(failure, body), True


class _Connection(asyncio.Protocol):
    """One client's connection: requests come one after the other."""

    def __init__(
        self, answer: Callable[..., tuple[bytes, bool]], connections: "set[_Connection]"
    ) -> None:
        self._answer = answer
        self._connections = connections
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self._is_first = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the open connections."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
            self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Leave the open connections."""
        self._connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._received += data
        while self._transport and _END_OF_HEAD in self._received:
            head, _, self._received = self._received.partition(_END_OF_HEAD)
            answer, is_last = self._answer(head + b"\r\n", is_first=self._is_first)
            self._is_first = False
            self._transport.write(answer)
            if is_last:
                self._transport.close()
                return

    def hang_up(self) -> None:
        """Close at once."""
        if self._transport:
            self._transport.abort()


def _broken(failure: Failure | None, body: bytes) -> bytes:
    """Return half a page, as an exporter that dies would write it."""
    half = body[: len(body) // 2]
    if failure == Failure.TRUNCATED_CHUNKS:
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (
            len(half),
            half,
        )
    delimited = failure == Failure.CLOSE_DELIMITED
    header = b"Connection: close" if delimited else b"Content-Length: %d" % len(body)
    return b"HTTP/1.1 200 OK\r\n%b\r\n\r\n%b" % (header, half)
