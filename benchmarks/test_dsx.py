"""A listener on DSX Exchange: how many values a second come through a broker into sealed tables.

Broker, sender and listener share the machine. The sender's packets are made beforehand, so that it
takes next to nothing; every value becomes a row.
"""

import os
import socket
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from negawatt.collectors.dsx.message import Outcome
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
        connection.setblocking(False)
        view = memoryview(packets)
        while view:
            try:
                view = view[connection.send(view) :]
            except BlockingIOError:
                time.sleep(0.001)
            try:  # acknowledgments must be read, or the broker stops
                connection.recv(65_536)
            except BlockingIOError:
                pass
        connection.setblocking(True)
        connection.settimeout(1)
        try:
            while connection.recv(65_536):
                pass
        except TimeoutError:
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
        start_s = time.monotonic()
        child = _send(broker.port, values)
        until(lambda: one.heard.counts.get(Outcome.ACCEPTED, 0) == METERS + VALUES)
        one.stop()
        seconds = time.monotonic() - start_s
        os.waitpid(child, 0)

    files = (tmp_path / "tables" / "raw_node__power_samples").rglob("*.parquet")
    assert sum(pq.read_metadata(file).num_rows for file in files) == VALUES
    print(f"\n{VALUES / seconds:,.0f} values a second over {seconds:.1f} s, sealed")
    assert seconds < VALUES / RATE_AT_LEAST
