"""A listener and a real broker: nothing lost, nothing doubled, and nobody heard who may not be."""

import errno
import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.publish import single

from negawatt.collectors.clock import SystemClock
from negawatt.collectors.dsx.client import Listener
from negawatt.collectors.dsx.config import ListenConfig
from negawatt.collectors.message import Outcome
from negawatt.collectors.message_journal import Journal
from tests.collectors.dsx.broker import Broker, Publisher, hearing, needs_mosquitto, until
from tests.collectors.dsx.senders import AGENT, ISV, Sender, load_target, power_state, target

pytestmark = [pytest.mark.slow, needs_mosquitto]

A_DAY = timedelta(days=1)
METER = "PowerMeter/ActivePower/hall/bus-1"
META = {
    "objectType": "PowerMeter",
    "pointType": "ActivePower",
    "engUnit": "kW",
    "objectId": "BUS-1",
    "servesId": ["TAP-1"],
}


def config_of(
    folder: Path,
    port: int,
    *,
    scheme: str = "mqtt",
    keys: Sequence[Any] = (),
    oauth: object = None,
    **access: object,
) -> ListenConfig:
    return ListenConfig.model_validate(
        {
            "site_id": "hall-1",
            "root": folder / "tables",
            "broker": {
                "url": f"{scheme}://127.0.0.1:{port}",
                "client_id": "listener",
                "keepalive_s": 5,
                "access": access,
                "oauth": oauth,
            },
            "flex": {"feed_tag": "main-a", "program_id": "pjm_economic_3day", "keys": keys},
        }
    )


def rows(folder: Path, table: str) -> list[dict[str, Any]]:
    files = sorted((folder / "tables" / table).rglob("*.parquet"))
    return [row for file in files for row in pq.read_table(file, partitioning=None).to_pylist()]


def publish_values(sender: Publisher, numbers: range) -> None:
    values = [
        json.dumps({"value": one, "timestamp": 1_790_000_000_000 + one, "quality": 1})
        for one in numbers
    ]
    sender.publish([(f"BMS/v1/PUB/Value/{METER}", value.encode()) for value in values])


def publish_in_twenties(sender: Publisher, count: int) -> None:
    for start in range(0, count, 20):
        publish_values(sender, range(start, start + 20))


def publish_slowly(sender: Publisher, count: int) -> None:
    for start in range(0, count, 20):
        publish_values(sender, range(start, start + 20))
        time.sleep(0.03)


def publish_metadata(sender: Publisher) -> None:
    sender.publish([(f"BMS/v1/PUB/Metadata/{METER}", json.dumps(META).encode())], retain=True)


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_lost_or_doubled_while_the_broker_is_ended_twenty_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_signal: int
) -> None:
    """4,000 values go out meanwhile; each that the broker had to give is in the tables once.

    Ended by SIGTERM, mosquitto has all of them. Killed, it has forgotten some that it acknowledged
    to the sender and had not written down; what it did hand over is looked at then.
    """
    handed_over = set()
    hear = Listener._on_message  # noqa: SLF001 - to see what comes in, before anything is done with it

    def spy(self: Listener, client: Client, userdata: object, message: MQTTMessage) -> None:
        handed_over.add(bytes(message.payload))
        hear(self, client, userdata, message)

    monkeypatch.setattr(Listener, "_on_message", spy)
    with Broker(tmp_path) as broker, Publisher(broker.port) as sender:
        publish_metadata(sender)
        with hearing(config_of(tmp_path, broker.port)) as one:
            sending = threading.Thread(target=lambda: publish_in_twenties(sender, 4_000))
            sending.start()
            for count in range(1, 21):
                until(lambda n=count: one.heard.connected_count == n)  # type: ignore[misc]  # mypy takes the default for an argument
                time.sleep(0.02)
                broker.end(with_signal=with_signal)
                broker.start()
            sending.join()
            until(lambda: one.heard.connected_count == 21)
            last = json.dumps({"value": 4_000, "timestamp": 1_790_000_004_000, "quality": 1})
            publish_values(sender, range(4_000, 4_001))
            until(lambda: last.encode() in handed_over)

    found = Counter(row["power_w"] for row in rows(tmp_path, "raw_node__power_samples"))
    given = {json.loads(payload).get("value") for payload in handed_over} - {None}
    assert found == Counter(1_000.0 * number for number in given)
    assert with_signal == signal.SIGKILL or given == set(range(4_001))


