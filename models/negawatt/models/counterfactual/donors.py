"""Un-curtailed GPUs as the yardstick: difference in differences and synthetic control.

Here: which jobs may be donors, the test whether the event touched them all the same, and the two
methods. Not here: methods that look at the touched jobs themselves (simple_methods.py).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from negawatt.models.counterfactual.fleet import FleetEvent
from negawatt.models.counterfactual.job_power import job_minutes
from negawatt.models.counterfactual.method import (
    Array,
    GpuEstimate,
    event_span,
    held_gpus,
    power_kw,
)
from negawatt.models.counterfactual.prepared import Prepared
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.units import S_PER_MINUTE, W_PER_KW

FIT_MINUTES: Final = 1440
_STEP_MINUTES: Final = 15
_LEVEL_MINUTES: Final = 60
_JUMP_STEP_MINUTES: Final = 30
_MAX_LOST: Final = 0.1
_RIDGE_RATIO: Final = 0.1
"""Penalty of the weights as a share of the donors' mean sum of squares."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Donors:
    """Jobs that ran through the day before and the event without an act of control.

    Attributes:
        begin: First minute of the arrays.
        job_ids: Their names.
        power_kw: Power of each job's GPUs [kW], shape (n_jobs, n_minutes), gaps filled.
        refused: Jobs that moved at the beginning of control as they otherwise never do.
    """

    begin: int
    job_ids: tuple[str, ...]
    power_kw: Array
    refused: tuple[str, ...]


def find_donors(prepared: Prepared, event: FleetEvent) -> Donors:
    """Return the jobs that may stand for what the touched ones would have done.

    Raises:
        DataRefusedError: None ran through untouched, or all of them moved with the event.
    """
    fleet = prepared.fleet
    first, last = event_span(fleet, event)
    begin = first - FIT_MINUTES
    times = prepared.timetable
    through = (times.run_start_s <= begin * S_PER_MINUTE) & (times.run_end_s >= last * S_PER_MINUTE)
    kept, refused, rows = [], [], []
    for job in np.unique(times.run_job[through]).tolist():
        if begin < 0 or any(
            touch.start_s < last * S_PER_MINUTE and touch.end_s > begin * S_PER_MINUTE
            for touch in prepared.touches.get(job, ())
        ):
            continue
        minutes = job_minutes(fleet, prepared.runs_of[job], begin, last)
        known = ~np.isnan(minutes.per_gpu_w)
        if known.mean() < 1 - _MAX_LOST:
            continue
        place = np.arange(last - begin)
        its_kw = (
            np.interp(place, place[known], minutes.per_gpu_w[known]) * minutes.gpus_on / W_PER_KW
        )
        job_id = fleet.jobs[job].job_id
        if is_contaminated(its_kw, first - begin):
            refused.append(job_id)
        else:
            kept.append(job_id)
            rows.append(its_kw)
    if not rows:
        raise DataRefusedError(
            thing="un-curtailed jobs",
            expected="at least one that ran through the day before the event and the event",
            found=f"none, and {len(refused)} that moved as control began" if refused else "none",
            remedy="leave some jobs out of control, or choose another method",
        )
    return Donors(begin=begin, job_ids=tuple(kept), power_kw=np.array(rows), refused=tuple(refused))


def is_contaminated(power: Array, place: int) -> bool:
    r"""Say whether a series moves at a place more than ever before.

    .. math:: |J(t)| > \max_{s < t} |J(s)|, \qquad
              J(t) = \bar p_{[t, t + 60)} - \bar p_{[t - 60, t)}

    Of n earlier moves at every half hour a series that the event does not touch exceeds all of
    them with a probability of 1 / (n + 1): of 44, 2 %.

    Args:
        power: The series, minute by minute, shape (n,).
        place: The minute at which control began.

    Examples:
        A wave of four hours goes on; a fall by 30 in minute 520 is new.

        >>> minute = np.arange(600)
        >>> wave = 100 + np.sin(minute * 2 * np.pi / 240)
        >>> is_contaminated(wave, 500), is_contaminated(wave - 30 * (minute > 520), 500)
        (False, True)
    """
    sums = np.concatenate([[0.0], np.cumsum(power)])

    def jump(at: int) -> float:
        end = min(at + _LEVEL_MINUTES, len(power))
        after = (sums[end] - sums[at]) / (end - at)
        before = (sums[at] - sums[at - _LEVEL_MINUTES]) / _LEVEL_MINUTES
        return abs(float(after - before))

    earlier = range(place - _LEVEL_MINUTES, _LEVEL_MINUTES - 1, -_JUMP_STEP_MINUTES)
    return jump(place) > max(map(jump, earlier), default=np.inf)


