"""Tiny fleets made by hand: nodes of four GPUs, a few jobs, constant power, minutes for all times.

Here: building a fleet, and the two ways in which its tests look at the answer. An idle GPU draws
``IDLE_W``, a job's GPU what the test says; no noise but where a test adds it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from negawatt.models.counterfactual.control import event_actions, touches_during
from negawatt.models.counterfactual.fleet import (
    Action,
    ControlAction,
    Fleet,
    FleetEvent,
    Job,
    Progress,
    Run,
)
from negawatt.models.counterfactual.gpu_change import GpuChange, Mechanism, Prepared, gpu_change
from negawatt.models.counterfactual.job_level import Reference
from negawatt.models.counterfactual.policy import DEFAULT_POLICY

Floats = NDArray[np.float64]
START_UTC = datetime(2026, 6, 1, tzinfo=UTC)
IDLE_W = 50.0
NODE_SIZE = 4
DAY = 1440
EVENT = (600, 780)
NODE = [0, 1, 2, 3]
OTHER_NODE = [4, 5, 6, 7]
INF = float("inf")


@dataclass(frozen=True, kw_only=True)
class Work:
    """A job of a test; times in minutes.

    Attributes:
        name: Its name.
        runs: First minute, minute after the last, and GPUs of each of its runs.
        power_w: What one of its GPUs draws.
        drawn: Stretches in which that is another power: first, last, watt.
        submit: When it joined the queue; by default when it first ran.
        asked: What it asks for where it never ran.
    """

    name: str
    runs: Sequence[tuple[float, float, Sequence[int]]] = ()
    power_w: float = 400.0
    drawn: Sequence[tuple[int, int, float]] = ()
    submit: float | None = None
    estimate: float = 600.0
    tier: int = 2
    pool: str = "batch"
    job_class: str = "train"
    priority: float = 0.0
    asked: int = NODE_SIZE

    def job(self) -> Job:
        """Return the job as the scheduler knows it."""
        first = self.runs[0][0] if self.runs else 0.0
        return Job(
            job_id=self.name,
            job_class=self.job_class,
            tier=self.tier,
            gpu_count=len(self.runs[0][2]) if self.runs else self.asked,
            pool=self.pool,
            submit_s=60.0 * (first if self.submit is None else self.submit),
            end_s=60.0 * self.runs[-1][1] if self.runs else INF,
            est_runtime_s=60.0 * self.estimate,
            priority=self.priority,
        )


Act = tuple[float, str, Action, float]


def cap(minute: float, name: str, power_ratio: float = 0.5) -> Act:
    return minute, name, Action.CAP, power_ratio


def pause(minute: float, name: str) -> Act:
    return minute, name, Action.PAUSE, float("nan")


def release(minute: float, name: str) -> Act:
    return minute, name, Action.RELEASE, 1.0


def hold(minute: float, name: str) -> Act:
    return minute, name, Action.HOLD, float("nan")


def fleet_of(
    works: Sequence[Work],
    acts: Sequence[Act] = (),
    *,
    nodes: int = 1,
    pools: Sequence[str] | None = None,
    minutes: int = DAY,
    events: Sequence[tuple[int, int]] = (EVENT,),
    progress: Mapping[str, Progress] | None = None,
) -> Fleet:
    """Build a fleet; ``pools`` names the partition of each node, by default "batch"."""
    row = {work.name: index for index, work in enumerate(works)}
    gpus = nodes * NODE_SIZE
    runs = [
        Run(job=row[work.name], gpus=np.array(its), start_s=60.0 * start, end_s=60.0 * end)
        for work in works
        for start, end, its in work.runs
    ]
    return Fleet(
        start_utc=START_UTC,
        gpu_power_w=_power_w(works, (gpus, minutes)),
        gpu_node=np.repeat(np.arange(nodes), NODE_SIZE),
        gpu_pool=np.repeat(np.array(pools or ["batch"] * nodes), NODE_SIZE),
        jobs=tuple(work.job() for work in works),
        runs=tuple(sorted(runs, key=lambda run: (run.start_s, run.job))),
        actions=tuple(
            ControlAction(at_s=60.0 * minute, job=row[name], action=action, power_ratio=ratio)
            for minute, name, action, ratio in sorted(acts, key=lambda act: act[0])
        ),
        progress={row[name]: its for name, its in (progress or {}).items()},
        service_load={},
        meter_kw=np.full(minutes, np.nan),
        temp_c=np.full(minutes, np.nan),
        storage_kw=None,
        node_down=np.zeros((nodes, minutes), dtype=bool),
        other_sites_kw={},
        events=tuple(FleetEvent(start_minute=first, end_minute=last) for first, last in events),
    )


def _power_w(works: Sequence[Work], shape: tuple[int, int]) -> NDArray[np.float32]:
    power_w = np.full(shape, IDLE_W, dtype=np.float32)
    for work in works:
        for start, end, gpus in work.runs:
            course_w = np.full(shape[1], work.power_w)
            for first, last, watt in work.drawn:
                course_w[first:last] = watt
            where = slice(max(0, int(start)), int(min(end, shape[1])))
            power_w[list(gpus), where] = course_w[where]
    return power_w


def worked(*parts: tuple[float, float, float], until: float) -> Progress:
    """Return the progress of a job: from minute to minute at a speed, 1 where nothing is said."""
    at = np.arange(0.0, until + 1)
    speed = np.ones(len(at) - 1)
    for first, last, its_speed in parts:
        speed[int(first) : int(last)] = its_speed
    return Progress(at_s=60 * at, work_s=60 * np.concatenate([[0.0], np.cumsum(speed)]))


def down(fleet: Fleet, node: int, first: int, last: int) -> Fleet:
    """Return the fleet with a node out of service, its GPUs silent."""
    power_w, node_down = fleet.gpu_power_w.copy(), np.zeros_like(_known(fleet.node_down))
    power_w[fleet.gpu_node == node, first:last] = 0.0
    node_down[node, first:last] = True
    return replace(fleet, gpu_power_w=power_w, node_down=node_down)


def _known(node_down: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    assert node_down is not None
    return node_down


def change_of(fleet: Fleet, *, reference: Reference | None = None) -> GpuChange:
    """Return the change of the last event under the default policy."""
    prepared, event = Prepared(fleet), fleet.events[-1]
    starts_s = [action.at_s for action in event_actions(fleet, event)]
    span_s = (min([60.0 * event.start_minute, *starts_s]), 60.0 * event.end_minute)
    return gpu_change(
        prepared,
        touches_during(prepared.touches, *span_s),
        dict.fromkeys(prepared.queued_pools, DEFAULT_POLICY),
        span_s,
        reference=reference or Reference(),
    )


def kw_of(change: GpuChange, job: int) -> Floats:
    """Return what a job would have drawn more [kW], zeros where it would have run as it did."""
    found = [its.total_kw for its in change.jobs if its.job == job]
    return found[0] if found else np.zeros(change.last - change.first)


def course(*parts: tuple[int, int, float]) -> Floats:
    """Return a course over the event: from minute to minute a value [kW], else zero."""
    values = np.zeros(EVENT[1] - EVENT[0])
    for first, last, value in parts:
        values[first - EVENT[0] : last - EVENT[0]] = value
    return values


def mechanisms(change: GpuChange) -> dict[Mechanism, float]:
    """Return the mean over the event by mechanism [kW]."""
    return {name: round(float(kw.mean()), 9) for name, kw in change.by_mechanism_kw().items()}
