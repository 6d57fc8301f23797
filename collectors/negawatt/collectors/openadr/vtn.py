"""The VTN over HTTP: a token, its events page by page, our subscription, and reports.

Source: OpenADR 3.1.1, ``paths``; OAuth2 client credentials, RFC 6749 section 4.4; ETag, RFC 9110
section 8.8.3. No redirect is followed: a token goes to the address that was configured.

Not here: what events say (intake), and when they are asked for (listen).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import aiohttp
from pydantic import BaseModel

from negawatt.collectors.access import Access
from negawatt.collectors.config_sections import Url
from negawatt.collectors.message import MessageRefusedError
from negawatt.collectors.oauth import REFUSED, Tokens, is_safe_for_secrets
from negawatt.collectors.openadr.config import VtnConfig
from negawatt.collectors.openadr.spec import items_of, read_object
from negawatt.models.domain.clock import Clock

_PAGE: Final = 50  # the most that may be asked for
_MOST_PAGES: Final = 200
_MOST_BYTES: Final = 64_000_000
_OK: Final = 200
_CREATED: Final = 201
_NOT_MODIFIED: Final = 304
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404


class VtnError(Exception):
    """The VTN did not answer, or not as the document says; tried again later.

    Attributes:
        is_refusal: It does not know us, which does not pass by itself.
        status: HTTP status of its answer, if there was one.
    """

    def __init__(self, found: str, *, is_refusal: bool = False, status: int | None = None) -> None:
        self.is_refusal = is_refusal
        self.status = status
        super().__init__(found)


class _TokenServer(BaseModel):
    tokenURL: Url  # noqa: N815 - the document's name


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    text: str
    etag: str | None


class Vtn:
    """One VTN; use it as an asynchronous context.

    Args:
        config: Where it is, and who we are.
        clock: Tells when a token ends.

    Raises:
        ConfigurationError: A certificate or secret cannot be read.
    """

    def __init__(self, config: VtnConfig, clock: Clock) -> None:
        self._config = config
        self._access = Access(config.access)
        self._tokens = Tokens(config.oauth, clock) if config.oauth else None
        self._pages: dict[int, tuple[str, list[str]]] = {}

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._config.request_timeout_s),
            headers={"User-Agent": "negawatt", "Accept": "application/json"},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def events(self) -> list[str]:
        """Return all events as they came, page by page.

        A page that did not change since it was read last, by its ETag, is not sent again.

        Raises:
            VtnError: The VTN did not answer as the document says.
        """
        found: list[str] = []
        for number in range(_MOST_PAGES):
            page = await self._page(number * _PAGE)
            found += page
            if len(page) < _PAGE:
                return found
        raise VtnError(f"more than {_MOST_PAGES * _PAGE} events")

    async def event(self, vtn_id: str) -> str | None:
        """Return one event as it came; None where the VTN says that there is none.

        Raises:
            VtnError: It did not answer as the document says.
        """
        answer = await self._ask("GET", f"/events/{vtn_id}", expected=(_OK, _NOT_FOUND))
        return None if answer.status == _NOT_FOUND else answer.text

    async def subscribe(self, callback_url: str, token: str, known: str | None) -> str:
        """Ask to be told of changes of events, once for each address; return the subscription's id.

        Args:
            callback_url: Where we listen.
            token: What the VTN brings.
            known: The subscription that was made in this run; it is left as it is.

        Raises:
            VtnError: The VTN did not take it.
        """
        told = {
            "clientName": self._config.client_name,
            "objectOperations": [
                {
                    "objects": ["EVENT"],
                    "operations": ["CREATE", "UPDATE", "DELETE"],
                    "callbackUrl": callback_url,
                    "bearerToken": token,
                }
            ],
        }
        there = await self._ask(
            "GET",
            "/subscriptions",
            params={"clientName": self._config.client_name, "limit": str(_PAGE)},
        )
        for one in _objects(there.text):
            urls = _callback_urls(one)
            if urls == [callback_url] and one["id"] == known:
                return str(known)
            if urls == [callback_url]:
                await self._ask("PUT", f"/subscriptions/{one['id']}", body=told)
                return str(one["id"])
        made = await self._ask("POST", "/subscriptions", body=told, expected=(_CREATED,))
        return _made_id(made.text)

    async def unsubscribe(self, subscription_id: str) -> None:
        """Ask not to be told any more.

        Raises:
            VtnError: The VTN did not take it.
        """
        await self._ask("DELETE", f"/subscriptions/{subscription_id}", expected=(_OK, _NOT_FOUND))

    async def report(self, told: Mapping[str, Any]) -> str:
        """Send a report, in the place of the one of the same name and event; return its id.

        Raises:
            VtnError: The VTN did not take it.
        """
        there = await self._ask(
            "GET",
            "/reports",
            params={
                "eventID": told["eventID"],
                "clientName": told["clientName"],
                "limit": str(_PAGE),
            },
        )
        for one in _objects(there.text):
            if one.get("reportName") == told["reportName"]:
                await self._ask("PUT", f"/reports/{one['id']}", body=told)
                return str(one["id"])
        made = await self._ask("POST", "/reports", body=told, expected=(_CREATED,))
        return _made_id(made.text)

    async def _page(self, skip: int) -> list[str]:
        known = self._pages.get(skip)
        answer = await self._ask(
            "GET",
            "/events",
            params={"skip": str(skip), "limit": str(_PAGE)},
            headers={"If-None-Match": known[0]} if known else {},
            expected=(_OK, _NOT_MODIFIED) if known else (_OK,),
        )
        if known and answer.status == _NOT_MODIFIED:
            return known[1]
        try:
            page = list(items_of(answer.text))
        except (ValueError, RecursionError) as error:
            raise VtnError(f"a page of events that is no JSON array: {error}") from error
        self._pages.pop(skip, None)
        if answer.etag and answer.etag.isascii():  # what else came could not be sent back
            self._pages[skip] = (answer.etag, page)
        return page

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        expected: tuple[int, ...] = (_OK,),
    ) -> _Answer:
        """Ask once, and once more with a new token where the VTN does not take the old one."""
        url = f"{self._config.url}{path}"
        for is_last in (False, True):
            sent = {**(headers or {}), **await self._authorization()}
            answer = await self._answer(method, url, params=params, json=body, headers=sent)
            if answer.status in expected:
                return answer
            if answer.status != _UNAUTHORIZED or is_last or self._tokens is None:
                break
            self._tokens.forget()
        raise _unexpected(f"{method} {path}", answer)

    async def _authorization(self) -> Mapping[str, str]:
        try:
            if self._tokens is None:
                return self._access.headers()
            token = self._tokens.current or await self._new_token(self._tokens)
        except (OSError, UnicodeDecodeError) as error:  # its file is being written, or was moved
            raise VtnError(f"no secret to be known by: {error}") from error
        return {"Authorization": f"Bearer {token}"}

    async def _new_token(self, tokens: Tokens) -> str:
        oauth = self._config.oauth
        url = (oauth.token_url if oauth else None) or await self._token_url()
        answer = await self._answer("POST", url, data=tokens.form())
        if answer.status != _OK:
            refused = answer.status in REFUSED
            raise _unexpected("the request for a token", answer, is_refusal=refused)
        try:
            return tokens.take(answer.text)
        except ValueError as error:
            raise VtnError(f"no token in the answer of {url}") from error

    async def _token_url(self) -> str:
        answer = await self._answer("GET", f"{self._config.url}/auth/server")
        if answer.status != _OK:
            raise _unexpected("GET /auth/server", answer)
        try:
            url = read_object(_TokenServer, answer.text).tokenURL
        except MessageRefusedError as error:
            raise VtnError("no tokenURL in the answer of /auth/server") from error
        if not is_safe_for_secrets(url):
            raise VtnError(f"a tokenURL without TLS: {url}", is_refusal=True)
        return url

    async def _answer(self, method: str, url: str, **more: Any) -> _Answer:  # noqa: ANN401 - aiohttp's own
        try:
            async with self._session.request(
                method, url, allow_redirects=False, ssl=self._access.ssl_context, **more
            ) as response:
                body = bytearray()
                async for chunk in response.content.iter_chunked(65_536):
                    body += chunk
                    if len(body) > _MOST_BYTES:
                        raise VtnError(f"an answer of more than {_MOST_BYTES} bytes")
                return _Answer(response.status, body.decode("utf-8"), response.headers.get("ETag"))
        except TimeoutError as error:
            limit_s = self._config.request_timeout_s
            raise VtnError(f"no whole answer within {limit_s:g} s") from error
        except (
            aiohttp.ClientError,
            OSError,
            ValueError,
        ) as error:  # ValueError: no UTF-8, or header
            is_refusal = isinstance(error, aiohttp.ClientConnectorCertificateError)
            raise VtnError(str(error), is_refusal=is_refusal) from error


def _objects(text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise VtnError(f"an answer that is no JSON: {error}") from error
    if not isinstance(found, list) or not all(_has_id(one) for one in found):
        raise VtnError("an answer without the objects that were asked for")
    return found


def _made_id(text: str) -> str:
    made = _objects(f"[{text}]")
    if len(made) != 1:
        raise VtnError("an answer without the one object that was made")
    return str(made[0]["id"])


def _callback_urls(subscription: Mapping[str, Any]) -> list[object]:
    """Return where a subscription's operations are told; a VTN may write null for none."""
    operations = subscription.get("objectOperations")
    found = operations if isinstance(operations, list) else []
    return [one.get("callbackUrl") for one in found if isinstance(one, dict)]


def _has_id(found: object) -> bool:
    return isinstance(found, dict) and isinstance(found.get("id"), str)


def _unexpected(what: str, answer: _Answer, *, is_refusal: bool = False) -> VtnError:
    try:
        problem = json.loads(answer.text)
        told = str(problem.get("detail") or problem.get("title") or problem.get("error") or "")
    except (ValueError, AttributeError, RecursionError):
        told = ""
    found = f"{what} was answered by HTTP status {answer.status}"
    found += f": {told:.200}" if told else ""
    denied = answer.status in {_UNAUTHORIZED, _FORBIDDEN}
    return VtnError(found, is_refusal=is_refusal or denied, status=answer.status)
