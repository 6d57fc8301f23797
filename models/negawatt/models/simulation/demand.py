"""A running job as the operator calculates it: from its profile and its load, not from a meter.

Here: that view. Not here: what the operator does with it (negawatt.models.simulation.control).
"""

from dataclasses import dataclass

from negawatt.models.domain.units import S_PER_MINUTE
from negawatt.models.simulation.cap_response import JobClass
from negawatt.models.simulation.job_power import activity_power_ratio, profile_power_ratio
from negawatt.models.simulation.jobs import Job
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.world import Surroundings


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """A running job as the operator calculates it.

    Attributes:
        index: Its place among the jobs.
        job_class: The kind of work.
        tier: How flexible it is.
        gpu_count: Its GPUs.
        uncapped_ratio: Power of each without a cap, over the limit.
    """

    index: int
    job_class: JobClass
    tier: int
    gpu_count: int
    uncapped_ratio: float


def demand_of(
    plan: HallPlan, surroundings: Surroundings, job: Job, index: int, now_s: int
) -> Demand:
    """Return a running job as its profile says: a mean over dips, and its load now.

    Args:
        plan: The hall.
        surroundings: The services' and seats' loads.
        job: The job.
        index: Its place among the jobs.
        now_s: The moment [s].
    """
    if job.activity_row is None:
        ratio = profile_power_ratio(job)
    else:
        activity = surroundings.activity(job)[now_s // S_PER_MINUTE]
        ratio = float(activity_power_ratio(plan.gpu, job, activity))
    return Demand(
        index=index,
        job_class=job.job_class,
        tier=job.tier,
        gpu_count=job.gpu_count,
        uncapped_ratio=ratio,
    )
