"""Why a job draws another power because of an event: capped, paused, held, and what follows.

Here: the true reduction of GPU power by job and mechanism, from both worlds. Not here: tables
(negawatt.models.simulation.truth).
"""

from collections.abc import Mapping
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.units import S_PER_MINUTE
from negawatt.models.simulation.actions import Action
from negawatt.models.simulation.hall_event import HallEvent
from negawatt.models.simulation.record import HallRecord
from negawatt.models.simulation.stretch_power import StretchPart, StretchPower
from negawatt.models.simulation.world import JobRun, World


class Mechanism(StrEnum):
    """Why a job's power differs from what it would have been.

    Attributes:
        CAPPED: It runs under a cap, or is elsewhere in its work because it did.
        PAUSED: It is paused, or loads or is elsewhere in its work because it was.
        MIGRATED: It goes on at another site, or came back from there.
        HELD: It would have run, but has not started, or later.
        ENDED: It still runs though it would have ended; a negative reduction.
        REFILLED: It runs earlier or instead of another, on GPUs that the event freed.
    """

    CAPPED = "capped"
    PAUSED = "paused"
    MIGRATED = "migrated"
    HELD = "held"
    ENDED = "ended"
    REFILLED = "refilled"


_OF_ACTION = {
    Action.MIGRATE: Mechanism.MIGRATED,
    Action.PAUSE: Mechanism.PAUSED,
    Action.CAP: Mechanism.CAPPED,
}


def mechanism_w(
    record: HallRecord, event: HallEvent
) -> Mapping[tuple[int, Mechanism], NDArray[np.float64]]:
    """Return the reduction of GPU power by job and mechanism, minute by minute of the window [W].

    Args:
        record: The hall.
        event: Its last event.

    Returns:
        By (the job's index, mechanism), an array of shape (n_minutes,), 0 where the mechanism did
        not act. Their sum is the GPUs' reduction.
    """
    with_event, without = (
        _job_power_w(record, world, power_w, event)
        for world, power_w in (
            (record.world, record.gpu_power_w),
            (record.world_without_event, record.gpu_power_w_without_event),
        )
    )
    first_s, until_s = map(record.plan.second_of, (event.window.start_utc, event.window.end_utc))
    minute_s = np.arange(first_s, until_s, S_PER_MINUTE)
    controlled = _controlled(record, event)
    nothing = np.zeros(len(minute_s))
    found: dict[tuple[int, Mechanism], NDArray[np.float64]] = {}
    for index in sorted({*with_event, *without}):
        reduction_w = without.get(index, nothing) - with_event.get(index, nothing)
        if not reduction_w.any():
            continue
        masks = _masks(
            record.world.runs[index],
            record.world_without_event.runs[index],
            minute_s,
            controlled.get(index),
        )
        for mechanism, mask in masks.items():
            if (reduction_w[mask] != 0).any():
                found[index, mechanism] = np.where(mask, reduction_w, 0.0)
    return found


def _job_power_w(
    record: HallRecord, world: World, power_w: NDArray[np.float64], event: HallEvent
) -> Mapping[int, NDArray[np.float64]]:
    """Return each job's power above idle in the window [W], one-minute means, by its index.

    A step in which two jobs shared a GPU is split by what each added to it; nothing is lost.
    """
    plan, grid = record.plan, record.grid
    first_s, until_s = map(plan.second_of, (event.window.start_utc, event.window.end_utc))
    window = grid.steps_between(first_s, until_s)
    laid = StretchPower(gpu=plan.gpu, grid=grid, surroundings=record.surroundings)
    parts = [
        (stretch, laid.part(record.jobs[stretch.job_index], stretch))
        for stretch in world.stretches
        if stretch.end_s > first_s and stretch.start_s < until_s
    ]
    above_w = power_w[window].T - plan.gpu.idle_w
    added_w = np.zeros_like(above_w)
    for stretch, part in parts:
        inside, values = _inside(part, window)
        added_w[list(stretch.gpus), inside] += values
    per_added = np.divide(above_w, added_w, out=np.zeros_like(above_w), where=added_w != 0)
    per_minute = S_PER_MINUTE // int(grid.step_s[window.start])
    found: dict[int, NDArray[np.float64]] = {}
    for stretch, part in parts:
        inside, values = _inside(part, window)
        steps_w = np.zeros(above_w.shape[1])
        steps_w[inside] = (per_added[list(stretch.gpus), inside] * values).sum(axis=0)
        minutes_w = steps_w.reshape(-1, per_minute).mean(axis=1)
        found[stretch.job_index] = found.get(stretch.job_index, 0.0) + minutes_w
    return found


def _inside(part: StretchPart, window: slice) -> tuple[slice, NDArray[np.float64]]:
    """Return the steps of a part that lie in the window, counted from its start, and its power."""
    first, until = max(part.first, window.start), min(part.until, window.stop)
    values = part.added_w[first - part.first : until - part.first]
    return slice(first - window.start, until - window.start), values


def _controlled(record: HallRecord, event: HallEvent) -> Mapping[int, Mechanism]:
    """Return what control did to each running job in an event; a pause counts before a cap."""
    first_s = record.plan.second_of(event.controlled.start_utc)
    found: dict[int, Mechanism] = {}
    for action in record.world.actions:
        mechanism = _OF_ACTION.get(action.action)
        if action.at_s >= first_s and mechanism is not None:
            earlier = found.get(action.job_index, Mechanism.CAPPED)
            found[action.job_index] = earlier if mechanism is Mechanism.CAPPED else mechanism
    return found


def _masks(
    run: JobRun,
    run_without: JobRun,
    minute_s: NDArray[np.int64],
    controlled: Mechanism | None,
) -> Mapping[Mechanism, NDArray[np.bool_]]:
    """Say which mechanism acts on a job in each minute: exactly one does."""
    here, there = _runs_in(run, minute_s), _runs_in(run_without, minute_s)
    both = here & there
    start_s = np.inf if run.start_s is None else run.start_s
    start_without_s = np.inf if run_without.start_s is None else run_without.start_s
    end_s = np.inf if run.end_s is None else run.end_s
    end_without_s = np.inf if run_without.end_s is None else run_without.end_s
    if controlled is None:
        controlled = Mechanism.HELD if start_s > start_without_s else Mechanism.REFILLED
    ended = here & ~there & (minute_s >= end_without_s)
    held = ~here & (minute_s < end_s)
    masks = {mechanism: np.zeros(len(minute_s), dtype=bool) for mechanism in Mechanism}
    masks[controlled] |= both
    masks[Mechanism.ENDED] |= ended
    masks[Mechanism.HELD] |= held
    masks[Mechanism.REFILLED] |= ~both & ~ended & ~held
    return masks


def _runs_in(run: JobRun, minute_s: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say in which minutes a job holds GPUs, if only for a part of them."""
    runs = np.zeros(len(minute_s), dtype=bool)
    for placement in run.placements:
        end_s = np.inf if placement.end_s is None else placement.end_s
        runs |= (placement.start_s < minute_s + S_PER_MINUTE) & (end_s > minute_s)
    return runs
