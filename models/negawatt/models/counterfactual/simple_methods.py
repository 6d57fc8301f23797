"""The simpler methods: levels of the whole fleet, and jobs without a queue.

Here: what each takes the place of, so that the job-aware method (job_aware.py) can be set against
it. Each knows one thing less. Not here: un-curtailed GPUs as a yardstick (donors.py).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.counterfactual.control import Touch, touches_during
from negawatt.models.counterfactual.fleet import FleetEvent
from negawatt.models.counterfactual.gpu_change import gpu_change
from negawatt.models.counterfactual.job_level import (
    MIN_REFERENCE_MINUTES,
    Reference,
    touched_minutes,
)
from negawatt.models.counterfactual.job_power import JobMinutes, job_minutes
from negawatt.models.counterfactual.method import (
    Array,
    GpuEstimate,
    event_span,
    held_gpus,
    power_kw,
)
from negawatt.models.counterfactual.prepared import Prepared
from negawatt.models.domain.units import S_PER_MINUTE, W_PER_KW

LEVEL_MINUTES: Final = 30
RECOVERY_MINUTES: Final = 60
"""After an event jobs load again and the queue drains; the level after it is read later."""
_PHASE_MINUTES: Final = (5.0, 15.0, 60.0)
_SAMPLE: Final = 40


def pre_event_level(prepared: Prepared, event: FleetEvent) -> GpuEstimate:
    r"""Take the fleet's mean of the 30 minutes before control for all of the event.

    .. math:: \Delta P(t) = \bar P_{pre} - P(t)
    """
    first, last = event_span(prepared.fleet, event)
    before = slice(0, LEVEL_MINUTES)
    return _against(prepared, first, last, first - LEVEL_MINUTES, last, before, before)


def before_and_after(prepared: Prepared, event: FleetEvent) -> GpuEstimate:
    r"""Take a line from the 30 minutes before control to 30 minutes an hour after the event.

    .. math:: \Delta P(t) = (1 - x) \bar P_{pre} + x \bar P_{post} - P(t),
        \qquad x = \frac{t - t_1}{t_2 - t_1}
    """
    first, last = event_span(prepared.fleet, event)
    begin, end = first - LEVEL_MINUTES, last + RECOVERY_MINUTES + LEVEL_MINUTES
    before, after = slice(0, LEVEL_MINUTES), slice(-LEVEL_MINUTES, None)
    return _against(prepared, first, last, begin, end, before, after)


def _against(
    prepared: Prepared, first: int, last: int, begin: int, end: int, before: slice, after: slice
) -> GpuEstimate:
    """Return a line between two levels less what was seen, of power and of GPUs held."""
    share = (np.arange(last - first) + 0.5) / (last - first)
    changes = []
    for seen in (power_kw(prepared.fleet, begin, end), held_gpus(prepared, begin, end)):
        line = (1 - share) * np.nanmean(seen[before]) + share * np.nanmean(seen[after])
        changes.append(np.nan_to_num(line - seen[first - begin : last - begin]))
    return GpuEstimate(first=first, change_kw=changes[0], busy_change=changes[1])


def job_ends(prepared: Prepared, event: FleetEvent) -> GpuEstimate:
    """Give every touched job its level and its end as it would have been, and replay no queue.

    What would have taken the place of a job that ends earlier is not seen, nor are held starts:
    half a job model.
    """
    first, last = event_span(prepared.fleet, event)
    span_s = (float(first * S_PER_MINUTE), float(last * S_PER_MINUTE))
    touched = touches_during(prepared.touches, *span_s)
    if not touched:
        return GpuEstimate(
            first=first, change_kw=np.zeros(last - first), busy_change=np.zeros(last - first)
        )
    change = gpu_change(prepared, touched, {}, span_s, reference=Reference())
    return GpuEstimate(first=first, change_kw=change.change_kw, busy_change=change.busy_change)


def job_composition(prepared: Prepared, event: FleetEvent) -> GpuEstimate:
    r"""Give every flexible job its signature until its seen end.

    .. math:: \hat p_j(t) = \ell_j \, s_{c(j)}(\phi(t)), \qquad
              \ell_j = \frac{\sum_{pre} p_j}{\sum_{pre} s_{c(j)}(\phi)}

    with the mean power s of a GPU of its class in each phase of a run (its first 5, 15 and 60
    minutes, and later) and its own level before control. A paused job keeps its GPUs.
    """
    fleet = prepared.fleet
    first, last = event_span(fleet, event)
    reach = Reference().reach_minutes
    change_kw, busy_change = np.zeros(last - first), np.zeros(last - first)
    signatures: dict[str, Array] = {}
    for job in _jobs_in(prepared, first, last):
        its_touches = prepared.touches.get(job, ())
        job_class = fleet.jobs[job].job_class
        if job_class not in signatures:
            signatures[job_class] = _signature(prepared, job_class, first)
        low = max(0, first - reach)
        minutes = job_minutes(fleet, prepared.runs_of.get(job, ()), low, last)
        gpu_count = fleet.jobs[job].gpu_count
        would_hold = _held_through_pauses(minutes, its_touches, first, gpu_count)
        expected_w = _expected_w(minutes, signatures[job_class], its_touches, first)
        part = minutes.part(first, last)
        actual_w = minutes.gpus_on[part] * np.nan_to_num(minutes.per_gpu_w[part])
        more = would_hold - minutes.gpus_on[part]
        change_w = would_hold * expected_w - actual_w - more * prepared.idle_w
        change_kw += np.nan_to_num(change_w) / W_PER_KW
        busy_change += more
    return GpuEstimate(first=first, change_kw=change_kw, busy_change=busy_change)


def _jobs_in(prepared: Prepared, first: int, last: int) -> list[int]:
    """Return the flexible jobs that held GPUs in a stretch, or were kept from it."""
    times = prepared.timetable
    span_s = (first * S_PER_MINUTE, last * S_PER_MINUTE)
    near = (times.run_start_s < span_s[1]) & (times.run_end_s > span_s[0])
    jobs = {*times.run_job[near].tolist(), *touches_during(prepared.touches, *span_s)}
    return sorted(job for job in jobs if prepared.fleet.jobs[job].tier > 0)


def _held_through_pauses(
    minutes: JobMinutes, its_touches: Sequence[Touch], first: int, gpu_count: int
) -> Array:
    held = minutes.gpus_on[first - minutes.first :].astype(float)
    off = touched_minutes([touch for touch in its_touches if touch.is_off], first, len(held))
    return np.where(off, np.maximum(held, gpu_count), held)


def _expected_w(
    minutes: JobMinutes, signature_w: Array, its_touches: Sequence[Touch], first: int
) -> Array:
    """Return what one of a job's GPUs would have drawn by its signature [W]."""
    shape_w = signature_w[_phase(minutes.age_minutes)]
    touched = touched_minutes(its_touches, minutes.first, len(shape_w))
    known = ~np.isnan(minutes.per_gpu_w) & ~np.isnan(shape_w) & ~touched
    known[first - minutes.first :] = False
    level = 1.0
    if known.sum() >= MIN_REFERENCE_MINUTES:
        level = float(minutes.per_gpu_w[known].sum() / shape_w[known].sum())
    expected_w: Array = level * shape_w[first - minutes.first :]
    return expected_w


