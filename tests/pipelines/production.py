"""Dagster as an operator leaves it running: code server, daemon and webserver of deploy/.

Here: starting, killing and asking them. Not here: what is expected of them.
"""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
from dagster_graphql import DagsterGraphQLClient, DagsterGraphQLClientError

from negawatt.warehouse.layout import Layout

SERVICES = ("code", "daemon", "webserver")
DEPLOY = Path(__file__).parents[2] / "deploy"


@dataclass(kw_only=True)
class Production:
    """The services of one warehouse.

    Attributes:
        layout: The warehouse.
        url: Of Dagster's database.
    """

    layout: Layout
    url: str
    port: int
    _started: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """Folder of the Dagster instance."""
        return self.layout.root / "dagster"

    @property
    def _socket(self) -> Path:
        return self.layout.root / "code.sock"

    def environment(self) -> dict[str, str]:
        """Return what deploy/dagster/dagster.env sets, for this warehouse."""
        lines = (DEPLOY / "dagster" / "dagster.env").read_text("utf-8").splitlines()
        names = {line.partition("=")[0] for line in lines if line and not line.startswith("#")}
        ours = {
            "DAGSTER_HOME": str(self.home),
            "DAGSTER_DISABLE_TELEMETRY": "yes",
            "DAGSTER_EVENT_BATCH_SIZE": "1000",
            "NEGAWATT_WAREHOUSE": str(self.layout.root),
            "NEGAWATT_CODE_SOCKET": str(self._socket),
            "NEGAWATT_POSTGRES_URL": self.url,
        }
        assert set(ours) == names
        return ours

    def start(self, service: str) -> None:
        """Start what a unit of deploy/systemd starts, in a process group of its own."""
        unit = (DEPLOY / "systemd" / f"negawatt-{service}.service").read_text("utf-8")
        (line,) = (one for one in unit.splitlines() if one.startswith("ExecStart="))
        for name, value in self.environment().items():
            line = line.replace(f"${{{name}}}", value)
        line = line.replace("/etc/negawatt/workspace.yaml", str(DEPLOY / "dagster/workspace.yaml"))
        line = line.replace("--port 3000", f"--port {self.port}")
        with (self.layout.root / f"{service}.log").open("ab") as log:
            self._started[service] = subprocess.Popen(  # noqa: S603 - ours
                shlex.split(line.partition("=")[2]),
                env=os.environ
                | self.environment()
                | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_missing(self) -> None:
        """Start what was killed, the code server first."""
        for service in SERVICES:
            if service not in self._started:
                self.start(service)
                if service == "code":
                    self.wait(self._socket.exists, 120)

    def run_processes(self) -> list[int]:
        """Return the processes of the runs in progress: those that the code server spawned."""
        server = self._started["code"].pid
        return [pid for pid, words in children_of(server) if "spawn_main" in words]

    def kill(self, service: str, how: signal.Signals = signal.SIGKILL) -> None:
        """End a service and all that it started, as the end of its machine would."""
        process = self._started.pop(service)
        with suppress(ProcessLookupError):  # it has ended
            os.killpg(process.pid, how)
        process.wait(timeout=60)
        if service == "code":
            self._socket.unlink(missing_ok=True)  # systemd empties /run/negawatt likewise

    def stop(self) -> None:
        """Kill all services at once."""
        for process in self._started.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for service in tuple(self._started):
            self.kill(service)

    def logs(self) -> str:
        """Return the end of what each service printed."""
        files = self.layout.root.glob("*.log")
        return "\n".join(path.read_text("utf-8")[-4000:] for path in files)

    def instance(self) -> dg.DagsterInstance:
        """Open the instance, as a command does."""
        return dg.DagsterInstance.from_config(str(self.home))

    def submit(self, job: str, tags: dict[str, str]) -> str:
        """Put a run into the queue, as the UI does, and return its id.

        After a new start of the code server the UI knows its jobs again within seconds.
        """
        client = DagsterGraphQLClient("127.0.0.1", port_number=self.port)
        asked: list[str] = []

        def is_taken() -> bool:
            try:
                run_id = client.submit_job_execution(
                    job,
                    repository_location_name="negawatt",
                    repository_name="__repository__",
                    tags=tags,
                )
            except DagsterGraphQLClientError as error:
                if "PipelineNotFoundError" not in str(error):
                    raise
                return False
            asked.append(run_id)
            return True

        self.wait(is_taken, 120)
        return asked[0]

    def start_all(self) -> None:
        """Start what the units start, in their order: each after the one before is ready."""
        self.start_missing()
        self.wait(self._ui_answers, 120)

    def _ui_answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def switch_on(self, sensor: str) -> None:
        """Switch a sensor on, as a person does by hand."""
        program = Path(sys.executable).with_name("dagster")
        workspace = ["--workspace", str(DEPLOY / "dagster" / "workspace.yaml")]
        subprocess.run(  # noqa: S603 - ours
            [str(program), "sensor", "start", sensor, *workspace],
            env=os.environ | self.environment(),
            check=True,
            capture_output=True,
        )

    def has_looked(self, sensor: str) -> bool:
        """Say whether a sensor has looked once, and remembers from where to look on."""
        with self.instance() as instance:
            states = {one.instigator_name: one for one in instance.all_instigator_state()}
        data = states[sensor].instigator_data
        return getattr(data, "cursor", None) is not None

    def wait(self, what: Callable[[], object], limit_s: float) -> None:
        """Wait until something holds."""
        end_s = time.monotonic() + limit_s
        while not what():
            assert time.monotonic() < end_s, self.logs()
            time.sleep(0.2)


@contextmanager
def production(layout: Layout, url: str, **settings: str) -> Iterator[Production]:
    """Lay out a warehouse's instance as deploy/ says, and stop at the end what was started.

    Args:
        layout: The warehouse.
        url: Of a database.
        settings: Lines of dagster.yaml to replace, by their key.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = Production(layout=layout, url=url, port=port)
    made.home.mkdir()
    shutil.copy(DEPLOY / "dagster" / "dagster.yaml", made.home)
    file = made.home / "dagster.yaml"
    text = file.read_text("utf-8")
    for key, value in settings.items():
        (old,) = (line for line in text.splitlines() if line.strip().startswith(f"{key}:"))
        text = text.replace(old, f"{old.partition(key)[0]}{key}: {value}")
    file.write_text(text, "utf-8")
    try:
        yield made
    finally:
        made.stop()


def children_of(pid: int) -> list[tuple[int, str]]:
    """Return the processes that a process started, each with its command line."""
    # The kernel lists them by the thread that started them.
    listed = [path.read_text("ascii") for path in Path(f"/proc/{pid}/task").glob("*/children")]
    found = []
    for child in map(int, " ".join(listed).split()):
        try:
            words = Path(f"/proc/{child}/cmdline").read_bytes()
        except OSError:
            continue
        found.append((child, words.replace(b"\0", b" ").decode()))
    return found
