"""Who may hear a broker: by no secret, a token, OAuth2 client credentials, or a certificate."""

import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from negawatt.models.domain.errors import DeviceMissingError
from tests.collectors.authority import Authority
from tests.collectors.dsx.broker import Broker, Publisher, hearing, needs_mosquitto, until
from tests.collectors.dsx.test_listen import config_of, publish_metadata
from tests.collectors.token_server import token_server

pytestmark = [pytest.mark.slow, needs_mosquitto]


def _tls(authority: Authority, *more: str) -> list[str]:
    server = authority.issue("server")
    return [
        f"cafile {authority.ca_file}",
        f"certfile {server}",
        f"keyfile {server}",
        *more,
    ]


def test_a_token_is_the_password_of_the_user_oauthtoken_and_is_read_again(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    passwords, token = tmp_path / "passwords", tmp_path / "token"
    token.write_text("a.b.c\n", "utf-8")
    _allow(passwords, "a.b.c")
    settings = _tls(authority, "allow_anonymous false", f"password_file {passwords}")
    with Broker(tmp_path, settings) as broker:
        config = config_of(
            tmp_path,
            broker.port,
            scheme="mqtts",
            ca_file=authority.ca_file,
            bearer_token_file=token,
        )
        with hearing(config) as one:
            pass
        token.write_text("expired\n", "utf-8")
        with hearing(config) as other:
            pass

    assert one.heard.connected_count == 1
    assert isinstance(other.error, DeviceMissingError)
    assert "authorized" in str(other.error)


def _allow(passwords: Path, token: str) -> None:
    subprocess.run(  # noqa: S603 - mosquitto's own tool
        ["mosquitto_passwd", "-c", "-b", str(passwords), "oauthtoken", token],  # noqa: S607 - as above
        check=True,
    )


def test_a_token_of_oauth2_is_asked_for_and_asked_for_anew_when_the_broker_refuses_it(
    tmp_path: Path,
) -> None:
    """The broker takes the first token; started again, it takes only the second.

    Meanwhile the file with the secret is no text for a moment, as one that is being written.
    Broker and token server are of different authorities.
    """
    authority = Authority(tmp_path)
    (tmp_path / "tokens").mkdir()
    other_authority = Authority(tmp_path / "tokens")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(other_authority.issue("tokens"))
    passwords = tmp_path / "passwords"
    (tmp_path / "secret").write_text("a-secret", "utf-8")
    _allow(passwords, "token-1")
    settings = _tls(authority, "allow_anonymous false", f"password_file {passwords}")
    with token_server(context) as server, Broker(tmp_path, settings) as broker:
        oauth = {
            "token_url": server.url,
            "client_id": "hall-1",
            "client_secret_file": tmp_path / "secret",
            "ca_file": other_authority.ca_file,
        }
        config = config_of(
            tmp_path, broker.port, scheme="mqtts", oauth=oauth, ca_file=authority.ca_file
        )
        with hearing(config) as one:
            broker.end()
            _allow(passwords, "token-2")
            (tmp_path / "secret").write_bytes(b"\xff")
            broker.start()
            until(lambda: "can't decode" in one.heard.problem)
            (tmp_path / "secret").write_text("a-secret", "utf-8")
            until(lambda: one.heard.connected_count == 2)

        (tmp_path / "secret").write_text("another secret", "utf-8")
        with hearing(config) as other:
            pass

    assert server.given_count == 2
    assert isinstance(other.error, DeviceMissingError)
    assert "HTTP status 401" in str(other.error)


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed <ssl:ResourceWarning")
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <ssl:pytest.PytestUnraisableExceptionWarning"
)
def test_mutual_tls_shows_our_certificate_and_checks_the_brokers(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours = authority.issue("listener")
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other")
    with Broker(
        tmp_path, _tls(authority, "require_certificate true", "use_identity_as_username true")
    ) as broker:
        settings: dict[str, Any] = {"scheme": "mqtts", "client_certificate_file": ours}
        config = config_of(tmp_path, broker.port, ca_file=authority.ca_file, **settings)

        context = ssl.create_default_context(cafile=authority.ca_file)
        context.load_cert_chain(ours)
        with hearing(config) as one, Publisher(broker.port, context) as sender:
            publish_metadata(sender)
            until(lambda: one.heard.message_count == 1)
        with hearing(
            config_of(tmp_path, broker.port, ca_file=stranger.ca_file, **settings)
        ) as other:
            pass

    assert isinstance(other.error, DeviceMissingError)
    assert "certificate" in str(other.error).lower()


def test_no_secret_is_sent_without_tls(tmp_path: Path) -> None:
    oauth = {
        "token_url": "https://a.example",
        "client_id": "a",
        "client_secret_file": tmp_path / "a",
    }
    with pytest.raises(ValueError, match="mqtts"):
        config_of(tmp_path, 1883, bearer_token_file=tmp_path / "token")
    with pytest.raises(ValueError, match="mqtts"):
        config_of(tmp_path, 1883, oauth=oauth)
    with pytest.raises(ValueError, match="one of them"):
        config_of(tmp_path, 1883, scheme="mqtts", oauth=oauth, bearer_token_file=tmp_path / "token")
