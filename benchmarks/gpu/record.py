"""Record what a real GPU's driver says while its load is known: ``record.py OUT LOADER [PHASES]``.

LOADER is the command of load.py under a Python with PyTorch; PHASES is how the names of the phases
begin that are run, all of them by default. The driver is asked as fast as it is
useful through the collector's own functions; OUT receives every answer (polls.parquet), the
driver's own samples (samples.parquet), and when the GPU was busy (phases.json). Settings of the
GPU are left alone. Not here: what follows from a recording.
"""

import ctypes
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from negawatt.collectors.clock import SystemClock
from negawatt.collectors.sources.nvml import Nvml, instrument
from negawatt.collectors.sources.nvml_fields import FIELD_VALUE, NOT_ANSWERED
from negawatt.collectors.sources.nvml_gpus import READ_FIELDS
from negawatt.collectors.sources.nvml_slow import SlowReader
from negawatt.models.domain.units import NS_PER_S

FIELDS = {
    "average": (185, 0),
    "instant": (186, 0),
    "energy": (83, 0),
    "limit": (190, 0),
    "memory_average": (185, 2),
    "memory_instant": (186, 2),
    "module_average": (185, 1),
    "scoped_energy": (191, 0),
}
FULL_HZ = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A stretch of the recording: what the GPU does, and how the driver is asked."""

    name: str
    busy_s: float
    idle_s: float
    duration_s: float
    poll_hz: float = FULL_HZ
    first_field: int = 0
    field_count: int = len(FIELDS)


def _phases() -> Iterator[Phase]:
    yield Phase(name="idle", busy_s=0, idle_s=1, duration_s=15)
    yield Phase(name="steady", busy_s=20, idle_s=0, duration_s=20)
    yield Phase(name="square 1 Hz", busy_s=0.5, idle_s=0.5, duration_s=20)
    yield Phase(name="steps", busy_s=3, idle_s=3, duration_s=36)
    yield Phase(name="25 of 100 ms", busy_s=0.025, idle_s=0.075, duration_s=20)
    yield Phase(name="25 of 101 ms", busy_s=0.025, idle_s=0.076, duration_s=41)
    yield Phase(name="50 of 101 ms", busy_s=0.05, idle_s=0.051, duration_s=21)
    for number, hz in enumerate((0, 10, 20, 100, 1000, 0, 10, 20, 100, 1000, 0)):
        name = f"slowed {hz} Hz {number}"
        yield Phase(name=name, busy_s=4, idle_s=0, duration_s=4, poll_hz=hz, field_count=4)
    for state, busy_s, idle_s in (("idle", 0, 1), ("busy", 3, 0)):
        for name, first, count in (
            ("four fields", 0, 4),
            *((name, place, 1) for place, name in enumerate(FIELDS)),
        ):
            yield Phase(
                name=f"latency of {name}, {state}",
                busy_s=busy_s,
                idle_s=idle_s,
                duration_s=3,
                poll_hz=100,
                first_field=first,
                field_count=count,
            )


class Recorder:
    """Asks one GPU and keeps every answer."""

    def __init__(self) -> None:
        self.nvml = Nvml()
        self.gpu = self.nvml.open_by_index(0)
        self._ask = self.nvml.function(READ_FIELDS)
        self._question = np.zeros(len(FIELDS), FIELD_VALUE)
        self._question["field_id"] = [field for field, _ in FIELDS.values()]
        self._question["scope_id"] = [scope for _, scope in FIELDS.values()]
        self._question["result"] = NOT_ANSWERED
        self.polls: list[pa.Table] = []
        self.samples: list[pa.Table] = []

    def poll(self, phase: Phase, is_over: Event) -> None:
        """Ask until the phase is over."""
        first, count = phase.first_field, phase.field_count
        most = round((phase.duration_s + 2) * phase.poll_hz)
        answers = np.tile(self._question, (most, 1))
        start_ns, took_ns, returned = (np.zeros(most, np.int64) for _ in "abc")
        begun_ns, used = time.monotonic_ns(), 0
        while used < most and not is_over.is_set():
            due_ns = begun_ns + round(used * NS_PER_S / phase.poll_hz)
            time.sleep(max(0, due_ns - time.monotonic_ns()) / NS_PER_S)
            place = ctypes.c_void_p(answers[used, first:].ctypes.data)
            start_ns[used] = time.monotonic_ns()
            returned[used] = self._ask(self.gpu.handle, ctypes.c_int(count), place)
            took_ns[used] = time.monotonic_ns() - start_ns[used]
            used += 1
        columns: dict[str, Any] = {
            "phase": pa.array([phase.name] * used).dictionary_encode(),
            "start_ns": start_ns[:used],
            "took_ns": took_ns[:used],
            "returned": returned[:used],
        }
        for index, name in enumerate(FIELDS):
            said = answers[:used, index]
            wide = np.isin(said["value_type"], (2, 3, 4))
            value = np.where(wide, said["value"], said["value"] & np.uint64(0xFFFFFFFF))
            known = said["result"] == 0
            columns[name] = pa.array(value.astype(np.int64), mask=~known)
            columns[f"{name}_result"] = said["result"].copy()
            columns[f"{name}_type"] = said["value_type"].copy()
            columns[f"{name}_timestamp_us"] = said["timestamp_us"].copy()
            columns[f"{name}_latency_us"] = said["latency_us"].copy()
        self.polls.append(pa.table(columns))

    def keep_samples(self, is_over: Event) -> None:
        """Drain the driver's own samples twice a second."""
        clock = SystemClock()
        reader = SlowReader(self.nvml, clock.monotonic_ns)
        while not is_over.wait(0.5):
            clocks_ns = clock.clocks_ns()
            begun_ns = reader.driver_ns
            got = reader.drain(self.gpu.handle, clocks_ns)
            if isinstance(got, str):
                print(f"samples: {got}")
                return
            count = len(got.time_us)
            self.samples.append(
                pa.table(
                    {
                        "time_us": got.time_us,
                        "milliwatt": got.milliwatt,
                        "clock": pa.array([str(got.driver_clock)] * count),
                        "refused_count": np.full(count, got.refused_count),
                        "drained_ns": np.full(count, time.monotonic_ns()),
                        "took_ns": np.full(count, reader.driver_ns - begun_ns),
                        **{f"{n}_ns": np.full(count, ns) for n, ns in clocks_ns.items()},
                    }
                )
            )


