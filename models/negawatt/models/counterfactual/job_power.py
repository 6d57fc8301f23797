"""What each job drew, minute by minute, as its GPUs' sensors saw it.

Here: reading the power matrix job by job. Not here: what it would have drawn (job_level.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from negawatt.models.counterfactual.fleet import Fleet, Run
from negawatt.models.domain.units import S_PER_MINUTE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JobMinutes:
    """One job over a stretch of minutes.

    Attributes:
        first: The first minute.
        gpus_on: GPUs that it held, (n,).
        per_gpu_w: Mean power of one of them [W], NaN where it held none or all were lost, (n,).
        age_minutes: Minutes since its run began, NaN where it held none, (n,).
    """

    first: int
    gpus_on: NDArray[np.int64]
    per_gpu_w: NDArray[np.float64]
    age_minutes: NDArray[np.float64]

    def part(self, first: int, last: int) -> slice:
        """Return the slice of its arrays for minutes of the fleet, cut to what it covers."""
        n = len(self.gpus_on)
        return slice(min(max(first - self.first, 0), n), min(max(last - self.first, 0), n))


def job_minutes(fleet: Fleet, runs: Sequence[Run], first: int, last: int) -> JobMinutes:
    """Read the runs of one job.

    A minute belongs to a run that holds the GPUs for more than half of it.

    Args:
        fleet: The fleet.
        runs: The job's runs.
        first: First minute.
        last: Minute after the last.
    """
    n = last - first
    gpus_on = np.zeros(n, dtype=np.int64)
    known_count = np.zeros(n, dtype=np.int64)
    known_w = np.zeros(n)
    age = np.full(n, np.nan)
    for run in runs:
        start, end = minute_span(run.start_s, run.end_s, first, last)
        if end <= start:
            continue
        power_w = fleet.gpu_power_w[run.gpus, start:end]
        known = ~np.isnan(power_w)
        part = slice(start - first, end - first)
        gpus_on[part] += len(run.gpus)
        known_count[part] += known.sum(axis=0)
        known_w[part] += np.where(known, power_w, 0).sum(axis=0, dtype=np.float64)
        its_age = np.arange(start, end) - run.start_s / S_PER_MINUTE
        age[part] = np.fmin(age[part], its_age)
    per_gpu_w = np.full(n, np.nan)
    np.divide(known_w, known_count, out=per_gpu_w, where=known_count > 0)
    return JobMinutes(first=first, gpus_on=gpus_on, per_gpu_w=per_gpu_w, age_minutes=age)


def minute_span(start_s: float, end_s: float, first: int, last: int) -> tuple[int, int]:
    """Return the minutes of which a stretch of time covers more than half, cut to a range.

    Examples:
        >>> minute_span(89.0, float("inf"), 0, 10), minute_span(91.0, 200.0, 0, 10)
        ((1, 10), (2, 3))
    """
    start = int(np.clip(np.ceil(start_s / S_PER_MINUTE - 0.5), first, last))
    end = int(np.clip(np.ceil(end_s / S_PER_MINUTE - 0.5), first, last))
    return start, max(start, end)


def idle_power_w(fleet: Fleet, minutes: slice) -> float:
    """Return the median power of a GPU that nobody holds [W].

    Over GPUs in service; NaN where every GPU was held all the time.
    """
    free = np.ones((fleet.n_gpus, minutes.stop - minutes.start), dtype=bool)
    for run in fleet.runs:
        start, end = minute_span(
            run.start_s - S_PER_MINUTE, run.end_s + S_PER_MINUTE, minutes.start, minutes.stop
        )
        if end > start:
            free[run.gpus, start - minutes.start : end - minutes.start] = False
    power_w = fleet.gpu_power_w[:, minutes][free]
    power_w = power_w[power_w > 0]
    return float(np.median(power_w)) if len(power_w) else float("nan")
