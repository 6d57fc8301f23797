"""How a course of events comes about: jobs arrive, start, are capped or paused, fail and end.

Here: the loop over the moments at which something changes. Nothing in it is drawn: all
randomness is in the jobs, the outages and the surroundings, so the same jobs with one event more
run identically until that event's first action. Not here: power.
"""

import copy
import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Self

from negawatt.models.domain.units import S_PER_MINUTE
from negawatt.models.simulation.cap_response import speed_ratio
from negawatt.models.simulation.control import PAUSED, UNCAPPED, Action, Controller, Demand
from negawatt.models.simulation.grid import S_PER_DAY
from negawatt.models.simulation.job_power import (
    activity_power_ratio,
    profile_power_ratio,
    shape_of,
)
from negawatt.models.simulation.jobs import Job
from negawatt.models.simulation.layout import Pool, pool_nodes
from negawatt.models.simulation.outages import Outage
from negawatt.models.simulation.plan import HallEvent, HallPlan
from negawatt.models.simulation.scheduler import FreeGpus, Queue
from negawatt.models.simulation.workloads import RESTART_S
from negawatt.models.simulation.world import ControlAction, JobRun, Stretch, Surroundings, World


class _Kind(IntEnum):
    """Order of what happens in one second: ends free GPUs before arrivals and control see them."""

    END = 0
    CANCEL = 1
    DOWN = 2
    UP = 3
    SUBMIT = 4
    CONTROL = 5


@dataclass(slots=True, kw_only=True)
class _Running:
    """A job that holds GPUs; ``version`` tells a planned end that still holds from a stale one.

    ``cap_ratio`` is what the operator commands and ``loaded_s`` when its work goes on.
    """

    gpus: tuple[int, ...]
    since_s: int
    estimated_end_s: float
    work_s: float = 0.0
    cap_ratio: float = UNCAPPED
    loaded_s: int
    version: int = 0


def run_world(
    plan: HallPlan,
    jobs: Sequence[Job],
    surroundings: Surroundings,
    events: Sequence[HallEvent],
    outages: Sequence[Outage] = (),
) -> World:
    """Run the jobs with control in the given events.

    Args:
        plan: The hall.
        jobs: All jobs, with all that is random in them.
        surroundings: Weather and people.
        events: The events that the operator acts on: all of the plan's, or all but the last.
        outages: When nodes are down.
    """
    run = _Run(plan, jobs, surroundings, outages)
    for event in events:
        run.expect(event)
    return run.to_the_end()


def run_both_worlds(
    plan: HallPlan,
    jobs: Sequence[Job],
    surroundings: Surroundings,
    outages: Sequence[Outage],
) -> tuple[World, World]:
    """Run the world with control in all events, and the one without the last.

    They are one until the last event's ramp begins, and are run together until then.
    """
    run = _Run(plan, jobs, surroundings, outages)
    for event in plan.events[:-1]:
        run.expect(event)
    if not plan.events:
        world = run.to_the_end()
        return world, world
    run.until(plan.second_of(plan.events[-1].controlled.start_utc))
    without = run.fork()
    run.expect(plan.events[-1])
    return run.to_the_end(), without.to_the_end()


