"""The binding is the real one; the driver below it is a small library compiled here."""

import asyncio
import ctypes
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pynvml
import pytest

from negawatt.collectors.clock import SystemClock, VirtualClock
from negawatt.collectors.sources.nvml import NvmlSource
from negawatt.collectors.sources.protocol import Batch, GapReason, PowerScope, ReadingQuality
from negawatt.models.domain.errors import DeviceMissingError

_UINT, _ULONGLONG = 1, 3  # nvmlValueType_t
_GPU, _MODULE = 0, 1  # NVML_POWER_SCOPE_*
_AVERAGE, _INSTANT, _ENERGY, _SCOPED_ENERGY, _LIMIT = 185, 186, 83, 191, 190
_NOT_SUPPORTED, _GPU_IS_LOST, _RESET_REQUIRED, _UNINITIALIZED = 3, 15, 16, 1


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("gcc is not installed: the stub of the driver library cannot be compiled")
    path = tmp_path_factory.mktemp("nvml") / "libnvidia-ml.so.1"
    source = Path(__file__).with_name("nvml_stub.c")
    command = [compiler, "-shared", "-fPIC", "-Wall", "-Werror", "-o", str(path), str(source)]
    subprocess.run(command, check=True)  # noqa: S603 - our own file, no shell
    stub = ctypes.CDLL(str(path))
    stub.stub_field.argtypes = [ctypes.c_int] * 5 + [ctypes.c_uint64]
    return stub


@pytest.fixture
def driver(library: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> Iterator[ctypes.CDLL]:
    """Two H100-like GPUs at 500 and 501 W, put where the binding keeps the loaded library."""
    monkeypatch.setattr(pynvml, "nvmlLib", library)
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
    library.stub_reset()
    for gpu in (0, 1):
        library.stub_field(gpu, _AVERAGE, _GPU, 0, _UINT, 500_000 + 1000 * gpu)
        library.stub_field(gpu, _INSTANT, _GPU, 0, _UINT, 510_000)
        library.stub_field(gpu, _ENERGY, _GPU, 0, _ULONGLONG, 2**40 + gpu)
        library.stub_field(gpu, _LIMIT, _GPU, 0, _UINT, 700_000)
    yield library
    library.stub_reset()


def _reads(count: int = 1, between: Iterator[None] | None = None) -> list[Batch]:
    """Open the source and read; ``between`` changes the driver after each read."""

    async def run() -> list[Batch]:
        source = NvmlSource(timeout_s=5.0)
        clock = VirtualClock(datetime(2026, 7, 1, tzinfo=UTC))
        try:
            batches = []
            for _ in range(count):
                batches.append(await source.read(clock))
                next(between or iter(()), None)
            return batches
        finally:
            await source.close()

    return asyncio.run(run())


@pytest.mark.usefixtures("driver")
def test_every_gpu_gives_its_four_values_and_its_identity() -> None:
    readings = _reads()[0].readings

    assert [
        (
            r.identity.gpu_uuid,
            r.power_milliwatt,
            r.power_instant_milliwatt,
            r.energy_total_millijoule,
            r.power_limit_milliwatt,
            r.power_scope,
        )
        for r in readings
    ] == [
        ("GPU-a", 500_000, 510_000, 2**40, 700_000, PowerScope.GPU),
        ("GPU-b", 501_000, 510_000, 2**40 + 1, 700_000, PowerScope.GPU),
    ]
    assert readings[0].identity.model_name == "NVIDIA Stub"
    assert readings[0].identity.driver_version == "580.1"


def test_a_field_whose_own_return_code_failed_is_unknown(driver: ctypes.CDLL) -> None:
    """An A100 has no average: the call succeeds, the field says NOT_SUPPORTED, its value is 0."""
    driver.stub_field(0, _AVERAGE, _GPU, _NOT_SUPPORTED, _UINT, 0)

    reading = _reads()[0].readings[0]

    assert reading.power_milliwatt is None
    assert reading.power_instant_milliwatt == 510_000
    assert reading.reading_quality == ReadingQuality.OK


def test_a_field_that_stops_answering_is_unknown_and_says_so(driver: ctypes.CDLL) -> None:
    def fail() -> Iterator[None]:
        driver.stub_field(0, _AVERAGE, _GPU, _NOT_SUPPORTED, _UINT, 0)
        yield

    first, second = _reads(2, fail())

    assert first.readings[0].reading_quality == ReadingQuality.OK
    assert second.readings[0].power_milliwatt is None
    assert second.readings[0].reading_quality == ReadingQuality.FIELD_ERROR


def test_the_module_is_a_reading_of_its_own_and_stands_in_for_nothing(
    driver: ctypes.CDLL,
) -> None:
    """A superchip whose GPU scope fails: its module draws 900 W with the CPU."""
    for field_id in (_AVERAGE, _INSTANT, _ENERGY, _LIMIT):
        driver.stub_field(0, field_id, _GPU, _NOT_SUPPORTED, _UINT, 0)
    driver.stub_field(0, _AVERAGE, _MODULE, 0, _UINT, 900_000)
    driver.stub_field(0, _SCOPED_ENERGY, _MODULE, 0, _ULONGLONG, 77)

    readings = [r for r in _reads()[0].readings if r.identity.gpu_uuid == "GPU-a"]

    assert [(r.power_scope, r.power_milliwatt, r.energy_total_millijoule) for r in readings] == [
        (PowerScope.MODULE, 900_000, 77)
    ]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (_GPU_IS_LOST, GapReason.GPU_LOST),
        (_RESET_REQUIRED, GapReason.GPU_RESET_REQUIRED),
        (_UNINITIALIZED, GapReason.DRIVER_ERROR),
    ],
)
def test_a_gpu_that_fails_is_missing_and_the_other_goes_on(
    driver: ctypes.CDLL, code: int, reason: GapReason
) -> None:
    def fail_and_come_back() -> Iterator[None]:
        driver.stub_call_result(0, code)
        yield
        driver.stub_call_result(0, 0)
        yield

    before, during, after = _reads(3, fail_and_come_back())

    assert len(before.readings) == len(after.readings) == 2
    assert [r.identity.gpu_uuid for r in during.readings] == ["GPU-b"]
    assert during.missing == {"GPU-a": reason}
    assert during.findings[0].subject == "GPU-a"


