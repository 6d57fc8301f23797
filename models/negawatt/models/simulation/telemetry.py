"""What the instruments say: GPU sensors with their gains, energy counters, the site meter.

Here: errors of the instruments and faults of telemetry, drawn from the seed. Everything a sensor
says is an integer, as drivers give it, so that its energy is exact. Not here: how an exporter
prints it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.units import MILLIWATT_PER_W, S_PER_H, S_PER_MINUTE
from negawatt.models.simulation.grid import StepGrid
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.randomness import Stream, generator

# A driver that has run for weeks before the first day.
_COUNTER_START_MILLIJOULE = (10**11, 10**12)
_LOSS_MINUTES = (12, 40)
# Faults fall inside the history, away from its edges.
_FAULT_FROM, _FAULT_UNTIL = 0.15, 0.85


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryFaults:
    """The faults of one simulation.

    Attributes:
        reset_gpu: Column of the GPU whose driver was reloaded.
        reset_step: Its counter starts from 0 at the start of this step.
        lost_gpu: Column of the GPU whose telemetry was lost.
        lost_steps: The steps of which nothing was seen.
    """

    reset_gpu: int
    reset_step: int
    lost_gpu: int
    lost_steps: slice


def draw_faults(plan: HallPlan, grid: StepGrid) -> TelemetryFaults | None:
    """Return the faults, None where the plan asks for none or has no day before the event's."""
    history = grid.steps_of_day(plan.event_day).start
    if not plan.instruments.telemetry_faults or history == 0:
        return None
    random = generator(plan.seed, Stream.FAULTS)
    reset_gpu, lost_gpu = random.choice(plan.gpu_count, size=2, replace=False)
    reset_step, lost_step = random.integers(
        int(_FAULT_FROM * history), int(_FAULT_UNTIL * history), size=2
    )
    return TelemetryFaults(
        reset_gpu=int(reset_gpu),
        reset_step=int(reset_step),
        lost_gpu=int(lost_gpu),
        lost_steps=slice(int(lost_step), int(lost_step + random.integers(*_LOSS_MINUTES))),
    )


def sensor_gain(plan: HallPlan) -> NDArray[np.float64]:
    """Return each GPU sensor's fixed gain, shape (n_gpus,)."""
    error = plan.instruments.gpu_gain_error_ratio
    return generator(plan.seed, Stream.INSTRUMENTS).uniform(1 - error, 1 + error, plan.gpu_count)


def sensed_milliwatt(power_w: NDArray[np.float64], gain: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return what the sensors say [mW].

    Args:
        power_w: True mean power of each step [W], shape (n_gpus, n_steps).
        gain: Gain of each GPU's sensor, shape (n_gpus,).

    Examples:
        >>> sensed_milliwatt(np.array([[700.0, 100.0]]), np.array([1.05]))
        array([[735000, 105000]])
    """
    return np.rint(power_w * (gain[:, None] * MILLIWATT_PER_W)).astype(np.int64)


def energy_counter_millijoule(
    plan: HallPlan,
    grid: StepGrid,
    milliwatt: NDArray[np.int64],
    faults: TelemetryFaults | None,
) -> NDArray[np.int64]:
    """Return the drivers' energy counters at the edges of the steps [mJ].

    A milliwatt for a second is a millijoule, so the counter is the exact sum of what the sensor
    said. It starts somewhere, never falls, and is 0 where a driver was reloaded.

    Args:
        plan: Gives the seed.
        grid: The steps.
        milliwatt: What the sensors say [mW], shape (n_gpus, n_steps).
        faults: Where a counter starts again.

    Returns:
        Counters [mJ], shape (n_gpus, n_steps + 1).
    """
    random = generator(plan.seed, Stream.FAULTS).spawn(1)[0]
    counter = np.empty((len(milliwatt), grid.n_steps + 1), dtype=np.int64)
    counter[:, 0] = random.integers(*_COUNTER_START_MILLIJOULE, size=len(milliwatt))
    np.cumsum(milliwatt * grid.step_s, axis=1, out=counter[:, 1:])
    counter[:, 1:] += counter[:, :1]
    if faults is not None:
        since_reset = counter[faults.reset_gpu, faults.reset_step :]
        since_reset -= since_reset[0].copy()
    return counter


def meter_kw(plan: HallPlan, site_kw: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the site meter's one-minute means [kW], shape (n_minutes,)."""
    instruments = plan.instruments
    random = generator(plan.seed, Stream.INSTRUMENTS).spawn(1)[0]
    gain = 1 + random.uniform(-1, 1) * instruments.meter_gain_error_ratio
    noise = 1 + instruments.meter_noise_ratio * random.standard_normal(len(site_kw))
    return site_kw * gain * noise


def minutes_of_energy_kwh(power_kw: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the energy of each minute of one-minute means [kWh], same shape."""
    return power_kw * (S_PER_MINUTE / S_PER_H)
