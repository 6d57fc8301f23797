"""What each job needed without control, and who would then have run when.

Here: work lost to caps and pauses, ends as they would have been, and a partition's state at one
moment, ready to be replayed. Not here: how a scheduler chooses (queue_replay.py), which policy a
site uses (policy.py), and power (job_level.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.counterfactual.control import Touch
from negawatt.models.counterfactual.fleet import Fleet, Progress, Run
from negawatt.models.counterfactual.queue_replay import (
    FOREVER,
    Holder,
    NodeChange,
    Policy,
    Request,
    replay,
)
from negawatt.models.domain.units import S_PER_MINUTE

RECOVERY_S: Final = 30 * S_PER_MINUTE
"""After a release a job loads again before it works; work is missed at most this much longer."""
_RATE_WINDOW_S: Final = 3600.0
_NOTICE_S: Final = 2 * S_PER_MINUTE
"""A node is noted as down a little after its jobs died: nobody starts on it in between."""

# Mean over eight workloads of throughput under a cap over throughput without (power-cap sweep of
# ai-emerald/emerald-ai-demo-may-2025, `power_cap_sweep.csv`, Apache-2.0, (c) 2025 Emerald AI).
_CAP_RATIO: Final = (0.25, 0.5, 0.625, 0.75, 0.875, 1.0)
_SPEED_RATIO: Final = (0.2126, 0.7277, 0.8433, 0.9101, 0.9554, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A job on GPUs: ``run`` is the run that was seen, None for a job that never ran."""

    job: int
    run: int | None
    start_s: float
    end_s: float
    gpu_count: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QueueCase:
    """A partition at one moment, with everything that will happen to it but the starts.

    Attributes:
        running: Who runs at the beginning, each with its end as it would have been.
        waiting: Who waits at the beginning or comes later; its start is the one that was seen,
            infinite where none was, its end follows from what it needed.
        requests: The same jobs as the scheduler sees them, by their place in ``waiting``.
        holders: The running jobs as the scheduler sees them.
        node_size: GPUs of a node.
        nodes_up: Which nodes are in service at the beginning.
        changes: Nodes that fail or return.
        span_s: Beginning and end [s].
    """

    running: tuple[Stay, ...]
    waiting: tuple[Stay, ...]
    requests: tuple[Request, ...]
    holders: tuple[Holder, ...]
    node_size: int
    nodes_up: tuple[bool, ...]
    changes: tuple[NodeChange, ...]
    span_s: tuple[float, float]
    _played: dict[Policy, list[Stay]] = field(default_factory=dict, init=False, repr=False)

    def play(self, policy: Policy) -> list[Stay]:
        """Return every stay that reaches into the span if starts follow a policy."""
        if policy not in self._played:
            self._played[policy] = self._play(policy)
        return self._played[policy]

    def _play(self, policy: Policy) -> list[Stay]:
        replayed = replay(
            self.requests,
            self.holders,
            node_size=self.node_size,
            nodes_up=self.nodes_up,
            changes=self.changes,
            policy=policy,
            span_s=self.span_s,
        )
        started = [
            replace(self.waiting[its.key], start_s=its.start_s, end_s=its.end_s) for its in replayed
        ]
        return [*self.running, *started]

    def as_seen(self) -> list[Stay]:
        """Return every stay that reaches into the span if all starts were as they were seen."""
        return [*self.running, *(s for s in self.waiting if s.start_s < self.span_s[1])]


def speed_under_cap(power_ratio: float) -> float:
    """Return throughput under a cap over throughput without it.

    Examples:
        >>> speed_under_cap(0.75), speed_under_cap(0.0)
        (0.9101, 0.0)
    """
    if power_ratio <= 0:
        return 0.0
    return float(np.interp(power_ratio, _CAP_RATIO, _SPEED_RATIO))


def lost_s(progress: Progress | None, touch: Touch, *, run_end_s: float) -> float:
    r"""Return the time that a touch cost a job [s]: how much earlier it would have ended.

    .. math:: \Delta = (t_2 - t_1) - \frac{W(t_2) - W(t_1)}{r}

    with the work W in full-speed seconds and the job's own rate r of work in the hour before.
    Without progress the rate under the cap is the published mean.

    Args:
        progress: Work done, if it was logged around the touch.
        touch: The touch.
        run_end_s: When the job left its GPUs [s].

    Examples:
        An hour at half speed: the job would have ended half an hour earlier.

        >>> at_s = np.array([0.0, 3600.0, 7200.0, 9000.0])
        >>> half = Progress(at_s=at_s, work_s=np.array([0.0, 3600.0, 5400.0, 7200.0]))
        >>> from negawatt.models.counterfactual.fleet import Action
        >>> touch = Touch(job=0, start_s=3600, end_s=7200, deepest=Action.CAP, power_ratio=0.4)
        >>> lost_s(half, touch, run_end_s=9000)
        1800.0
    """
    first_s = touch.start_s
    last_s = min(touch.end_s + RECOVERY_S, run_end_s)
    if progress is None or progress.at_s[0] > first_s or progress.at_s[-1] < first_s:
        touched_s = min(touch.end_s, run_end_s) - first_s
        return float(touched_s * (1 - speed_under_cap(touch.power_ratio)))
    last_s = min(last_s, float(progress.at_s[-1]))
    done_s = _work_at(progress, last_s) - _work_at(progress, first_s)
    return max(0.0, last_s - first_s - done_s / own_rate(progress, first_s))


