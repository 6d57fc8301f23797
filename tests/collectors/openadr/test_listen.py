"""A listener and a VTN on loopback: every request is one of the document, and nothing is lost."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from negawatt.collectors.clock import SystemClock
from negawatt.collectors.heard import Heard
from negawatt.collectors.message import Outcome
from negawatt.collectors.openadr.config import OpenAdrConfig
from negawatt.collectors.openadr.listen import listen
from negawatt.models.domain.errors import ConfigurationError, DeviceMissingError
from tests.collectors.authority import Authority
from tests.collectors.openadr.loopback_vtn import CLIENT, LoopbackVtn, loopback_vtn, post
from tests.collectors.openadr.vtn_events import event, interval

pytestmark = [pytest.mark.slow, pytest.mark.shared]

LIMIT = "IMPORT_CAPACITY_LIMIT"
FAR = {"start": "2126-07-01T21:00:00Z", "duration": "PT1H"}
"""A window that is not over while the tests run."""


@pytest.fixture
def vtn(shared_data: Path) -> Iterator[LoopbackVtn]:
    with loopback_vtn(shared_data.parent / "specs" / "openadr3_3.1.1.yaml") as one:
        yield one
    assert one.violations == []


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def config(
    folder: Path,
    vtn: LoopbackVtn,
    *,
    secret: str = CLIENT[1],
    poll_s: float = 0.1,
    with_webhook: bool = False,
    access: Mapping[str, Path] | None = None,
) -> OpenAdrConfig:
    (folder / "secret").write_text(secret)
    (folder / "hook").write_text("a-token-of-the-webhook")
    port = free_port()
    hook = {
        "callback_url": f"http://127.0.0.1:{port}/openadr",
        "port": port,
        "token_file": folder / "hook",
    }
    return OpenAdrConfig.model_validate(
        {
            "site_id": "hall-1",
            "root": folder / "tables",
            "vtn": {
                "url": vtn.url,
                "client_name": "ven-1",
                "poll_interval_s": poll_s,
                "access": access or {},
                "oauth": {"client_id": CLIENT[0], "client_secret_file": folder / "secret"},
            },
            "programs": [
                {
                    "vtn_program_id": "44",
                    "program_id": "pjm_economic_3day",
                    "levels": {"1": {"committed_kw": 500.0}},
                    "price_series": "utility-dynamic",
                }
            ],
            "webhook": hook if with_webhook else None,
        }
    )


class Hearing:
    """What a listener in a thread has heard so far."""

    heard = Heard(counts={}, connected_count=0, problem="")
    error: BaseException | None = None


@contextmanager
def hearing(told: OpenAdrConfig) -> Iterator[Hearing]:
    one, stopped = Hearing(), threading.Event()

    def run() -> None:
        try:
            one.heard = listen(
                told, SystemClock(), stopped.is_set, lambda heard: setattr(one, "heard", heard)
            )
        except BaseException as error:  # noqa: BLE001 - handed to the test
            one.error = error

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield one
    finally:
        stopped.set()
        thread.join(20)
    if one.error is not None:
        raise one.error


def until(is_so: Callable[[], bool], timeout_s: float = 10.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < end_s, "it did not come"
        time.sleep(0.01)


def rows(folder: Path, table: str = "raw_grid__events") -> list[dict[str, Any]]:
    files = sorted((folder / "tables" / table).rglob("*.parquet"))
    found = [row for file in files for row in pq.read_table(file, partitioning=None).to_pylist()]
    return sorted(found, key=lambda row: (row["available_at_utc"], row.get("revision", 0)))


def test_an_event_its_update_and_its_end_become_revisions_by_polling_alone(
    tmp_path: Path, vtn: LoopbackVtn
) -> None:
    vtn.put(event(interval(0, LIMIT, 750.0), intervalPeriod=FAR))
    with hearing(config(tmp_path, vtn)) as one:
        until(lambda: len(rows(tmp_path)) == 1)
        vtn.put(event(interval(0, LIMIT, 700.0), intervalPeriod=FAR, modified=1))
        until(lambda: len(rows(tmp_path)) == 2)
        vtn.remove("e-1")
        until(lambda: len(rows(tmp_path)) == 3)
        until(lambda: one.heard.counts.get(Outcome.ACCEPTED) == 3)

    found = [(row["revision"], row["limit_kw"], row["cancelled"]) for row in rows(tmp_path)]
    assert found == [(1, 750.0, False), (2, 700.0, False), (3, 700.0, True)]
    assert len(rows(tmp_path, "raw_grid__messages")) == 3


def test_a_price_that_is_taken_back_is_not_known_any_more(tmp_path: Path, vtn: LoopbackVtn) -> None:
    vtn.put(event(interval(0, "PRICE", 0.17), intervalPeriod=FAR))
    with hearing(config(tmp_path, vtn)):
        until(lambda: len(rows(tmp_path, "raw_market__prices")) == 1)
        vtn.remove("e-1")
        until(lambda: len(rows(tmp_path, "raw_market__prices")) == 2)

    amounts = [row["price_amount"] for row in rows(tmp_path, "raw_market__prices")]
    assert amounts == [Decimal("0.17"), None]


def test_a_dry_run_asks_and_subscribes_to_nothing(tmp_path: Path, vtn: LoopbackVtn) -> None:
    vtn.put(event(interval(0, LIMIT, 750.0), intervalPeriod=FAR))
    rounds: list[Heard] = []
    heard = listen(
        config(tmp_path, vtn, with_webhook=True),
        SystemClock(),
        lambda: len(rounds) > 1,
        rounds.append,
        is_dry_run=True,
    )

    assert {method for method, path in vtn.requests if path != "/auth/token"} == {"GET"}
    assert heard.is_dry_run
    assert heard.sealed.row_counts == {"raw_grid__events": 1, "raw_grid__messages": 1}


def test_what_does_not_change_is_neither_sent_nor_stored_again(
    tmp_path: Path, vtn: LoopbackVtn
) -> None:
    vtn.put(event(interval(0, LIMIT, 750.0), intervalPeriod=FAR))
    for _ in range(2):
        with hearing(config(tmp_path, vtn)):
            asked = len(vtn.requests)
            until(lambda n=asked: len(vtn.requests) > n + 6)  # type: ignore[misc]  # mypy takes the default for an argument

    assert vtn.statuses.count(304) > 6
    assert len(rows(tmp_path)) == len(rows(tmp_path, "raw_grid__messages")) == 1


def test_a_notification_is_an_event_within_a_second(tmp_path: Path, vtn: LoopbackVtn) -> None:
    waited_s = []
    with hearing(config(tmp_path, vtn, poll_s=3600.0, with_webhook=True)):
        until(lambda: bool(vtn.objects["subscriptions"]))
        for number in range(3):
            began_s = time.monotonic()
            vtn.put(event(interval(0, LIMIT, 1), intervalPeriod=FAR, vtn_id=f"e-{number}"))
            until(lambda n=number: len(rows(tmp_path)) == n + 1)  # type: ignore[misc]  # as above
            waited_s.append(time.monotonic() - began_s)

    assert sorted(waited_s)[1] < 1  # other work may hold one of them up
    assert vtn.objects["subscriptions"] == {}


def test_a_subscription_that_is_lost_is_made_again(tmp_path: Path, vtn: LoopbackVtn) -> None:
    with hearing(config(tmp_path, vtn, with_webhook=True)):
        until(lambda: len(vtn.objects["subscriptions"]) == 1)
        vtn.objects["subscriptions"].clear()
        until(lambda: len(vtn.objects["subscriptions"]) == 1)


def test_files_with_secrets_that_are_gone_for_a_moment_end_nothing(
    tmp_path: Path, vtn: LoopbackVtn
) -> None:
    """The token of the webhook is read once; the secret of OAuth2 for each token."""
    told = config(tmp_path, vtn, with_webhook=True)
    with hearing(told) as one:
        until(lambda: len(vtn.objects["subscriptions"]) == 1)
        (tmp_path / "hook").unlink()
        (tmp_path / "secret").unlink()
        vtn.tokens.clear()
        until(lambda: "no secret" in one.heard.problem)
        (tmp_path / "secret").write_text(CLIENT[1])
        vtn.objects["subscriptions"].clear()
        until(lambda: len(vtn.objects["subscriptions"]) == 1)
        vtn.put(event(interval(0, LIMIT, 1), intervalPeriod=FAR))
        until(lambda: len(rows(tmp_path)) == 1)


def test_events_of_many_pages_are_all_taken_and_one_left_out_of_a_page_is_asked_for(
    tmp_path: Path, vtn: LoopbackVtn
) -> None:
    for number in range(120):
        vtn.put(event(interval(0, LIMIT, 1), intervalPeriod=FAR, vtn_id=f"e-{number}"))
    with hearing(config(tmp_path, vtn)) as one:
        until(lambda: one.heard.counts.get(Outcome.ACCEPTED) == 120)
        vtn.hidden = {"e-60"}
        until(lambda: ("GET", "/events/e-60") in vtn.requests)
        asked = len(vtn.requests)
        until(lambda: len(vtn.requests) > asked + 8)

    assert len(rows(tmp_path)) == 120


def test_a_token_that_is_no_longer_good_is_renewed(tmp_path: Path, vtn: LoopbackVtn) -> None:
    with hearing(config(tmp_path, vtn)) as one:
        until(lambda: one.heard.connected_count == 1)
        vtn.tokens.clear()
        until(lambda: bool(vtn.tokens))
        vtn.put(event(interval(0, LIMIT, 1), intervalPeriod=FAR))
        until(lambda: len(rows(tmp_path)) == 1)


def test_a_vtn_that_fails_for_a_while_cancels_nothing(tmp_path: Path, vtn: LoopbackVtn) -> None:
    vtn.put(event(interval(0, LIMIT, 1), intervalPeriod=FAR))
    with hearing(config(tmp_path, vtn)) as one:
        until(lambda: len(rows(tmp_path)) == 1)
        vtn.forced = 500
        until(lambda: "500" in one.heard.problem)
        vtn.forced = None
        until(lambda: one.heard.connected_count == 2)

    assert len(rows(tmp_path)) == 1


def test_events_that_are_none_end_nothing_and_are_kept_as_refused(
    tmp_path: Path, vtn: LoopbackVtn
) -> None:
    broken: list[Any] = [{"id": "\ud800"}, {"id": None}, None, [], "e", {"id": "../x"}]
    vtn.objects["events"] = dict(enumerate(broken))  # type: ignore[arg-type]  # a VTN that is wrong
    with hearing(config(tmp_path, vtn)) as one:
        until(lambda: one.heard.counts.get(Outcome.NOT_UNDERSTOOD) == len(broken))
        vtn.objects["events"] = {}
        vtn.put(event(interval(0, LIMIT, 1), intervalPeriod=FAR))
        until(lambda: len(rows(tmp_path)) == 1)

    assert len(rows(tmp_path, "raw_grid__messages")) == len(broken) + 1


def test_a_wrong_secret_ends_the_listener(tmp_path: Path, vtn: LoopbackVtn) -> None:
    with (
        pytest.raises(DeviceMissingError, match="invalid_client"),
        hearing(config(tmp_path, vtn, secret="of somebody else")) as one,  # noqa: S106 - no secret
    ):
        until(lambda: one.error is not None)


def test_mutual_tls_is_spoken_and_a_stranger_is_not_trusted(
    tmp_path: Path, shared_data: Path
) -> None:
    authority = Authority(tmp_path)
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other")
    ours = authority.issue("negawatt")
    spec_path = shared_data.parent / "specs" / "openadr3_3.1.1.yaml"
    with loopback_vtn(spec_path, authority.server(wants_client=True)) as vtn:
        vtn.put(event(interval(0, LIMIT, 1), intervalPeriod=FAR))
        access = {"ca_file": authority.ca_file, "client_certificate_file": ours}
        told = config(tmp_path, vtn, access=access)
        with hearing(told):
            until(lambda: len(rows(tmp_path)) == 1)
        for other in ({"ca_file": stranger.ca_file}, {}):
            with (
                pytest.raises(DeviceMissingError, match="certificate"),
                hearing(config(tmp_path, vtn, access=other)) as one,
            ):
                until(lambda heard=one: heard.error is not None)  # type: ignore[misc]  # as above

    assert vtn.violations == []


def test_the_command_ends_on_a_signal_and_says_what_it_heard(
    tmp_path: Path, vtn: LoopbackVtn
) -> None:
    (tmp_path / "secret").write_text(CLIENT[1])
    (tmp_path / "openadr.toml").write_text(
        f'site_id = "hall-1"\nroot = "tables"\n[vtn]\nurl = "{vtn.url}"\n'
        'client_name = "ven-1"\npoll_interval_s = 0.1\n'
        f'[vtn.oauth]\nclient_id = "{CLIENT[0]}"\nclient_secret_file = "secret"\n'
        '[[programs]]\nvtn_program_id = "44"\nprogram_id = "pjm_economic_3day"\n'
    )
    vtn.put(event(interval(0, LIMIT, 1), intervalPeriod=FAR))
    vtn.put(event(interval(0, "SIMPLE", 3), intervalPeriod=FAR, vtn_id="e-2"))
    program = Path(sys.executable).parent / "negawatt"
    command = [str(program), "listen", "openadr", "openadr.toml", "--json"]
    with subprocess.Popen(  # noqa: S603 - our own command
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            until(lambda: len(rows(tmp_path)) == 1, timeout_s=30)
        finally:
            process.terminate()
        out, err = process.communicate(timeout=20)

    assert process.returncode == 0, err
    assert json.loads(out)["counts"] == {"accepted": 1, "level_unknown": 1}
    assert "connected" in err


def test_nobody_without_the_token_wakes_the_listener(tmp_path: Path, vtn: LoopbackVtn) -> None:
    told = config(tmp_path, vtn, poll_s=3600.0, with_webhook=True)
    notification = {"objectType": "EVENT", "operation": "CREATE", "object": {}}
    assert told.webhook is not None
    url = told.webhook.callback_url
    with hearing(told) as one:
        until(lambda: bool(vtn.objects["subscriptions"]))
        asked = len(vtn.requests)
        statuses = [
            post(url, notification, "another token"),
            post(url, [], "a-token-of-the-webhook"),
            post(url, notification | {"objectType": "PROGRAM"}, "a-token-of-the-webhook"),
        ]
        time.sleep(0.3)
        found = len(vtn.requests) - asked
        right = post(url, notification, "a-token-of-the-webhook")
        until(lambda: len(vtn.requests) > asked)

    assert (statuses, found, right) == ([401, 400, 200], 0, 200)
    assert one.heard.problem == ""


def test_a_token_of_the_webhook_that_is_no_secret_is_refused(
    tmp_path: Path, vtn: LoopbackVtn
) -> None:
    told = config(tmp_path, vtn, with_webhook=True)
    (tmp_path / "hook").write_text("short")

    with pytest.raises(ConfigurationError, match="16 characters"):
        listen(told, SystemClock(), lambda: False)


def test_a_request_that_is_not_of_the_document_is_a_violation(vtn: LoopbackVtn) -> None:
    """So that these tests can fail: a parameter, a member and a path that there are not."""
    url = f"{vtn.url}/events?since=today"
    subscription = json.dumps({"clientName": "ven-1"}).encode()
    kind = {"Content-Type": "application/json"}

    vtn.answer("GET", url, {}, b"")
    vtn.answer("POST", f"{vtn.url}/subscriptions", kind, subscription)
    vtn.answer("GET", f"{vtn.url}/event", {}, b"")

    assert vtn.violations == [
        "no parameter since", "$: 'objectOperations' is a required property", "no path /event",
    ]  # fmt: skip
    vtn.violations.clear()
