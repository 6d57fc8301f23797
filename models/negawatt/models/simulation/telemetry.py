"""What the instruments say: GPU sensors with their gains, energy counters, the site meter.

Here: errors of the instruments and faults of telemetry, drawn from the seed. Everything a sensor
says is an integer, as drivers give it, so that its energy is exact. Not here: how an exporter
prints it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.units import MILLIWATT_PER_W, S_PER_H, S_PER_MINUTE
from negawatt.models.simulation.grid import S_PER_DAY, StepGrid
from negawatt.models.simulation.outages import Outage
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.randomness import Stream, generator

# A driver that has run for weeks before the first day.
_COUNTER_START_MILLIJOULE = (10**11, 10**12)
_LOSS_MINUTES = (12, 40)
# Faults fall inside the history, away from its edges.
_FAULT_FROM, _FAULT_UNTIL = 0.15, 0.85
_NODE_LOSS_SHARE = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Nothing was seen of some GPUs for some steps; both may be used as an index of an array."""

    columns: slice
    steps: slice

    def holds(self, step: int, column: int) -> bool:
        """Say whether a step of a GPU was not seen."""
        in_steps = self.steps.start <= step < self.steps.stop
        return bool(in_steps and self.columns.start <= column < self.columns.stop)


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryFaults:
    """The faults of one simulation.

    Attributes:
        reset_gpu: Column of the GPU whose driver was reloaded.
        reset_step: Its counter starts from 0 at the start of this step.
        lost: What was not seen.
    """

    reset_gpu: int
    reset_step: int
    lost: tuple[Loss, ...]


def draw_faults(plan: HallPlan, grid: StepGrid) -> TelemetryFaults | None:
    """Return the history's faults; None where the plan asks for none or has no history."""
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
        lost=(
            Loss(
                columns=slice(int(lost_gpu), int(lost_gpu) + 1),
                steps=slice(int(lost_step), int(lost_step + random.integers(*_LOSS_MINUTES))),
            ),
        ),
    )


def draw_losses(plan: HallPlan, grid: StepGrid) -> Iterator[Loss]:
    """Draw the further losses: of one GPU, or of a node whose collector stopped, on any day."""
    random = generator(plan.seed, Stream.LOSSES)
    for _ in range(random.poisson(plan.instruments.losses_per_day * plan.days)):
        start_s = int(random.integers(plan.days * S_PER_DAY))
        minutes = int(random.integers(*_LOSS_MINUTES))
        column = int(random.integers(plan.gpu_count))
        whole_node = random.random() < _NODE_LOSS_SHARE
        yield Loss(
            columns=_node_columns(plan, column // plan.gpus_per_node)
            if whole_node
            else slice(column, column + 1),
            steps=grid.steps_between(start_s, start_s + minutes * S_PER_MINUTE),
        )


def silent_while_down(plan: HallPlan, grid: StepGrid, outages: Sequence[Outage]) -> Iterator[Loss]:
    """Return what is not seen because a node is down."""
    for outage in outages:
        yield Loss(
            columns=_node_columns(plan, outage.node),
            steps=grid.steps_between(outage.down_s, outage.up_s),
        )


def _node_columns(plan: HallPlan, node: int) -> slice:
    return slice(node * plan.gpus_per_node, (node + 1) * plan.gpus_per_node)


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