class _Answer(Thread):
    """Waits for a line."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__()
        self._stream, self.came, self.line = stream, Event(), ""
        self.start()

    def run(self) -> None:
        self.line = self._stream.readline()
        self.came.set()


@contextmanager
def _load(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(  # noqa: S603 - the caller's own command, no shell
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as load:
        try:
            yield load
        finally:
            load.kill()


def record(out: Path, command: list[str], prefix: str = "") -> None:
    """Run the phases whose names begin so, and write the recording."""
    recorder, clock, done = Recorder(), SystemClock(), []
    facts: dict[str, Any] = {
        "model_name": recorder.gpu.identity.model_name,
        "driver_version": recorder.gpu.identity.driver_version,
        **{n: v for n, v in instrument(recorder.gpu).items() if n != "serial"},
        "wall_minus_monotonic_ns": clock.wall_ns() - clock.monotonic_ns(),
    }
    ended = Event()
    with _load(command) as load:
        assert load.stdin
        assert load.stdout
        facts |= json.loads(load.stdout.readline())
        draining = Thread(target=recorder.keep_samples, args=(ended,))
        draining.start()
        for phase in (one for one in _phases() if one.name.startswith(prefix)):
            told = {n: getattr(phase, n) for n in ("busy_s", "idle_s", "duration_s")}
            answer = _Answer(load.stdout)
            load.stdin.write(json.dumps(told) + "\n")
            load.stdin.flush()
            if phase.poll_hz:
                recorder.poll(phase, answer.came)
            answer.join()
            said = json.loads(answer.line)
            done.append({"name": phase.name, "poll_hz": phase.poll_hz, **said})
            print(phase.name, said["product_count"], flush=True)
        ended.set()
        draining.join()
    out.mkdir(parents=True, exist_ok=True)
    polls = pa.concat_tables(recorder.polls).unify_dictionaries()
    pq.write_table(polls, out / "polls.parquet", compression="zstd", use_dictionary=["phase"])
    if recorder.samples:
        pq.write_table(pa.concat_tables(recorder.samples), out / "samples.parquet")
    (out / "phases.json").write_text(json.dumps({"facts": facts, "phases": done}), "utf-8")


if __name__ == "__main__":
    record(Path(sys.argv[1]), shlex.split(sys.argv[2]), *sys.argv[3:4])
