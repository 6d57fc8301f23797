"""The library in C and the model in Python say the same: two people could have written them."""

from itertools import pairwise

import pynvml
import pytest

from tests.collectors.driver.sensor_model import Sensor, SquareWave, counter_millijoule
from tests.collectors.driver.stub import Driver

pytestmark = pytest.mark.slow  # a compiler runs first

_AVERAGE, _INSTANT, _ENERGY, _LIMIT = 185, 186, 83, 190


def _values(gpu: int, *fields: int) -> list[int]:
    handle = pynvml.nvmlDeviceGetHandleByIndex(gpu)
    answers = pynvml.nvmlDeviceGetFieldValues(handle, list(fields))
    assert [answer.nvmlReturn for answer in answers] == [0] * len(fields)
    return [a.value.ullVal if a.fieldId == _ENERGY else a.value.uiVal for a in answers]


@pytest.mark.parametrize("period_s", [0.05, 0.1, 0.37, 1.5, 7.3, 60.0])
@pytest.mark.parametrize("gain_ratio", [1.0, 0.95])
def test_the_library_and_the_model_agree(
    driver: Driver, period_s: float, gain_ratio: float
) -> None:
    """At moments that are no multiple of any period, so that rounding cannot decide."""
    truth = SquareWave(250.0, 680.0, period_s, 0.6)
    driver.load(
        "clock virtual",
        "gpus 1",
        f"gpu 0 square 250 680 {period_s} 0.6",
        "gpu 0 instant 0.1 0.025 0.013",
        "gpu 0 average 0.1 1.0 0",
        "gpu 0 energy 0.02 1000",
        f"gpu 0 gain {gain_ratio}",
    )
    pynvml.nvmlInit()
    instant = Sensor(period_s=0.1, window_s=0.025, lag_s=0.013, gain_ratio=gain_ratio)
    average = Sensor(period_s=0.1, window_s=1.0, gain_ratio=gain_ratio)

    for step in range(1, 200):
        moment_s = 2.0 + step * 0.0713
        driver.set_time_s(moment_s)
        found = _values(0, _INSTANT, _AVERAGE, _ENERGY)
        expected = [
            instant.power_milliwatt(truth, moment_s),
            average.power_milliwatt(truth, moment_s),
            counter_millijoule(
                truth, moment_s, refresh_s=0.02, start_j=1000.0, gain_ratio=gain_ratio
            ),
        ]
        assert found == pytest.approx(expected, abs=1)


def test_a_minute_at_250_and_680_w_by_hand(driver: Driver) -> None:
    """0.6 x 250 + 0.4 x 680 = 422 W; 60 s are 25.32 kJ. The last 25 ms of a period are high."""
    driver.load("clock virtual", "gpus 1", "gpu 0 square 250 680 1.5 0.6", "gpu 0 energy 0.1 0")
    pynvml.nvmlInit()
    driver.set_time_s(60.05)

    assert _values(0, _INSTANT, _ENERGY, _LIMIT) == [680_000, 25_320_000, 700_000]


def test_a_reset_begins_the_counter_anew_and_loses_the_old_handle(driver: Driver) -> None:
    driver.load("clock virtual", "gpus 1", "gpu 0 square 100 100 1 0.5", "gpu 0 reset 10")
    pynvml.nvmlInit()
    old = pynvml.nvmlDeviceGetHandleByIndex(0)

    driver.set_time_s(12.0)

    with pytest.raises(pynvml.NVMLError) as caught:
        pynvml.nvmlDeviceGetTotalEnergyConsumption(old)
    assert caught.value.value == pynvml.NVML_ERROR_GPU_IS_LOST
    assert _values(0, _ENERGY) == [200_000]


def test_the_sample_buffer_holds_the_newest_of_a_clock_of_its_own(driver: Driver) -> None:
    driver.load("clock virtual", "gpus 1", "samples 0.02 120 boottime")
    pynvml.nvmlInit()
    driver.set_time_s(100.0)

    kind, samples = pynvml.nvmlDeviceGetSamples(pynvml.nvmlDeviceGetHandleByIndex(0), 0, 0)

    stamps = [sample.timeStamp for sample in samples]
    assert kind == pynvml.NVML_VALUE_TYPE_UNSIGNED_INT
    assert len(stamps) == 120
    assert {after - before for before, after in pairwise(stamps)} <= {
        19_999,
        20_000,
        20_001,
    }
