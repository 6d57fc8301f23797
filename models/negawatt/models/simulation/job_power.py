"""What one GPU draws for a job, over its limit, before noise.

Here: the shape of each kind of work. Not here: which GPU, when and for how long
(negawatt.models.simulation.gpu_power).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.simulation.cap_response import JobClass, busy_power_ratio
from negawatt.models.simulation.equipment import GpuModel
from negawatt.models.simulation.jobs import Job
from negawatt.models.simulation.power_shape import PowerShape, class_shape
from negawatt.models.simulation.workloads import (
    BATCH_PROFILES,
    DIP_POWER_RATIO,
    WARM_UP_POWER_RATIO,
)

# A GPU that serves keeps its model resident and its clocks up, even without requests.
_SERVING_AT_REST_RATIO: Final = 0.22


def activity_power_ratio(
    gpu: GpuModel, job: Job, activity: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the uncapped power of a service's or a seat's GPU, over its limit.

    Args:
        gpu: The GPU model.
        job: A service or a seat.
        activity: Load or activity, 0 to 1, any shape.
    """
    serving = job.job_class is JobClass.ONLINE_INFERENCE
    rest = _SERVING_AT_REST_RATIO if serving else gpu.idle_w / gpu.limit_w
    return rest + (busy_power_ratio(job.job_class) - rest) * activity


def batch_power_ratio(job: Job, work_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the uncapped power of a batch job's GPU between points of its work, over its limit.

    Args:
        job: A batch job.
        work_s: Work at the edges of the stretches [s], rising, shape (n + 1,).

    Returns:
        Ratios, shape (n,).
    """
    shape = shape_of(job)
    from_s = work_s[:-1]
    busy = _busy_ratio(job) * shape.phase_at(from_s)
    busy = np.where(from_s < shape.warm_up_s, WARM_UP_POWER_RATIO, busy)
    return _with_dips(busy, shape.dip_share(work_s))


def profile_power_ratio(job: Job) -> float:
    """Return what an operator knows a batch job to draw, over the limit: its level with dips.

    Examples:
        Pre-training draws 0.9554, and 0.3 in the 90 s of every hour.

        >>> from negawatt.models.simulation.layout import Pool
        >>> job = Job(job_id="a", job_class=JobClass.PRETRAINING, tier=2, pool=Pool.BATCH,
        ...     gpu_count=8, submit_s=0, work_s=7200.0)
        >>> round(profile_power_ratio(job), 6)
        0.939015
    """
    shape = shape_of(job)
    dip_share = np.array(shape.dip_s / shape.dip_every_s)
    return float(_with_dips(np.array(_busy_ratio(job)), dip_share))


def loading_power_ratio(job: Job) -> float:
    """Return the power of a job that loads its checkpoint, over the limit."""
    return float(_with_dips(np.array(_busy_ratio(job)), np.array(1.0)))


def _busy_ratio(job: Job) -> float:
    return busy_power_ratio(job.job_class) * job.level_ratio


def _with_dips(busy: NDArray[np.float64], dip_share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of work and of checkpoints, over the limit, same shape."""
    return busy + (DIP_POWER_RATIO - busy) * dip_share


def shape_of(job: Job) -> PowerShape:
    """Return a batch job's shape, that of its class where it has none of its own."""
    return job.shape or class_shape(BATCH_PROFILES[job.job_class])
