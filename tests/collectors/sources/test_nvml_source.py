"""The fast loop against a driver library that does what a scenario says; the binding is real."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pynvml
import pytest

from negawatt.collectors.clock import SystemClock
from negawatt.collectors.freshness import CounterWatch
from negawatt.collectors.sources.nvml_source import NvmlSource
from negawatt.collectors.sources.protocol import (
    GapReason,
    PowerScope,
    Reading,
    ReadingQuality,
    Tick,
)
from negawatt.models.domain.errors import DeviceMissingError
from tests.collectors.driver.stub import Driver

pytestmark = pytest.mark.slow  # real time passes, and a compiler runs first

_CONSTANT = "square 500 500 1 0.5"


@contextmanager
def _source(interval_s: float = 0.02) -> Iterator[NvmlSource]:
    source = NvmlSource(interval_s=interval_s, clock=SystemClock())
    try:
        yield source
    finally:
        asyncio.run(source.close())


def _ticks(
    duration_s: float, interval_s: float = 0.02, *, take_every_s: float = 0.1
) -> tuple[Tick, ...]:
    """Read for a while, taking what came now and then."""
    with _source(interval_s) as source:
        return _taken(source, duration_s, take_every_s)


def _taken(source: NvmlSource, duration_s: float, take_every_s: float = 0.1) -> tuple[Tick, ...]:
    ticks: list[Tick] = []
    for _ in range(round(duration_s / take_every_s)):
        time.sleep(take_every_s)
        ticks += source.take()
    return tuple(ticks)


def _readings(ticks: tuple[Tick, ...], gpu_uuid: str = "GPU-stub-0") -> list[Reading]:
    return [r for t in ticks for r in t.batch.readings if r.identity.gpu_uuid == gpu_uuid]


def _missing(ticks: tuple[Tick, ...], gpu_uuid: str) -> Counter[GapReason]:
    return Counter(t.batch.missing[gpu_uuid] for t in ticks if gpu_uuid in t.batch.missing)


def test_every_gpu_gives_its_four_values_and_its_identity(driver: Driver) -> None:
    driver.load("gpus 2", f"gpu 0 {_CONSTANT}", "gpu 1 square 501 501 1 0.5", "gpu 0 energy 0.01 5")

    ticks = _ticks(0.3)

    newest = {r.identity.gpu_uuid: r for r in ticks[-1].batch.readings}
    assert [(r.power_milliwatt, r.power_instant_milliwatt) for r in newest.values()] == [
        (500_000, 500_000),
        (501_000, 501_000),
    ]
    first = newest["GPU-stub-0"]
    assert first.identity.model_name == "NVIDIA Stub H100"
    assert first.identity.driver_version == "580.95.05"
    assert first.power_limit_milliwatt == 700_000
    assert first.power_scope is PowerScope.GPU
    assert first.energy_total_millijoule is not None
    assert first.energy_total_millijoule > 5_000


def test_ticks_come_in_order_each_once_and_none_is_left_out(driver: Driver) -> None:
    driver.load("gpus 1")

    ticks = _ticks(0.5, 0.01, take_every_s=0.03)

    due = [tick.due_utc for tick in ticks]
    steps = [(after - before).total_seconds() for before, after in pairwise(due)]
    assert steps == pytest.approx([0.01] * len(steps), abs=0.002)
    assert len(ticks) >= 40


def test_a_field_whose_own_return_code_failed_is_unknown(driver: Driver) -> None:
    """An A100 has no average: the call succeeds, the field says NOT_SUPPORTED, its value is 0."""
    driver.load("gpus 1", f"gpu 0 {_CONSTANT}", "gpu 0 average 0.1 0 0")

    reading = _readings(_ticks(0.2))[-1]

    assert reading.power_milliwatt is None
    assert reading.power_instant_milliwatt == 500_000
    assert reading.reading_quality is ReadingQuality.OK


def test_the_module_is_a_reading_of_its_own_and_stands_in_for_nothing(driver: Driver) -> None:
    """A superchip whose GPU scope fails: its module draws 900 W with the CPU."""
    gpu_scope = [f"gpu 0 field {field} 0 3" for field in (185, 186, 83, 190)]
    driver.load("gpus 1", f"gpu 0 {_CONSTANT}", "gpu 0 module 1.8", *gpu_scope)

    readings = _readings(_ticks(0.2))

    assert {(r.power_scope, r.power_milliwatt) for r in readings} == {(PowerScope.MODULE, 900_000)}


def test_memory_power_is_a_reading_of_its_own(driver: Driver) -> None:
    driver.load("gpus 1", f"gpu 0 {_CONSTANT}", "gpu 0 memory 0.1")

    readings = _readings(_ticks(0.2))

    assert {(r.power_scope, r.power_milliwatt, r.power_instant_milliwatt) for r in readings} == {
        (PowerScope.GPU, 500_000, 500_000),
        (PowerScope.MEMORY, 50_000, None),
    }


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (15, GapReason.GPU_LOST),
        (16, GapReason.GPU_RESET_REQUIRED),
        (3, GapReason.DRIVER_ERROR),
    ],
)
def test_a_gpu_that_fails_is_missing_and_the_others_go_on(
    driver: Driver, code: int, reason: GapReason
) -> None:
    driver.load("gpus 2", f"gpu 0 error 0.3 0.8 {code}")

    ticks = _ticks(2.0)

    assert set(_missing(ticks, "GPU-stub-0")) == {reason}
    assert _readings(ticks)[-1].stamp.monotonic_ns == pytest.approx(
        _readings(ticks, "GPU-stub-1")[-1].stamp.monotonic_ns, abs=5e6
    )
    assert not _missing(ticks, "GPU-stub-1")


def test_after_a_gpu_reset_its_handle_is_looked_up_again_in_a_new_epoch(driver: Driver) -> None:
    driver.load("gpus 2", "gpu 0 reset 0.3")

    ticks = _ticks(1.5)

    watch = CounterWatch()
    epochs = [watch.judge(r).counter_epoch for r in _readings(ticks)]
    assert set(_missing(ticks, "GPU-stub-0")) == {GapReason.GPU_LOST}
    assert set(epochs) == {0, 1}
    assert not _missing(ticks, "GPU-stub-1")


def test_a_counter_that_passed_its_old_value_while_the_gpu_was_gone_is_of_a_new_epoch(
    driver: Driver,
) -> None:
    """The count was below 500 J at 0.2 s; at 1.5 s it is above, though it began anew at 0.3 s."""
    driver.load(
        "gpus 1",
        f"gpu 0 {_CONSTANT}",
        "gpu 0 energy 0.01 0",
        "gpu 0 error 0.25 1.4 15",
        "gpu 0 reset 0.3",
    )

    readings = _readings(_ticks(3.0))

    watch = CounterWatch()
    judged = [watch.judge(reading).counter_epoch for reading in readings]
    energies = [r.energy_total_millijoule or 0 for r in readings]
    first_after = judged.index(1)
    assert energies[first_after] > energies[first_after - 1]


def test_after_a_driver_reload_nvml_is_started_again(driver: Driver) -> None:
    driver.load("gpus 2", "driver reload 0.3", "driver missing 0.3 1.0")

    ticks = _ticks(3.0)

    assert set(_missing(ticks, "GPU-stub-0")) == {GapReason.DRIVER_ERROR}
    assert len(ticks[-1].batch.readings) == 2


def test_a_call_that_hangs_costs_its_own_gpu_and_no_other_a_tick(driver: Driver) -> None:
    """At 10 Hz a call is given half a tick; the other GPUs are read in what is left of it."""
    driver.load("gpus 3", "gpu 1 hang 0.45 1.5")

    ticks = _ticks(3.2, 0.1)

    missed = [tick for tick in ticks if tick.batch.gap_reason is GapReason.TICK_MISSED]
    assert not missed
    for gpu in ("GPU-stub-0", "GPU-stub-2"):
        assert len(_readings(ticks, gpu)) == len(ticks)
    assert set(_missing(ticks, "GPU-stub-1")) == {GapReason.TIMEOUT}
    assert _readings(ticks, "GPU-stub-1")[-1].stamp.monotonic_ns > driver.origin_ns + 2.4e9


def test_a_gpu_that_hangs_at_the_start_is_found_when_it_comes_back(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("negawatt.collectors.sources.nvml_source._OPENING_PATIENCE_S", 0.2)
    driver.load("gpus 2", "gpu 1 hang 0.0 0.8")

    ticks = _ticks(1.2)

    assert len(ticks[0].batch.readings) == 1
    assert ticks[0].batch.findings[0].subject == "GPU 1"
    assert len(ticks[-1].batch.readings) == 2


def test_too_much_time_inside_the_driver_makes_the_loop_ask_less(driver: Driver) -> None:
    """2 GPUs x 2 ms at 50 Hz are 20 % of the time; at a stride of 32 they are 0.6 %."""
    driver.load("gpus 2", *(f"gpu {gpu} latency 2000" for gpu in range(2)))

    with _source() as source:
        ticks = _taken(source, 9.0, 1.0)
        facts = source.facts

    reasons = Counter(tick.batch.gap_reason for tick in ticks if not tick.batch.readings)
    assert facts.stride >= 16
    assert facts.driver_time_ratio < 0.02
    assert reasons[GapReason.DRIVER_BACKED_OFF] == facts.backed_off_tick_count > 100
    assert facts.tick_count == len(ticks)


def test_an_energy_that_takes_long_is_read_less_often_and_power_on_every_tick(
    driver: Driver,
) -> None:
    """As an H100's: 2 GPUs x 3 ms at 50 Hz would be 30 % of the time."""
    driver.load("gpus 2", *(f"gpu {gpu} energy_latency 3000" for gpu in range(2)))

    with _source() as source:
        ticks = _taken(source, 4.0, 1.0)
        facts = source.facts

    readings = _readings(ticks)
    energies = [r for r in readings[50:] if r.energy_total_millijoule is not None]
    assert len(readings) >= 0.95 * len(ticks)  # the machine is shared
    assert 1 <= len(energies) <= 12
    assert facts.backed_off_tick_count == 0
    assert facts.driver_time_ratio < 0.015
    assert {r.reading_quality for r in readings} == {ReadingQuality.OK}
    assert all(r.power_milliwatt and r.power_limit_milliwatt for r in readings)