def difference_in_differences(prepared: Prepared, event: FleetEvent) -> GpuEstimate:
    r"""Let the other GPUs change as the donors did.

    .. math:: \Delta P(t) = \bar P_{pre} \frac{D(t)}{\bar D_{pre}} - P(t)

    with the power D of all donors, P of all other GPUs, and the hour before control.
    """
    donors = find_donors(prepared, event)
    donor_kw = donors.power_kw.sum(axis=0)
    rest_kw = _rest_kw(prepared, event, donors)
    n = event.end_minute - event_span(prepared.fleet, event)[0]
    before = slice(-n - _LEVEL_MINUTES, -n)
    expected_kw = np.nanmean(rest_kw[before]) * donor_kw[-n:] / donor_kw[before].mean()
    return _estimate(prepared, event, donors, expected_kw - rest_kw[-n:])


def synthetic_control(prepared: Prepared, event: FleetEvent) -> GpuEstimate:
    r"""Let the other GPUs follow the donors as they did on the day before.

    .. math:: \min_{a, w} \sum_k \Big(P_k - a - \sum_i w_i D_{ik}\Big)^2 + \lambda |w|^2

    on means of a quarter of an hour over 24 hours, then moved to the level of the hour before.

    Source:
        Ben-Michael, Feller, Rothstein, The augmented synthetic control method, JASA 116, 2021:
        ridge weights, which may be negative, with an intercept.
    """
    donors = find_donors(prepared, event)
    rest_kw = _rest_kw(prepared, event, donors)
    n = event.end_minute - event_span(prepared.fleet, event)[0]
    fitted = slice(0, FIT_MINUTES)
    steps = donors.power_kw[:, fitted].reshape(len(donors.job_ids), -1, _STEP_MINUTES).mean(axis=2)
    target = rest_kw[fitted].reshape(-1, _STEP_MINUTES)
    known = ~np.isnan(target).any(axis=1)
    x, y = steps[:, known], target[known].mean(axis=1)
    x_mean, y_mean = x.mean(axis=1), y.mean()
    moment = (x - x_mean[:, np.newaxis]) @ (x - x_mean[:, np.newaxis]).T
    penalty = _RIDGE_RATIO * np.trace(moment) / len(moment) + np.finfo(float).tiny
    weights = np.linalg.solve(
        moment + penalty * np.eye(len(moment)), (x - x_mean[:, np.newaxis]) @ (y - y_mean)
    )
    follows_kw = weights @ donors.power_kw
    before = slice(-n - _LEVEL_MINUTES, -n)
    offset_kw = np.nanmean(rest_kw[before] - follows_kw[before])
    return _estimate(prepared, event, donors, follows_kw[-n:] + offset_kw - rest_kw[-n:])


def _rest_kw(prepared: Prepared, event: FleetEvent, donors: Donors) -> Array:
    """Return the power of all GPUs but the donors', like the donors' [kW]."""
    total_kw = power_kw(prepared.fleet, donors.begin, event.end_minute)
    rest_kw: Array = total_kw - donors.power_kw.sum(axis=0)
    return rest_kw


def _estimate(
    prepared: Prepared, event: FleetEvent, donors: Donors, change_kw: Array
) -> GpuEstimate:
    first, last = event_span(prepared.fleet, event)
    held = held_gpus(prepared, first - _LEVEL_MINUTES, last)
    findings = [f"{len(donors.job_ids)} jobs that control did not touch stand for the others"]
    if donors.refused:
        names = ", ".join(donors.refused)
        findings.append(f"moved as control began, and refused as donors: {names}")
    return GpuEstimate(
        first=first,
        change_kw=np.nan_to_num(change_kw),
        busy_change=held[:_LEVEL_MINUTES].mean() - held[_LEVEL_MINUTES:],
        findings=tuple(findings),
    )
