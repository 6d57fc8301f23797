"""One course of events in the hall, as values: who ran where, when and how fast.

Here: those values. Not here: how they come about (negawatt.models.simulation.course) and the
power that is drawn (negawatt.models.simulation.gpu_power).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from negawatt.models.simulation.control import Action
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
class JobRun:
    """What became of a job: when it started and ended, None where it has not, and its GPUs."""

    start_s: int | None = None
    end_s: int | None = None
    gpus: tuple[int, ...] = ()


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
    """

    temp_c: NDArray[np.float64]
    service_load: NDArray[np.float64]
    seat_activity: NDArray[np.float64]

    def activity(self, job: Job) -> NDArray[np.float64]:
        """Return the activity of a service or a seat, shape (n_minutes,)."""
        rows = self.service_load if job.pool is Pool.ONLINE else self.seat_activity
        row: NDArray[np.float64] = rows[job.activity_row]
        return row