def _work_at(progress: Progress, at_s: float) -> float:
    return float(np.interp(at_s, progress.at_s, progress.work_s))


def own_rate(progress: Progress, before_s: float) -> float:
    """Return a job's work per second in the hour before, 1 where too little of it is known."""
    from_s = max(float(progress.at_s[0]), before_s - _RATE_WINDOW_S)
    if before_s - from_s < _RATE_WINDOW_S / 6:
        return 1.0
    done_s = _work_at(progress, before_s) - _work_at(progress, from_s)
    return float(np.clip(done_s / (before_s - from_s), 0.5, 1.0))


class Timetable:
    """The runs and jobs of a fleet as arrays: what every replay of it starts from."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        jobs, runs = fleet.jobs, fleet.runs
        self.run_job = np.array([run.job for run in runs], dtype=np.int64)
        self.run_start_s = np.array([run.start_s for run in runs])
        self.run_end_s = np.array([run.end_s for run in runs])
        self.run_submit_s = self._queued_from()
        self.job_pool = np.array([job.pool for job in jobs])
        self.job_submit_s = np.array([job.submit_s for job in jobs])
        self.job_end_s = np.array([job.end_s for job in jobs])
        self.job_ran = np.isin(np.arange(len(jobs)), self.run_job)
        self.estimate_s = np.nan_to_num([job.est_runtime_s for job in jobs], nan=FOREVER)

    def _queued_from(self) -> NDArray[np.float64]:
        """Return when each run joined the queue: its job's submission, or the run before."""
        submit_s = np.empty(len(self.run_job))
        ends_s: dict[int, list[float]] = {}
        for index, job in enumerate(self.run_job.tolist()):
            before = [end_s for end_s in ends_s.get(job, []) if end_s <= self.run_start_s[index]]
            submit_s[index] = max(before, default=self._fleet.jobs[job].submit_s)
            ends_s.setdefault(job, []).append(float(self.run_end_s[index]))
        return submit_s

    @cached_property
    def runtime_ratio(self) -> float:
        """Median of actual over estimated run time of the jobs that have ended."""
        estimate_s = self.estimate_s[self.run_job]
        known = np.isfinite(self.run_end_s) & np.isfinite(estimate_s) & (estimate_s > 0)
        if not known.any():
            return 1.0
        ran_s = (self.run_end_s - self.run_start_s)[known]
        return float(np.median(ran_s / estimate_s[known]))

    def case(
        self, pool: str, touched: Mapping[int, Sequence[Touch]], span_s: tuple[float, float]
    ) -> QueueCase:
        """Return a partition at the beginning of a span, as if nothing were touched in it.

        Args:
            pool: The partition.
            touched: What control did in the span, by job.
            span_s: First act of control, and the last instant to know [s].
        """
        first_s, _ = span_s
        stays = self._seen(pool, touched, span_s)
        running = tuple(stay for stay, _ in stays if stay.start_s < first_s)
        waiting = [(stay, submit_s) for stay, submit_s in stays if stay.start_s >= first_s]
        waiting = sorted(waiting + self._never_seen(pool, span_s), key=_by_submission)
        nodes = np.unique(self._fleet.gpu_node[self._fleet.gpu_pool == pool])
        up, changes = _service(self._fleet, nodes, span_s)
        return QueueCase(
            running=running,
            waiting=tuple(stay for stay, _ in waiting),
            requests=tuple(
                self._request(key, stay, submit_s) for key, (stay, submit_s) in enumerate(waiting)
            ),
            holders=tuple(self._holder(stay, nodes) for stay in running),
            node_size=int(np.bincount(self._fleet.gpu_node)[nodes].max()),
            nodes_up=up,
            changes=changes,
            span_s=span_s,
        )

    def _seen(
        self, pool: str, touched: Mapping[int, Sequence[Touch]], span_s: tuple[float, float]
    ) -> list[tuple[Stay, float]]:
        """Return the runs of the span, ends as they would have been, and since when each waited."""
        first_s, last_s = span_s
        here = (
            (self.job_pool[self.run_job] == pool)
            & (self.run_end_s >= first_s)
            & (self.run_submit_s < last_s)
        )
        stays: list[tuple[Stay, float]] = []
        joined: set[int] = set()
        for index in np.flatnonzero(here).tolist():
            if index in joined:
                continue
            job = int(self.run_job[index])
            runs = self._joined(index, touched.get(job, ()))
            joined.update(runs)
            stay = Stay(
                job=job,
                run=index,
                start_s=float(self.run_start_s[index]),
                end_s=self._end_s(runs, touched.get(job, ())),
                gpu_count=len(self._fleet.runs[index].gpus),
            )
            stays.append((stay, float(self.run_submit_s[index])))
        return stays

    def _joined(self, index: int, its_touches: Sequence[Touch]) -> list[int]:
        """Return a run and those after it that only control kept apart."""
        runs = [index]
        for later in np.flatnonzero(self.run_job == self.run_job[index]).tolist():
            if later > runs[-1] and _is_cut(self._fleet.runs[runs[-1]], its_touches):
                runs.append(later)
        return runs

    def _end_s(self, runs: Sequence[int], its_touches: Sequence[Touch]) -> float:
        first, last = self._fleet.runs[runs[0]], self._fleet.runs[runs[-1]]
        if _is_cut(last, its_touches):
            return first.start_s + self.runtime_ratio * float(self.estimate_s[first.job])
        if len(runs) > 1:
            ran = self._fleet.runs
            return last.end_s - sum(ran[b].start_s - ran[a].end_s for a, b in pairwise(runs))
        if self.job_end_s[last.job] > last.end_s + S_PER_MINUTE:
            return last.end_s  # a failure ended it, which comes when it comes
        progress = self._fleet.progress.get(first.job)
        return last.end_s - sum(
            lost_s(progress, touch, run_end_s=last.end_s)
            for touch in its_touches
            if touch.start_s < last.end_s and touch.end_s > first.start_s
        )

    def _never_seen(self, pool: str, span_s: tuple[float, float]) -> list[tuple[Stay, float]]:
        """Return the jobs that waited in the span and never ran."""
        first_s, last_s = span_s
        waited = (
            ~self.job_ran
            & (self.job_pool == pool)
            & (self.job_submit_s < last_s)
            & (self.job_end_s > first_s)
        )
        return [
            (
                Stay(
                    job=job,
                    run=None,
                    start_s=FOREVER,
                    end_s=FOREVER,
                    gpu_count=self._fleet.jobs[job].gpu_count,
                ),
                float(self.job_submit_s[job]),
            )
            for job in np.flatnonzero(waited).tolist()
        ]

    def _request(self, key: int, stay: Stay, submit_s: float) -> Request:
        estimate_s = float(self.estimate_s[stay.job])
        seen = np.isfinite(stay.start_s)
        return Request(
            key=key,
            submit_s=submit_s,
            gpu_count=stay.gpu_count,
            duration_s=stay.end_s - stay.start_s if seen else self.runtime_ratio * estimate_s,
            estimate_s=estimate_s,
            priority=self._fleet.jobs[stay.job].priority,
            aged_from_s=float(self.job_submit_s[stay.job]),
        )

    def _holder(self, stay: Stay, nodes: NDArray[np.int64]) -> Holder:
        run = self._fleet.runs[stay.run if stay.run is not None else 0]
        held, counts = np.unique(self._fleet.gpu_node[run.gpus], return_counts=True)
        places = np.searchsorted(nodes, held)
        return Holder(
            end_s=stay.end_s,
            estimated_end_s=stay.start_s + float(self.estimate_s[stay.job]),
            allocation=tuple(zip(places.tolist(), counts.tolist(), strict=True)),
        )


