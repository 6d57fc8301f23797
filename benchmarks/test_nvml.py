"""The fast loop beside the binding's own wrappers, on the same driver library without a GPU.

What a real driver takes is not in these figures: a library that answers at once stands in its
place, so that what is left is our side and the wrappers' side of each call.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pynvml
import pytest

from benchmarks.conftest import Report, best_s
from negawatt.collectors.clock import SystemClock
from negawatt.collectors.sources.nvml import Nvml
from negawatt.collectors.sources.nvml_fields import Span
from negawatt.collectors.sources.nvml_gpus import READ_FIELDS
from negawatt.collectors.sources.nvml_source import NvmlSource
from negawatt.collectors.sources.nvml_sweep import Sweeper
from tests.collectors.driver.stub import Driver, build_library

GPU_COUNT, SWEEPS = 8, 200
ASKED = [(185, 0), (186, 0), (83, 0), (190, 0)]
LOOP_S = 10.0
SETTLING_S = 8.0  # an agent that starts is not what runs for months


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def driver(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    stub = Driver(library, tmp_path / "scenario.txt")
    stub.load(f"gpus {GPU_COUNT}")
    monkeypatch.setattr(pynvml, "nvmlLib", stub.library)
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
    yield stub
    stub.load()


def wrapped_sweep(handles: list[Any]) -> list[tuple[int, int]]:
    """Read all GPUs as the binding's examples do: each field by its own return code."""
    return [
        (now, answer.value.ullVal if answer.fieldId == 83 else answer.value.uiVal)
        for handle in handles
        for now in [time.monotonic_ns()]
        for answer in pynvml.nvmlDeviceGetFieldValues(handle, ASKED)
        if answer.nvmlReturn == 0
    ]


def test_a_sweep_takes_an_eighth_of_the_wrappers_time(driver: Driver, report: Report) -> None:
    nvml, clock = Nvml(), SystemClock()
    sweeper = Sweeper(
        nvml.function(READ_FIELDS),
        GPU_COUNT,
        SWEEPS,
        wall_ns=clock.wall_ns,
        monotonic_ns=clock.monotonic_ns,
    )
    handles = [nvml.open_by_index(gpu).handle for gpu in range(GPU_COUNT)]
    calls = [
        sweeper.lane(gpu, handle, Span(4, 7, 8)).everything for gpu, handle in enumerate(handles)
    ]
    holder = object()
    sweeper.give_to(holder)

    def ours() -> None:
        for tick in range(SWEEPS):
            sweeper.sweep(tick, calls, holder)
        sweeper.take()

    ours_s = best_s(ours, 20)
    reference_s = best_s(lambda: [wrapped_sweep(handles) for _ in range(SWEEPS)], 20)

    assert driver.call_count >= 40 * SWEEPS * GPU_COUNT
    report(
        f"sweep of 8 GPUs x 4 fields ({ours_s / SWEEPS * 1e6:.1f} us), against the wrappers",
        ours_s,
        reference_s,
        0.125,
    )


@pytest.mark.parametrize("rate_hz", [10, 100])
def test_what_the_sampling_thread_takes_of_a_core(
    driver: Driver, report: Report, rate_hz: int
) -> None:
    """Both loops wait for the same ticks; a thread that only waits is measured beside them."""
    assert driver.library
    source = NvmlSource(interval_s=1 / rate_hz, clock=SystemClock())
    start_s = source.cpu_time_s()
    for _ in range(round(LOOP_S)):
        time.sleep(1)
        source.take()
    ours = (source.cpu_time_s() - start_s) / LOOP_S
    in_driver = source.facts.driver_time_s / LOOP_S
    asyncio.run(source.close())
    Nvml()
    handles = [pynvml.nvmlDeviceGetHandleByIndex(gpu) for gpu in range(GPU_COUNT)]
    wrappers = _looped(rate_hz, lambda: wrapped_sweep(handles))
    waiting = _looped(rate_hz, list)

    report(
        f"{rate_hz} Hz: sampling thread {ours:.3%} of a core, of which waiting {waiting:.3%}, "
        f"{in_driver:.3%} inside the driver's calls; "
        f"a loop over the wrappers {wrappers:.3%}: ours",
        ours,
        wrappers,
        0.75,
    )


def _looped(rate_hz: int, work: Callable[[], object]) -> float:
    """Return the share of a core that a plain loop takes."""
    used_s: list[float] = []

    def run() -> None:
        kept, until_s = [], time.monotonic() + LOOP_S / 2
        while time.monotonic() < until_s:
            time.sleep(1 / rate_hz)
            kept.append(work())
        used_s.append(time.thread_time())

    thread = Thread(target=run)
    thread.start()
    thread.join()
    return used_s[0] / (LOOP_S / 2)


@pytest.mark.parametrize("rate_hz", [10, 100])
def test_what_the_whole_agent_takes_of_a_core(
    library: Path, tmp_path: Path, report: Report, rate_hz: int
) -> None:
    """The command itself, with sealing; the limit only says that it cannot have run away."""
    scenario = tmp_path / "scenario.txt"
    scenario.write_text(f"gpus {GPU_COUNT}\n", "utf-8")
    config = tmp_path / "collect.toml"
    config.write_text(
        'site_id = "s1"\nspool_directory = "spool"\n[nvml]\nenabled = true\nnode_id = "n1"\n'
        f"sample_interval_s = {1 / rate_hz}\n",
        "utf-8",
    )
    command = [str(Path(sys.executable).with_name("negawatt")), "collect", "run", str(config)]
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": str(library.parent),
        "NVML_STUB_SCENARIO": str(scenario),
    }
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=environment, **quiet) as agent:  # type: ignore[call-overload]  # noqa: S603 - ours
        Event().wait(SETTLING_S)
        before_s = _cpu_s(agent.pid)
        Event().wait(LOOP_S)
        assert agent.poll() is None
        share = (_cpu_s(agent.pid) - before_s) / LOOP_S
        agent.terminate()

    assert agent.wait() == 0
    report(f"{rate_hz} Hz: the whole agent, as a share of a core", share, 1.0, 0.5)


def _cpu_s(pid: int) -> float:
    """Return what a process has used so far [s]."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
