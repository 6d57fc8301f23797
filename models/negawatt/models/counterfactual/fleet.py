"""A fleet as its operator saw it: power, jobs, control and meter, on one grid of minutes.

Here: the values that every method reads. Times are seconds or minutes after midnight UTC of the
fleet's first day. Not here: the exchange's tables (fleet_tables.py), and any estimate.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Action(StrEnum):
    """What control did to a job, as the operator logged it."""

    CAP = "cap"
    PAUSE = "pause"
    RELEASE = "release"
    HOLD = "hold"
    MIGRATE = "migrate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as the scheduler knows it.

    Attributes:
        job_id: Its name.
        job_class: The kind of work, as the operator calls it.
        tier: How flexible it is: 0 not, 1 and 2 may be capped, 3 may be paused.
        gpu_count: GPUs it asks for.
        pool: The partition it runs in.
        submit_s: When it was submitted [s].
        end_s: When it ended [s], infinite where it has not.
        est_runtime_s: The run time its owner asked for [s], NaN where not known.
        priority: Higher starts first.
    """

    job_id: str
    job_class: str
    tier: int
    gpu_count: int
    pool: str
    submit_s: float
    end_s: float
    est_runtime_s: float
    priority: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """A job on its GPUs without interruption; a job that was restarted has several.

    Attributes:
        job: The job's place among the jobs.
        gpus: Its GPUs, rows of the power matrix.
        start_s: Start [s].
        end_s: End [s], infinite while it runs.
    """

    job: int
    gpus: NDArray[np.int64]
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlAction:
    """One line of the dispatch log; ``power_ratio`` is a cap as a share of full power."""

    at_s: float
    job: int
    action: Action
    power_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetEvent:
    """An event's window [min]; ``notified_minute`` is None where it is not known."""

    start_minute: int
    end_minute: int
    notified_minute: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Progress:
    """Work that a job had done at some instants.

    Attributes:
        at_s: The instants, rising [s], shape (n,).
        work_s: Full-speed seconds of work done [s], shape (n,).
    """

    at_s: NDArray[np.float64]
    work_s: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fleet:
    """Everything that is known of a fleet.

    Attributes:
        start_utc: Midnight UTC of the first day.
        gpu_power_w: Mean power of each GPU and minute [W], NaN where lost, (n_gpus, n_minutes).
        gpu_node: The node of each GPU, (n_gpus,).
        gpu_pool: The pool of each GPU, (n_gpus,).
        jobs: The jobs.
        runs: Who ran where and when, by start.
        actions: The dispatch log, oldest first.
        progress: Work done, by job, where it was logged.
        service_load: Relative request rate of each minute by job, NaN where not known.
        meter_kw: Mean of the site's meter in each minute [kW], NaN where not known, (n_minutes,).
        temp_c: Outdoor temperature of each minute [°C], NaN where not known, (n_minutes,).
        storage_kw: Power that batteries and generators give to the site [kW], (n_minutes,), or
            None where there are none.
        node_down: Whether a node was out of service, (n_nodes, n_minutes), or None if not given.
        other_sites_kw: Power of the operator's other sites [kW], by site, (n_minutes,).
        events: The events, oldest first; the last is the one to verify.
        missing: What was not given, and what is lost by it.
        has_dispatch: Whether the dispatch log was given; an empty one says that nothing was done.
    """

    start_utc: datetime
    gpu_power_w: NDArray[np.float32]
    gpu_node: NDArray[np.int64]
    gpu_pool: NDArray[np.str_]
    jobs: tuple[Job, ...]
    runs: tuple[Run, ...]
    actions: tuple[ControlAction, ...]
    progress: Mapping[int, Progress]
    service_load: Mapping[int, NDArray[np.float64]]
    meter_kw: NDArray[np.float64]
    temp_c: NDArray[np.float64]
    storage_kw: NDArray[np.float64] | None
    node_down: NDArray[np.bool_] | None
    other_sites_kw: Mapping[str, NDArray[np.float64]]
    events: tuple[FleetEvent, ...]
    missing: tuple[str, ...] = ()
    has_dispatch: bool = True

    @property
    def n_gpus(self) -> int:
        """Number of GPUs."""
        return int(self.gpu_power_w.shape[0])

    @property
    def n_minutes(self) -> int:
        """Number of minutes."""
        return int(self.gpu_power_w.shape[1])

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return int(self.gpu_node.max()) + 1

    def at(self, minute: int) -> datetime:
        """Return the instant at which a minute starts."""
        return self.start_utc + timedelta(minutes=minute)
