"""A listener on DSX Exchange: how many values a second come through a broker into sealed tables.

Broker, sender and listener share the machine. The sender's packets are made beforehand, so that it
takes next to nothing; every value becomes a row. What is held is processor time, since other work
on the machine changes the seconds: what two idle cores would carry, one at most for each of the
three.
"""

import os
import resource
import socket
import time
from contextlib import suppress
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from negawatt.collectors.message import Outcome
from tests.collectors.dsx.broker import Broker, hearing, needs_mosquitto, packet, until
from tests.collectors.dsx.test_listen import config_of

METERS, VALUES = 40, 200_000
RATE_AT_LEAST = 10_000  # values a second


def _topic(meter: int, kind: str = "Value") -> str:
    return f"BMS/v1/PUB/{kind}/PowerMeter/ActivePower/nvidia/titan/pod1C/C-E{meter:02}-TAP-E1/value"


def _meta(meter: int) -> bytes:
    return (
        b'{"objectType": "PowerMeter", "pointType": "ActivePower", "engUnit": "kW", '
        b'"objectId": "C-E%02d-TAP-E1", "servesId": []}' % meter
    )


def _value(number: int) -> bytes:
    return b'{"value":%d.25,"timestamp":%d,"quality":1}' % (number, 1_790_000_000_000 + number)


def _send(port: int, packets: bytes) -> int:
    """Send from a process of its own, and return its number."""
    child = os.fork()
    if child:
        return child
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"\x10\x12\0\4MQTT\4\2\0\0\0\6sender")
        connection.recv(4)
        connection.settimeout(0)
        view = memoryview(packets)
        while view:
            try:
                view = view[connection.send(view) :]
            except BlockingIOError:
                time.sleep(0.001)
            with suppress(BlockingIOError):  # unread acknowledgments would stop the broker
                connection.recv(65_536)
        connection.settimeout(1)
        with suppress(TimeoutError):
            while connection.recv(65_536):
                pass
    os._exit(0)


@needs_mosquitto
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_ten_thousand_values_a_second_come_through_a_broker_into_sealed_tables(
    tmp_path: Path,
) -> None:
    metadata = b"".join(packet(_topic(m, "Metadata"), _meta(m), m + 1) for m in range(METERS))
    values = b"".join(packet(_topic(n % METERS), _value(n), n % 60_000 + 1) for n in range(VALUES))
    with (
        Broker(tmp_path, saves_every_change=False) as broker,
        hearing(config_of(tmp_path, broker.port)) as one,
    ):
        os.waitpid(_send(broker.port, metadata), 0)
        until(lambda: one.heard.counts.get(Outcome.ACCEPTED, 0) == METERS)
        start_s, broker_s, listener_s = time.monotonic(), broker.processor_s(), time.process_time()
        child = _send(broker.port, values)
        until(lambda: one.heard.counts.get(Outcome.ACCEPTED, 0) == METERS + VALUES, 120.0)
        one.stop()
        seconds = time.monotonic() - start_s
        listener_s, broker_s = time.process_time() - listener_s, broker.processor_s() - broker_s
        os.waitpid(child, 0)
    sender_s = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - broker_s  # both have ended

    files = (tmp_path / "tables" / "raw_node__power_samples").rglob("*.parquet")
    assert sum(pq.read_metadata(file).num_rows for file in files) == VALUES
    possible = VALUES / max(listener_s, broker_s, (listener_s + broker_s + sender_s) / 2)
    print(
        f"\n{VALUES / seconds:,.0f} values a second over {seconds:.1f} s beside what else ran; "
        f"microseconds of processor for each: listener {listener_s / VALUES * 1e6:.1f}, broker "
        f"{broker_s / VALUES * 1e6:.1f}, sender {sender_s / VALUES * 1e6:.1f}; "
        f"two idle cores carry {possible:,.0f} a second"
    )
    assert possible > RATE_AT_LEAST
