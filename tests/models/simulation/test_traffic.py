from datetime import UTC, datetime

import numpy as np

from negawatt.models.simulation.arrivals import WARMUP_DAYS
from negawatt.models.simulation.jobs import draw_jobs
from negawatt.models.simulation.localtime import local_time
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.traffic import seat_activity, service_load

FOUR_WEEKS = HallPlan(
    site_id="people", seed=5, start_utc=datetime(2026, 6, 2, tzinfo=UTC), days=28, nodes=8
)


def test_services_are_busier_on_weekdays_and_in_the_afternoon() -> None:
    load = service_load(FOUR_WEEKS, 2)

    local = local_time(FOUR_WEEKS, 0, 28 * 24)
    afternoon = (local.hour >= 14) & (local.hour < 15)
    night = (local.hour >= 2) & (local.hour < 3)
    assert load[:, afternoon & ~local.weekend].mean() > 0.85
    assert load[:, night & ~local.weekend].mean() < 0.4
    assert load[:, afternoon & local.weekend].mean() < 0.7
    assert load.min() >= 0
    assert load.max() <= 1


def test_people_sit_at_their_seats_on_weekdays() -> None:
    activity = seat_activity(FOUR_WEEKS, 8)

    local = local_time(FOUR_WEEKS, 0, 28 * 24)
    assert activity[:, ~local.weekend].mean() > 3 * activity[:, local.weekend].mean()


def test_jobs_ask_for_the_gpu_time_that_the_plan_says() -> None:
    """40 batch GPUs; long and large jobs are few, so four weeks come within 15 %."""
    jobs = [job for job in draw_jobs(FOUR_WEEKS) if job.work_s is not None]

    asked_gpu_s = sum(job.gpu_count * (job.work_s or 0) for job in jobs)

    capacity_gpu_s = 40 * (28 + WARMUP_DAYS) * 86_400
    assert abs(asked_gpu_s / capacity_gpu_s / FOUR_WEEKS.batch_load_ratio - 1) < 0.15


def test_an_estimate_is_never_below_the_work() -> None:
    jobs = [job for job in draw_jobs(FOUR_WEEKS) if job.work_s is not None]

    assert all((job.est_runtime_s or 0) >= (job.work_s or np.inf) for job in jobs)


def test_local_time_knows_the_change_of_clocks() -> None:
    """New York, 2026-11-01: 05:30 UTC is 1:30 daylight time, 06:30 UTC is 1:30 standard time."""
    plan = FOUR_WEEKS.model_copy(update={"start_utc": datetime(2026, 11, 1, tzinfo=UTC)})

    local = local_time(plan, 0, 24)

    assert local.hour[5 * 60 + 30] == 1.5
    assert local.hour[6 * 60 + 30] == 1.5
