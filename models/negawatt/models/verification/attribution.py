"""Which jobs the reduction came from, as far as telemetry can say; never a settled figure.

Each job is compared with its own level in the hour before the dispatch. Here: that comparison and
what it leaves unexplained. Not here: what a job would have done (counterfactual), and money, which
follows the meter.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.verification.context import ControlAction, ControlKind
from negawatt.models.verification.power import power_kw_in

LEVEL_SPAN = timedelta(hours=1)
NOT_KNOWN: Final = "not known"
NONE_LOGGED: Final = "none logged"
_WORDS: Final = {
    ControlKind.CAP: "capped",
    ControlKind.PAUSE: "paused",
    ControlKind.HOLD: "held",
    ControlKind.MIGRATE: "migrated",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReduction:
    """One job in an event.

    Attributes:
        job_id: The job.
        level_kw: Mean power in the hour before the dispatch [kW], None where not known.
        event_kw_mean: Mean power in the event [kW], None where not known.
        reduction_kwh: Level less use, over the event [kWh]; None where either is not known.
        within_limit_ratio: Share of the event's intervals at or below the target share of its own
            level, 0 to 1; None without a target.
        note: Why a figure is missing.
        mechanism: What the dispatch log says was done to it: each kind once, in order of time;
            ``none logged`` where the log names it nowhere, ``not known`` without a log.
    """

    job_id: str
    level_kw: float | None
    event_kw_mean: float | None
    reduction_kwh: float | None
    within_limit_ratio: float | None
    note: str
    mechanism: str = NOT_KNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """The jobs of an event beside the meter, all compared in the same way.

    Attributes:
        basis: How each is compared, in words.
        jobs: Every job seen in the hour before or in the event, largest reduction first, those
            without a figure last.
        site_reduction_kwh: The meter, compared in the same way [kWh], None where not known.
        residual_kwh: What the jobs' reductions leave of it [kWh]: hosts, cooling, losses, idle
            GPUs, and the jobs without a figure.
    """

    basis: str
    jobs: tuple[JobReduction, ...]
    site_reduction_kwh: float | None
    residual_kwh: float | None


def attribute_to_jobs(
    site: LoadSeries,
    jobs: Mapping[str, LoadSeries],
    event: Interval,
    *,
    dispatch: Interval,
    target_reduction_ratio: float | None = None,
    actions: Sequence[ControlAction] | None = None,
) -> Attribution:
    r"""Compare each job, and the meter, with its own hour before the dispatch.

    .. math:: R_j = \bar P_{j,\text{before}} \, T - E_j

    A job that was not measured through the whole hour or the whole event has no figure: one that
    ended by itself reduced nothing, and one that started replaced nothing that is known.

    Args:
        site: Load at the settlement meter.
        jobs: Load of each job.
        event: The event window, length T.
        dispatch: The span in which the site was not left alone; the hour ends at its start.
        target_reduction_ratio: Share of its level that a job was to give up, 0 to 1.
        actions: The dispatch log; None where none was kept. What was done to a job is read there
            and nowhere else: a load that fell does not say why.
    """
    before = Interval(dispatch.start_utc - LEVEL_SPAN, dispatch.start_utc)
    found = [
        _job(job_id, load, before, event, target_reduction_ratio)
        for job_id, load in sorted(jobs.items())
    ]
    during = None if actions is None else [a for a in actions if dispatch.contains(a.at_utc)]
    seen = [
        replace(job, mechanism=_mechanism(job.job_id, during)) for job in found if job is not None
    ]
    whole = _job(site.meter_id, site, before, event, None)
    site_kwh = whole.reduction_kwh if whole else None
    return Attribution(
        basis=f"each compared with its own mean from {before.start_utc:%Y-%m-%d %H:%M} to "
        f"{before.end_utc:%H:%M} UTC",
        jobs=tuple(sorted(seen, key=_largest_first)),
        site_reduction_kwh=site_kwh,
        residual_kwh=None if site_kwh is None else site_kwh - _known_sum_kwh(seen),
    )


def _job(
    job_id: str, load: LoadSeries, before: Interval, event: Interval, target_ratio: float | None
) -> JobReduction | None:
    """Return what is known of one job, None where it was not there at all."""
    if any(load.enclosing(window) != window for window in (before, event)):
        return _off_grid(job_id, load)
    before_kw, event_kw = power_kw_in(load, before), power_kw_in(load, event)
    if np.isnan(before_kw).all() and np.isnan(event_kw).all():
        return None
    level_kw, event_kw_mean = float(before_kw.mean()), float(event_kw.mean())
    known = not math.isnan(level_kw) and not math.isnan(event_kw_mean)
    return JobReduction(
        job_id=job_id,
        level_kw=None if math.isnan(level_kw) else level_kw,
        event_kw_mean=None if math.isnan(event_kw_mean) else event_kw_mean,
        reduction_kwh=(level_kw - event_kw_mean) * event.duration_h if known else None,
        within_limit_ratio=float(np.mean(event_kw <= (1 - target_ratio) * level_kw))
        if known and target_ratio is not None
        else None,
        note=_note(np.isnan(before_kw), np.isnan(event_kw)),
    )


def _mechanism(job_id: str, actions: Sequence[ControlAction] | None) -> str:
    if actions is None:
        return NOT_KNOWN
    own = sorted((a for a in actions if a.job_id == job_id), key=lambda a: (a.at_utc, a.kind))
    words = dict.fromkeys(_WORDS[action.kind] for action in own if action.kind in _WORDS)
    return ", ".join(words) or NONE_LOGGED


def _off_grid(job_id: str, load: LoadSeries) -> JobReduction:
    return JobReduction(
        job_id=job_id,
        level_kw=None,
        event_kw_mean=None,
        reduction_kwh=None,
        within_limit_ratio=None,
        note=f"its intervals of {load.interval_minutes} minutes do not fit the event",
    )


def _note(before_unknown: NDArray[np.bool_], event_unknown: NDArray[np.bool_]) -> str:
    if before_unknown.any():
        return "not measured through the whole hour before"
    if event_unknown[-1]:
        return "ended, or was no longer measured, before the event did"
    return "not measured through the whole event" if event_unknown.any() else ""


def _largest_first(job: JobReduction) -> tuple[bool, float, str]:
    return (job.reduction_kwh is None, -(job.reduction_kwh or 0.0), job.job_id)


def _known_sum_kwh(jobs: Sequence[JobReduction]) -> float:
    return math.fsum(job.reduction_kwh for job in jobs if job.reduction_kwh is not None)
