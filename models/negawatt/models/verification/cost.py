"""What the reduction cost in work: throughput lost and work delayed, by flexibility tier.

By the jobs' own progress, or by what their operator states of their speed. Not here: why a job was
slower, and what work is worth.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from negawatt.models.domain.interval import Interval
from negawatt.models.domain.units import S_PER_H
from negawatt.models.verification.context import JobPerformance, JobProgress

LEVEL_SPAN = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCost:
    """One job in the event.

    Attributes:
        job_id: The job.
        flexibility_tier: How flexible it is; None where not known.
        throughput_ratio: Rate of work in the event over that in the hour before; None where either
            is not known or it did no work before.
        delayed_work_s: Full-speed seconds of work that it did less [s]; None where not known.
        note: Why a figure is missing.
    """

    job_id: str
    flexibility_tier: int | None
    throughput_ratio: float | None
    delayed_work_s: float | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TierCost:
    """The jobs of one tier that have figures.

    Attributes:
        name: ``tier 2``; ``tier not known`` for jobs without one.
        job_count: Jobs with figures.
        delayed_work_s: Work that they did less [s].
    """

    name: str
    job_count: int
    delayed_work_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the event cost.

    Attributes:
        jobs: Each job with progress, by name.
        tiers: The same by tier, those without one last.
        delayed_work_s: Work of all jobs with figures that was not done in the event [s].
        delayed_work_s_per_kwh: The same for each kWh of reduction; None where that is not above
            zero.
    """

    jobs: tuple[JobCost, ...]
    tiers: tuple[TierCost, ...]
    delayed_work_s: float
    delayed_work_s_per_kwh: float | None


def cost_of(
    progress: Sequence[JobProgress] | None,
    event: Interval,
    *,
    performance: Sequence[JobPerformance] | None = None,
    dispatch_start_utc: datetime,
    reduction_kwh: float | None,
) -> Cost | None:
    r"""Compare the work of each job in the event with its own rate in the hour before the dispatch.

    .. math:: d_j = \frac{\Delta w_{j,\text{before}}}{1\,\text{h}} T - \Delta w_{j,\text{event}}

    Work is read between the looks at it by straight lines. A job that was not looked at from the
    hour before to the end of the event has no figure: one that ended by itself delayed nothing.

    Args:
        progress: Work done by each job; None where not measured.
        event: The event window, length T.
        performance: Stated speed of jobs; of a job with progress, the progress counts. A job at
            the share q of its speed delays (1 - q) T of work.
        dispatch_start_utc: When the site was first asked to lower its load; the hour ends there.
        reduction_kwh: The settled reduction [kWh], None where not known.

    Returns:
        The cost; None where neither progress nor speed is known of any job.

    Examples:
        A job at full speed before and at three quarters in an event of one hour:

        >>> from datetime import UTC
        >>> noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
        >>> hour = timedelta(hours=1)
        >>> job = JobProgress(job_id="j", flexibility_tier=2,
        ...     at_utc=(noon - hour, noon, noon + hour), work_s=(0.0, 3600.0, 6300.0))
        >>> cost = cost_of([job], Interval(noon, noon + hour), dispatch_start_utc=noon,
        ...     reduction_kwh=10.0)
        >>> cost.jobs[0].throughput_ratio, cost.delayed_work_s, cost.delayed_work_s_per_kwh
        (0.75, 900.0, 90.0)
    """
    if progress is None and performance is None:
        return None
    before = Interval(dispatch_start_utc - LEVEL_SPAN, dispatch_start_utc)
    stated = {job.job_id: _stated(job, event) for job in performance or ()}
    measured = {job.job_id: _job(job, before, event) for job in progress or ()}
    jobs = tuple(job for _, job in sorted((stated | measured).items()))
    delayed_s = math.fsum(job.delayed_work_s for job in jobs if job.delayed_work_s is not None)
    return Cost(
        jobs=jobs,
        tiers=_tiers(jobs),
        delayed_work_s=delayed_s,
        delayed_work_s_per_kwh=delayed_s / reduction_kwh
        if reduction_kwh is not None and reduction_kwh > 0
        else None,
    )


def _job(job: JobProgress, before: Interval, event: Interval) -> JobCost:
    before_s, event_s = _work_in(job, before), _work_in(job, event)
    if before_s is None or event_s is None:
        return JobCost(
            job_id=job.job_id,
            flexibility_tier=job.flexibility_tier,
            throughput_ratio=None,
            delayed_work_s=None,
            note="not looked at from the hour before to the end of the event",
        )
    expected_s = before_s / before.duration_h * event.duration_h
    return JobCost(
        job_id=job.job_id,
        flexibility_tier=job.flexibility_tier,
        throughput_ratio=event_s / expected_s if expected_s > 0 else None,
        delayed_work_s=expected_s - event_s,
    )


def _stated(job: JobPerformance, event: Interval) -> JobCost:
    return JobCost(
        job_id=job.job_id,
        flexibility_tier=job.flexibility_tier,
        throughput_ratio=job.throughput_ratio,
        delayed_work_s=(1.0 - job.throughput_ratio) * event.duration_h * S_PER_H,
        note="as its operator states it",
    )


def _work_in(job: JobProgress, window: Interval) -> float | None:
    """Return the work done in a window [s], None where it was not looked at around it."""
    edges = [_work_at(job, moment) for moment in (window.start_utc, window.end_utc)]
    return None if edges[0] is None or edges[1] is None else edges[1] - edges[0]


def _work_at(job: JobProgress, moment_utc: datetime) -> float | None:
    if not job.at_utc or not job.at_utc[0] <= moment_utc <= job.at_utc[-1]:
        return None
    after = next(n for n, at_utc in enumerate(job.at_utc) if at_utc >= moment_utc)
    if job.at_utc[after] == moment_utc:
        return job.work_s[after]
    start_utc, end_utc = job.at_utc[after - 1 : after + 1]
    start_s, end_s = job.work_s[after - 1 : after + 1]
    return start_s + (end_s - start_s) * ((moment_utc - start_utc) / (end_utc - start_utc))


def _tiers(jobs: Sequence[JobCost]) -> tuple[TierCost, ...]:
    by_tier: dict[int | None, list[float]] = {}
    for job in jobs:
        if job.delayed_work_s is not None:
            by_tier.setdefault(job.flexibility_tier, []).append(job.delayed_work_s)
    return tuple(
        TierCost(
            name=f"tier {'not known' if tier is None else tier}",
            job_count=len(delays),
            delayed_work_s=math.fsum(delays),
        )
        for tier, delays in sorted(
            by_tier.items(), key=lambda item: (item[0] is None, item[0] or 0)
        )
    )
