"""Where the reduction came from, as far as telemetry can say; never a settled figure.

Site, GPUs, nodes and jobs are each compared with their own level in the hour before the dispatch.
Here: that comparison and what each step leaves unexplained. Not here: what a job would have done
(counterfactual), and money, which follows the meter.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.verification.context import (
    NO_CONTEXT,
    Context,
    ControlAction,
    ControlKind,
)
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
class NodeReduction:
    """The GPUs of one node in an event.

    Attributes:
        node_id: The node.
        reduction_kwh: Level less use, over the event [kWh]; None where either is not known.
    """

    node_id: str
    reduction_kwh: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MechanismReduction:
    """The jobs to which one thing was done.

    Attributes:
        name: What was done, in the words of JobReduction.mechanism.
        job_count: Jobs, those without a figure among them.
        reduction_kwh: Their known reductions together [kWh].
    """

    name: str
    job_count: int
    reduction_kwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """Site, GPUs, nodes and jobs of an event, all compared in the same way.

    Attributes:
        basis: How each is compared, in words.
        jobs: Every job seen in the hour before or in the event, largest reduction first, those
            without a figure last.
        site_reduction_kwh: The meter, compared in the same way [kWh], None where not known.
        residual_kwh: What the jobs' reductions leave of it [kWh]: hosts, cooling, losses, idle
            GPUs, and the jobs without a figure.
        it_reduction_kwh: All GPUs together [kWh], None where not measured throughout.
        overhead_reduction_kwh: Site less GPUs [kWh]: hosts, cooling and losses.
        idle_reduction_kwh: GPUs less jobs [kWh]: idle GPUs, and the jobs without a figure.
        nodes: Every node with measured GPUs, largest reduction first, those without a figure last.
        node_residual_kwh: GPUs less the nodes with a figure [kWh]; None without nodes.
        mechanisms: The jobs by what was done to them, by name.
    """

    basis: str
    jobs: tuple[JobReduction, ...]
    site_reduction_kwh: float | None
    residual_kwh: float | None
    it_reduction_kwh: float | None = None
    overhead_reduction_kwh: float | None = None
    idle_reduction_kwh: float | None = None
    nodes: tuple[NodeReduction, ...] = ()
    node_residual_kwh: float | None = None
    mechanisms: tuple[MechanismReduction, ...] = ()


def attribute_to_jobs(
    site: LoadSeries,
    jobs: Mapping[str, LoadSeries],
    event: Interval,
    *,
    dispatch: Interval,
    target_reduction_ratio: float | None = None,
    context: Context = NO_CONTEXT,
) -> Attribution:
    r"""Compare jobs, nodes, GPUs and meter, each with its own hour before the dispatch.

    .. math::

        R_j = \bar P_{j,\text{before}} \, T - E_j, \qquad
        R_{site} = R_{overhead} + R_{IT}, \qquad R_{IT} = \sum_j R_j + R_{idle}

    A job that was not measured through the whole hour or the whole event has no figure: one that
    ended by itself reduced nothing, and one that started replaced nothing that is known.

    Args:
        site: Load at the settlement meter.
        jobs: Load of each job.
        event: The event window, length T.
        dispatch: The span in which the site was not left alone; the hour ends at its start.
        target_reduction_ratio: Share of its level that a job was to give up, 0 to 1.
        context: Power of GPUs and nodes, and the dispatch log. What was done to a job is read there
            and nowhere else: a load that fell does not say why.
    """
    before = Interval(dispatch.start_utc - LEVEL_SPAN, dispatch.start_utc)
    found = [
        _job(job_id, load, before, event, target_reduction_ratio)
        for job_id, load in sorted(jobs.items())
    ]
    actions = context.actions
    during = None if actions is None else [a for a in actions if dispatch.contains(a.at_utc)]
    seen = [
        replace(job, mechanism=_mechanism(job.job_id, during)) for job in found if job is not None
    ]
    jobs_kwh, site_kwh = _known_sum_kwh(seen), _reduction_kwh(site, before, event)
    it_kwh = None if context.it_load is None else _reduction_kwh(context.it_load, before, event)
    nodes = [
        NodeReduction(node_id=node_id, reduction_kwh=_reduction_kwh(load, before, event))
        for node_id, load in sorted(context.node_loads.items())
    ]
    return Attribution(
        basis=f"each compared with its own mean from {before.start_utc:%Y-%m-%d %H:%M} to "
        f"{before.end_utc:%H:%M} UTC",
        jobs=tuple(sorted(seen, key=lambda job: _largest_first(job.reduction_kwh, job.job_id))),
        site_reduction_kwh=site_kwh,
        residual_kwh=_less(site_kwh, jobs_kwh),
        it_reduction_kwh=it_kwh,
        overhead_reduction_kwh=_less(site_kwh, it_kwh),
        idle_reduction_kwh=_less(it_kwh, jobs_kwh),
        nodes=tuple(
            sorted(nodes, key=lambda node: _largest_first(node.reduction_kwh, node.node_id))
        ),
        node_residual_kwh=_less(it_kwh, _known_sum_kwh(nodes)) if nodes else None,
        mechanisms=tuple(_by_mechanism(seen)),
    )


def _reduction_kwh(load: LoadSeries, before: Interval, event: Interval) -> float | None:
    whole = _job(load.meter_id, load, before, event, None)
    return whole.reduction_kwh if whole else None


def _less(whole_kwh: float | None, part_kwh: float | None) -> float | None:
    return None if whole_kwh is None or part_kwh is None else whole_kwh - part_kwh


def _by_mechanism(jobs: Sequence[JobReduction]) -> Iterator[MechanismReduction]:
    for name in sorted({job.mechanism for job in jobs}):
        own = [job for job in jobs if job.mechanism == name]
        yield MechanismReduction(name=name, job_count=len(own), reduction_kwh=_known_sum_kwh(own))


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


def _largest_first(reduction_kwh: float | None, name: str) -> tuple[bool, float, str]:
    return (reduction_kwh is None, -(reduction_kwh or 0.0), name)


def _known_sum_kwh(parts: Sequence[JobReduction] | Sequence[NodeReduction]) -> float:
    return math.fsum(part.reduction_kwh for part in parts if part.reduction_kwh is not None)