class _Run:
    """The state of a world while it runs."""

    def __init__(
        self,
        plan: HallPlan,
        jobs: Sequence[Job],
        surroundings: Surroundings,
        outages: Sequence[Outage],
    ) -> None:
        self._plan = plan
        self._jobs = jobs
        self._surroundings = surroundings
        self._outages = outages
        self._end_s = plan.days * S_PER_DAY
        self._pool_of_node = {
            node: pool for pool, nodes in pool_nodes(plan).items() for node in nodes
        }
        self._free = {
            pool: FreeGpus(self._gpus_of(node) for node in nodes)
            for pool, nodes in pool_nodes(plan).items()
        }
        self._queues = {pool: Queue() for pool in Pool}
        self._running: dict[int, _Running] = {}
        self._version = 0
        self._saved_work_s: dict[int, float] = {}
        self._controllers: list[Controller] = []
        self._holding = False
        self._held: set[int] = set()
        self._stretches: list[Stretch] = []
        self._runs = [JobRun()] * len(jobs)
        self._actions: list[ControlAction] = []
        self._agenda = list(self._first_agenda())
        heapq.heapify(self._agenda)

    def _first_agenda(self) -> Iterator[tuple[int, _Kind, int, int]]:
        for index, job in enumerate(self._jobs):
            yield job.submit_s, _Kind.SUBMIT, index, 0
            if job.cancel_s is not None:
                yield job.cancel_s, _Kind.CANCEL, index, 0
        for number, outage in enumerate(self._outages):
            yield outage.down_s, _Kind.DOWN, number, 0
            yield outage.up_s, _Kind.UP, number, 0

    def fork(self) -> Self:
        """Return a run that goes on from here by itself."""
        twin = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, list | set):
                setattr(twin, name, value.copy())
        for name in ("_free", "_queues", "_running", "_saved_work_s"):
            setattr(twin, name, copy.deepcopy(getattr(self, name)))
        return twin

    def expect(self, event: HallEvent) -> None:
        """Put an event's control on the agenda, once a minute."""
        if not event.carried_out:
            return
        number = len(self._controllers)
        self._controllers.append(Controller(self._plan, event, self._surroundings.temp_c))
        controlled = event.controlled
        first_s, last_s = map(self._plan.second_of, (controlled.start_utc, controlled.end_utc))
        for at_s in range(first_s, last_s, S_PER_MINUTE):
            heapq.heappush(self._agenda, (at_s, _Kind.CONTROL, number, 0))

    def to_the_end(self) -> World:
        """Let everything happen."""
        self.until(self._end_s)
        for index in sorted(self._running):
            self._close_stretch(self._end_s, index)
        return World(
            stretches=tuple(self._stretches),
            runs=tuple(self._runs),
            actions=tuple(self._actions),
        )

    def until(self, end_s: int) -> None:
        """Let everything happen that happens before a second."""
        while self._agenda and self._agenda[0][0] < end_s:
            now_s, kind, index, version = heapq.heappop(self._agenda)
            if self._happens(now_s, kind, index, version):
                self._start_waiting(now_s)

    def _happens(self, now_s: int, kind: _Kind, index: int, version: int) -> bool:
        """Let one thing happen, and say whether it did: a planned end may be out of date."""
        match kind:
            case _Kind.END:
                running = self._running.get(index)
                if running is None or running.version != version:
                    return False
                self._leave(now_s, index, done=True)
            case _Kind.CANCEL:
                self._cancel(now_s, index)
            case _Kind.DOWN:
                self._fail(now_s, self._outages[index].node)
            case _Kind.UP:
                node = self._outages[index].node
                self._free[self._pool_of_node[node]].bring_up(self._gpus_of(node))
            case _Kind.SUBMIT:
                self._queues[self._jobs[index].pool].add(index, self._jobs[index])
            case _Kind.CONTROL:
                self._control(now_s, self._controllers[index])
        return True

    def _gpus_of(self, node: int) -> range:
        size = self._plan.gpus_per_node
        return range(node * size, (node + 1) * size)

    def _start_waiting(self, now_s: int) -> None:
        for pool, queue in self._queues.items():
            started = queue.start(
                now_s,
                self._free[pool],
                may_start=self._may_start,
                ends=partial(self._ends, now_s, pool) if self._plan.backfill else None,
            )
            for index, gpus in started:
                self._start(now_s, index, gpus)

    def _start(self, now_s: int, index: int, gpus: tuple[int, ...]) -> None:
        saved_s = self._saved_work_s.get(index, 0.0)
        loading_s = RESTART_S if self._runs[index].placements else 0
        self._running[index] = _Running(
            gpus=gpus,
            since_s=now_s,
            estimated_end_s=now_s + (self._jobs[index].est_runtime_s or math.inf),
            work_s=saved_s,
            loaded_s=now_s + loading_s,
        )
        self._runs[index] = self._runs[index].placed(gpus, now_s)
        self._plan_end(now_s, index)

    def _ends(self, now_s: int, pool: Pool) -> Iterator[tuple[float, tuple[int, ...]]]:
        """Return when the running jobs of a pool should end; the overdue any moment."""
        for index, running in self._running.items():
            if self._jobs[index].pool is pool:
                yield max(running.estimated_end_s, now_s + S_PER_MINUTE), running.gpus

    def _may_start(self, job: Job) -> bool:
        return job.tier == 0 or not self._holding

    def _leave(self, now_s: int, index: int, *, done: bool) -> float:
        """Take a job off its GPUs, at its end or after a failure; return the work it did [s]."""
        self._close_stretch(now_s, index)
        running = self._running.pop(index)
        self._free[self._jobs[index].pool].give_back(running.gpus)
        self._runs[index] = self._runs[index].left(now_s, done=done)
        return running.work_s

    def _cancel(self, now_s: int, index: int) -> None:
        if index in self._running:
            self._leave(now_s, index, done=True)
        else:
            self._queues[self._jobs[index].pool].remove(index)

    def _fail(self, now_s: int, node: int) -> None:
        """Take a node down; what ran there is queued again, from its last checkpoint."""
        gpus = self._gpus_of(node)
        self._free[self._pool_of_node[node]].take_down(gpus)
        hit = [i for i, running in self._running.items() if not set(gpus).isdisjoint(running.gpus)]
        for index in hit:
            job = self._jobs[index]
            done_s = self._leave(now_s, index, done=False)
            if job.work_s is not None:
                self._saved_work_s[index] = shape_of(job).checkpoint_s(done_s)
            self._queues[job.pool].add(index, job)

    def _control(self, now_s: int, controller: Controller) -> None:
        window_end_s = self._plan.second_of(controller.event.window.end_utc)
        self._holding = controller.event.hold_starts and now_s < window_end_s
        self._note_holds(now_s)
        demands = [self._demand(now_s, index) for index in sorted(self._running)]
        for index, cap_ratio in controller.caps(now_s, demands).items():
            if cap_ratio != self._running[index].cap_ratio:
                self._set_cap(now_s, index, cap_ratio)

    def _note_holds(self, now_s: int) -> None:
        """Log each job that is held in the queue, and its release."""
        waiting = {
            index
            for queue in self._queues.values()
            for index in queue.indexes
            if self._holding and self._plan.log_holds and self._jobs[index].tier > 0
        }
        for indexes, action in (
            (waiting - self._held, Action.HOLD),
            (self._held - waiting, Action.RELEASE),
        ):
            self._actions += [
                ControlAction(at_s=now_s, job_index=index, action=action, power_ratio=None)
                for index in sorted(indexes)
            ]
        self._held = waiting

    def _demand(self, now_s: int, index: int) -> Demand:
        """Return a running job as its profile says: a mean over dips, and its load now."""
        job = self._jobs[index]
        if job.activity_row is None:
            ratio = profile_power_ratio(job)
        else:
            activity = self._surroundings.activity(job)[now_s // S_PER_MINUTE]
            ratio = float(activity_power_ratio(self._plan.gpu, job, activity))
        return Demand(
            index=index,
            job_class=job.job_class,
            tier=job.tier,
            gpu_count=job.gpu_count,
            uncapped_ratio=ratio,
        )

    def _set_cap(self, now_s: int, index: int, cap_ratio: float) -> None:
        running = self._running[index]
        self._close_stretch(now_s, index)
        running.loaded_s = max(running.loaded_s, now_s + self._loading_s(running, cap_ratio))
        running.cap_ratio = cap_ratio
        self._plan_end(now_s, index)
        away = Action.PAUSE if self._plan.second_site is None else Action.MIGRATE
        action = {PAUSED: away, UNCAPPED: Action.RELEASE}.get(cap_ratio, Action.CAP)
        self._actions.append(
            ControlAction(at_s=now_s, job_index=index, action=action, power_ratio=cap_ratio)
        )

    def _loading_s(self, running: _Running, cap_ratio: float) -> int:
        """Return the time without progress that a change of a job's cap costs [s]."""
        site = self._plan.second_site
        if running.cap_ratio == PAUSED:
            return RESTART_S if site is None else site.transfer_s
        return site.transfer_s if site is not None and cap_ratio == PAUSED else 0

    def _plan_end(self, now_s: int, index: int) -> None:
        running, work_s = self._running[index], self._jobs[index].work_s
        self._version += 1
        running.version = self._version
        speed = self._speed(index)
        if work_s is None or speed == 0:
            return
        needed_s = math.ceil((work_s - running.work_s) / speed)
        end_s = max(now_s, running.loaded_s) + needed_s
        heapq.heappush(self._agenda, (end_s, _Kind.END, index, running.version))

    def _cap_in_force(self, index: int) -> float:
        """Return the cap as the job feels it: some take no notice, but all can be paused."""
        cap_ratio = self._running[index].cap_ratio
        complies = self._jobs[index].complies or cap_ratio == PAUSED
        return cap_ratio if complies else UNCAPPED

    def _speed(self, index: int) -> float:
        cap_ratio = self._cap_in_force(index)
        if cap_ratio == PAUSED:
            return 0.0 if self._plan.second_site is None else 1.0
        return speed_ratio(self._jobs[index].job_class, cap_ratio)

    def _close_stretch(self, now_s: int, index: int) -> None:
        """Book a running job's time since its last change, and go on from now."""
        running = self._running[index]
        loaded_s = min(max(running.loaded_s, running.since_s), now_s)
        speed = self._speed(index)
        for start_s, end_s, its_speed in (
            (running.since_s, loaded_s, 0.0),
            (loaded_s, now_s, speed),
        ):
            if end_s > start_s:
                stretch = Stretch(
                    job_index=index,
                    gpus=running.gpus,
                    start_s=start_s,
                    end_s=end_s,
                    cap_ratio=self._cap_in_force(index),
                    speed_ratio=its_speed,
                    work_start_s=running.work_s,
                )
                self._stretches.append(stretch)
                running.work_s += stretch.work_s
        running.since_s = now_s
