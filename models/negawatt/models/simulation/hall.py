"""Run a plan: draw everything once, run both worlds, and let the instruments look.

Here: the order of the parts. Not here: any of the parts.
"""

import numpy as np
from numpy.typing import NDArray

from negawatt.models.simulation.course import run_both_worlds
from negawatt.models.simulation.extra_jobs import extra_jobs
from negawatt.models.simulation.gpu_power import gpu_noise, gpu_steps
from negawatt.models.simulation.grid import StepGrid, step_grid
from negawatt.models.simulation.jobs import draw_jobs
from negawatt.models.simulation.layout import Pool, hall_gpus, pool_nodes
from negawatt.models.simulation.outages import draw_outages
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.record import HallRecord
from negawatt.models.simulation.second_site import second_site_kw
from negawatt.models.simulation.site import SiteLoad, outdoor_temp_c, site_load
from negawatt.models.simulation.storage import storage_kw
from negawatt.models.simulation.telemetry import (
    draw_faults,
    draw_losses,
    energy_counter_millijoule,
    meter_kw,
    sensed_milliwatt,
    sensor_gain,
    silent_while_down,
)
from negawatt.models.simulation.traffic import busier_factor, seat_activity, service_load
from negawatt.models.simulation.world import Surroundings


def simulate(plan: HallPlan) -> HallRecord:
    """Simulate a hall with and without its last event.

    Args:
        plan: What to simulate.

    Returns:
        The record; equal plans give equal arrays, bit for bit on one machine.
    """
    grid, gpus, pools = step_grid(plan), hall_gpus(plan), pool_nodes(plan)
    jobs = (*draw_jobs(plan), *extra_jobs(plan))
    outages = draw_outages(plan)
    surroundings = Surroundings(
        temp_c=outdoor_temp_c(plan),
        service_load=service_load(plan, len(pools[Pool.ONLINE])),
        seat_activity=seat_activity(plan, len(pools[Pool.DEV]) * plan.gpus_per_node),
        batch_factor=None if plan.incidents.inflation is None else busier_factor(plan),
    )
    world, without_event = run_both_worlds(plan, jobs, surroundings, outages)
    noise = gpu_noise(plan, grid)
    steps = gpu_steps(plan, grid, jobs, surroundings, world, noise=noise)
    fork = _first_step_of_control(plan, grid)
    after = gpu_steps(plan, grid, jobs, surroundings, without_event, noise=noise, first_step=fork)
    del noise
    gpu_power_w_without_event = steps.power_w.copy()
    gpu_power_w_without_event[:, fork:] = after.power_w
    busy_gpus = steps.utilization_ratio.sum(axis=0, dtype=np.float64)
    busy_gpus_without = busy_gpus.copy()
    busy_gpus_without[fork:] = after.utilization_ratio.sum(axis=0, dtype=np.float64)
    load = _load(plan, grid, steps.power_w, busy_gpus, surroundings)
    milliwatt = sensed_milliwatt(steps.power_w, sensor_gain(plan))
    faults = draw_faults(plan, grid)
    battery_kw = storage_kw(plan, plan.events)
    return HallRecord(
        plan=plan,
        grid=grid,
        gpus=gpus,
        jobs=jobs,
        world=world,
        world_without_event=without_event,
        surroundings=surroundings,
        outages=outages,
        faults=faults,
        losses=(
            *(faults.lost if faults is not None else ()),
            *draw_losses(plan, grid),
            *silent_while_down(plan, grid, outages),
        ),
        gpu_power_w=steps.power_w.T,
        gpu_power_w_without_event=gpu_power_w_without_event.T,
        sensed_milliwatt=milliwatt.T,
        energy_total_millijoule=energy_counter_millijoule(plan, grid, milliwatt, faults).T,
        power_limit_ratio=steps.limit_ratio.T,
        utilization_ratio=steps.utilization_ratio.T,
        load=load,
        load_without_event=_load(
            plan, grid, gpu_power_w_without_event, busy_gpus_without, surroundings
        ),
        storage_kw=battery_kw,
        second_site_kw=second_site_kw(plan, jobs, world),
        second_site_kw_without_event=second_site_kw(plan, jobs, without_event),
        meter_kw=meter_kw(plan, load.site_kw - battery_kw),
    )


def _first_step_of_control(plan: HallPlan, grid: StepGrid) -> int:
    """Return the step from which the two worlds may differ."""
    if not plan.events:
        return grid.n_steps
    start_s = plan.second_of(plan.events[-1].controlled.start_utc)
    first_step: int = grid.steps_between(start_s, start_s + 1).start
    return first_step


def _load(
    plan: HallPlan,
    grid: StepGrid,
    power_w: NDArray[np.float64],
    busy_gpus: NDArray[np.float64],
    surroundings: Surroundings,
) -> SiteLoad:
    return site_load(
        plan,
        grid.minute_means(power_w.sum(axis=0)),
        grid.minute_means(busy_gpus),
        surroundings.temp_c,
    )
