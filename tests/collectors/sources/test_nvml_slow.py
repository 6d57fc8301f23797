"""Conditions and the driver's own samples, from a driver library that does what a scenario says."""

import time
from itertools import pairwise

import numpy as np
import pytest

from negawatt.collectors.clock import SystemClock
from negawatt.collectors.sources.nvml import Nvml, OpenGpu
from negawatt.collectors.sources.nvml_follower import GpuFollower, Look
from negawatt.collectors.sources.nvml_slow import DriverSamples
from negawatt.models.domain.findings import FindingCode
from negawatt.models.domain.units import NS_PER_S
from tests.collectors.driver.stub import Driver

pytestmark = pytest.mark.slow  # real time passes, and a compiler runs first

_CONSTANT = "gpu 0 square 500 500 1 0.5"


def _opened() -> tuple[OpenGpu, GpuFollower]:
    nvml = Nvml()
    return nvml.open_by_index(0), GpuFollower(nvml, SystemClock())


def _samples(look: Look) -> DriverSamples:
    assert look.samples is not None
    return look.samples


class _DayAhead(SystemClock):
    def clocks_ns(self) -> dict[str, int]:
        return {name: ns + 86_400 * NS_PER_S for name, ns in super().clocks_ns().items()}


def test_a_look_gives_why_a_gpu_is_slowed_its_clocks_and_what_limit_was_asked(
    driver: Driver,
) -> None:
    """The scenario's GPU is capped a tenth of the time: after 50 s, 5 s or 5e9 ns."""
    driver.load("clock virtual", "gpus 1", _CONSTANT)
    gpu, follower = _opened()
    driver.set_time_s(50.0)

    conditions = follower.look(gpu, 0).conditions

    assert conditions == {
        "throttled_power_cap_ns": 5_000_000_000,
        "throttled_thermal_ns": None,
        "throttled_sync_boost_ns": 0,
        "throttled_board_limit_ns": 0,
        "throttled_low_utilization_ns": 0,
        "throttled_reliability_ns": 0,
        "throttled_sw_thermal_ns": 0,
        "throttled_hw_thermal_ns": 0,
        "throttled_power_brake_ns": 0,
        "power_limit_requested_milliwatt": 700_000,
        "clock_event_reasons": 0x4,
        "sm_clock_megahertz": 1755,
        "memory_clock_megahertz": 2619,
        "temperature_c": 61,
    }


def test_a_field_whose_own_code_failed_is_unknown_and_said_once(driver: Driver) -> None:
    driver.load("gpus 1", "gpu 0 field 192 0 3", "gpu 0 field 271 0 999")
    gpu, follower = _opened()

    first, second = follower.look(gpu, 0), follower.look(gpu, NS_PER_S)

    for name in ("power_limit_requested_milliwatt", "throttled_power_brake_ns"):
        assert first.conditions[name] is second.conditions[name] is None
        assert name in first.findings[0].evidence
    assert [f.code for f in first.findings] == [FindingCode.FIELD_NOT_SUPPORTED]
    assert second.findings == ()


def test_a_number_that_no_column_holds_is_unknown_and_said(driver: Driver) -> None:
    """-5 degrees in an unsigned answer are 4,294,967,291."""
    driver.load("gpus 1", "gpu 0 temperature -5")
    gpu, follower = _opened()

    look = follower.look(gpu, 0)

    assert look.conditions["temperature_c"] is None
    assert "known type and range" in str(look.findings[0].evidence["temperature_c"])


