"""Every GPU's power, power limit and utilization at every step, from what ran on it.

Here: stretches of work painted onto the grid, the spread between GPUs, and noise. The noise
belongs to a GPU and a step, not to a job, so that two worlds share it. Not here: sensors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.units import S_PER_MINUTE
from negawatt.models.simulation.cap_response import capped_power_ratio
from negawatt.models.simulation.control import PAUSED
from negawatt.models.simulation.equipment import GpuModel
from negawatt.models.simulation.grid import StepGrid
from negawatt.models.simulation.job_power import activity_power_ratio, batch_power_ratio, dip_share
from negawatt.models.simulation.jobs import Job
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.randomness import Stream, generator
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
    def idle(cls, plan: HallPlan, grid: StepGrid) -> Self:
        """Return a hall in which nothing runs."""
        shape = (plan.gpu_count, grid.n_steps)
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
) -> GpuSteps:
    """Return what every GPU does in a world.

    A step's power is the mean of its parts: working parts at the job's power times the GPU's
    noise, the rest at idle. It never exceeds the limit in force.
    """
    steps = GpuSteps.idle(plan, grid)
    painter = _Painter(gpu=plan.gpu, grid=grid, surroundings=surroundings, steps=steps)
    for stretch in world.stretches:
        if stretch.end_s > 0:
            painter.paint(jobs[stretch.job_index], stretch)
    above_idle_w = steps.power_w
    above_idle_w -= plan.gpu.idle_w
    above_idle_w *= gpu_noise(plan, grid)
    above_idle_w += plan.gpu.idle_w
    np.minimum(steps.power_w, steps.limit_ratio * plan.gpu.limit_w, out=steps.power_w)
    return steps


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Painter:
    """Puts stretches of work on the grid, one after the other."""

    gpu: GpuModel
    grid: StepGrid
    surroundings: Surroundings
    steps: GpuSteps

    def paint(self, job: Job, stretch: Stretch) -> None:
        """Add one stretch to the steps it touches, each by the share that it covers."""
        edge_s = self.grid.edge_s
        first = max(int(np.searchsorted(edge_s, stretch.start_s, side="right")) - 1, 0)
        until = int(np.searchsorted(edge_s, stretch.end_s, side="left"))
        inside_s = np.clip(edge_s[first : until + 1], stretch.start_s, stretch.end_s)
        share = np.diff(inside_s) / self.grid.step_s[first:until]
        ratio, busy_share = self._ratios(job, stretch, inside_s)
        added_w = share * (ratio * self.gpu.limit_w - self.gpu.idle_w)
        worked = (share * busy_share).astype(np.float32)
        limit_from = first + int(edge_s[first] < stretch.start_s)
        for column in stretch.gpus:
            self.steps.power_w[column, first:until] += added_w
            self.steps.utilization_ratio[column, first:until] += worked
            if stretch.cap_ratio != PAUSED:
                self.steps.limit_ratio[column, limit_from:until] = stretch.cap_ratio

    def _ratios(
        self, job: Job, stretch: Stretch, edge_s: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the power over the limit and the share of time at work, between the edges."""
        if stretch.cap_ratio == PAUSED:
            at_rest = np.zeros(len(edge_s) - 1)
            return at_rest + self.gpu.idle_w / self.gpu.limit_w, at_rest
        if job.activity_row is None:
            dips = _dips(job, stretch, edge_s)
            uncapped, busy_share = batch_power_ratio(job, dips), 1 - dips
        else:
            busy_share = self.surroundings.activity(job)[edge_s[:-1] // S_PER_MINUTE]
            uncapped = activity_power_ratio(self.gpu, job, busy_share)
        return capped_power_ratio(job.job_class, uncapped, stretch.cap_ratio), busy_share


def _dips(job: Job, stretch: Stretch, edge_s: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the share of each step that dips; a job that loads after a pause dips throughout."""
    if stretch.speed_ratio == 0:
        return np.ones(len(edge_s) - 1)
    into_s = (edge_s - stretch.start_s).astype(np.float64)
    return dip_share(job, stretch.work_start_s + stretch.speed_ratio * into_s)
