from datetime import UTC, datetime

import numpy as np
import pytest

from negawatt.models.simulation.cap_response import JobClass
from negawatt.models.simulation.equipment import GpuModel
from negawatt.models.simulation.gpu_power import GpuSteps, gpu_noise, gpu_steps
from negawatt.models.simulation.grid import step_grid
from negawatt.models.simulation.jobs import Job
from negawatt.models.simulation.layout import Pool
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.world import JobRun, Stretch, Surroundings, World

# Two days, so that the first has steps of a minute; GPUs without spread and noise.
PLAN = HallPlan(
    site_id="tiny",
    seed=1,
    start_utc=datetime(2026, 6, 2, tzinfo=UTC),
    days=2,
    nodes=3,
    gpus_per_node=1,
    gpu=GpuModel(spread_ratio=0.0, noise_ratio=0.0),
)
INFERENCE = Job(
    job_id="job",
    job_class=JobClass.BATCH_INFERENCE,
    tier=3,
    pool=Pool.BATCH,
    gpu_count=1,
    submit_s=0,
    work_s=50_000.0,
)
IDLE_W = 110.0
BUSY_W = 0.9209 * 700


def steps_of(job: Job, *, load: float = 0.0, **changes: float) -> GpuSteps:
    """Return the steps of one stretch on GPU 1 from 0:01:00 to 0:02:30."""
    values = {"start_s": 60, "end_s": 150, "cap_ratio": 1.0, "speed_ratio": 1.0}
    values |= {"work_start_s": 100.0, **changes}
    stretch = Stretch(
        job_index=0,
        gpus=(1,),
        start_s=int(values["start_s"]),
        end_s=int(values["end_s"]),
        cap_ratio=values["cap_ratio"],
        speed_ratio=values["speed_ratio"],
        work_start_s=values["work_start_s"],
    )
    minutes = 2 * 24 * 60
    surroundings = Surroundings(
        temp_c=np.zeros(minutes),
        service_load=np.full((1, minutes), load),
        seat_activity=np.zeros((0, minutes)),
    )
    world = World(stretches=(stretch,), runs=(JobRun(),), actions=())
    grid = step_grid(PLAN)
    noise = gpu_noise(PLAN, grid)
    return gpu_steps(PLAN, grid, (job,), surroundings, world, noise=noise)


def test_a_step_is_the_mean_of_its_parts_and_other_gpus_idle() -> None:
    """A whole minute at 0.9209 of 700 W, then half a minute of it and half at 110 W."""
    steps = steps_of(INFERENCE)

    expected = [IDLE_W, BUSY_W, (BUSY_W + IDLE_W) / 2, IDLE_W]
    np.testing.assert_allclose(steps.power_w[1, :4], expected, rtol=1e-6)
    np.testing.assert_allclose(steps.utilization_ratio[1, :4], [0, 1, 0.5, 0])
    assert (steps.power_w[[0, 2]] == IDLE_W).all()


def test_a_capped_gpu_draws_what_the_sweep_says() -> None:
    """Inference capped to 0.75 of the limit drew 0.7224 of it; the limit shows the cap."""
    steps = steps_of(INFERENCE, cap_ratio=0.75, speed_ratio=0.9309)

    assert steps.power_w[1, 1] == pytest.approx(0.7224 * 700)
    assert steps.limit_ratio[1, :4].tolist() == [1.0, 0.75, 0.75, 1.0]


def test_a_paused_gpu_idles_under_its_full_limit() -> None:
    steps = steps_of(INFERENCE, cap_ratio=0.0, speed_ratio=0.0)

    assert steps.power_w[1, 1] == pytest.approx(IDLE_W)
    assert steps.utilization_ratio[1, 1] == 0
    assert steps.limit_ratio[1, 1] == 1


def test_a_job_that_loads_after_a_pause_draws_the_power_of_a_dip() -> None:
    """Uncapped and without progress: 0.3 of the limit."""
    steps = steps_of(INFERENCE, speed_ratio=0.0)

    assert steps.power_w[1, 1] == pytest.approx(0.3 * 700)


def test_a_checkpoint_lowers_the_mean_of_its_step() -> None:
    """Batch inference dips for the first 10 s of every 900 s of work: a sixth of this minute."""
    steps = steps_of(INFERENCE, work_start_s=900.0)

    assert steps.power_w[1, 1] == pytest.approx(BUSY_W + (0.3 * 700 - BUSY_W) / 6)


def test_a_service_follows_its_load() -> None:
    """At half load it stands halfway between 0.22 and 0.9209 of the limit."""
    service = Job(
        job_id="service",
        job_class=JobClass.ONLINE_INFERENCE,
        tier=0,
        pool=Pool.ONLINE,
        gpu_count=1,
        submit_s=0,
        work_s=None,
        activity_row=0,
    )

    steps = steps_of(service, load=0.5)

    assert steps.power_w[1, 1] == pytest.approx((0.22 + 0.9209) / 2 * 700)
