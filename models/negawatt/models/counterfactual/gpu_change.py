"""How much more the GPUs would have drawn, job by job and by mechanism.

Here: who would have run (schedule.py) and at what power (job_level.py), set against what was
seen. What control did not touch keeps its actual power to the last bit. Not here: the site's
meter (site_gain.py) and bands (negawatt.models.uncertainty).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from negawatt.models.counterfactual.control import Touch
from negawatt.models.counterfactual.fleet import Action, Fleet
from negawatt.models.counterfactual.job_level import (
    NOTICE_MINUTES,
    WARMUP_MINUTES,
    Reference,
    WorkClock,
    level_around,
    minute_of_work,
    touched_minutes,
    work_clock,
)
from negawatt.models.counterfactual.job_power import (
    JobMinutes,
    job_minutes,
    minute_span,
)
from negawatt.models.counterfactual.prepared import Prepared
from negawatt.models.counterfactual.queue_replay import Policy
from negawatt.models.counterfactual.schedule import Stay
from negawatt.models.counterfactual.under_a_cap import cap_ratios, cut_levels
from negawatt.models.domain.units import S_PER_MINUTE, W_PER_KW

__all__ = ["GpuChange", "JobChange", "Mechanism", "Prepared", "gpu_change"]


class Mechanism(StrEnum):
    """Why a job's power would have been another one."""

    CAPPED = "capped"
    PAUSED = "paused"
    MIGRATED = "migrated"
    HELD = "held"
    ENDED = "ended"
    DISPLACED = "displaced"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JobChange:
    """One job's part.

    Attributes:
        job: The job.
        change_kw: Power that it would have drawn more, its idle GPUs included, by mechanism [kW].
        busy_change: GPUs that it would have held more, (n,).
        expected_kw: Power that it would have drawn [kW], (n,).
        guessed_kw: The part of it that rests on a level, not on work that was seen [kW], (n,).
        guess_error_ratio: Standard error of a level that is its class's, as a share; 0 for levels
            of its own, whose error the placebos show.
        source: What its level rests on.
    """

    job: int
    change_kw: Mapping[Mechanism, NDArray[np.float64]]
    busy_change: NDArray[np.float64]
    expected_kw: NDArray[np.float64]
    guessed_kw: NDArray[np.float64]
    guess_error_ratio: float
    source: str

    @property
    def total_kw(self) -> NDArray[np.float64]:
        """The job's whole change [kW], (n,)."""
        return sum(self.change_kw.values(), np.zeros(len(self.expected_kw)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GpuChange:
    """What the GPUs would have drawn more than they did.

    Attributes:
        first: First minute.
        last: Minute after the last.
        jobs: The jobs whose power or time would have been different.
    """

    first: int
    last: int
    jobs: tuple[JobChange, ...]

    @property
    def change_kw(self) -> NDArray[np.float64]:
        """Sum over the jobs [kW], (n,)."""
        return sum((job.total_kw for job in self.jobs), np.zeros(self.last - self.first))

    @property
    def busy_change(self) -> NDArray[np.float64]:
        """GPUs that would have been held more, (n,)."""
        return sum((job.busy_change for job in self.jobs), np.zeros(self.last - self.first))

    def by_mechanism_kw(self) -> dict[Mechanism, NDArray[np.float64]]:
        """Return the sum over the jobs by mechanism [kW], (n,) each; only those that occur."""
        sums: dict[Mechanism, NDArray[np.float64]] = {}
        for job in self.jobs:
            for mechanism, change_kw in job.change_kw.items():
                sums[mechanism] = sums.get(mechanism, 0.0) + change_kw
        return {mechanism: sums[mechanism] for mechanism in Mechanism if mechanism in sums}


def gpu_change(
    prepared: Prepared,
    touched: Mapping[int, Sequence[Touch]],
    policies: Mapping[str, Policy],
    span_s: tuple[float, float],
    *,
    reference: Reference,
) -> GpuChange:
    """Return what the GPUs would have drawn more if nothing had been touched in a span.

    Args:
        prepared: The fleet.
        touched: What control did in the span, by job.
        policies: The scheduler's policy by partition.
        span_s: First act of control, and the last instant to know [s].
        reference: Where a job's own level is looked for.
    """
    fleet = prepared.fleet
    first, last = int(span_s[0] // S_PER_MINUTE), int(span_s[1] // S_PER_MINUTE)
    stays: dict[int, list[Stay]] = {}
    for pool in prepared.queued_pools:
        case = prepared.timetable.case(pool, touched, span_s)
        for stay in case.play(policies[pool]) if pool in policies else case.as_seen():
            stays.setdefault(stay.job, []).append(stay)
    different = set(stays) | set(touched)
    for run in fleet.runs:
        in_span = run.start_s < span_s[1] and run.end_s > span_s[0]
        if in_span and fleet.jobs[run.job].pool in prepared.queued_pools:
            different.add(run.job)
    changes = (
        _job_change(
            prepared,
            job,
            stays.get(job, []) if fleet.jobs[job].pool in prepared.queued_pools else None,
            touched.get(job, ()),
            (first, last),
            reference,
        )
        for job in sorted(different)
    )
    return GpuChange(first=first, last=last, jobs=tuple(c for c in changes if c is not None))


def _job_change(
    prepared: Prepared,
    job: int,
    stays: Sequence[Stay] | None,
    its_touches: Sequence[Touch],
    span: tuple[int, int],
    reference: Reference,
) -> JobChange | None:
    """Return one job's change; None where it would have run as it did."""
    fleet = prepared.fleet
    first, last = span
    low = max(0, first - reference.reach_minutes - NOTICE_MINUTES)
    high = min(fleet.n_minutes, last + reference.reach_minutes)
    runs = prepared.runs_of.get(job, ())
    if runs and runs[0].start_s >= first * S_PER_MINUTE:
        high = fleet.n_minutes  # a held job is known by what it did then, however late
    minutes = job_minutes(fleet, runs, low, high)
    window = slice(first - low, last - low)
    held = minutes.gpus_on[window].astype(float)
    would_hold = held if stays is None else _gpus_held(stays, first, last)
    touched = touched_minutes(its_touches, low, high - low)
    moved = (held > 0) & (would_hold > 0) & ~touched[window] & _is_moved(fleet, stays)
    same = (would_hold == held) & ~touched[window] & ~moved
    if same.all():
        return None
    level = _expected_w(prepared, job, minutes, stays, span, reference)
    same |= moved & ~level.seen & (would_hold == held)
    actual_w = _without_gaps(minutes.per_gpu_w[window], held > 0, level.per_gpu_w)
    actual_kw = held * actual_w / W_PER_KW
    expected_kw = np.where(same, actual_kw, would_hold * level.per_gpu_w / W_PER_KW)
    change_kw = np.where(
        same, 0.0, expected_kw - actual_kw + (held - would_hold) * prepared.idle_w / W_PER_KW
    )
    mechanisms = _mechanisms(held, would_hold, its_touches, first, moved)
    return JobChange(
        job=job,
        change_kw={
            mechanism: np.where(mask & ~same, change_kw, 0.0)
            for mechanism, mask in mechanisms.items()
            if (mask & ~same).any()
        },
        busy_change=would_hold - held,
        expected_kw=expected_kw,
        guessed_kw=np.where(same | level.seen, 0.0, expected_kw),
        guess_error_ratio=level.error_ratio,
        source=level.source,
    )


def _is_moved(fleet: Fleet, stays: Sequence[Stay] | None) -> bool:
    """Return whether a job would have started at another time, so that it is at other work."""
    if not stays or len(stays) > 1 or stays[0].run is None:
        return False
    by_s = abs(stays[0].start_s - fleet.runs[stays[0].run].start_s)
    return bool(by_s > WARMUP_MINUTES * S_PER_MINUTE)


def _without_gaps(
    per_gpu_w: NDArray[np.float64], on: NDArray[np.bool_], expected_w: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return a job's power with lines where telemetry was lost; where all was, what is expected.

    A job that is silent is not a job that draws nothing.
    """
    known = on & ~np.isnan(per_gpu_w)
    if not known.any():
        return expected_w
    minutes = np.arange(len(per_gpu_w))
    return np.where(known, per_gpu_w, np.interp(minutes, minutes[known], per_gpu_w[known]))


def _gpus_held(stays: Sequence[Stay], first: int, last: int) -> NDArray[np.float64]:
    held = np.zeros(last - first)
    for stay in stays:
        start, end = minute_span(stay.start_s, stay.end_s, first, last)
        held[start - first : end - first] += stay.gpu_count
    return held


def _mechanisms(
    held: NDArray[np.float64],
    would_hold: NDArray[np.float64],
    its_touches: Sequence[Touch],
    first: int,
    moved: NDArray[np.bool_],
) -> dict[Mechanism, NDArray[np.bool_]]:
    """Return which minutes each mechanism explains; every minute has one."""
    strongest = np.full(len(held), Mechanism.CAPPED, dtype=object)
    names = {Action.PAUSE: Mechanism.PAUSED, Action.MIGRATE: Mechanism.MIGRATED}
    off = np.zeros(len(held), dtype=bool)
    for touch in its_touches:
        mask = touched_minutes([touch], first, len(held))
        if touch.is_off:
            strongest[mask] = names[touch.deepest]
            off |= mask
    mechanism = strongest
    mechanism[moved] = Mechanism.HELD
    mechanism[(would_hold > held) & ~off] = Mechanism.HELD
    mechanism[(would_hold < held) & (would_hold.cumsum() > 0)] = Mechanism.ENDED
    mechanism[(would_hold < held) & (would_hold.cumsum() == 0)] = Mechanism.DISPLACED
    return {name: mechanism == name for name in Mechanism if (mechanism == name).any()}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Expected:
    per_gpu_w: NDArray[np.float64]
    seen: NDArray[np.bool_]
    error_ratio: float
    source: str


def _expected_w(
    prepared: Prepared,
    job: int,
    minutes: JobMinutes,
    stays: Sequence[Stay] | None,
    span: tuple[int, int],
    reference: Reference,
) -> _Expected:
    """Return what one of a job's GPUs would have drawn: seen work first, then levels."""
    fleet = prepared.fleet
    first, last = span
    its_touches = prepared.touches.get(job, ())  # caps after the event too: a ramp is no level
    touched = touched_minutes(its_touches, minutes.first, len(minutes.gpus_on))
    known = (minutes.gpus_on > 0) & ~np.isnan(minutes.per_gpu_w) & ~touched
    settled = known & (minutes.age_minutes >= WARMUP_MINUTES)
    shape = prepared.shape(job, minutes.first, minutes.first + len(touched))
    level = level_around(minutes, settled, (first, last), reference=reference, shape=shape)
    error_ratio = 0.0
    if level is not None:
        per_gpu_w, source = level.per_gpu_w, level.source
    elif settled.any():
        per_gpu_w = np.full(last - first, minutes.per_gpu_w[settled].mean())
        source = "its own run"
    else:
        source = "its class"
        class_w, class_sd_w = prepared.class_power_w(fleet.jobs[job].job_class, first)
        if np.isnan(class_w):
            source = "all classes"
            class_w, class_sd_w = prepared.class_power_w(None, first)
        if np.isnan(class_w):
            source, class_w, class_sd_w = "nothing: taken to be idle", prepared.idle_w, 0.0
        per_gpu_w = np.full(last - first, class_w)
        error_ratio = class_sd_w / class_w if class_w > 0 else 0.0
    seen = np.zeros(last - first, dtype=bool)
    if shape is None and stays and len(stays) == 1:
        clock, wanted = _wanted_work(minutes, stays[0], its_touches, fleet, span)
        ratios = cap_ratios(prepared.actions_of.get(job, ()), minutes.first, len(touched))
        cut = cut_levels(minutes, ratios, settled)
        place = minute_of_work(clock, known | ~np.isnan(cut), wanted)
        cut_w = np.where(place < 0, np.nan, cut[place])
        seen = (place >= 0) & ~(cut_w > 0)
        per_gpu_w = np.where(seen, minutes.per_gpu_w[place], per_gpu_w)
        for from_w in np.unique(cut_w[cut_w > 0]).tolist():
            busy = settled & (minutes.per_gpu_w >= from_w)
            above = level_around(minutes, busy, (first, last), reference=reference)
            if above is not None:
                per_gpu_w = np.where(cut_w == from_w, above.per_gpu_w, per_gpu_w)
    return _Expected(per_gpu_w=per_gpu_w, seen=seen, error_ratio=error_ratio, source=source)


def _wanted_work(
    minutes: JobMinutes,
    stay: Stay,
    its_touches: Sequence[Touch],
    fleet: Fleet,
    span: tuple[int, int],
) -> tuple[WorkClock, NDArray[np.float64]]:
    """Return a job's work as it was done, and as it would have been by each minute of a span."""
    clock = work_clock(minutes, its_touches, fleet.progress.get(stay.job))
    first, last = span
    at_minute = np.arange(first, last, dtype=np.float64) + 0.5
    if stay.start_s < first * S_PER_MINUTE:
        return clock, clock.undisturbed_at(first) + at_minute - at_minute[0]
    return clock, at_minute - stay.start_s / S_PER_MINUTE