def test_what_comes_while_nobody_listens_is_kept_by_the_broker_and_heard_afterwards(
    tmp_path: Path,
) -> None:
    with Broker(tmp_path) as broker, Publisher(broker.port) as sender:
        publish_metadata(sender)
        with hearing(config_of(tmp_path, broker.port)) as one:
            until(lambda: one.heard.message_count == 1)
        publish_values(sender, range(500))
        with hearing(config_of(tmp_path, broker.port)) as one:
            until(lambda: one.heard.counts.get(Outcome.ACCEPTED, 0) == 500)

    assert len(rows(tmp_path, "raw_node__power_samples")) == 500


def test_what_is_published_at_qos_2_is_heard_once(tmp_path: Path) -> None:
    agent = Sender(AGENT, "agent-1")
    key = {"key_id": "agent-1", "source": AGENT, "file": agent.write_key(tmp_path)}
    now_utc = SystemClock().now_utc()
    state = power_state(at_utc=now_utc)
    message = agent.message("grid.powerstate.status.v1", state, time=now_utc.isoformat())
    with Broker(tmp_path) as broker:
        with hearing(config_of(tmp_path, broker.port, keys=[key])) as one:
            single(message.topic, message.payload, qos=2, hostname="127.0.0.1", port=broker.port)
            until(lambda: one.heard.message_count == 1)
        assert one.heard.counts == {Outcome.ACCEPTED: 1}

    (row,) = rows(tmp_path, "raw_grid__agent_states")
    assert (row["agent_compliant"], row["calculated_load_w"]) == (True, 740_000.0)


def test_what_the_disk_did_not_take_is_not_acknowledged_and_comes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    with Broker(tmp_path) as broker, Publisher(broker.port) as sender:
        publish_metadata(sender)
        with hearing(config_of(tmp_path, broker.port)) as one:
            until(lambda: one.heard.message_count == 1)
            with monkeypatch.context() as patch:
                patch.setattr(Journal, "append", full)
                publish_values(sender, range(100))
                until(lambda: one.error is not None)
        with hearing(config_of(tmp_path, broker.port)) as other:
            until(lambda: other.heard.counts.get(Outcome.ACCEPTED, 0) == 100)

    assert isinstance(one.error, OSError)
    assert len(rows(tmp_path, "raw_node__power_samples")) == 100


def test_a_command_that_is_killed_five_times_has_each_value_once(tmp_path: Path) -> None:
    """The real command, killed without a warning while 2,000 values go out."""
    with Broker(tmp_path) as broker, Publisher(broker.port) as sender:
        publish_metadata(sender)
        path = tmp_path / "dsx.toml"
        path.write_text(
            f'site_id = "hall-1"\nroot = "tables"\nseal_interval_s = 0.3\n'
            f'[broker]\nurl = "mqtt://127.0.0.1:{broker.port}"\nclient_id = "listener"\n'
            f'[flex]\nfeed_tag = "main-a"\nprogram_id = "pjm_economic_3day"\n',
            "utf-8",
        )
        sending = threading.Thread(target=lambda: publish_slowly(sender, 2_000))
        for number in range(6):
            with subprocess.Popen(  # noqa: S603 - our own command
                [Path(sys.executable).parent / "negawatt", "listen", "dsx", path],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            ) as command:
                assert command.stderr
                assert b"connected" in command.stderr.readline()
                if number == 0:
                    sending.start()
                elif number == 5:
                    sending.join()
                time.sleep(0.4)
                command.send_signal(signal.SIGTERM if number == 5 else signal.SIGKILL)
                summary, _ = command.communicate(timeout=30)

    assert command.returncode == 0
    assert b"messages over 1 connections" in summary
    found = Counter(row["power_w"] for row in rows(tmp_path, "raw_node__power_samples"))
    assert found == Counter(1_000.0 * number for number in range(2_000))


