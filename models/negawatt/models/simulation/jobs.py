"""The jobs of a simulation: services and seats that always run, and batch jobs that arrive.

Here: drawing them. A job's work, size and level are fixed before anything runs, so that both
worlds ask for the same. Not here: when and where they run (negawatt.models.simulation.world), and
the jobs that only a scenario brings (negawatt.models.simulation.extra_jobs).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.units import S_PER_MINUTE
from negawatt.models.simulation.arrivals import WARMUP_DAYS, arrival_weights
from negawatt.models.simulation.cap_response import JobClass
from negawatt.models.simulation.grid import S_PER_DAY
from negawatt.models.simulation.layout import Pool, pool_nodes
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.power_shape import PowerShape, draw_shape
from negawatt.models.simulation.randomness import Stream, generator
from negawatt.models.simulation.workloads import (
    PROFILES_OF_MIX,
    RESERVED_PROFILE,
    BatchProfile,
    JobMix,
)

_HIGH_PRIORITY_SHARE = 0.15
# GPU time asked for on reserved nodes: they are kept free for runs that come and go.
_RESERVED_LOAD_RATIO = 0.6
# Nothing else is submitted to them for so long before a big job that they are free by then.
_EMPTIED_DAYS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One request for GPUs.

    Attributes:
        job_id: Its name.
        job_class: The kind of work.
        tier: How flexible it is: 0 not, 1 lightly capped, 2 capped, 3 may be paused.
        pool: The partition it runs in.
        gpu_count: GPUs, all at once.
        submit_s: When it was asked for, seconds from the start of the simulation [s].
        work_s: Work it holds, in seconds at full speed [s]; None for a service or a seat, which
            runs on.
        est_runtime_s: The user's estimate of its runtime [s], None where ``work_s`` is.
        priority: Higher goes first.
        level_ratio: Its power over the mean of its class.
        activity_row: Its row of the service loads or seat activities, None for a batch job.
        shape: How its power moves with its work; None is the mean of its class.
        complies: A cap that is set on it has an effect.
        cancel_s: It is taken away at this time, running or waiting [s]; None is never.
    """

    job_id: str
    job_class: JobClass
    tier: int
    pool: Pool
    gpu_count: int
    submit_s: int
    work_s: float | None
    est_runtime_s: int | None = None
    priority: int = 0
    level_ratio: float = 1.0
    activity_row: int | None = None
    shape: PowerShape | None = None
    complies: bool = True
    cancel_s: int | None = None


def draw_jobs(plan: HallPlan) -> tuple[Job, ...]:
    """Return all jobs: services, seats, then batch jobs by submission."""
    return (*_services(plan), *_seats(plan), *_batch_jobs(plan))


def profile_of(plan: HallPlan, job: Job) -> BatchProfile:
    """Return the profile that a batch job was drawn from."""
    if job.pool is Pool.RESERVED:
        return RESERVED_PROFILE
    return PROFILES_OF_MIX[plan.mix][job.job_class]


def _services(plan: HallPlan) -> Iterator[Job]:
    """Give each serving node one service; every other one may be lightly capped."""
    for row, _node in enumerate(pool_nodes(plan)[Pool.ONLINE]):
        yield Job(
            job_id=f"service-{row:02d}",
            job_class=JobClass.ONLINE_INFERENCE,
            tier=row % 2,
            pool=Pool.ONLINE,
            gpu_count=plan.gpus_per_node,
            submit_s=-WARMUP_DAYS * S_PER_DAY,
            work_s=None,
            activity_row=row,
        )


def _seats(plan: HallPlan) -> Iterator[Job]:
    for row in range(len(pool_nodes(plan)[Pool.DEV]) * plan.gpus_per_node):
        yield Job(
            job_id=f"seat-{row:03d}",
            job_class=JobClass.INTERACTIVE,
            tier=0,
            pool=Pool.DEV,
            gpu_count=1,
            submit_s=-WARMUP_DAYS * S_PER_DAY,
            work_s=None,
            activity_row=row,
        )


def _batch_jobs(plan: HallPlan) -> list[Job]:
    random = generator(plan.seed, Stream.JOBS)
    weights = arrival_weights(plan)
    jobs = [
        job
        for job_class, profile in PROFILES_OF_MIX[plan.mix].items()
        for job in _jobs_of_class(
            plan, job_class, profile, _asked_gpu_s(plan, profile, weights), weights, random
        )
    ]
    jobs += _reserved_jobs(plan, weights)
    ordered = sorted(jobs, key=lambda job: (job.submit_s, job.job_id))
    return list(_compliant(plan, _shaped(plan, ordered)))


