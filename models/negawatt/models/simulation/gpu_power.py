"""Every GPU's power, power limit and utilization at every step, from what ran on it.

Here: stretches of work painted onto the grid, the spread between GPUs, and noise. The noise
belongs to a GPU and a step, not to a job, so that two worlds share it. Not here: sensors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from negawatt.models.simulation.actions import PAUSED
from negawatt.models.simulation.grid import StepGrid
from negawatt.models.simulation.jobs import Job
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.randomness import Stream, generator
from negawatt.models.simulation.stretch_power import StretchPart, StretchPower
from negawatt.models.simulation.world import Stretch, Surroundings, World


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GpuSteps:
    """What the GPUs do, step by step; all arrays have shape (n_gpus, n_steps).

    Attributes:
        power_w: Mean power of the step [W].
        limit_ratio: Power limit in force at the start of the step, over the default limit.
        utilization_ratio: Share of the step in which the GPU worked.
    """

    power_w: NDArray[np.float64]
    limit_ratio: NDArray[np.float32]
    utilization_ratio: NDArray[np.float32]

    @classmethod
    def idle(cls, plan: HallPlan, n_steps: int) -> Self:
        """Return a hall in which nothing runs."""
        shape = (plan.gpu_count, n_steps)
        return cls(
            power_w=np.full(shape, plan.gpu.idle_w),
            limit_ratio=np.ones(shape, dtype=np.float32),
            utilization_ratio=np.zeros(shape, dtype=np.float32),
        )


def gpu_noise(plan: HallPlan, grid: StepGrid) -> NDArray[np.float32]:
    """Return the factor on busy power of each GPU and step, shape (n_gpus, n_steps)."""
    random = generator(plan.seed, Stream.GPU_NOISE)
    spread = random.standard_normal(plan.gpu_count) * plan.gpu.spread_ratio
    noise = random.standard_normal((plan.gpu_count, grid.n_steps), dtype=np.float32)
    noise *= np.float32(plan.gpu.noise_ratio)
    noise += (1 + spread[:, None]).astype(np.float32)
    return noise


def gpu_steps(
    plan: HallPlan,
    grid: StepGrid,
    jobs: Sequence[Job],
    surroundings: Surroundings,
    world: World,
    *,
    noise: NDArray[np.float32],
    first_step: int = 0,
) -> GpuSteps:
    """Return what every GPU does in a world.

    A step's power is the mean of its parts: working parts at the job's power times the GPU's
    noise, the rest at idle. It never exceeds the limit in force.

    Args:
        plan: The hall.
        grid: The steps.
        jobs: All jobs.
        surroundings: Weather and people.
        world: Who ran where and when.
        noise: What ``gpu_noise`` returns.
        first_step: Steps before this one are left out of the result.
    """
    steps = GpuSteps.idle(plan, grid.n_steps - first_step)
    power = StretchPower(gpu=plan.gpu, grid=grid, surroundings=surroundings)
    from_s = int(grid.edge_s[first_step])
    for stretch in world.stretches:
        if stretch.end_s > from_s:
            part = power.part(jobs[stretch.job_index], stretch)
            _paint(grid, steps, stretch, part, first_step)
    above_idle_w = steps.power_w
    above_idle_w -= plan.gpu.idle_w
    above_idle_w *= noise[:, first_step:]
    above_idle_w += plan.gpu.idle_w
    np.minimum(steps.power_w, steps.limit_ratio * plan.gpu.limit_w, out=steps.power_w)
    return steps


def _paint(
    grid: StepGrid, steps: GpuSteps, stretch: Stretch, part: StretchPart, first_step: int
) -> None:
    """Add one stretch to the steps it touches, each by the share that it covers."""
    limit_from = part.first + int(grid.edge_s[part.first] < stretch.start_s)
    skipped = max(first_step - part.first, 0)
    touched = slice(part.first + skipped - first_step, part.until - first_step)
    limited = slice(max(limit_from - first_step, 0), part.until - first_step)
    for column in stretch.gpus:
        steps.power_w[column, touched] += part.added_w[skipped:]
        steps.utilization_ratio[column, touched] += part.worked_ratio[skipped:]
        if stretch.cap_ratio != PAUSED:
            steps.limit_ratio[column, limited] = stretch.cap_ratio
