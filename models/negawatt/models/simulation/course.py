"""How a course of events comes about: jobs arrive, start, are capped or paused, and end.

Here: the loop over the moments at which something changes. Nothing in it is drawn: all
randomness is in the jobs and the surroundings, so the same jobs with one event more run
identically until that event's first action. Not here: power.
"""

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from negawatt.models.domain.units import S_PER_MINUTE
from negawatt.models.simulation.cap_response import speed_ratio
from negawatt.models.simulation.control import PAUSED, UNCAPPED, Action, Controller, Demand
from negawatt.models.simulation.grid import S_PER_DAY
from negawatt.models.simulation.job_power import (
    activity_power_ratio,
    batch_power_ratio,
    mean_dip_share,
)
from negawatt.models.simulation.jobs import Job
from negawatt.models.simulation.layout import Pool, pool_nodes
from negawatt.models.simulation.plan import HallEvent, HallPlan
from negawatt.models.simulation.scheduler import FreeGpus, Queue
from negawatt.models.simulation.workloads import RESTART_S
from negawatt.models.simulation.world import ControlAction, JobRun, Stretch, Surroundings, World


class _Kind(IntEnum):
    """Order of what happens in one second: ends free GPUs before arrivals and control see them."""

    END = 0
    SUBMIT = 1
    CONTROL = 2


@dataclass(slots=True, kw_only=True)
class _Running:
    """A job that holds GPUs; ``version`` tells a planned end that still holds from a stale one."""

    gpus: tuple[int, ...]
    since_s: int
    work_s: float = 0.0
    cap_ratio: float = UNCAPPED
    loaded_s: int
    version: int = 0


def run_world(
    plan: HallPlan,
    jobs: Sequence[Job],
    surroundings: Surroundings,
    events: Sequence[HallEvent],
) -> World:
    """Run the jobs with control in the given events.

    Args:
        plan: The hall.
        jobs: All jobs, with all that is random in them.
        surroundings: Weather and people.
        events: The events that the operator acts on: all of the plan's, or all but the last.
    """
    run = _Run(plan, jobs, surroundings)
    for event in events:
        run.expect(Controller(plan, event, surroundings.temp_c))
    return run.to_the_end()


class _Run:
    """The state of a world while it runs."""

    def __init__(self, plan: HallPlan, jobs: Sequence[Job], surroundings: Surroundings) -> None:
        self._plan = plan
        self._jobs = jobs
        self._surroundings = surroundings
        self._end_s = plan.days * S_PER_DAY
        size = plan.gpus_per_node
        self._free = {
            pool: FreeGpus(range(node * size, (node + 1) * size) for node in nodes)
            for pool, nodes in pool_nodes(plan).items()
        }
        self._queues = {pool: Queue() for pool in Pool}
        self._running: dict[int, _Running] = {}
        self._controllers: list[Controller] = []
        self._holding = False
        self._held: set[int] = set()
        self._stretches: list[Stretch] = []
        self._runs = [JobRun()] * len(jobs)
        self._actions: list[ControlAction] = []
        self._agenda = [(job.submit_s, _Kind.SUBMIT, i, 0) for i, job in enumerate(jobs)]
        heapq.heapify(self._agenda)

    def expect(self, controller: Controller) -> None:
        """Put an event's control on the agenda, once a minute."""
        controlled = controller.event.controlled
        number = len(self._controllers)
        self._controllers.append(controller)
        first_s, last_s = map(self._plan.second_of, (controlled.start_utc, controlled.end_utc))
        for at_s in range(first_s, last_s, S_PER_MINUTE):
            heapq.heappush(self._agenda, (at_s, _Kind.CONTROL, number, 0))

    def to_the_end(self) -> World:
        """Let everything happen."""
        while self._agenda and self._agenda[0][0] < self._end_s:
            now_s, kind, index, version = heapq.heappop(self._agenda)
            if kind is _Kind.SUBMIT:
                self._queues[self._jobs[index].pool].add(index, self._jobs[index])
            elif kind is _Kind.CONTROL:
                self._control(now_s, self._controllers[index])
            elif not self._finish(now_s, index, version):
                continue
            self._start_waiting(now_s)
        for index in sorted(self._running):
            self._close_stretch(self._end_s, index)
        return World(
            stretches=tuple(self._stretches),
            runs=tuple(self._runs),
            actions=tuple(self._actions),
        )

    def _start_waiting(self, now_s: int) -> None:
        for pool, queue in self._queues.items():
            for index, gpus in queue.start(now_s, self._free[pool], may_start=self._may_start):
                self._running[index] = _Running(gpus=gpus, since_s=now_s, loaded_s=now_s)
                self._runs[index] = JobRun(start_s=now_s, gpus=gpus)
                self._plan_end(now_s, index)

    def _may_start(self, job: Job) -> bool:
        return job.tier == 0 or not self._holding

    def _finish(self, now_s: int, index: int, version: int) -> bool:
        """End a job, unless its planned end is out of date."""
        running = self._running.get(index)
        if running is None or running.version != version:
            return False
        self._close_stretch(now_s, index)
        del self._running[index]
        self._free[self._jobs[index].pool].give_back(running.gpus)
        start_s = self._runs[index].start_s
        self._runs[index] = JobRun(start_s=start_s, end_s=now_s, gpus=running.gpus)
        return True

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
            if self._holding and self._jobs[index].tier > 0
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
            ratio = batch_power_ratio(job, np.array(mean_dip_share(job.job_class)))
        else:
            activity = self._surroundings.activity(job)[now_s // S_PER_MINUTE]
            ratio = activity_power_ratio(self._plan.gpu, job, activity)
        return Demand(
            index=index,
            job_class=job.job_class,
            tier=job.tier,
            gpu_count=job.gpu_count,
            uncapped_ratio=float(ratio),
        )

    def _set_cap(self, now_s: int, index: int, cap_ratio: float) -> None:
        running = self._running[index]
        self._close_stretch(now_s, index)
        if running.cap_ratio == PAUSED:
            running.loaded_s = now_s + RESTART_S
        running.cap_ratio = cap_ratio
        self._plan_end(now_s, index)
        action = {PAUSED: Action.PAUSE, UNCAPPED: Action.RELEASE}.get(cap_ratio, Action.CAP)
        self._actions.append(
            ControlAction(at_s=now_s, job_index=index, action=action, power_ratio=cap_ratio)
        )

    def _plan_end(self, now_s: int, index: int) -> None:
        running, work_s = self._running[index], self._jobs[index].work_s
        running.version += 1
        if work_s is None or running.cap_ratio == PAUSED:
            return
        needed_s = math.ceil((work_s - running.work_s) / self._speed(index))
        end_s = max(now_s, running.loaded_s) + needed_s
        heapq.heappush(self._agenda, (end_s, _Kind.END, index, running.version))

    def _speed(self, index: int) -> float:
        cap_ratio = self._running[index].cap_ratio
        if cap_ratio == PAUSED:
            return 0.0
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
                    cap_ratio=running.cap_ratio,
                    speed_ratio=its_speed,
                    work_start_s=running.work_s,
                )
                self._stretches.append(stretch)
                running.work_s += stretch.work_s
        running.since_s = now_s