def test_a_load_target_is_a_sealed_event_within_a_second(tmp_path: Path) -> None:
    isv = Sender(ISV, "isv-1")
    key = {"key_id": "isv-1", "source": ISV, "file": isv.write_key(tmp_path)}
    waited_s = []
    with Broker(tmp_path) as broker, Publisher(broker.port) as sender:
        config = config_of(tmp_path, broker.port, keys=[key])
        with hearing(config):
            for number in range(1, 11):
                now_utc = SystemClock().now_utc()
                content = load_target(target(float(number), start_utc=None, end_utc=None))
                content["targets"][0]["interval"]["end_time"] = "2099-01-01T00:00:00Z"
                message = isv.message(
                    "grid.loadtarget.set.v1", content, number=number, time=now_utc.isoformat()
                )
                start_s = time.monotonic()
                sender.publish([(message.topic, message.payload)])
                until(lambda n=number: len(rows(tmp_path, "raw_grid__events")) == n)  # type: ignore[misc]  # mypy takes the default for an argument
                waited_s.append(time.monotonic() - start_s)

    assert sorted(waited_s)[len(waited_s) // 2] < 1.0  # a loaded machine has its moments
    outcomes = [row["message_outcome"] for row in rows(tmp_path, "raw_grid__messages")]
    assert outcomes == ["accepted"] * 10


def test_the_first_load_target_of_a_command_is_a_sealed_event_within_a_second(
    tmp_path: Path,
) -> None:
    """Of three commands, each heard for the first time: other work may hold one of them up."""
    isv = Sender(ISV, "isv-1")
    isv.write_key(tmp_path)
    waited_s = []
    with Broker(tmp_path) as broker, Publisher(broker.port) as sender:
        path = tmp_path / "dsx.toml"
        path.write_text(
            f'site_id = "hall-1"\nroot = "tables"\n'
            f'[broker]\nurl = "mqtt://127.0.0.1:{broker.port}"\nclient_id = "listener"\n'
            f'[flex]\nfeed_tag = "main-a"\nprogram_id = "pjm_economic_3day"\n'
            f'[[flex.keys]]\nkey_id = "isv-1"\nsource = "{ISV}"\nfile = "isv-1.pub.pem"\n',
            "utf-8",
        )
        for number in range(1, 4):
            now_utc = SystemClock().now_utc()
            message = isv.message(
                "grid.loadtarget.set.v1",
                load_target(target(float(number), start_utc=now_utc, end_utc=now_utc + A_DAY)),
                number=number,
                time=now_utc.isoformat(),
            )
            with subprocess.Popen(  # noqa: S603 - our own command
                [Path(sys.executable).parent / "negawatt", "listen", "dsx", path],
                stderr=subprocess.PIPE,
            ) as command:
                assert command.stderr
                assert b"connected" in command.stderr.readline()
                start_s = time.monotonic()
                sender.publish([(message.topic, message.payload)])
                until(lambda n=number: len(rows(tmp_path, "raw_grid__events")) == n)  # type: ignore[misc]  # mypy takes the default for an argument
                waited_s.append(time.monotonic() - start_s)
                command.terminate()

    assert min(waited_s) < 1.0


def test_a_dry_run_says_what_would_be_taken_in_and_leaves_it_to_the_next_run(
    tmp_path: Path,
) -> None:
    """The broker keeps nothing for a dry run, and for the listener all that it kept before."""
    with Broker(tmp_path) as broker, Publisher(broker.port) as sender:
        publish_metadata(sender)
        with hearing(config_of(tmp_path, broker.port)) as one:
            until(lambda: one.heard.message_count == 1)
        path = tmp_path / "dsx.toml"
        path.write_text(
            f'site_id = "hall-1"\nroot = "tables"\n'
            f'[broker]\nurl = "mqtt://127.0.0.1:{broker.port}"\nclient_id = "listener"\n'
            f'[flex]\nfeed_tag = "main-a"\nprogram_id = "pjm_economic_3day"\n',
            "utf-8",
        )
        with subprocess.Popen(  # noqa: S603 - our own command
            [
                Path(sys.executable).parent / "negawatt",
                "listen",
                "dsx",
                path,
                "--dry-run",
                "--json",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as command:
            assert command.stderr
            assert b"connected" in command.stderr.readline()
            publish_values(sender, range(100))
            time.sleep(0.5)
            command.terminate()
            said = json.loads(command.communicate(timeout=30)[0])
        kept = rows(tmp_path, "raw_node__power_samples")
        with hearing(config_of(tmp_path, broker.port)) as other:
            until(lambda: other.heard.counts.get(Outcome.ACCEPTED, 0) == 100)

    assert said["dry_run"]
    assert said["row_counts"] == {"raw_node__power_samples": 100}
    assert kept == []
    assert len(rows(tmp_path, "raw_node__power_samples")) == 100
