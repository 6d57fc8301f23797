"""Whatever goes wrong between us and a VTN is a VtnError, which a listener lives through."""

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar

import pytest

from negawatt.collectors.clock import SystemClock
from negawatt.collectors.openadr.config import VtnConfig, WebhookConfig
from negawatt.collectors.openadr.vtn import Vtn, VtnError
from negawatt.collectors.openadr.webhook import webhook

pytestmark = pytest.mark.slow  # each test starts a server

T = TypeVar("T")
TOKEN = '{"access_token": "t", "token_type": "Bearer"}'  # noqa: S105 - no secret
HOOK = ("http://127.0.0.1/hook", "a-token-of-the-webhook")


@contextmanager
def answering(answers: Mapping[str, tuple[int, str]], etag: bytes = b"") -> Iterator[str]:
    """Answer ``METHOD /path`` as told, and yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def reply(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, told = answers[f"{self.command} {self.path.partition('?')[0]}"]
            is_known = etag and self.headers.get("If-None-Match")
            self.send_response(304 if is_known else status)
            if etag:
                self.send_header("ETag", etag.decode("latin-1"))
            self.end_headers()
            self.wfile.write(b"" if is_known else told.encode())

        def log_message(self, *_: object) -> None: ...

        do_GET = do_POST = reply  # noqa: N815 - http.server's own names

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def asked(url: str, ask: Callable[[Vtn], Awaitable[T]], **more: object) -> T:
    config = VtnConfig.model_validate({"url": url, "client_name": "ven-1", **more})

    async def run() -> T:
        async with Vtn(config, SystemClock()) as vtn:
            return await ask(vtn)

    return asyncio.run(run())


def oauth(folder: Path) -> dict[str, object]:
    (folder / "secret").write_text("a-secret")
    return {"client_id": "ven-1", "client_secret_file": folder / "secret"}


@pytest.mark.parametrize("moment", ["gone", "no text", "two lines"])
def test_a_token_file_that_is_not_there_for_a_moment_is_waited_for(
    tmp_path: Path, moment: str
) -> None:
    path = tmp_path / "token"
    path.write_text("t")

    async def twice(vtn: Vtn) -> list[str]:
        if moment == "gone":
            path.unlink()
        else:
            path.write_bytes(b"\xff" if moment == "no text" else b"a\nb")
        with pytest.raises(VtnError) as caught:
            await vtn.events()
        assert not caught.value.is_refusal
        path.write_text("another")
        return await vtn.events()

    with answering({"GET /events": (200, "[7]")}) as url:
        assert asked(url, twice, access={"bearer_token_file": path}) == ["7"]


def test_a_secret_of_oauth_that_is_gone_is_waited_for(tmp_path: Path) -> None:
    async def ask(vtn: Vtn) -> None:
        (tmp_path / "secret").unlink()
        await vtn.events()

    told = oauth(tmp_path)
    with pytest.raises(VtnError, match="secret"), answering({}) as url:
        asked(url, ask, oauth=told | {"token_url": f"{url}/token"})


@pytest.mark.parametrize("address", ["https://[x", "ftp://a/b", "", 7])
def test_an_address_for_tokens_that_is_none_is_no_answer(tmp_path: Path, address: object) -> None:
    answers = {"GET /auth/server": (200, json.dumps({"tokenURL": address}))}

    with pytest.raises(VtnError, match="no tokenURL"), answering(answers) as url:
        asked(url, Vtn.events, oauth=oauth(tmp_path))


@pytest.mark.parametrize(
    ("status", "told", "is_refusal"),
    [
        (429, "{}", False),
        (503, "{}", False),
        (400, "{}", True),
        (401, "{}", True),
        (403, "{}", True),
        (200, TOKEN.replace('"t"', '"a\\nb"'), False),
        (200, TOKEN.replace('"t"', '""'), False),
    ],
)
def test_only_a_server_of_tokens_that_does_not_know_us_refuses_us(
    tmp_path: Path, status: int, told: str, *, is_refusal: bool
) -> None:
    """RFC 6749, section 5.2; 429 passes by itself (RFC 6585, section 4)."""
    answers = {"POST /token": (status, told), "GET /events": (200, "[]")}

    with pytest.raises(VtnError, match="token") as caught, answering(answers) as url:
        asked(url, Vtn.events, oauth=oauth(tmp_path) | {"token_url": f"{url}/token"})

    assert caught.value.is_refusal == is_refusal


@pytest.mark.parametrize("operations", [None, "x", 7, [None], [{}], {}])
def test_other_subscriptions_are_passed_over_however_they_look(operations: object) -> None:
    answers = {
        "GET /subscriptions": (200, json.dumps([{"id": "s-1", "objectOperations": operations}])),
        "POST /subscriptions": (201, '{"id": "s-2"}'),
    }

    with answering(answers) as url:
        assert asked(url, lambda vtn: vtn.subscribe(*HOOK, None)) == "s-2"


@pytest.mark.parametrize("made", ["", "{}", '{"id": "a"}, {"id": "b"}', "null"])
def test_an_answer_without_what_was_made_is_none(made: str) -> None:
    answers = {"GET /subscriptions": (200, "[]"), "POST /subscriptions": (201, made)}

    with pytest.raises(VtnError, match="an answer without"), answering(answers) as url:
        asked(url, lambda vtn: vtn.subscribe(*HOOK, None))


@pytest.mark.parametrize("etag", [b'"a"', b'"\xff"'])
def test_a_page_is_read_again_whatever_its_etag_is(etag: bytes) -> None:
    async def twice(vtn: Vtn) -> list[str]:
        return await vtn.events() + await vtn.events()

    with answering({"GET /events": (200, "[7]")}, etag) as url:
        assert asked(url, twice) == ["7", "7"]


def test_a_token_of_bytes_that_are_no_text_is_another_token(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = WebhookConfig(
        callback_url=f"http://127.0.0.1:{port}/cb", token_file=tmp_path / "unread", port=port
    )

    async def posted(token: bytes) -> bytes:
        async with webhook(config, HOOK[1], asyncio.Event()):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            head = b"POST /cb HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nAuthorization: Bearer "
            writer.write(head + token + b"\r\n\r\n")
            line = await reader.readline()
            writer.close()
            return line

    assert b" 401 " in asyncio.run(posted(b"\xff"))
    assert b" 400 " in asyncio.run(posted(HOOK[1].encode()))  # known, and no notification
