"""What control did to each job: which minutes it touched, and by what.

Here: the dispatch log read job by job. Not here: what a job would have drawn instead
(job_level.py) and starts that were held back (queue_replay.py).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from negawatt.models.counterfactual.fleet import Action, ControlAction, Fleet, FleetEvent
from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE

LEAD_S = 3 * S_PER_H
"""Control this long before an event's window belongs to the event: its ramp and preparation."""

ASSUMED_RAMP_S = 15 * S_PER_MINUTE
ASSUMED_RAMP_RATIO, ASSUMED_CAP_RATIO = 0.9, 0.5
"""Where there is no dispatch log: how long before and after a window control acted, how deep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """A stretch in which control held a job down.

    Attributes:
        job: The job.
        start_s: First act [s].
        end_s: Release [s], infinite where none was logged.
        deepest: The strongest act: a pause, a migration, or a cap.
        power_ratio: The lowest cap as a share of full power, 0 for a pause.
        off_s: When it was first paused or sent elsewhere [s], infinite where it was not.
    """

    job: int
    start_s: float
    end_s: float
    deepest: Action
    power_ratio: float
    off_s: float = float("inf")

    @property
    def is_off(self) -> bool:
        """Whether the job did nothing here: it was paused or sent elsewhere."""
        return self.deepest is not Action.CAP


def touches(actions: Iterable[ControlAction]) -> dict[int, list[Touch]]:
    """Read a dispatch log as stretches, by job; a cap to full power is a release.

    Args:
        actions: The log, oldest first.

    Examples:
        >>> log = [ControlAction(at_s=60, job=3, action=Action.CAP, power_ratio=0.6),
        ...     ControlAction(at_s=90, job=3, action=Action.PAUSE, power_ratio=float("nan")),
        ...     ControlAction(at_s=120, job=3, action=Action.RELEASE, power_ratio=1.0)]
        >>> [(touch.start_s, touch.end_s, touch.deepest.value) for touch in touches(log)[3]]
        [(60, 120, 'pause')]
    """
    opened: dict[int, list[ControlAction]] = {}
    found: dict[int, list[Touch]] = {}
    for action in actions:
        if action.action is Action.HOLD:
            continue
        is_full = action.action is Action.CAP and action.power_ratio >= 1
        if action.action is Action.RELEASE or is_full:
            if action.job in opened:
                found.setdefault(action.job, []).append(_touch(opened.pop(action.job), action.at_s))
        else:
            opened.setdefault(action.job, []).append(action)
    for job, acts in opened.items():
        found.setdefault(job, []).append(_touch(acts, float("inf")))
    return found


def assumed_actions(fleet: Fleet) -> tuple[ControlAction, ...]:
    """Return a log for a fleet that has none: every flexible job capped through every event.

    From ``ASSUMED_RAMP_S`` before each window to as long after it. A job that drew in the event
    what it always draws is told apart later: such a cap cut nothing.
    """
    log: list[ControlAction] = []
    for event in fleet.events:
        start_s, end_s = event.start_minute * S_PER_MINUTE, event.end_minute * S_PER_MINUTE
        first_s, last_s = start_s - ASSUMED_RAMP_S, end_s + ASSUMED_RAMP_S
        steps = (
            (first_s, Action.CAP, ASSUMED_RAMP_RATIO),
            (start_s, Action.CAP, ASSUMED_CAP_RATIO),
            (end_s, Action.CAP, ASSUMED_RAMP_RATIO),
            (last_s, Action.RELEASE, 1.0),
        )
        ran = {run.job for run in fleet.runs if run.start_s < last_s and run.end_s > first_s}
        log += [
            ControlAction(at_s=at_s, job=job, action=action, power_ratio=ratio)
            for job in sorted(job for job in ran if fleet.jobs[job].tier > 0)
            for at_s, action, ratio in steps
        ]
    return tuple(sorted(log, key=lambda action: action.at_s))


def event_actions(fleet: Fleet, event: FleetEvent) -> list[ControlAction]:
    """Return the acts that belong to an event: from its preparation until its window ends.

    The preparation begins ``LEAD_S`` before the window, or when the event was notified, but not
    before the previous event has ended.
    """
    first_s = event.start_minute * S_PER_MINUTE - LEAD_S
    if event.notified_minute is not None:
        first_s = min(first_s, event.notified_minute * S_PER_MINUTE)
    earlier = [other.end_minute for other in fleet.events if other.end_minute <= event.start_minute]
    first_s = max([first_s, *(minute * S_PER_MINUTE for minute in earlier)])
    last_s = event.end_minute * S_PER_MINUTE
    return [
        action
        for action in fleet.actions
        if first_s <= action.at_s < last_s and action.action is not Action.RELEASE
    ]


def _touch(acts: list[ControlAction], end_s: float) -> Touch:
    strength = {Action.CAP: 0, Action.MIGRATE: 1, Action.PAUSE: 2}
    deepest = max((act.action for act in acts), key=strength.__getitem__)
    ratios = [0.0 if act.action is not Action.CAP else act.power_ratio for act in acts]
    return Touch(
        job=acts[0].job,
        start_s=acts[0].at_s,
        end_s=end_s,
        deepest=deepest,
        power_ratio=min(ratios),
        off_s=min((a.at_s for a in acts if a.action is not Action.CAP), default=float("inf")),
    )


def touches_during(
    touched: Mapping[int, list[Touch]], start_s: float, end_s: float
) -> dict[int, list[Touch]]:
    """Return the touches that reach into a stretch of time."""
    return {
        job: its
        for job, all_its in touched.items()
        if (its := [touch for touch in all_its if touch.start_s < end_s and touch.end_s > start_s])
    }
