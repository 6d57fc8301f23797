"""Whether a fleet drew more in the hours before an event than the same jobs did otherwise.

Here: the comparison of jobs with themselves, and how far it strays in quiet times. Load that was
raised before an event must not become a reduction. Not here: what follows for a level
(job_level.py).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from negawatt.models.counterfactual.gpu_change import Prepared
from negawatt.models.counterfactual.job_level import (
    MIN_REFERENCE_MINUTES,
    NOTICE_MINUTES,
    WARMUP_MINUTES,
)
from negawatt.models.counterfactual.job_power import job_minutes
from negawatt.models.domain.units import S_PER_MINUTE

_NEAR_MINUTES: Final = 180
_MARGIN_MINUTES: Final = 15
_MIN_STRAY: Final = 0.02
_SDS: Final = 3.5
_MIN_PLACEBOS: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Inflation:
    """How the load before an event compares with the same jobs' load otherwise.

    Attributes:
        ratio: Excess of the hours before over the mean of earlier and later hours, 0 is none.
        placebo_sd_ratio: Standard deviation of the same figure in quiet times.
        is_inflated: Whether it is more than chance makes it.
        likely_ratio: The part of the excess that chance does not explain, 0 where there is none.
    """

    ratio: float
    placebo_sd_ratio: float
    is_inflated: bool
    likely_ratio: float


def inflation(
    prepared: Prepared,
    jobs: Iterable[int],
    span: tuple[int, int],
    quiet_starts: Sequence[int],
) -> Inflation:
    r"""Compare the hours before a span with earlier and later hours of the same jobs.

    .. math:: r = \frac{\sum_j n_j \bar p_j^{near}}
                       {\sum_j n_j (\bar p_j^{far} + \bar p_j^{after}) / 2} - 1

    Args:
        prepared: The fleet.
        jobs: The jobs that control touched in the span.
        span: First minute of control, and the minute after the last.
        quiet_starts: First minutes of quiet stretches.
    """
    fleet = prepared.fleet
    ratio = _excess(prepared, jobs, span)
    placebos = []
    length = span[1] - span[0]
    for start in quiet_starts:
        stretch = (start, start + length)
        reach_s = (
            (start - NOTICE_MINUTES - _NEAR_MINUTES) * S_PER_MINUTE,
            (stretch[1] + _NEAR_MINUTES) * S_PER_MINUTE,
        )
        timetable = prepared.timetable
        through = (timetable.run_start_s < reach_s[0]) & (timetable.run_end_s > reach_s[1])
        flexible = {
            job
            for job in timetable.run_job[through].tolist()
            if fleet.jobs[job].tier > 0 and np.isfinite(fleet.jobs[job].est_runtime_s)
        }
        placebos.append(_excess(prepared, flexible, stretch))
    known = [value for value in placebos if not np.isnan(value)]
    sd_ratio = float(np.std(known)) if len(known) >= _MIN_PLACEBOS else float("nan")
    limit = max(_MIN_STRAY, _SDS * sd_ratio) if known else _MIN_STRAY
    return Inflation(
        ratio=ratio,
        placebo_sd_ratio=sd_ratio,
        is_inflated=bool(ratio > limit),
        likely_ratio=_likely(ratio, sd_ratio),
    )


def _likely(ratio: float, sd_ratio: float) -> float:
    """Return an excess less what chance makes of it: 1 - 2 s^2 / r^2 of it, never below 0."""
    if not ratio > 0:
        return 0.0
    return ratio * max(0.0, 1 - 2 * (float(np.nan_to_num(sd_ratio)) / ratio) ** 2)


def _excess(prepared: Prepared, jobs: Iterable[int], span: tuple[int, int]) -> float:
    fleet = prepared.fleet
    first, last = span
    low = max(0, first - NOTICE_MINUTES - _NEAR_MINUTES)
    high = min(fleet.n_minutes, last + _NEAR_MINUTES)
    near_w = other_w = 0.0
    for job in jobs:
        if job in fleet.service_load:
            continue
        minutes = job_minutes(fleet, prepared.runs_of.get(job, ()), low, high)
        settled = ~np.isnan(minutes.per_gpu_w) & (minutes.age_minutes >= WARMUP_MINUTES)
        far, near, after = (
            minutes.per_gpu_w[part][settled[part]]
            for part in (
                minutes.part(low, first - NOTICE_MINUTES),
                minutes.part(first - _NEAR_MINUTES, first),
                minutes.part(last + _MARGIN_MINUTES, high),
            )
        )
        if min(len(far), len(near), len(after)) >= 3 * MIN_REFERENCE_MINUTES:
            gpus = fleet.jobs[job].gpu_count
            near_w += gpus * near.mean()
            other_w += gpus * (far.mean() + after.mean()) / 2
    return float(near_w / other_w - 1) if other_w > 0 else float("nan")
