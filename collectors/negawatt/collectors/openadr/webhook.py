"""A small HTTP server that a VTN tells of changes. It only wakes: what changed is asked for.

So a notification that is lost, doubled, late or forged changes nothing but when events are asked
for. Not here: asking for them (vtn, listen).
"""

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from negawatt.collectors.access import Access
from negawatt.collectors.config_sections import AccessConfig
from negawatt.collectors.message import MessageRefusedError
from negawatt.collectors.openadr.config import WebhookConfig
from negawatt.collectors.openadr.spec import Notification, read_object
from negawatt.models.domain.errors import ConfigurationError

_MOST_BYTES: Final = 1_000_000
_LEAST_CHARACTERS: Final = 16


def webhook_token(path: Path) -> str:
    """Return the token that a VTN brings.

    Raises:
        ConfigurationError: Its file cannot be read, or is too short to be a secret.
    """
    token = Access(AccessConfig(bearer_token_file=path)).secret() or ""
    if len(token) < _LEAST_CHARACTERS:
        raise ConfigurationError(
            thing=f"file {path}",
            expected=f"a token of {_LEAST_CHARACTERS} characters or more",
            found=f"{len(token)} characters",
            remedy="write one: `openssl rand -hex 32 > FILE`",
        )
    return token


@asynccontextmanager
async def webhook(config: WebhookConfig, token: str, woken: asyncio.Event) -> AsyncIterator[None]:
    """Serve while the context is open, and set ``woken`` at each notification of an event.

    Args:
        config: Where to serve.
        token: What the VTN brings.
        woken: Is set.

    Raises:
        ConfigurationError: The port is taken.
    """

    async def take(request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, f"Bearer {token}".encode()):
            return web.Response(status=401)
        try:
            notification = read_object(Notification, await request.read())
        except MessageRefusedError:
            return web.Response(status=400)
        if notification.objectType == "EVENT":
            woken.set()
        return web.Response(status=200)

    app = web.Application(client_max_size=_MOST_BYTES)
    app.router.add_post(urlsplit(config.callback_url).path or "/", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, config.host, config.port).start()
        except OSError as error:
            raise ConfigurationError(
                thing=f"webhook on {config.host}:{config.port}",
                expected="an address of this machine and a free port",
                found=error.strerror or str(error),
                remedy="correct [webhook] host and port",
            ) from error
        yield
    finally:
        await runner.cleanup()