def test_a_library_without_a_function_gives_the_rest(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.load("gpus 1")
    plain = Nvml.function
    monkeypatch.setattr(
        Nvml,
        "function",
        lambda nvml, *names: plain(nvml, *[n for n in names if "EventReasons" not in n]),
    )

    look = GpuFollower(nvml := Nvml(), SystemClock()).look(nvml.open_by_index(0), 0)

    assert look.conditions["clock_event_reasons"] is None
    assert look.conditions["temperature_c"] == 61
    assert "clock_event_reasons" in look.findings[0].evidence


@pytest.mark.parametrize(("clock", "found"), [("realtime", "realtime"), ("boottime", "boottime")])
def test_samples_are_drained_once_and_stand_where_they_were_taken(
    driver: Driver, clock: str, found: str
) -> None:
    """A buffer of 120 samples of 20 ms, half of it not filled yet: 0.5 s give about 25."""
    driver.load("gpus 1", _CONSTANT, f"samples 0.02 120 {clock}")
    gpu, follower = _opened()
    times_us: list[int] = []

    for _ in range(5):
        time.sleep(0.1)
        samples = _samples(follower.look(gpu, 0))
        times_us += samples.time_us.tolist()
        age_ns = SystemClock().wall_ns() - samples.wall_ns
        assert samples.driver_clock == found
        assert samples.refused_count == 0
        assert ((age_ns >= 0) & (age_ns < NS_PER_S)).all()
        assert (samples.milliwatt == 500_000).all()

    steps_us = {after - before for before, after in pairwise(times_us)}
    assert len(times_us) >= 20
    assert steps_us <= {19_999, 20_000, 20_001}


def test_samples_that_the_driver_dropped_before_a_read_are_found(driver: Driver) -> None:
    """The buffer holds five samples of 10 ms; a read comes 200 ms after the one before."""
    driver.load("gpus 1", "samples 0.01 5 boottime")
    gpu, follower = _opened()
    time.sleep(0.1)

    first = follower.look(gpu, 0)
    time.sleep(0.2)
    second = follower.look(gpu, 0)

    assert _samples(first).lost_since_us is None
    assert _samples(second).lost_since_us == _samples(first).time_us[-1]
    assert [f.code for f in second.findings] == [FindingCode.DRIVER_SAMPLES_LOST]


def test_samples_by_a_clock_that_is_none_of_the_machines_are_refused(driver: Driver) -> None:
    """The machine says that its clocks are a day on: no clock can have stamped the samples."""
    driver.load("gpus 1", "samples 0.02 120 boottime")
    nvml = Nvml()
    follower = GpuFollower(nvml, _DayAhead())
    time.sleep(0.1)

    look = follower.look(nvml.open_by_index(0), 0)

    assert len(_samples(look).time_us) == 0
    assert _samples(look).driver_clock is None
    refused = [f for f in look.findings if f.code == FindingCode.DRIVER_SAMPLES_LOST]
    assert refused[0].evidence["refused_count"] == _samples(look).refused_count > 0


def test_samples_come_again_after_the_drivers_clock_was_set_back(driver: Driver) -> None:
    """From stamps since 1970 to stamps since the boot: for 30 looks none is newer than the last."""
    driver.load("gpus 1", "samples 0.02 120 realtime")
    gpu, follower = _opened()
    time.sleep(0.1)
    assert len(_samples(follower.look(gpu, 0)).time_us) > 0
    driver.load("gpus 1", "samples 0.02 120 boottime")
    gpu, _ = _opened()
    time.sleep(0.1)

    counts = [len(_samples(follower.look(gpu, 0)).time_us) for _ in range(31)]

    assert counts[:30] == [0] * 30
    assert counts[30] > 0


def test_a_gpu_without_a_buffer_says_so_once_and_gives_the_rest(driver: Driver) -> None:
    driver.load("gpus 1", "gpu 0 samples 3")
    gpu, follower = _opened()

    first, second = follower.look(gpu, 0), follower.look(gpu, 0)

    assert first.samples is second.samples is None
    assert "power_sample_milliwatt" in first.findings[0].evidence
    assert second.findings == ()
    assert second.conditions["temperature_c"] == 61


def test_identity_is_told_at_the_start_and_when_it_changes_within_a_minute(
    driver: Driver,
) -> None:
    """Persistence mode is switched off after 30 s: the look a minute after the first finds it."""
    driver.load("clock virtual", "gpus 1", "gpu 0 persistence 30")
    gpu, follower = _opened()
    told = []

    for now_s in (1, 2, 40, 61, 62, 130):
        driver.set_time_s(now_s)
        told.append(follower.look(gpu, now_s * NS_PER_S).instrument)

    assert told[0] == {
        "model_name": "NVIDIA Stub H100",
        "driver_version": "580.95.05",
        "serial": "1650623000000",
        "vbios_version": "96.00.61.00.01",
        "mig_mode": "disabled",
        "persistence_mode": "enabled",
    }
    assert told[3] == {**told[0], "persistence_mode": "disabled"}
    assert [at for at, row in enumerate(told) if row] == [0, 3]


def test_identity_is_looked_at_again_when_a_gpu_was_opened_again(driver: Driver) -> None:
    driver.load("clock virtual", "gpus 1", "gpu 0 persistence 30")
    nvml = Nvml()
    follower = GpuFollower(nvml, SystemClock())
    driver.set_time_s(29.0)
    follower.look(nvml.open_by_index(0), 29 * NS_PER_S)

    driver.set_time_s(31.0)
    told = follower.look(nvml.open_by_index(0), 31 * NS_PER_S).instrument

    assert told is not None
    assert told["persistence_mode"] == "disabled"


def test_a_sample_of_the_drivers_is_the_sensors_own_value(driver: Driver) -> None:
    """On a ramp from 100 to 200 W within 1 s, samples rise and lie between the two."""
    driver.load("gpus 1", "gpu 0 ramp 100 200 0 1", "samples 0.02 120 boottime")
    gpu, follower = _opened()
    time.sleep(0.6)

    milliwatt = _samples(follower.look(gpu, 0)).milliwatt

    assert (np.diff(milliwatt) >= 0).all()
    assert 100_000 <= milliwatt[0] < milliwatt[-1] <= 200_000


@pytest.mark.gpu
def test_a_real_gpu_says_what_it_can_and_its_samples_stand_in_a_clock_of_the_machine() -> None:
    gpu, follower = _opened()
    follower.look(gpu, 0)
    time.sleep(1.0)

    look = follower.look(gpu, NS_PER_S)

    temperature_c = look.conditions["temperature_c"]
    assert temperature_c is not None
    assert 5 < temperature_c < 120
    samples = _samples(look)
    assert samples.driver_clock in {"realtime", "boottime", "monotonic"}
    assert 5 <= len(samples.time_us) <= 200  # each 100 ms on Hopper, each 10 or 20 ms on Volta
    assert ((samples.milliwatt > 1_000) & (samples.milliwatt < 3_000_000)).all()
