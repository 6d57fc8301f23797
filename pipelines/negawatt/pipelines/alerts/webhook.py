"""Sending one alert: a JSON document by POST, signed, and again where it did not arrive.

Not here: what an alert says (messages.py) and when one is due (sensor.py, reminders.py).
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from negawatt.models.domain.errors import (
    ConfigurationError,
    DataRefusedError,
    DeviceMissingError,
)
from negawatt.pipelines.alerts.settings import (
    WANTED_ADDRESS,
    AlertSettings,
    is_kept_from_others,
)

SIGNATURE: Final = "Negawatt-Signature"
_NOT_WANTED: Final = {400, 413, 415, 422}  # of the document itself (RFC 9110, 15.5)
_TRY_AGAIN: Final = {408, 425, 429, 500, 502, 503, 504}


def send(
    settings: AlertSettings,
    alert: Mapping[str, object],
    *,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Send an alert, and wait longer before each further attempt: 1, 2, 4, ... seconds.

    Args:
        settings: Where it goes.
        alert: What it says; the receiver knows one that comes twice by its ``alert_id``.
        pause: Waits for so many seconds.

    Raises:
        DeviceMissingError: It was not taken; it may be later.
        DataRefusedError: The receiver does not want this document.
        ConfigurationError: A file with a secret cannot be read.
    """
    body = json.dumps(alert, sort_keys=True, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json", **_proof(settings, body)}
    url = _address(settings)
    for attempt in range(settings.attempts):
        if attempt:
            pause(2 ** (attempt - 1))
        answer = asyncio.run(_post(url, settings.timeout_s, body, headers))
        if isinstance(answer, int) and 200 <= answer < 300:  # noqa: PLR2004 - "success" of HTTP
            return
        if isinstance(answer, int) and answer not in _TRY_AGAIN:
            break
    error = DataRefusedError if answer in _NOT_WANTED else DeviceMissingError
    raise error(
        thing=f"alert {alert['alert_id']!r} for {urlsplit(url).hostname}",
        expected="an answer of success",
        found=f"status {answer}" if isinstance(answer, int) else answer,
        remedy="look at the receiver, and at alerts.toml of the warehouse",
    )


def signature(key: bytes, body: bytes) -> str:
    """Return the signature of a document, HMAC with SHA-256 (RFC 2104).

    Examples:
        Test case 2 of RFC 4231:

        >>> signature(b"Jefe", b"what do ya want for nothing?")
        'sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'
    """
    return f"sha256={hmac.new(key, body, hashlib.sha256).hexdigest()}"


async def _post(url: str, timeout_s: float, body: bytes, headers: Mapping[str, str]) -> int | str:
    """Return the status of the answer, or why there is none. Redirects are not followed."""
    limit = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with (
            aiohttp.ClientSession(timeout=limit) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            return answer.status
    except (aiohttp.ClientError, OSError) as error:  # a TimeoutError is an OSError
        why = error.strerror if isinstance(error, OSError) else None  # others may hold the address
        return f"no answer: {type(error).__name__}{f', {why}' if why else ''}"


def _address(settings: AlertSettings) -> str:
    if settings.url_file is None:
        assert settings.url is not None  # one of both is there  # noqa: S101
        return settings.url
    url = _secret(settings.url_file).decode(errors="replace")
    if not is_kept_from_others(url):
        raise _no_secret(settings.url_file, "something else", WANTED_ADDRESS)
    return url


def _proof(settings: AlertSettings, body: bytes) -> dict[str, str]:
    headers = {}
    if settings.token_file:
        headers["Authorization"] = f"Bearer {_secret(settings.token_file).decode()}"
    if settings.key_file:
        headers[SIGNATURE] = signature(_secret(settings.key_file), body)
    return headers


def _secret(path: Path) -> bytes:
    try:
        found = path.read_bytes().strip()
    except OSError as error:
        raise _no_secret(path, str(error)) from error
    if not found:
        raise _no_secret(path, "nothing")
    return found


def _no_secret(path: Path, found: str, wanted: str = "the secret") -> ConfigurationError:
    return ConfigurationError(
        thing=f"secret {str(path)!r} of alerts.toml",
        expected=f"a file that this user can read, with {wanted} in it",
        found=found,
        remedy="write the file, or leave the key out",
    )
