"""What one stretch of a job adds to each of its GPUs, step by step, before noise.

Here: a stretch laid on the grid. Not here: the whole hall (negawatt.models.simulation.gpu_power),
and what a kind of work draws (negawatt.models.simulation.job_power).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.units import S_PER_MINUTE
from negawatt.models.simulation.actions import PAUSED
from negawatt.models.simulation.cap_response import capped_power_ratio
from negawatt.models.simulation.equipment import GpuModel
from negawatt.models.simulation.grid import StepGrid
from negawatt.models.simulation.job_power import (
    activity_power_ratio,
    batch_power_ratio,
    loading_power_ratio,
    shape_of,
)
from negawatt.models.simulation.jobs import Job
from negawatt.models.simulation.world import Stretch, Surroundings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StretchPart:
    """A stretch on the grid; the arrays have one value for each step from first to until.

    Attributes:
        first: First step that it touches.
        until: First step after it.
        added_w: Mean power above idle that it adds to each GPU [W].
        worked_ratio: Share of the step in which each GPU works.
    """

    first: int
    until: int
    added_w: NDArray[np.float64]
    worked_ratio: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StretchPower:
    """Lays stretches on a grid.

    Attributes:
        gpu: The GPU model.
        grid: The steps.
        surroundings: What services and seats do, and how busy batch work is.
    """

    gpu: GpuModel
    grid: StepGrid
    surroundings: Surroundings

    def part(self, job: Job, stretch: Stretch) -> StretchPart:
        """Return what a stretch adds to each of its GPUs, by the share of each step it covers."""
        edge_s = self.grid.edge_s
        first = max(int(np.searchsorted(edge_s, stretch.start_s, side="right")) - 1, 0)
        until = int(np.searchsorted(edge_s, stretch.end_s, side="left"))
        inside_s = np.clip(edge_s[first : until + 1], stretch.start_s, stretch.end_s)
        share = np.diff(inside_s) / np.diff(edge_s[first : until + 1])
        ratio, busy_share = self._ratios(job, stretch, inside_s)
        return StretchPart(
            first=first,
            until=until,
            added_w=share * (ratio * self.gpu.limit_w - self.gpu.idle_w),
            worked_ratio=(share * busy_share).astype(np.float32),
        )

    def _ratios(
        self, job: Job, stretch: Stretch, edge_s: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the power over the limit and the share of time at work, between the edges."""
        if stretch.cap_ratio == PAUSED:
            at_rest = np.zeros(len(edge_s) - 1)
            return at_rest + self.gpu.idle_w / self.gpu.limit_w, at_rest
        if job.activity_row is not None:
            activity = self.surroundings.activity(job)[edge_s[:-1] // S_PER_MINUTE]
            uncapped = activity_power_ratio(self.gpu, job, activity)
            return capped_power_ratio(job.job_class, uncapped, stretch.cap_ratio), activity
        uncapped, busy_share = self._batch_ratios(job, stretch, edge_s)
        return capped_power_ratio(job.job_class, uncapped, stretch.cap_ratio), busy_share

    def _batch_ratios(
        self, job: Job, stretch: Stretch, edge_s: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the same without a cap; a job that loads after a pause dips throughout."""
        if stretch.speed_ratio == 0:
            at_rest = np.zeros(len(edge_s) - 1)
            return loading_power_ratio(job) + at_rest, at_rest
        into_s = (edge_s - stretch.start_s).astype(np.float64)
        work_s = stretch.work_start_s + stretch.speed_ratio * into_s
        uncapped = batch_power_ratio(job, work_s)
        if self.surroundings.batch_factor is not None:
            uncapped = uncapped * self.surroundings.batch_factor[edge_s[:-1] // S_PER_MINUTE]
        return uncapped, 1 - shape_of(job).dip_share(work_s)