def _phase(age_minutes: Array) -> NDArray[np.int64]:
    """Return the phase of a run's age; a minute without a run counts as late in one."""
    return np.searchsorted(_PHASE_MINUTES, np.nan_to_num(age_minutes, nan=np.inf), side="right")


def _signature(prepared: Prepared, job_class: str, before_minute: int) -> Array:
    """Return the mean power of a GPU of a class by phase [W], from its latest untouched runs."""
    fleet = prepared.fleet
    n_phases = len(_PHASE_MINUTES) + 1
    sums_w, counts = np.zeros(n_phases), np.zeros(n_phases)
    sample = 0
    latest = np.flatnonzero(prepared.timetable.run_start_s < before_minute * S_PER_MINUTE)[::-1]
    for index in latest.tolist():
        run = fleet.runs[index]
        if fleet.jobs[run.job].job_class != job_class or run.job in prepared.touches:
            continue
        start = max(int(run.start_s // S_PER_MINUTE), before_minute - 1440, 0)
        minutes = job_minutes(fleet, [run], start, before_minute)
        known = ~np.isnan(minutes.per_gpu_w)
        phase = _phase(minutes.age_minutes[known])
        sums_w += np.bincount(phase, weights=minutes.per_gpu_w[known], minlength=n_phases)
        counts += np.bincount(phase, minlength=n_phases)
        sample += 1
        if sample == _SAMPLE:
            break
    overall_w = sums_w.sum() / counts.sum() if counts.any() else np.nan
    means_w = np.full(n_phases, overall_w)
    np.divide(sums_w, counts, out=means_w, where=counts > 0)
    return means_w