def _reserved_jobs(plan: HallPlan, weights: NDArray[np.float64]) -> list[Job]:
    """Draw the training runs of the reserved nodes; people submit them at any hour."""
    capacity = plan.reserved_nodes * plan.gpus_per_node
    asked_gpu_s = _RESERVED_LOAD_RATIO * capacity * len(weights) * S_PER_MINUTE
    jobs = _jobs_of_class(
        plan,
        JobClass.PRETRAINING,
        RESERVED_PROFILE,
        asked_gpu_s,
        np.ones_like(weights),
        generator(plan.seed, Stream.RESERVED_JOBS),
    )
    return [job for job in jobs if not _is_kept_away(plan, job)]


def _is_kept_away(plan: HallPlan, job: Job) -> bool:
    """Say whether the reserved nodes are being emptied for a big job when this one is asked for."""
    big = plan.incidents.big_job
    if big is None:
        return False
    empty_from_s = plan.second_of(big.interval.start_utc) - _EMPTIED_DAYS * S_PER_DAY
    return empty_from_s <= job.submit_s < plan.second_of(big.interval.end_utc)


def _asked_gpu_s(plan: HallPlan, profile: BatchProfile, weights: NDArray[np.float64]) -> float:
    capacity = len(pool_nodes(plan)[Pool.BATCH]) * plan.gpus_per_node
    share = plan.batch_load_ratio * profile.gpu_time_share
    return float(share * capacity * S_PER_MINUTE * weights.sum())


def _jobs_of_class(
    plan: HallPlan,
    job_class: JobClass,
    profile: BatchProfile,
    asked_gpu_s: float,
    weights: NDArray[np.float64],
    random: np.random.Generator,
) -> Iterator[Job]:
    """Draw the jobs of one class; none where its smallest does not fit the nodes."""
    pool = Pool.RESERVED if profile is RESERVED_PROFILE else Pool.BATCH
    sizes, size_weights = sizes_that_fit(plan, pool, profile)
    if not len(sizes):
        return
    mean_gpu_s = sizes @ size_weights * _mean_runtime_s(profile)
    minutes = np.sort(
        random.choice(
            len(weights),
            size=random.poisson(asked_gpu_s / mean_gpu_s),
            p=weights / weights.sum(),
        )
    )
    name = "reserved" if pool is Pool.RESERVED else job_class.value.replace("_", "-")
    for number, minute in enumerate(minutes):
        work_s = profile.runtime_median_s * min(
            float(np.exp(profile.runtime_log_sd * random.standard_normal())),
            profile.longest_medians,
        )
        yield Job(
            job_id=f"{name}-{number:05d}",
            job_class=job_class,
            tier=draw_tier(profile, random),
            pool=pool,
            gpu_count=int(random.choice(sizes, p=size_weights)),
            submit_s=int(minute) * S_PER_MINUTE
            + int(random.integers(S_PER_MINUTE))
            - WARMUP_DAYS * S_PER_DAY,
            work_s=work_s,
            est_runtime_s=int(work_s * random.uniform(*profile.estimate_factor)),
            priority=int(random.random() < _HIGH_PRIORITY_SHARE),
            level_ratio=profile.level_mean + profile.level_sd * float(random.standard_normal()),
        )


def draw_tier(profile: BatchProfile, random: np.random.Generator) -> int:
    """Draw how flexible a job is."""
    tiers, tier_weights = zip(*profile.tier_weights.items(), strict=True)
    return int(random.choice(tiers, p=tier_weights))


def sizes_that_fit(
    plan: HallPlan, pool: Pool, profile: BatchProfile
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the sizes of a class that a pool can hold, and how often each is asked for."""
    capacity = len(pool_nodes(plan)[pool]) * plan.gpus_per_node
    largest = min(capacity, max(profile.largest_ratio * capacity, plan.gpus_per_node))
    fits = np.array(profile.gpu_counts) <= largest
    size_weights = np.array(profile.gpu_count_weights)[fits]
    return np.array(profile.gpu_counts)[fits], size_weights / size_weights.sum()


def _shaped(plan: HallPlan, jobs: Iterable[Job]) -> Iterable[Job]:
    """Give each job a shape of its own, where the mix has such."""
    if plan.mix is JobMix.SMALL_HALL:
        return jobs
    random = generator(plan.seed, Stream.SHAPES)
    return (
        replace(job, shape=draw_shape(profile_of(plan, job), job.work_s or 0.0, random))
        for job in jobs
    )


def _compliant(plan: HallPlan, jobs: Iterable[Job]) -> Iterable[Job]:
    """Draw which jobs take notice of caps."""
    if plan.noncompliant_ratio == 0:
        return jobs
    random = generator(plan.seed, Stream.COMPLIANCE)
    return (replace(job, complies=random.random() >= plan.noncompliant_ratio) for job in jobs)


def _mean_runtime_s(profile: BatchProfile) -> float:
    """Return the mean of a log-normal runtime [s], its cut-off neglected."""
    return profile.runtime_median_s * float(np.exp(profile.runtime_log_sd**2 / 2))
