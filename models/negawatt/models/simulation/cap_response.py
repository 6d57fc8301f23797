"""What a power cap does to a job: its power and its speed.

Here: the published sweep as numbers, and interpolation between its points. Not here: who is
capped and when (negawatt.models.simulation.control).

Source: power-cap sweep of eight workloads on GPUs with a 400 W limit, published with the Phoenix
demand-response trial of May 2025 (ai-emerald/emerald-ai-demo-may-2025, `power_cap_sweep.csv`,
Apache-2.0, (c) 2025 Emerald AI; arXiv 2507.00909). Each row is the mean over the workloads of its
class: three of pre-training, two of fine-tuning, and Llama 8B inference, whose three rows of the
sweep agree. Power is per GPU over the limit; throughput is over that at 400 W.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray


class JobClass(StrEnum):
    """Kinds of work, by how they use a GPU."""

    PRETRAINING = "pretraining"
    FINETUNING = "finetuning"
    BATCH_INFERENCE = "batch_inference"
    ONLINE_INFERENCE = "online_inference"
    INTERACTIVE = "interactive"


CAP_RATIO: Final = (0.25, 0.5, 0.625, 0.75, 0.875, 1.0)

_INFERENCE_POWER_RATIO: Final = (0.2449, 0.4867, 0.6045, 0.7224, 0.8323, 0.9209)
_INFERENCE_SPEED_RATIO: Final = (0.2252, 0.7808, 0.8709, 0.9309, 0.976, 1.0)
# An interactive session was not in the sweep and is never capped; it stands with inference so
# that every class has a curve.
POWER_RATIO: Final[Mapping[JobClass, tuple[float, ...]]] = {
    JobClass.PRETRAINING: (0.2538, 0.4917, 0.6128, 0.7283, 0.8428, 0.9554),
    JobClass.FINETUNING: (0.25, 0.4894, 0.6049, 0.7173, 0.7971, 0.8613),
    JobClass.BATCH_INFERENCE: _INFERENCE_POWER_RATIO,
    JobClass.ONLINE_INFERENCE: _INFERENCE_POWER_RATIO,
    JobClass.INTERACTIVE: _INFERENCE_POWER_RATIO,
}
SPEED_RATIO: Final[Mapping[JobClass, tuple[float, ...]]] = {
    JobClass.PRETRAINING: (0.1855, 0.6291, 0.7837, 0.8667, 0.9226, 1.0),
    JobClass.FINETUNING: (0.2344, 0.7956, 0.891, 0.9441, 0.9738, 1.0),
    JobClass.BATCH_INFERENCE: _INFERENCE_SPEED_RATIO,
    JobClass.ONLINE_INFERENCE: _INFERENCE_SPEED_RATIO,
    JobClass.INTERACTIVE: _INFERENCE_SPEED_RATIO,
}


def busy_power_ratio(job_class: JobClass) -> float:
    """Return the power of an uncapped busy GPU over its limit.

    Examples:
        >>> busy_power_ratio(JobClass.FINETUNING)
        0.8613
    """
    return POWER_RATIO[job_class][-1]


@cache
def power_ceiling_ratio(job_class: JobClass, cap_ratio: float) -> float:
    """Return the most that a GPU at this work draws under a cap, over its limit.

    Without a cap that is the limit itself: a job may draw more than the mean of its class.

    Examples:
        >>> power_ceiling_ratio(JobClass.PRETRAINING, 0.75)
        0.7283
    """
    if cap_ratio >= 1:
        return 1.0
    return float(np.interp(cap_ratio, CAP_RATIO, POWER_RATIO[job_class]))


def capped_power_ratio(
    job_class: JobClass, busy_ratio: NDArray[np.float64], cap_ratio: float
) -> NDArray[np.float64]:
    """Return the power under a cap: what the work would draw, but no more than the sweep says.

    Args:
        job_class: The kind of work.
        busy_ratio: Power without the cap, over the GPU's limit, any shape.
        cap_ratio: The cap over the GPU's limit; 1 is no cap.

    Returns:
        Power over the GPU's limit, same shape.

    Examples:
        Between 0.75 and 0.875 of the limit inference draws 0.7224 and 0.8323 of it.

        >>> capped_power_ratio(JobClass.ONLINE_INFERENCE, np.array([0.4, 0.9]), 0.8125)
        array([0.4    , 0.77735])
    """
    return np.minimum(busy_ratio, power_ceiling_ratio(job_class, cap_ratio))


def speed_ratio(job_class: JobClass, cap_ratio: float) -> float:
    """Return the throughput under a cap over the throughput without.

    Args:
        job_class: The kind of work.
        cap_ratio: The cap over the GPU's limit, at least the sweep's lowest, 0.25; 1 is no cap.

    Examples:
        >>> speed_ratio(JobClass.PRETRAINING, 0.75)
        0.8667
    """
    return float(np.interp(cap_ratio, CAP_RATIO, SPEED_RATIO[job_class]))
