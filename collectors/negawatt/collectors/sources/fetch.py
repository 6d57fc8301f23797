"""One exporter page over HTTP, or the reason why it cannot be trusted.

A body counts only if the answer says where it ends: Content-Length, or chunks up to the last one.
Not here: what the page says (negawatt.collectors.sources.dcgm).
"""

import ssl
from dataclasses import dataclass
from typing import Final, Protocol

import aiohttp

from negawatt.collectors.sources.protocol import GapReason
from negawatt.models.domain.units import MS_PER_S

_HTTP_OK = 200
_DENIED = {401, 403}
_CHUNK_BYTES = 65_536
# No compression: a page is small, and its Content-Length should count the bytes that are parsed.
_HEADERS: Final = {"Accept": "text/plain;version=0.0.4", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why there is no page.

    Attributes:
        reason: The gap it makes.
        detail: What was found, for a person.
    """

    reason: GapReason
    detail: str


class Credentials(Protocol):
    """How a target is reached: its TLS context, and what its requests bring."""

    @property
    def ssl_context(self) -> ssl.SSLContext | bool:
        """For addresses that begin with https; True is the library's default."""
        ...

    def headers(self) -> dict[str, str]:
        """Return the header of authorization, if there is one."""
        ...


def exporter_session(
    *, keepalive_s: float, request_timeout_s: float, connection_limit: int = 0
) -> aiohttp.ClientSession:
    """Return a session for any number of exporters; make it inside the event loop.

    Args:
        keepalive_s: How long an idle connection is kept; longer than the scrape interval [s].
        request_timeout_s: Longest time for one page, from connecting to its last byte [s].
        connection_limit: Most connections at once; 0 for any number.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connection_limit, keepalive_timeout=keepalive_s),
        timeout=aiohttp.ClientTimeout(total=request_timeout_s),
        headers=_HEADERS,
    )


async def fetch_page(
    session: aiohttp.ClientSession, url: str, *, size_limit_bytes: int, access: Credentials
) -> bytes | Refusal:
    """Return the body of a page, whole and not empty, or say why not.

    Args:
        session: From ``exporter_session``.
        url: The page's address.
        size_limit_bytes: Largest body that is read [bytes].
        access: Certificates and credentials; they go to this address only: no redirect is followed.
    """
    try:
        async with session.get(
            url, allow_redirects=False, ssl=access.ssl_context, headers=access.headers()
        ) as response:
            return await _body(response, size_limit_bytes)
    except TimeoutError:
        timeout_ms = (session.timeout.total or 0) * MS_PER_S
        return Refusal(reason=GapReason.TIMEOUT, detail=f"no whole page within {timeout_ms:.0f} ms")
    except aiohttp.ClientPayloadError as error:
        return Refusal(reason=GapReason.PAGE_TRUNCATED, detail=f"the body broke off: {error}")
    except aiohttp.ClientSSLError as error:
        return Refusal(reason=GapReason.TLS_FAILED, detail=str(error))
    except aiohttp.ClientError as error:
        return Refusal(reason=GapReason.CONNECTION_FAILED, detail=str(error))
    except OSError as error:  # of the file with the secret
        return Refusal(reason=GapReason.ACCESS_DENIED, detail=str(error))


async def _body(response: aiohttp.ClientResponse, size_limit_bytes: int) -> bytes | Refusal:
    if response.status in _DENIED:
        return Refusal(reason=GapReason.ACCESS_DENIED, detail=f"HTTP status {response.status}")
    if response.status != _HTTP_OK:
        return Refusal(reason=GapReason.HTTP_ERROR, detail=f"HTTP status {response.status}")
    chunked = response.headers.get("Transfer-Encoding", "").lower() == "chunked"
    if response.content_length is None and not chunked:
        return Refusal(
            reason=GapReason.PAGE_NOT_DELIMITED,
            detail="neither Content-Length nor chunks: a body cut short would look whole",
        )
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        if len(body) > size_limit_bytes:
            return Refusal(
                reason=GapReason.PAGE_TOO_LARGE, detail=f"more than {size_limit_bytes} bytes"
            )
    if not body:
        return Refusal(reason=GapReason.EMPTY_PAGE, detail="HTTP 200 with an empty body")
    return bytes(body)
