import numpy as np

from negawatt.models.simulation.record import HallRecord
from negawatt.models.simulation.telemetry import sensor_gain


def test_the_energy_counter_is_the_exact_integral_of_the_sensed_power(
    small_hall: HallRecord,
) -> None:
    """Milliwatt times seconds are millijoule; all integers, so equality is exact."""
    faults = small_hall.faults
    assert faults is not None
    rises = np.diff(small_hall.energy_total_millijoule, axis=0)

    expected = small_hall.sensed_milliwatt * small_hall.grid.step_s[:, None]

    differs = np.argwhere(rises != expected)
    assert differs.tolist() == [[faults.reset_step - 1, faults.reset_gpu]]


def test_a_counter_falls_once_to_zero_on_one_gpu_and_in_the_history(
    small_hall: HallRecord,
) -> None:
    faults = small_hall.faults
    assert faults is not None

    falls = np.argwhere(np.diff(small_hall.energy_total_millijoule, axis=0) < 0)

    assert falls.tolist() == [[faults.reset_step - 1, faults.reset_gpu]]
    assert small_hall.energy_total_millijoule[faults.reset_step, faults.reset_gpu] == 0
    assert faults.reset_step < small_hall.grid.steps_of_day(small_hall.plan.event_day).start


def test_a_sensor_is_wrong_by_a_fixed_gain_of_at_most_five_percent(small_hall: HallRecord) -> None:
    gain = sensor_gain(small_hall.plan)

    read_w = small_hall.sensed_milliwatt / 1e3

    np.testing.assert_allclose(read_w, small_hall.gpu_power_w * gain, atol=0.5e-3 + 1e-9)
    assert (np.abs(gain - 1) <= 0.05).all()
    assert np.ptp(gain) > 0.03


def test_the_meter_is_of_class_0_5(small_hall: HallRecord) -> None:
    """Gain within 0.5 %, and noise of 0.1 % that averages out over 4320 minutes."""
    ratio = small_hall.meter_kw / small_hall.load.site_kw

    assert 0 < abs(ratio.mean() - 1) < 0.0051
    assert 0.0009 < ratio.std() < 0.0011


def test_no_gpu_exceeds_the_limit_in_force(small_hall: HallRecord) -> None:
    limit_w = small_hall.power_limit_ratio * small_hall.plan.gpu.limit_w

    assert (small_hall.gpu_power_w <= limit_w + 1e-3).all()
    assert (small_hall.gpu_power_w >= small_hall.plan.gpu.idle_w - 1e-9).all()
    assert small_hall.power_limit_ratio.min() < 0.85
