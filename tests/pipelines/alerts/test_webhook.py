"""An alert arrives once, signed and with its token; what is not taken is said."""

import hashlib
import hmac
import re
import socket
import traceback
from pathlib import Path
from threading import Thread

import pytest

from negawatt.models.domain.errors import ConfigurationError, DeviceMissingError
from negawatt.pipelines.alerts.settings import AlertSettings, read_alert_settings
from negawatt.pipelines.alerts.webhook import send
from negawatt.warehouse.layout import Layout
from tests.pipelines.alerts.receiver import Receiver

ALERT = {"alert_id": "a1", "text": "Zürich is dark"}


def test_a_busy_receiver_gets_the_same_alert_again_after_longer_and_longer_waits(
    receiver: Receiver,
) -> None:
    receiver.answers += [503, 429, 500]
    waits_s: list[float] = []

    send(AlertSettings(url=receiver.url), ALERT, pause=waits_s.append)

    assert waits_s == [1, 2, 4]
    assert receiver.alerts == [ALERT] * 4


@pytest.mark.parametrize(("answers", "attempts"), [([503] * 9, 4), ([401], 1), ([302], 1)])
def test_what_is_not_taken_is_said_with_its_status(
    receiver: Receiver, answers: list[int], attempts: int
) -> None:
    """A refusal is final, and a redirection is not followed: the token is for one address."""
    receiver.answers += answers

    with pytest.raises(DeviceMissingError, match=f"found status {answers[0]}"):
        send(AlertSettings(url=receiver.url), ALERT, pause=lambda _: None)

    assert len(receiver.bodies) == attempts


def test_a_receiver_that_is_not_there_is_said() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
        settings = AlertSettings(url=url, attempts=2)

        with pytest.raises(DeviceMissingError, match="no answer"):
            send(settings, ALERT, pause=lambda _: None)


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:{port}/services/T0/s3cret?key=s3cret",
        "https://127.0.0.1:{port}/s3cret",
        "https://no host/s3cret",
    ],
)
def test_an_address_that_holds_a_secret_is_not_told(tmp_path: Path, address: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = address.format(port=free.getsockname()[1])
        (tmp_path / "url").write_text(url + "\n")
        for settings in (
            AlertSettings(url=url, attempts=1),
            AlertSettings(url_file=tmp_path / "url", attempts=1),
        ):
            with pytest.raises(DeviceMissingError) as refused:
                send(settings, ALERT, pause=lambda _: None)

            assert "s3cret" not in "".join(traceback.format_exception(refused.value))
            assert "s3cret" not in repr(settings)


def test_an_answer_that_is_no_http_does_not_tell_the_address() -> None:
    """The client's error of it holds the whole address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"SSH-2.0-x\r\n\r\n")

        thread = Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/s3cret"

        with pytest.raises(DeviceMissingError, match="no answer") as refused:
            send(AlertSettings(url=url, attempts=1), ALERT)
        thread.join()

    assert "s3cret" not in str(refused.value)


def test_an_address_may_stand_in_a_file(receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "url").write_text(receiver.url + "\n")

    send(AlertSettings(url_file=tmp_path / "url"), ALERT)

    assert receiver.alerts == [ALERT]


@pytest.mark.parametrize("content", [None, "", "http://alerts.example.com/s3cret", "s3cret"])
def test_a_file_without_an_address_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "url").write_text(content)

    with pytest.raises(ConfigurationError, match=r"secret '.*url' of alerts.toml") as refused:
        send(AlertSettings(url_file=tmp_path / "url"), ALERT)

    assert "s3cret" not in str(refused.value)


def test_an_alert_carries_the_token_and_the_signature_of_its_bytes(
    receiver: Receiver, tmp_path: Path
) -> None:
    token, key = tmp_path / "token", tmp_path / "key"
    token.write_text("t0ken\n")
    key.write_text("k3y\n")

    send(AlertSettings(url=receiver.url, token_file=token, key_file=key), ALERT)

    (headers,), (body,) = receiver.headers, receiver.bodies
    assert headers["Authorization"] == "Bearer t0ken"
    expected = hmac.new(b"k3y", body, hashlib.sha256).hexdigest()
    assert headers["Negawatt-Signature"] == f"sha256={expected}"


@pytest.mark.parametrize("content", [None, " \n"])
def test_a_secret_that_is_not_there_is_refused_before_anything_is_sent(
    receiver: Receiver, tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "token").write_text(content)

    with pytest.raises(ConfigurationError, match=r"secret '.*token' of alerts.toml"):
        send(AlertSettings(url=receiver.url, token_file=tmp_path / "token"), ALERT)

    assert receiver.bodies == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('url = "http://alerts.example.com/x"', "https:// address"),
        ('url = "https://alerts.example.com/x"\nloud = true', "loud"),
        ("url = ", "TOML"),
        ("attempts = 2", "either url or url_file"),
        ('url = "https://alerts.example.com/s3cret"\nurl_file = "/x"', "either url or url_file"),
        ('url = "http://alerts.example.com/s3cret"', "https:// address"),
        ('url = ["https://alerts.example.com/s3cret"]', "string"),
    ],
)
def test_settings_that_are_wrong_are_refused(text: str, found: str, tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.alerts_file.write_text(text)

    with pytest.raises(ConfigurationError, match=found) as refused:
        read_alert_settings(layout)

    assert "s3cret" not in "".join(traceback.format_exception(refused.value))


def test_the_settings_that_the_page_shows_are_taken(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "operations" / "alerts.md").read_text("utf-8")
    (shown,) = re.findall(r"```toml\n(.+?)```", page, re.DOTALL)
    layout = Layout(tmp_path)
    layout.alerts_file.write_text(shown)

    settings = read_alert_settings(layout)

    assert settings is not None
    assert settings.model_fields_set | {"url_file"} == set(AlertSettings.model_fields)


def test_without_settings_there_are_no_alerts(tmp_path: Path) -> None:
    assert read_alert_settings(Layout(tmp_path)) is None
