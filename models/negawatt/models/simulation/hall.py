"""Run a plan: draw everything once, run both worlds, and let the instruments look.

Here: the order of the parts. Not here: any of the parts.
"""

from negawatt.models.simulation.course import run_world
from negawatt.models.simulation.gpu_power import gpu_steps
from negawatt.models.simulation.grid import step_grid
from negawatt.models.simulation.jobs import draw_jobs
from negawatt.models.simulation.layout import Pool, hall_gpus, pool_nodes
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.record import HallRecord
from negawatt.models.simulation.site import outdoor_temp_c, site_load
from negawatt.models.simulation.telemetry import (
    draw_faults,
    energy_counter_millijoule,
    meter_kw,
    sensed_milliwatt,
    sensor_gain,
)
from negawatt.models.simulation.traffic import seat_activity, service_load
from negawatt.models.simulation.world import Surroundings


def simulate(plan: HallPlan) -> HallRecord:
    """Simulate a hall with and without its last event.

    Args:
        plan: What to simulate.

    Returns:
        The record; equal plans give equal arrays, bit for bit on one machine.
    """
    grid, gpus, jobs = step_grid(plan), hall_gpus(plan), draw_jobs(plan)
    pools = pool_nodes(plan)
    surroundings = Surroundings(
        temp_c=outdoor_temp_c(plan),
        service_load=service_load(plan, len(pools[Pool.ONLINE])),
        seat_activity=seat_activity(plan, len(pools[Pool.DEV]) * plan.gpus_per_node),
    )
    world = run_world(plan, jobs, surroundings, plan.events)
    without_event = run_world(plan, jobs, surroundings, plan.events[:-1])
    steps = gpu_steps(plan, grid, jobs, surroundings, world)
    steps_without_event = gpu_steps(plan, grid, jobs, surroundings, without_event)
    load, load_without_event = (
        site_load(plan, grid.minute_means(power_w.sum(axis=0)), surroundings.temp_c)
        for power_w in (steps.power_w, steps_without_event.power_w)
    )
    milliwatt = sensed_milliwatt(steps.power_w, sensor_gain(plan))
    faults = draw_faults(plan, grid)
    return HallRecord(
        plan=plan,
        grid=grid,
        gpus=gpus,
        jobs=jobs,
        world=world,
        world_without_event=without_event,
        surroundings=surroundings,
        faults=faults,
        gpu_power_w=steps.power_w.T,
        gpu_power_w_without_event=steps_without_event.power_w.T,
        sensed_milliwatt=milliwatt.T,
        energy_total_millijoule=energy_counter_millijoule(plan, grid, milliwatt, faults).T,
        power_limit_ratio=steps.limit_ratio.T,
        utilization_ratio=steps.utilization_ratio.T,
        load=load,
        load_without_event=load_without_event,
        meter_kw=meter_kw(plan, load.site_kw),
    )
