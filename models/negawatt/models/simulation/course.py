"""How a course of events comes about: jobs arrive, start, are capped or paused, fail and end.

Here: the loop over the moments at which something changes. Nothing in it is drawn: all
randomness is in the jobs, the outages and the surroundings, so the same jobs with one event more
run identically until that event's first action. Not here: power.
"""

import copy
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Self

from negawatt.models.domain.units import S_PER_MINUTE
from negawatt.models.simulation.actions import PAUSED, UNCAPPED, Action
from negawatt.models.simulation.agenda import Agenda, Kind, known_beforehand
from negawatt.models.simulation.control import Controller
from negawatt.models.simulation.demand import demand_of
from negawatt.models.simulation.grid import S_PER_DAY
from negawatt.models.simulation.hall_event import HallEvent
from negawatt.models.simulation.job_power import shape_of
from negawatt.models.simulation.jobs import Job
from negawatt.models.simulation.layout import Pool
from negawatt.models.simulation.outages import Outage
from negawatt.models.simulation.partitions import Partitions
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.running import Running
from negawatt.models.simulation.workloads import RESTART_S
from negawatt.models.simulation.world import ControlAction, JobRun, Stretch, Surroundings, World


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
        self._partitions = Partitions(plan)
        self._running: dict[int, Running] = {}
        self._version = 0
        self._saved_work_s: dict[int, float] = {}
        self._controllers: list[Controller] = []
        self._holding = False
        self._held: set[int] = set()
        self._stretches: list[Stretch] = []
        self._runs = [JobRun()] * len(jobs)
        self._actions: list[ControlAction] = []
        self._agenda = Agenda(list(known_beforehand(jobs, outages)))

    def fork(self) -> Self:
        """Return a run that goes on from here by itself."""
        twin = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, dict):
                setattr(twin, name, {key: copy.copy(part) for key, part in value.items()})
            elif isinstance(value, list | set | Agenda | Partitions):
                setattr(twin, name, copy.copy(value))
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
            self._agenda.add(at_s, Kind.CONTROL, number)

    def to_the_end(self) -> World:
        """Let everything happen."""
        self.until(self._end_s)
        for _, running in sorted(self._running.items()):
            self._stretches += running.close(self._end_s)
        return World(
            stretches=tuple(self._stretches),
            runs=tuple(self._runs),
            actions=tuple(self._actions),
        )

    def until(self, end_s: int) -> None:
        """Let everything happen that happens before a second."""
        while (entry := self._agenda.next_before(end_s)) is not None:
            now_s, kind, index, version = entry
            if self._happens(now_s, kind, index, version):
                self._start_waiting(now_s)

    def _happens(self, now_s: int, kind: Kind, index: int, version: int) -> bool:
        """Let one thing happen, and say whether it did: a planned end may be out of date."""
        match kind:
            case Kind.END:
                running = self._running.get(index)
                if running is None or running.version != version:
                    return False
                self._leave(now_s, index, done=True)
            case Kind.CANCEL:
                self._cancel(now_s, index)
            case Kind.DOWN:
                self._fail(now_s, self._outages[index].node)
            case Kind.UP:
                self._partitions.bring_up(self._outages[index].node)
            case Kind.SUBMIT:
                self._partitions.submit(index, self._jobs[index])
            case Kind.CONTROL:
                self._control(now_s, self._controllers[index])
        return True

    def _start_waiting(self, now_s: int) -> None:
        started = self._partitions.start(
            now_s, may_start=self._may_start, ends=partial(self._ends, now_s)
        )
        for index, gpus in started:
            self._start(now_s, index, gpus)

    def _start(self, now_s: int, index: int, gpus: tuple[int, ...]) -> None:
        loading_s = RESTART_S if self._runs[index].placements else 0
        self._running[index] = Running(
            index=index,
            job=self._jobs[index],
            second_site=self._plan.second_site,
            gpus=gpus,
            since_s=now_s,
            loaded_s=now_s + loading_s,
            work_s=self._saved_work_s.get(index, 0.0),
        )
        self._runs[index] = self._runs[index].placed(gpus, now_s)
        self._plan_end(now_s, self._running[index])

    def _plan_end(self, now_s: int, running: Running) -> None:
        self._version += 1
        running.version = self._version
        end_s = running.end_s(now_s)
        if end_s is not None:
            self._agenda.add(end_s, Kind.END, running.index, running.version)

    def _ends(self, now_s: int, pool: Pool) -> Iterator[tuple[float, tuple[int, ...]]]:
        """Return when the running jobs of a pool should end; the overdue any moment."""
        for index, running in self._running.items():
            if running.job.pool is pool:
                started_s = self._runs[index].placements[-1].start_s
                soonest_s = now_s + S_PER_MINUTE
                yield max(running.estimated_end_s(started_s), soonest_s), running.gpus

    def _may_start(self, job: Job) -> bool:
        return job.tier == 0 or not self._holding

    def _leave(self, now_s: int, index: int, *, done: bool) -> float:
        """Take a job off its GPUs, at its end or after a failure; return the work it did [s]."""
        running = self._running.pop(index)
        self._stretches += running.close(now_s)
        self._partitions.give_back(running.job, running.gpus)
        self._runs[index] = self._runs[index].left(now_s, done=done)
        return running.work_s

    def _cancel(self, now_s: int, index: int) -> None:
        if index in self._running:
            self._leave(now_s, index, done=True)
        else:
            self._partitions.withdraw(index, self._jobs[index])

    def _fail(self, now_s: int, node: int) -> None:
        """Take a node down; what ran there is queued again, from its last checkpoint."""
        self._partitions.take_down(node)
        gpus = set(self._partitions.gpus_of(node))
        hit = [i for i, running in self._running.items() if not gpus.isdisjoint(running.gpus)]
        for index in hit:
            job = self._jobs[index]
            done_s = self._leave(now_s, index, done=False)
            if job.work_s is not None:
                self._saved_work_s[index] = shape_of(job).checkpoint_s(done_s)
            self._partitions.submit(index, job)

    def _control(self, now_s: int, controller: Controller) -> None:
        window_end_s = self._plan.second_of(controller.event.window.end_utc)
        self._holding = controller.event.hold_starts and now_s < window_end_s
        self._note_holds(now_s)
        demands = [
            demand_of(self._plan, self._surroundings, running.job, index, now_s)
            for index, running in sorted(self._running.items())
        ]
        for index, cap_ratio in controller.caps(now_s, demands).items():
            if cap_ratio != self._running[index].cap_ratio:
                self._command(now_s, self._running[index], cap_ratio)

    def _note_holds(self, now_s: int) -> None:
        """Log each job that is held in the queue, and its release."""
        waiting = {
            index
            for index in self._partitions.waiting()
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

    def _command(self, now_s: int, running: Running, cap_ratio: float) -> None:
        self._stretches += running.close(now_s)
        running.command(now_s, cap_ratio)
        self._plan_end(now_s, running)
        away = Action.PAUSE if self._plan.second_site is None else Action.MIGRATE
        action = {PAUSED: away, UNCAPPED: Action.RELEASE}.get(cap_ratio, Action.CAP)
        self._actions.append(
            ControlAction(at_s=now_s, job_index=running.index, action=action, power_ratio=cap_ratio)
        )
