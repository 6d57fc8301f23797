"""Debian's Prometheus and VictoriaMetrics, started on loopback in a folder, with series of ours.

Here: starting, filling and asking them. Not here: what is compared. A server that is not installed
is skipped by name.
"""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

_READY_WITHIN_S = 60
_LINE_SAMPLES = 20_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """One series.

    Attributes:
        name: Its name.
        labels: What else identifies it.
        time_ms: When each sample was taken, since 1970 [ms], rising.
        values: The samples.
    """

    name: str
    labels: Mapping[str, str]
    time_ms: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server.

    Attributes:
        url: Where it answers.
        folder: Where its data lies.
    """

    url: str
    folder: Path

    @property
    def byte_count(self) -> int:
        """Bytes of its files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def ask(self, promql: str, at_ms: int) -> list[dict[str, Any]]:
        """Return what an instant query gives."""
        form = {"query": promql, "time": at_ms / 1_000, "timeout": "120s", "nocache": 1}
        data = urllib.parse.urlencode(form).encode()
        answer = json.loads(_post(f"{self.url}/api/v1/query", data))
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def sample_count(self, name: str, at_ms: int) -> int:
        """Return how many samples of a name it holds in the day before."""
        (found,) = self.ask(f"sum(count_over_time({name}[1d]))", at_ms)
        return int(found["value"][1])


@contextmanager
def prometheus(folder: Path, series: Iterable[Series]) -> Iterator[Server]:
    """Run Prometheus over blocks that its own tool made of the series."""
    program, tool = _program("prometheus"), _program("promtool")
    text, data = folder / "samples.txt", folder / "tsdb"
    with text.open("w", encoding="ascii") as file:
        for one in series:
            labels = ",".join(f'{name}="{value}"' for name, value in one.labels.items())
            for at_ms, value in zip(one.time_ms.tolist(), one.values.tolist(), strict=True):
                file.write(f"{one.name}{{{labels}}} {value} {at_ms / 1_000:.3f}\n")
        file.write("# EOF\n")
    making = (tool, "tsdb", "create-blocks-from", "openmetrics", str(text), str(data))
    subprocess.run(making, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - Debian's
    text.unlink()
    config = folder / "prometheus.yml"
    config.write_text("{}", "ascii")
    kept = ("--storage.tsdb.retention.time=100y", "--log.level=error", "--query.timeout=2m")
    where = (f"--config.file={config}", f"--storage.tsdb.path={data}")
    with _running((program, *where, *kept), "--web.listen-address", "/-/ready") as url:
        yield Server(url=url, folder=data)


@contextmanager
def victoria_metrics(folder: Path, series: Iterable[Series]) -> Iterator[Server]:
    """Run VictoriaMetrics and import the series, merged as far as it merges."""
    program, data = _program("victoria-metrics"), folder / "victoria"
    kept = ("-retentionPeriod=100y", "-loggerLevel=ERROR", "-search.maxUniqueTimeseries=10000000")
    where = (f"-storageDataPath={data}",)
    with _running((program, *where, *kept), "-httpListenAddr", "/health") as url:
        for one in series:
            for first in range(0, len(one.values), _LINE_SAMPLES):
                part = slice(first, first + _LINE_SAMPLES)
                line = {
                    "metric": {"__name__": one.name, **one.labels},
                    "values": one.values[part].tolist(),
                    "timestamps": one.time_ms[part].tolist(),
                }
                _post(f"{url}/api/v1/import", json.dumps(line).encode())
        server = Server(url=url, folder=data)
        for step in ("force_flush", "force_merge"):
            _post(f"{url}/internal/{step}", b"")
            _wait_until_still(server)
        yield server


@contextmanager
def _running(command: tuple[str, ...], address_option: str, ready: str) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with subprocess.Popen(  # noqa: S603 - Debian's programs
        (*command, f"{address_option}={address}"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _wait_until_ready(f"http://{address}{ready}")
            yield f"http://{address}"
        finally:
            process.kill()


def _wait_until_still(server: Server) -> None:
    """Wait until a server that merges in the background no longer changes its files."""
    before = -1
    while before != (now := server.byte_count):
        before = now
        time.sleep(1)


def _wait_until_ready(url: str) -> None:
    until_s = time.monotonic() + _READY_WITHIN_S
    while True:
        try:
            urllib.request.urlopen(url).close()  # noqa: S310 - loopback
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < until_s
            time.sleep(0.1)
        else:
            return


def _post(url: str, data: bytes) -> bytes:
    with urllib.request.urlopen(url, data) as answer:  # noqa: S310 - loopback
        content: bytes = answer.read()
    return content


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"Debian's {name} is not installed: there is nothing to compare with")
    return found
