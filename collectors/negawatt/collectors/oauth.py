"""OAuth2 client credentials: a token that is asked for, and asked for anew before it ends.

Source: RFC 6749, sections 4.4, 5.1 and 5.2, appendix A.12. Not here: who needs the token
(openadr.vtn, dsx.client).
"""

import http.client
import ssl
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from negawatt.collectors.access import Access
from negawatt.collectors.config_sections import AccessConfig, Section, Url
from negawatt.models.domain.clock import Clock
from negawatt.models.domain.units import NS_PER_S

_THIS_MACHINE: Final = {"127.0.0.1", "::1", "localhost"}
_EARLY_S: Final = 30  # a token is renewed this long before it ends
_LASTS_S: Final = 3_600  # where the server does not say for how long it is good
_MOST_BYTES: Final = 65_536
_TIMEOUT_S: Final = 10.0
REFUSED: Final = (400, 401, 403)
"""What a server of tokens answers those it does not know, or who may not (section 5.2)."""


def is_safe_for_secrets(url: str) -> bool:
    """Say whether a secret sent there is encrypted, or does not leave the machine.

    Examples:
        >>> is_safe_for_secrets("http://127.0.0.1:8080/openadr3")
        True
        >>> is_safe_for_secrets("http://vtn.example/openadr3")
        False
    """
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in _THIS_MACHINE


class OAuthConfig(Section):
    """OAuth2 client credentials.

    Attributes:
        client_id: Who we are to the authorization server.
        client_secret_file: File with the secret, read again when it changes.
        token_url: Where a token is asked for; a VTN is asked for it by default.
        scope: Scopes to ask for; none by default, which leaves it to the server.
    """

    client_id: Annotated[str, Field(min_length=1, max_length=4096)]
    client_secret_file: Path
    token_url: Url | None = None
    scope: str = ""

    @model_validator(mode="after")
    def _no_secret_in_the_clear(self) -> Self:
        if self.token_url and not is_safe_for_secrets(self.token_url):
            raise ValueError("a token_url that begins with https://")
        return self


class _AccessToken(BaseModel):
    """What a server answers; what else it says is left alone."""

    model_config = ConfigDict(extra="ignore", strict=True)

    access_token: Annotated[str, Field(pattern=r"^[ -~]+$", max_length=65_535)]
    token_type: Annotated[str, Field(pattern="^[Bb]earer$")]
    expires_in: Annotated[int, Field(ge=0)] | None = None


class Tokens:
    """The token of one client; None until it was asked for, and again shortly before it ends.

    Args:
        config: Who asks.
        clock: Tells when a token ends.

    Raises:
        ConfigurationError: The file with the secret cannot be read.
    """

    def __init__(self, config: OAuthConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._secret = Access(AccessConfig(bearer_token_file=config.client_secret_file))
        self._token: str | None = None
        self._ends_ns = 0

    @property
    def current(self) -> str | None:
        """The token, where one is there that is good."""
        return self._token if self._clock.monotonic_ns() < self._ends_ns else None

    def forget(self) -> None:
        """Let go of a token that was refused."""
        self._token = None

    def form(self) -> dict[str, str]:
        """Return what is posted to ask for one.

        Raises:
            OSError: The file with the secret has gone.
        """
        form = {
            "grant_type": "client_credentials",
            "client_id": self._config.client_id,
            "client_secret": self._secret.secret() or "",
        }
        return form | ({"scope": self._config.scope} if self._config.scope else {})

    def take(self, answer: str | bytes) -> str:
        """Return the token of an answer, and keep it.

        Raises:
            ValueError: It holds none.
        """
        found = _AccessToken.model_validate_json(answer)
        lasts_s = _LASTS_S if found.expires_in is None else found.expires_in
        self._token = found.access_token
        self._ends_ns = self._clock.monotonic_ns() + max(lasts_s - _EARLY_S, 1) * NS_PER_S
        return self._token

    def ask(self, access: Access) -> str:
        """Return the token, asked for where there is none that is good; waits for the answer.

        Args:
            access: Whom to trust at ``token_url``.

        Raises:
            PermissionError: The server does not give us one.
            OSError: It cannot be reached, or answers no token.
        """
        if self.current is not None:
            return self.current
        url = str(self._config.token_url)
        body = urllib.parse.urlencode(self.form()).encode()
        request = urllib.request.Request(url, body, {"Accept": "application/json"})  # noqa: S310 - http or https, by the configuration
        context = access.ssl_context if isinstance(access.ssl_context, ssl.SSLContext) else None
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),  # a proxy of the environment would be told the secret
            urllib.request.HTTPSHandler(context=context),
        )
        try:
            with opener.open(request, timeout=_TIMEOUT_S) as answer:
                return self.take(answer.read(_MOST_BYTES))
        except urllib.error.HTTPError as error:
            error.close()
            kind = PermissionError if error.code in REFUSED else ConnectionError
            raise kind(f"{url} was answered by HTTP status {error.code}") from error
        except (ValueError, http.client.HTTPException) as error:
            raise ConnectionError(f"no token in the answer of {url}") from error
