"""A fleet with everything that is worked out of it once: runs by job, idle power, classes, shapes.

Here: what several steps ask of the same history. Not here: the steps (gpu_change.py, placebo.py).
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from negawatt.models.counterfactual.control import touches
from negawatt.models.counterfactual.fleet import ControlAction, Fleet, Run
from negawatt.models.counterfactual.job_level import (
    NOTICE_MINUTES,
    WARMUP_MINUTES,
    load_shape,
    touched_minutes,
)
from negawatt.models.counterfactual.job_power import (
    idle_power_w,
    job_minutes,
    minute_span,
)
from negawatt.models.counterfactual.schedule import Timetable

_LEARNING_MINUTES = 14 * 1440
_CLASS_SAMPLE = 40


class Prepared:
    """A fleet with everything that is worked out of it once."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.timetable = Timetable(fleet)
        self.touches = touches(fleet.actions)
        self.actions_of: dict[int, list[ControlAction]] = {}
        for action in fleet.actions:
            self.actions_of.setdefault(action.job, []).append(action)
        self.runs_of: dict[int, list[Run]] = {}
        for run in fleet.runs:
            self.runs_of.setdefault(run.job, []).append(run)
        self._class_w: dict[str | None, tuple[float, float]] = {}

    @cached_property
    def queued_pools(self) -> tuple[str, ...]:
        """Partitions with a queue of flexible jobs: the others run as they were seen."""
        fleet = self.fleet
        return tuple(
            sorted(
                {
                    job.pool
                    for index, job in enumerate(fleet.jobs)
                    if job.tier > 0
                    and np.isfinite(job.est_runtime_s)
                    and index not in fleet.service_load
                }
            )
        )

    @cached_property
    def idle_w(self) -> float:
        """Power of a GPU that nobody holds [W]."""
        event = self.fleet.events[-1]
        for first in (max(0, event.start_minute - 1440), 0):
            idle_w = idle_power_w(self.fleet, slice(first, event.end_minute))
            if not np.isnan(idle_w):
                return idle_w
        return 0.0

    @cached_property
    def most_w(self) -> float:
        """The most that a GPU of the fleet draws in a minute, but for one in a thousand [W]."""
        latest = self.fleet.gpu_power_w[::8, -_LEARNING_MINUTES:]
        return float(np.nanquantile(latest[:, ::15], 0.999))

    def class_power_w(self, job_class: str | None, before_minute: int) -> tuple[float, float]:
        """Return mean and standard deviation of a GPU's power over the latest runs of a class [W].

        Of any class where it is None; NaN where none began before the notice of an event.
        """
        if job_class not in self._class_w:
            fleet, means = self.fleet, []
            for run in reversed(fleet.runs):
                is_one = job_class in (None, fleet.jobs[run.job].job_class)
                if is_one and run.job not in self.touches:
                    last = before_minute - NOTICE_MINUTES
                    start, end = minute_span(run.start_s, run.end_s, 0, last)
                    if end - start > WARMUP_MINUTES:
                        means.append(float(np.nanmean(fleet.gpu_power_w[run.gpus, start:end])))
                if len(means) == _CLASS_SAMPLE:
                    break
            sample = np.array(means)[~np.isnan(means)]
            self._class_w[job_class] = (
                (float(sample.mean()), float(sample.std()))
                if len(sample)
                else (float("nan"), float("nan"))
            )
        return self._class_w[job_class]

    def shape(self, job: int, first: int, last: int) -> NDArray[np.float64] | None:
        """Return what a service's request rate explains of its power [W], (last - first,)."""
        load = self.fleet.service_load.get(job)
        if load is None:
            return None
        from_minute = max(0, last - _LEARNING_MINUTES)
        minutes = job_minutes(self.fleet, self.runs_of.get(job, ()), from_minute, last)
        usable = (minutes.gpus_on > 0) & ~touched_minutes(
            self.touches.get(job, ()), from_minute, last - from_minute
        )
        shape = load_shape(load[from_minute:last], minutes.per_gpu_w, usable, most_w=self.most_w)
        return None if shape is None else shape[first - from_minute :]
