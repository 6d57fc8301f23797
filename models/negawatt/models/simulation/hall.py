"""Run a plan: draw everything once, run both worlds, and let the instruments look.

Here: the order of the parts. Not here: any of the parts.
"""

import numpy as np

from negawatt.models.simulation.course import run_both_worlds
from negawatt.models.simulation.extra_jobs import extra_jobs
from negawatt.models.simulation.gpu_power import GpuSteps, gpu_steps
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
    steps = gpu_steps(plan, grid, jobs, surroundings, world)
    load = _load(plan, grid, steps, surroundings)
    steps_without_event = gpu_steps(plan, grid, jobs, surroundings, without_event)
    load_without_event = _load(plan, grid, steps_without_event, surroundings)
    gpu_power_w_without_event = steps_without_event.power_w.T
    del steps_without_event
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
        gpu_power_w_without_event=gpu_power_w_without_event,
        sensed_milliwatt=milliwatt.T,
        energy_total_millijoule=energy_counter_millijoule(plan, grid, milliwatt, faults).T,
        power_limit_ratio=steps.limit_ratio.T,
        utilization_ratio=steps.utilization_ratio.T,
        load=load,
        load_without_event=load_without_event,
        storage_kw=battery_kw,
        second_site_kw=second_site_kw(plan, jobs, world),
        second_site_kw_without_event=second_site_kw(plan, jobs, without_event),
        meter_kw=meter_kw(plan, load.site_kw - battery_kw),
    )


def _load(plan: HallPlan, grid: StepGrid, steps: GpuSteps, surroundings: Surroundings) -> SiteLoad:
    gpu_w = grid.minute_means(steps.power_w.sum(axis=0))
    busy_gpus = grid.minute_means(steps.utilization_ratio.sum(axis=0, dtype=np.float64))
    return site_load(plan, gpu_w, busy_gpus, surroundings.temp_c)
