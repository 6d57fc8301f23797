"""How one batch job's power moves with its work: warming up, phases, checkpoints.

Here: the shape as a value, and drawing it. All of it depends on the work done and not on the
clock, so a job that was slowed down goes through the same shape later. Not here: the level of a
kind of work, and caps (negawatt.models.simulation.job_power).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from negawatt.models.simulation.workloads import BatchProfile

_PHASE_RATIO = (0.8, 1.15)


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerShape:
    """The shape of one job.

    Attributes:
        dip_every_s: Work between two checkpoints or evaluations [s].
        dip_s: Length of one, in work at full speed [s].
        warm_up_s: Work at the start that compiles, fills caches and draws less [s].
        phase_from_s: Work at which each phase of the job begins [s], rising from 0.
        phase_ratio: Power in each phase over the job's level.
    """

    dip_every_s: float
    dip_s: float
    warm_up_s: float = 0.0
    phase_from_s: tuple[float, ...] = (0.0,)
    phase_ratio: tuple[float, ...] = (1.0,)

    def dip_share(self, work_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share of each stretch of work that is checkpoint or evaluation.

        Every ``dip_every_s`` of work begins with a dip of ``dip_s``; the first is the loading.

        Args:
            work_s: Work at the edges of the stretches [s], rising, shape (n + 1,).

        Returns:
            Shares, 0 where no work is done, shape (n,).

        Examples:
            >>> PowerShape(dip_every_s=900.0, dip_s=10.0).dip_share(np.array([0.0, 20, 40, 920]))
            array([0.5       , 0.        , 0.01136364])
        """
        whole, rest_s = np.divmod(work_s, self.dip_every_s)
        dip_work_s = whole * self.dip_s + np.minimum(rest_s, self.dip_s)
        done_s = np.diff(work_s)
        return np.divide(np.diff(dip_work_s), done_s, out=np.zeros_like(done_s), where=done_s > 0)

    def phase_at(self, work_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the power over the job's level where so much work is done, same shape.

        Examples:
            >>> shape = PowerShape(
            ...     dip_every_s=900.0, dip_s=10.0, phase_from_s=(0.0, 600.0), phase_ratio=(1.0, 0.9)
            ... )
            >>> shape.phase_at(np.array([599.0, 600.0]))
            array([1. , 0.9])
        """
        phase = np.searchsorted(self.phase_from_s, work_s, side="right") - 1
        return np.asarray(self.phase_ratio)[np.maximum(phase, 0)]

    def checkpoint_s(self, work_s: float) -> float:
        """Return the work that a failure leaves: what the last checkpoint holds [s].

        Examples:
            >>> PowerShape(dip_every_s=900.0, dip_s=10.0).checkpoint_s(1850.0)
            1800.0
        """
        return work_s // self.dip_every_s * self.dip_every_s


def class_shape(profile: BatchProfile) -> PowerShape:
    """Return the shape of a job that is like the mean of its class."""
    return PowerShape(dip_every_s=profile.dip_every_s, dip_s=profile.dip_s)


def draw_shape(profile: BatchProfile, work_s: float, random: np.random.Generator) -> PowerShape:
    """Draw the shape of one job.

    Args:
        profile: Its class.
        work_s: The work it holds [s].
        random: Where the draws come from.
    """
    count = int(random.poisson(work_s / profile.phase_every_s))
    changes_s = np.sort(random.uniform(0, work_s, count))
    ratio = np.clip(1 + profile.phase_sd * random.standard_normal(count + 1), *_PHASE_RATIO)
    return PowerShape(
        dip_every_s=profile.dip_every_s * float(random.uniform(0.7, 1.5)),
        dip_s=profile.dip_s * float(random.uniform(0.6, 1.8)),
        warm_up_s=min(float(random.uniform(*profile.warm_up_s)), work_s),
        phase_from_s=(0.0, *changes_s.tolist()),
        phase_ratio=tuple(ratio.tolist()),
    )
