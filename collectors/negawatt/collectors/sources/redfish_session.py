"""Who asks a Redfish service: nobody, a pair of name and password, or a session that it opens.

Source: DMTF DSP0266 (Redfish Specification), "Redfish session login authentication": a POST to the
sessions collection answers 201 with the header X-Auth-Token; a DELETE of its Location ends it.
Not here: what is read (redfish).
"""

import contextlib
import ssl
from typing import Final

import aiohttp

from negawatt.collectors.access import Access

SESSIONS: Final = "/redfish/v1/SessionService/Sessions"
_CREATED = 201


class RedfishAccess:
    """Authorizes requests to one service.

    Args:
        access: Certificates and credentials.
        wants_session: Whether to log in once, rather than to send the password each time.
    """

    def __init__(self, access: Access, *, wants_session: bool) -> None:
        self._access = access
        self._wants_session = wants_session and access.user_and_password() is not None
        self._token: str | None = None
        self._location: str | None = None

    @property
    def ssl_context(self) -> ssl.SSLContext | bool:
        """The TLS context of requests."""
        return self._access.ssl_context

    def headers(self) -> dict[str, str]:
        """Return the header of authorization, if there is one."""
        if self._wants_session:
            return {"X-Auth-Token": self._token} if self._token else {}
        return self._access.headers()

    def forget(self) -> None:
        """Log in again before the next read: the service no longer knows the session."""
        self._token = self._location = None

    async def open(self, session: aiohttp.ClientSession, url: str) -> None:
        """Log in, where that is wanted and not done yet; a refusal shows at the next request."""
        pair = self._access.user_and_password() if self._wants_session else None
        if pair is None or self._token:
            return
        body = {"UserName": pair[0], "Password": pair[1]}
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with session.post(
                url + SESSIONS, json=body, ssl=self.ssl_context, allow_redirects=False
            ) as response:
                if response.status == _CREATED:
                    self._token = response.headers.get("X-Auth-Token")
                    self._location = response.headers.get("Location")

    async def close(self, session: aiohttp.ClientSession, url: str) -> None:
        """Log out: a service has few sessions to give."""
        if not (self._token and self._location):
            return
        path = self._location.removeprefix(url)
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with session.delete(
                url + path, headers=self.headers(), ssl=self.ssl_context, allow_redirects=False
            ):
                self.forget()
