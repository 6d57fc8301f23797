"""One course of events in the hall, as values: who ran where, when and how fast.

Here: those values. Not here: how they come about (negawatt.models.simulation.course) and the
power that is drawn (negawatt.models.simulation.gpu_power).
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from negawatt.models.simulation.actions import Action
from negawatt.models.simulation.jobs import Job
from negawatt.models.simulation.layout import Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A job on its GPUs between two changes.

    Attributes:
        job_index: The job's place among the jobs.
        gpus: Its GPUs, columns of the hall.
        start_s: Start, seconds from the start of the simulation [s].
        end_s: End [s].
        cap_ratio: Power cap over the limit; 1 is none, 0 is a pause.
        speed_ratio: Work done per second; 0 in a pause and while the job loads after one.
        work_start_s: Work done when the stretch starts [s].
    """

    job_index: int
    gpus: tuple[int, ...]
    start_s: int
    end_s: int
    cap_ratio: float
    speed_ratio: float
    work_start_s: float

    @property
    def work_s(self) -> float:
        """Work done in the stretch, in seconds at full speed [s]."""
        return self.speed_ratio * (self.end_s - self.start_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A job holds GPUs from a start until its end or a failure; ``end_s`` is None while it does."""

    gpus: tuple[int, ...]
    start_s: int
    end_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """What became of a job.

    Attributes:
        placements: Where it ran, oldest first; more than one after a failure.
        end_s: When it was done or taken away [s], None where it was not.
    """

    placements: tuple[Placement, ...] = ()
    end_s: int | None = None

    @property
    def start_s(self) -> int | None:
        """Its first start [s], None where it never started."""
        return self.placements[0].start_s if self.placements else None

    def placed(self, gpus: tuple[int, ...], now_s: int) -> Self:
        """Return the run with one placement more."""
        placement = Placement(gpus=gpus, start_s=now_s)
        return replace(self, placements=(*self.placements, placement))

    def left(self, now_s: int, *, done: bool) -> Self:
        """Return the run after its job gave its GPUs back, at its end or because of a failure."""
        *earlier, last = self.placements
        placements = (*earlier, replace(last, end_s=now_s))
        return replace(self, placements=placements, end_s=now_s if done else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlAction:
    """One act of control on one job; ``power_ratio`` is the cap over the limit, where one is."""

    at_s: int
    job_index: int
    action: Action
    power_ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A whole course of events.

    Attributes:
        stretches: Every stretch of every job, in the order they ended.
        runs: One for each job.
        actions: What control did, oldest first.
    """

    stretches: tuple[Stretch, ...]
    runs: tuple[JobRun, ...]
    actions: tuple[ControlAction, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surroundings:
    """What happens in every world: weather and people.

    Attributes:
        temp_c: Outdoor temperature [°C], shape (n_minutes,).
        service_load: Load of each service, shape (n_services, n_minutes).
        seat_activity: Activity of each seat, shape (n_seats, n_minutes).
        batch_factor: Power of batch work over what it would be, shape (n_minutes,); None is 1.
    """

    temp_c: NDArray[np.float64]
    service_load: NDArray[np.float64]
    seat_activity: NDArray[np.float64]
    batch_factor: NDArray[np.float64] | None = None

    def activity(self, job: Job) -> NDArray[np.float64]:
        """Return the activity of a service or a seat, shape (n_minutes,)."""
        rows = self.service_load if job.pool is Pool.ONLINE else self.seat_activity
        row: NDArray[np.float64] = rows[job.activity_row]
        return row