def test_a_gpu_without_any_power_is_missing(driver: Driver) -> None:
    driver.load("gpus 1", *(f"gpu 0 field {field} 0 3" for field in (185, 186, 83)))

    ticks = _ticks(0.2)

    assert set(_missing(ticks, "GPU-stub-0")) == {GapReason.NO_POWER_READING}


def test_a_driver_without_gpus_is_a_missing_device(driver: Driver) -> None:
    driver.load("gpus 0")

    with pytest.raises(DeviceMissingError, match="shows no GPU"):
        NvmlSource(interval_s=0.1, clock=SystemClock())


def test_a_driver_that_is_not_loaded_is_a_missing_device(driver: Driver) -> None:
    driver.load("driver missing 0 9")

    with pytest.raises(DeviceMissingError, match="Driver Not Loaded") as caught:
        NvmlSource(interval_s=0.1, clock=SystemClock())
    assert caught.value.exit_code == 3


def test_a_machine_without_the_library_is_a_missing_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_library(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(pynvml, "nvmlLib", None)
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
    monkeypatch.setattr(pynvml, "CDLL", no_library)

    with pytest.raises(DeviceMissingError, match="read an exporter instead"):
        NvmlSource(interval_s=0.1, clock=SystemClock())


def test_a_library_that_was_replaced_ends_the_agent_when_the_driver_is_gone(
    driver_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upgrade of the driver puts another file in the place of the one that stays mapped."""
    ours, newer = tmp_path / "libnvidia-ml.so.1", tmp_path / "newer"
    for path in (ours, newer):
        path.write_bytes(driver_library.read_bytes())
    driver = Driver(ours, tmp_path / "scenario.txt")
    monkeypatch.setattr(pynvml, "nvmlLib", driver.library)
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
    driver.load("gpus 1", "driver reload 0.2")

    with _source() as source:
        newer.replace(ours)
        with pytest.raises(DeviceMissingError, match="start the agent again"):
            _taken(source, 2.0)


@pytest.mark.gpu
def test_a_real_gpu_draws_some_power() -> None:
    readings = [reading for tick in _ticks(0.5, 0.1) for reading in tick.batch.readings]

    assert readings
    for reading in readings:
        assert reading.identity.gpu_uuid.startswith("GPU-")
        known = (reading.power_milliwatt, reading.power_instant_milliwatt)
        assert any(milliwatt and 1_000 < milliwatt < 3_000_000 for milliwatt in known)