def _by_submission(entry: tuple[Stay, float]) -> tuple[float, int]:
    return entry[1], entry[0].job


def _is_cut(run: Run, its_touches: Sequence[Touch]) -> bool:
    """Return whether control took the job off its GPUs, rather than its end or a failure."""
    return any(
        touch.off_s - S_PER_MINUTE <= run.end_s <= touch.off_s + RECOVERY_S
        and run.end_s < touch.end_s
        for touch in its_touches
    )


def _service(
    fleet: Fleet, nodes: NDArray[np.int64], span_s: tuple[float, float]
) -> tuple[tuple[bool, ...], tuple[NodeChange, ...]]:
    """Return which nodes are in service at the beginning, and what changes in the span."""
    if fleet.node_down is None:
        return (True,) * len(nodes), ()
    first, last = (int(at_s // S_PER_MINUTE) for at_s in span_s)
    down = fleet.node_down[nodes, first : last + 1]
    changes = []
    for place, minute in zip(*np.nonzero(down[:, 1:] != down[:, :-1]), strict=True):
        is_up = bool(down[place, minute])
        at_s = (first + 1 + minute) * S_PER_MINUTE - (0 if is_up else _NOTICE_S)
        changes.append(NodeChange(at_s=float(at_s), node=int(place), is_up=is_up))
    return tuple((~down[:, 0]).tolist()), tuple(changes)
