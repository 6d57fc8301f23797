"""A real broker for one test: Debian's mosquitto on loopback, in a folder of its own."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from negawatt.collectors.clock import SystemClock
from negawatt.collectors.dsx.config import ListenConfig
from negawatt.collectors.dsx.listen import listen
from negawatt.collectors.heard import Heard

_MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
_PATIENCE_S = 30.0

needs_mosquitto = pytest.mark.skipif(_MOSQUITTO is None, reason="needs mosquitto (apt-get install)")


class Broker:
    """Starts, kills and starts again.

    Args:
        folder: Where its configuration and what it persists lie.
        settings: Lines of its configuration besides the listener and persistence.
        saves_every_change: It writes all it holds down behind every change, and is slow.

    Attributes:
        port: Where it is.
        start_count: How often it was started.
    """

    def __init__(
        self,
        folder: Path,
        settings: Sequence[str] = ("allow_anonymous true",),
        *,
        saves_every_change: bool = True,
    ) -> None:
        self.port = _free_port()
        self.start_count = 0
        self._folder = folder
        lines = [
            f"listener {self.port} 127.0.0.1",
            *settings,
            "persistence true",
            f"persistence_location {folder}/",
            *(["autosave_on_changes true", "autosave_interval 1"] if saves_every_change else []),
            "max_queued_messages 0",
            # All that waits is handed over at once, and not twenty at a time.
            "max_inflight_messages 0",
            *(["user root"] if os.geteuid() == 0 else []),
        ]
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n", "utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and return when it answers."""
        self.start_count += 1
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the broker found above
                [str(_MOSQUITTO), "-c", str(self._folder / "mosquitto.conf")],
                stdout=log,
                stderr=log,
            )
        until(lambda: _answers(self.port))

    def end(self, *, with_signal: int = signal.SIGKILL) -> None:
        """End it: by default so that it can write nothing more."""
        if self._process:
            self._process.send_signal(with_signal)
            self._process.wait()
            self._process = None

    def processor_s(self) -> float:
        """Return the processor time that it took so far [s]; Linux only."""
        assert self._process
        fields = (
            Path(f"/proc/{self._process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        )
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()


class Hearing:
    """A listener in a thread.

    Attributes:
        heard: What it has heard; the last account when it has ended.
        error: What ended it.
    """

    def __init__(self, config: ListenConfig) -> None:
        self._config = config
        self._is_stopped = False
        self._thread = threading.Thread(target=self._run)
        self.heard = Heard(counts={}, connected_count=0, problem="")
        self.error: Exception | None = None

    def _run(self) -> None:
        try:
            self.heard = listen(
                self._config, SystemClock(), lambda: self._is_stopped, self._remember
            )
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.error = error

    def _remember(self, heard: Heard) -> None:
        self.heard = heard

    def start(self) -> None:
        """Begin, and return when it is connected."""
        self._thread.start()
        until(lambda: self.heard.connected_count > 0 or self.error is not None)

    def stop(self) -> None:
        """End it, and wait."""
        self._is_stopped = True
        self._thread.join(_PATIENCE_S)


@contextmanager
def hearing(config: ListenConfig) -> Iterator[Hearing]:
    """Listen for as long as this is open."""
    one = Hearing(config)
    one.start()
    try:
        yield one
    finally:
        one.stop()


class Publisher:
    """Publishes at QoS 1, and sends again what was not acknowledged, through every loss.

    Args:
        port: Where the broker is.
        context: For TLS.
    """

    def __init__(self, port: int, context: ssl.SSLContext | None = None) -> None:
        self._port = port
        self._context = context
        self._number = 0
        self._socket: socket.socket | None = None

    def publish(self, messages: Sequence[tuple[str, bytes]], *, retain: bool = False) -> None:
        """Return when the broker has acknowledged each."""
        waiting = {}
        for topic, payload in messages:
            self._number = self._number % 65_535 + 1
            waiting[self._number] = packet(topic, payload, self._number, retain=retain)
        end = time.monotonic() + _PATIENCE_S
        while waiting:
            assert time.monotonic() < end, "the broker acknowledges nothing"
            try:
                self._exchange(waiting)
            except OSError:
                self.close()
                time.sleep(0.01)

    def close(self) -> None:
        """Hang up."""
        if self._socket:
            self._socket.close()
            self._socket = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _exchange(self, waiting: dict[int, bytes]) -> None:
        connection = self._socket or self._connected()
        connection.sendall(b"".join(waiting.values()))
        data = b""
        while waiting:
            read = connection.recv(65_536)
            if not read:
                raise ConnectionResetError
            data += read
            for start in range(0, len(data) - 3, 4):  # only PUBACK comes: 0x40, 2, number
                waiting.pop(int.from_bytes(data[start + 2 : start + 4], "big"), None)
            data = data[len(data) // 4 * 4 :]

    def _connected(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self._port), timeout=5)
        if self._context:
            connection = self._context.wrap_socket(connection, server_hostname="127.0.0.1")
        self._socket = connection
        body = b"\0\4MQTT\4\2\0\0" + _text(f"sender-{self._port}")
        connection.sendall(b"\x10" + _length(len(body)) + body)
        if connection.recv(4) != b"\x20\2\0\0":
            raise ConnectionRefusedError
        return connection


def packet(topic: str, payload: bytes, number: int, *, retain: bool = False) -> bytes:
    """Return a PUBLISH at QoS 1 (MQTT 3.1.1, section 3.3)."""
    body = _text(topic) + number.to_bytes(2, "big") + payload
    return bytes([0x32 | retain]) + _length(len(body)) + body


def _text(text: str) -> bytes:
    return len(text.encode()).to_bytes(2, "big") + text.encode()


def _length(count: int) -> bytes:
    found = bytearray()
    while True:
        count, low = divmod(count, 128)
        found.append(low | (128 if count else 0))
        if not count:
            return bytes(found)


def until(is_so: Callable[[], bool], patience_s: float = _PATIENCE_S) -> None:
    """Wait until something is so, and fail where it never is."""
    end = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