def test_after_a_gpu_reset_its_handle_is_looked_up_again(driver: ctypes.CDLL) -> None:
    def reset() -> Iterator[None]:
        driver.stub_gpu_was_reset(0)
        yield

    _, during, after = _reads(3, reset())

    assert during.missing == {"GPU-a": GapReason.GPU_LOST}
    assert len(after.readings) == 2


def test_after_a_driver_reload_nvml_is_started_again(driver: ctypes.CDLL) -> None:
    def reload_then_fail_once() -> Iterator[None]:
        driver.stub_driver_was_reloaded()
        yield
        driver.stub_init_result(9)
        yield
        driver.stub_init_result(0)
        yield

    _, during, not_loaded, after = _reads(4, reload_then_fail_once())

    assert set(during.missing.values()) == {GapReason.DRIVER_ERROR}
    assert not_loaded.gap_reason == GapReason.DRIVER_ERROR
    assert len(after.readings) == 2


def test_a_gpu_lost_at_the_start_is_found_when_it_comes_back(driver: ctypes.CDLL) -> None:
    driver.stub_call_result(1, _GPU_IS_LOST)

    def come_back() -> Iterator[None]:
        driver.stub_call_result(1, 0)
        yield

    first, second = _reads(2, come_back())

    assert [r.identity.gpu_uuid for r in first.readings] == ["GPU-a"]
    assert first.findings[0].subject == "GPU 1"
    assert [r.identity.gpu_uuid for r in second.readings] == ["GPU-a", "GPU-b"]


def test_a_gpu_without_any_power_is_missing(driver: ctypes.CDLL) -> None:
    for field_id in (_AVERAGE, _INSTANT, _ENERGY):
        driver.stub_field(0, field_id, _GPU, _NOT_SUPPORTED, _UINT, 0)

    assert _reads()[0].missing == {"GPU-a": GapReason.NO_POWER_READING}


def test_a_value_that_no_board_can_draw_is_unknown(driver: ctypes.CDLL) -> None:
    driver.stub_field(0, _AVERAGE, _GPU, 0, _UINT, 2**32 - 1)

    assert _reads()[0].readings[0].power_milliwatt is None


def test_a_call_that_hangs_costs_readings_and_not_the_agent(driver: ctypes.CDLL) -> None:
    """Each GPU takes 60 ms; the source waits 20 ms, and asks nothing while the call hangs."""
    driver.stub_delay_us(60_000)

    async def run() -> list[Batch]:
        source = NvmlSource(timeout_s=0.02)
        try:
            hung = [await source.read(SystemClock()) for _ in range(2)]
            driver.stub_delay_us(0)
            await asyncio.sleep(0.15)
            return [*hung, await source.read(SystemClock())]
        finally:
            await source.close()

    batches = asyncio.run(run())

    assert [batch.gap_reason for batch in batches[:2]] == [GapReason.TIMEOUT] * 2
    assert [len(batch.readings) for batch in batches] == [0, 0, 2]


def test_a_driver_without_gpus_is_a_missing_device(driver: ctypes.CDLL) -> None:
    driver.stub_gpu_count(0)

    with pytest.raises(DeviceMissingError, match="shows no GPU"):
        NvmlSource(timeout_s=1.0)


def test_a_driver_that_is_not_loaded_is_a_missing_device(driver: ctypes.CDLL) -> None:
    driver.stub_init_result(9)

    with pytest.raises(DeviceMissingError, match="Driver Not Loaded") as caught:
        NvmlSource(timeout_s=1.0)
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
        NvmlSource(timeout_s=1.0)


@pytest.mark.gpu
def test_a_real_gpu_draws_some_power() -> None:
    async def run() -> Batch:
        source = NvmlSource(timeout_s=5.0)
        try:
            return await source.read(SystemClock())
        finally:
            await source.close()

    batch = asyncio.run(run())

    assert batch.readings
    for reading in batch.readings:
        assert reading.identity.gpu_uuid.startswith("GPU-")
        known = (reading.power_milliwatt, reading.power_instant_milliwatt)
        assert any(milliwatt and 1_000 < milliwatt < 3_000_000 for milliwatt in known)
