"""All that a simulation leaves behind: what was true, what was seen, and what would have been.

Here: the record and the questions it answers. Not here: making it
(negawatt.models.simulation.hall) and the fleet folder (negawatt.models.simulation.fleet_folder).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.interval import Interval
from negawatt.models.domain.units import MILLIWATT_PER_W, MS_PER_S, S_PER_MINUTE
from negawatt.models.simulation.grid import StepGrid
from negawatt.models.simulation.jobs import Job
from negawatt.models.simulation.layout import Gpu
from negawatt.models.simulation.outages import Outage
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.site import SiteLoad
from negawatt.models.simulation.telemetry import Loss, TelemetryFaults, minutes_of_energy_kwh
from negawatt.models.simulation.world import Surroundings, World


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuState:
    """What a GPU's driver says at one instant.

    Attributes:
        gpu: Which one.
        power_milliwatt: Mean of the last second [mW].
        energy_total_millijoule: Energy since its driver was loaded [mJ].
        power_limit_milliwatt: Power limit in force [mW].
        utilization_ratio: Share of time in which it worked, 0 to 1.
    """

    gpu: Gpu
    power_milliwatt: int
    energy_total_millijoule: int
    power_limit_milliwatt: int
    utilization_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HallRecord:
    """A simulated hall: its plan, its truth, its telemetry.

    "Without the event" is the world in which the operator acted on every event but the last. It
    is identical to the other until the last event's ramp begins.

    Attributes:
        plan: What was simulated.
        grid: The steps.
        gpus: The hall's GPUs; the columns of the arrays below.
        jobs: All jobs, also those that never started.
        world: What happened.
        world_without_event: What would have happened.
        surroundings: Weather and people.
        outages: When nodes were down.
        faults: Faults of the telemetry in the history, None where there were none.
        losses: All of the telemetry that was not seen, by those faults and others.
        gpu_power_w: True mean power [W], shape (n_steps, n_gpus).
        gpu_power_w_without_event: The same without the event [W], shape (n_steps, n_gpus).
        sensed_milliwatt: What the GPUs' sensors say, also where it was lost [mW], shape
            (n_steps, n_gpus).
        energy_total_millijoule: Energy counters at the edges of the steps [mJ], shape
            (n_steps + 1, n_gpus).
        power_limit_ratio: Power limit over its default, shape (n_steps, n_gpus).
        utilization_ratio: Share of time in which a GPU worked, shape (n_steps, n_gpus).
        load: The site's true load in its parts, minute by minute, a battery's power left out.
        load_without_event: The same without the event.
        storage_kw: What a battery behind the meter gives [kW], shape (n_minutes,).
        second_site_kw: Load of the operator's other site [kW], shape (n_minutes,), if there is one.
        second_site_kw_without_event: The same without the event [kW].
        meter_kw: The site meter's one-minute means: load less battery [kW], shape (n_minutes,).
    """

    plan: HallPlan
    grid: StepGrid
    gpus: tuple[Gpu, ...]
    jobs: tuple[Job, ...]
    world: World
    world_without_event: World
    surroundings: Surroundings
    outages: tuple[Outage, ...]
    faults: TelemetryFaults | None
    losses: tuple[Loss, ...]
    gpu_power_w: NDArray[np.float64]
    gpu_power_w_without_event: NDArray[np.float64]
    sensed_milliwatt: NDArray[np.int64]
    energy_total_millijoule: NDArray[np.int64]
    power_limit_ratio: NDArray[np.float32]
    utilization_ratio: NDArray[np.float32]
    load: SiteLoad
    load_without_event: SiteLoad
    storage_kw: NDArray[np.float64]
    second_site_kw: NDArray[np.float64] | None
    second_site_kw_without_event: NDArray[np.float64] | None
    meter_kw: NDArray[np.float64]

    @property
    def meter_energy_kwh(self) -> NDArray[np.float64]:
        """Energy of each minute by the site meter [kWh], shape (n_minutes,)."""
        return minutes_of_energy_kwh(self.meter_kw)

    def minutes_in(self, window: Interval) -> slice:
        """Return the minutes of a window, which starts and ends on whole minutes."""
        first_s, until_s = map(self.plan.second_of, (window.start_utc, window.end_utc))
        return slice(first_s // S_PER_MINUTE, until_s // S_PER_MINUTE)

    def true_reduction_kw(self, window: Interval) -> NDArray[np.float64]:
        """Return the site's load without the event less its load, each minute [kW].

        Negative where the site uses more because of the event, as in a rebound.
        """
        minutes = self.minutes_in(window)
        return self.load_without_event.site_kw[minutes] - self.load.site_kw[minutes]

    def true_reduction_kwh(self, window: Interval) -> float:
        """Return the true reduction of energy in a window [kWh]."""
        return float(minutes_of_energy_kwh(self.true_reduction_kw(window)).sum())

    def gpu_state_at(self, moment_utc: datetime, node_id: str) -> list[GpuState]:
        """Return what the drivers of a node say at an instant.

        Power is constant inside a step, so a counter rises linearly there. A GPU whose telemetry
        is lost at that instant is left out, as an exporter leaves out what it cannot read.

        Args:
            moment_utc: An instant of the simulation, aware; parts of a millisecond are dropped.
            node_id: A node of the hall.

        Raises:
            ValueError: The instant lies outside the simulation, or there is no such node.
        """
        at_ms = (moment_utc - self.plan.start_utc) // timedelta(milliseconds=1)
        columns = [column for column, gpu in enumerate(self.gpus) if gpu.node_id == node_id]
        if not self.plan.start_utc <= moment_utc < self.plan.end_utc or not columns:
            raise ValueError(
                f"expected an instant from {self.plan.start_utc.isoformat()} to "
                f"{self.plan.end_utc.isoformat()} and a node of the hall, "
                f"got {moment_utc.isoformat()} and {node_id!r}"
            )
        step = int(np.searchsorted(self.grid.edge_s, at_ms // MS_PER_S, side="right")) - 1
        return [
            self._gpu_state(step, at_ms, column)
            for column in columns
            if not self.telemetry_lost(step, column)
        ]

    def telemetry_lost(self, step: int, column: int) -> bool:
        """Say whether nothing was seen of a GPU in a step."""
        return any(loss.holds(step, column) for loss in self.losses)

    def _gpu_state(self, step: int, at_ms: int, column: int) -> GpuState:
        milliwatt = self.sensed_milliwatt[:, column]
        into_step_ms = at_ms - int(self.grid.edge_s[step]) * MS_PER_S
        # The trailing second reaches into the step before where this one is younger than that.
        before = max(step - 1, 0)
        in_this_ms = min(into_step_ms, MS_PER_S)
        last_second = in_this_ms * int(milliwatt[step])
        last_second += (MS_PER_S - in_this_ms) * int(milliwatt[before])
        since_edge_millijoule = int(milliwatt[step]) * into_step_ms // MS_PER_S
        limit_w = float(self.power_limit_ratio[step, column]) * self.plan.gpu.limit_w
        return GpuState(
            gpu=self.gpus[column],
            power_milliwatt=last_second // MS_PER_S,
            energy_total_millijoule=int(self.energy_total_millijoule[step, column])
            + since_edge_millijoule,
            power_limit_milliwatt=round(limit_w * MILLIWATT_PER_W),
            utilization_ratio=float(self.utilization_ratio[step, column]),
        )
