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
from negawatt.models.simulation.workloads import BATCH_PROFILES, DIP_POWER_RATIO

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


def batch_power_ratio(job: Job, dip_share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the uncapped power of a batch job's GPU, over its limit.

    Args:
        job: A batch job.
        dip_share: Share of the time that goes to checkpoints and evaluations, any shape.
    """
    busy = busy_power_ratio(job.job_class) * job.level_ratio
    return busy + (DIP_POWER_RATIO - busy) * dip_share


def dip_share(job: Job, work_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of each stretch of work that is checkpoint or evaluation.

    Every ``dip_every_s`` of work begins with a dip of ``dip_s``; the first is the loading.

    Args:
        job: A batch job.
        work_s: Work at the edges of the stretches [s], rising, shape (n + 1,).

    Returns:
        Shares, 0 where no work is done, shape (n,).
    """
    profile = BATCH_PROFILES[job.job_class]
    whole, rest_s = np.divmod(work_s, profile.dip_every_s)
    dip_work_s = whole * profile.dip_s + np.minimum(rest_s, profile.dip_s)
    done_s = np.diff(work_s)
    return np.divide(np.diff(dip_work_s), done_s, out=np.zeros_like(done_s), where=done_s > 0)


def mean_dip_share(job_class: JobClass) -> float:
    """Return the share of a long run of a batch class that is checkpoint or evaluation.

    Examples:
        >>> mean_dip_share(JobClass.PRETRAINING)
        0.025
    """
    profile = BATCH_PROFILES[job_class]
    return profile.dip_s / profile.dip_every_s
