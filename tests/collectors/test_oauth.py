"""A token is asked for once, renewed before it ends, and asked for anew when it was refused."""

import asyncio
import socket
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from negawatt.collectors.access import Access
from negawatt.collectors.clock import VirtualClock
from negawatt.collectors.oauth import OAuthConfig, Tokens
from negawatt.collectors.openadr.config import VtnConfig
from negawatt.models.domain.units import NS_PER_S
from tests.collectors.token_server import TokenServer, token_server

START_UTC = datetime(2026, 7, 1, tzinfo=UTC)


def tokens_of(server: TokenServer, folder: Path, clock: VirtualClock) -> Tokens:
    (folder / "secret").write_text("a-secret\n", "utf-8")
    config = OAuthConfig(
        client_id="hall-1",
        client_secret_file=folder / "secret",
        token_url=server.url,
        scope="mqtt",
    )
    return Tokens(config, clock)


def test_a_token_is_asked_for_once_until_half_a_minute_before_its_end(tmp_path: Path) -> None:
    clock = VirtualClock(START_UTC)
    with token_server() as server:
        tokens = tokens_of(server, tmp_path, clock)

        first = [tokens.ask(Access()), tokens.ask(Access())]
        asyncio.run(clock.sleep_until_ns(3_570 * NS_PER_S))
        second = tokens.ask(Access())

    assert first == ["token-1", "token-1"]
    assert second == "token-2"


def test_a_token_that_was_refused_and_a_secret_that_changed_are_asked_with_anew(
    tmp_path: Path,
) -> None:
    with token_server() as server:
        tokens = tokens_of(server, tmp_path, VirtualClock(START_UTC))
        tokens.ask(Access())
        tokens.forget()

        assert tokens.ask(Access()) == "token-2"

        tokens.forget()
        (tmp_path / "secret").write_text("another secret", "utf-8")
        with pytest.raises(PermissionError, match="401"):
            tokens.ask(Access())


def test_a_proxy_of_the_environment_is_told_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with token_server() as server, token_server() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        tokens = tokens_of(server, tmp_path, VirtualClock(START_UTC))

        assert tokens.ask(Access()) == "token-1"

    assert (server.given_count, proxy.given_count) == (1, 0)


def test_a_server_that_fails_is_no_refusal(tmp_path: Path) -> None:
    with token_server() as server:
        tokens = tokens_of(server, tmp_path, VirtualClock(START_UTC))
        server.status = 503

        with pytest.raises(ConnectionError, match="503"):
            tokens.ask(Access())

    with pytest.raises(OSError, match="refused"):
        tokens.ask(Access())


def test_what_is_no_http_is_no_crash(tmp_path: Path) -> None:
    def garble(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(b"220 mail.example\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener, token_server() as server:
        threading.Thread(target=garble, args=(listener,), daemon=True).start()
        server.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        tokens = tokens_of(server, tmp_path, VirtualClock(START_UTC))

        with pytest.raises(ConnectionError, match="no token"):
            tokens.ask(Access())


@pytest.mark.parametrize("answer", ["", "[]", '{"access_token": "a"}', '{"access_token": ""}'])
def test_an_answer_without_a_token_is_none(tmp_path: Path, answer: str) -> None:
    with token_server() as server:
        tokens = tokens_of(server, tmp_path, VirtualClock(START_UTC))

        with pytest.raises(ValueError, match="validation error"):
            tokens.take(answer)

    assert tokens.current is None


def test_a_token_is_asked_for_at_the_very_address_and_paths_of_a_vtn_follow_one_slash(
    tmp_path: Path,
) -> None:
    oauth = {"client_id": "a", "client_secret_file": tmp_path, "token_url": "https://a.example/t/"}

    found = VtnConfig.model_validate(
        {"url": "https://vtn.example/3.1/", "client_name": "v", "oauth": oauth}
    )

    assert found.url == "https://vtn.example/3.1"
    assert found.oauth is not None
    assert found.oauth.token_url == "https://a.example/t/"  # noqa: S105 - no secret


def test_no_secret_is_posted_without_tls(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="https"):
        OAuthConfig.model_validate(
            {"client_id": "a", "client_secret_file": tmp_path, "token_url": "http://a.example"}
        )
