"""The batch jobs that only a scenario brings: fillers, a burst, one big job.

Here: drawing them, from a stream of their own, so that the ordinary jobs stay as they are. They
are in both worlds. Not here: the ordinary jobs (negawatt.models.simulation.jobs).
"""

from collections.abc import Iterator

import numpy as np

from negawatt.models.simulation.cap_response import JobClass
from negawatt.models.simulation.incidents import Span
from negawatt.models.simulation.jobs import Job, draw_tier, sizes_that_fit
from negawatt.models.simulation.layout import Pool
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.power_shape import class_shape, draw_shape
from negawatt.models.simulation.randomness import Stream, generator
from negawatt.models.simulation.workloads import PROFILES_OF_MIX, RESERVED_PROFILE

# Their names go on where ordinary ones end: nothing in a name says what a job is for.
_FIRST_NUMBER = 90_000
_AT_ONCE = 1
_AFTER_ALL_OTHERS = -1
_FULL_POWER = 1.02


def extra_jobs(plan: HallPlan) -> tuple[Job, ...]:
    """Return the jobs that the plan's incidents bring."""
    random = generator(plan.seed, Stream.EXTRA_JOBS)
    return (*_big_job(plan, random), *_burst(plan, random), *_fillers(plan))


def _seconds(plan: HallPlan, span: Span) -> tuple[int, int]:
    interval = span.interval
    return plan.second_of(interval.start_utc), plan.second_of(interval.end_utc)


def _big_job(plan: HallPlan, random: np.random.Generator) -> Iterator[Job]:
    """Give one gang on the reserved nodes, which starts when it is submitted if they are free."""
    big = plan.incidents.big_job
    if big is None:
        return
    start_s, end_s = _seconds(plan, big)
    size = plan.gpus_per_node
    n_nodes = min(max(1, round(big.gpu_ratio * plan.nodes)), plan.reserved_nodes)
    yield Job(
        job_id=f"reserved-{_FIRST_NUMBER}",
        job_class=JobClass.PRETRAINING,
        tier=draw_tier(RESERVED_PROFILE, random),
        pool=Pool.RESERVED,
        gpu_count=n_nodes * size,
        submit_s=start_s,
        work_s=float(end_s - start_s),
        est_runtime_s=int((end_s - start_s) * random.uniform(*RESERVED_PROFILE.estimate_factor)),
        priority=_AT_ONCE,
        level_ratio=RESERVED_PROFILE.level_mean,
        shape=draw_shape(RESERVED_PROFILE, float(end_s - start_s), random),
    )


def _burst(plan: HallPlan, random: np.random.Generator) -> Iterator[Job]:
    """Give jobs of one class until together they ask for enough GPUs."""
    burst = plan.incidents.burst
    if burst is None:
        return
    first_s, last_s = _seconds(plan, burst)
    profile = PROFILES_OF_MIX[plan.mix][JobClass.FINETUNING]
    sizes, weights = sizes_that_fit(plan, Pool.BATCH, profile)
    asked, number = 0, _FIRST_NUMBER
    while asked < burst.gpu_ratio * plan.gpu_count:
        # Longer than most: started in the event they would run on through it.
        work_s = profile.runtime_median_s * float(random.uniform(1.0, 4.0))
        job = Job(
            job_id=f"finetuning-{number:05d}",
            job_class=JobClass.FINETUNING,
            tier=max(1, draw_tier(profile, random)),
            pool=Pool.BATCH,
            gpu_count=int(random.choice(sizes, p=weights)),
            submit_s=int(random.integers(first_s, last_s)),
            work_s=work_s,
            est_runtime_s=int(work_s * random.uniform(*profile.estimate_factor)),
            level_ratio=profile.level_mean + profile.level_sd * float(random.standard_normal()),
            shape=draw_shape(profile, work_s, random),
        )
        asked, number = asked + job.gpu_count, number + 1
        yield job


def _fillers(plan: HallPlan) -> Iterator[Job]:
    """Give jobs of one GPU at full power that start where nothing else runs, and go together.

    That is on the reserved nodes: elsewhere a queue waits for every free GPU.
    """
    inflation = plan.incidents.inflation
    if inflation is None:
        return
    start_s, end_s = _seconds(plan, inflation)
    profile = PROFILES_OF_MIX[plan.mix][JobClass.BATCH_INFERENCE]
    for number in range(round(inflation.filler_gpu_ratio * plan.gpu_count)):
        yield Job(
            job_id=f"batch-inference-{_FIRST_NUMBER + number:05d}",
            job_class=JobClass.BATCH_INFERENCE,
            tier=2,
            pool=Pool.RESERVED if plan.reserved_nodes else Pool.BATCH,
            gpu_count=1,
            submit_s=start_s,
            work_s=float(2 * (end_s - start_s)),
            est_runtime_s=end_s - start_s,
            priority=_AFTER_ALL_OTHERS,
            level_ratio=_FULL_POWER,
            shape=class_shape(profile),
            cancel_s=end_s,
        )
