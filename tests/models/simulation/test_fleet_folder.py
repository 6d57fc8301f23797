from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from negawatt.models.simulation.fleet_folder import fleet_events, fleet_frames
from negawatt.models.simulation.record import HallRecord
from negawatt.models.simulation.truth import truth_frame

COLUMNS = {
    "gpu_power/day=00": ["ts", "gpu", "power_w"],
    "gpu_power/day=01": ["ts", "gpu", "power_w"],
    "gpu_power/day=02": ["ts", "gpu", "power_w"],
    "gpus": ["gpu", "node", "pool"],
    "jobs": [
        *("job_id", "class", "tier", "gpus", "submit", "start", "end", "est_runtime_s", "pool"),
        "priority",
    ],
    "placements": ["job_id", "gpu", "start", "end"],
    "dispatch": ["ts", "job_id", "action", "power_fraction"],
    "job_progress": ["ts", "job_id", "work_s"],
    "service_load": ["ts", "job_id", "load", "replicas"],
    "site_meter": ["ts", "kw"],
    "weather": ["ts", "temp_c"],
}


@pytest.fixture(scope="module")
def frames(small_hall: HallRecord) -> dict[str, pl.DataFrame]:
    return fleet_frames(small_hall)


def test_the_tables_have_the_exchange_s_columns(frames: dict[str, pl.DataFrame]) -> None:
    assert {name: frame.columns for name, frame in frames.items()} == COLUMNS


def test_history_is_in_minutes_and_the_event_day_in_ten_seconds(
    frames: dict[str, pl.DataFrame],
) -> None:
    assert frames["gpu_power/day=01"].height == 16 * 24 * 60
    assert frames["gpu_power/day=02"].height == 16 * 24 * 360
    assert frames["gpu_power/day=02"]["ts"].min() == datetime(2026, 6, 25, tzinfo=UTC)


def test_power_is_null_only_where_telemetry_was_lost(
    small_hall: HallRecord, frames: dict[str, pl.DataFrame]
) -> None:
    (loss,) = small_hall.losses

    power = pl.concat(frames[f"gpu_power/day=0{day}"] for day in range(3))
    lost = power.filter(pl.col("power_w").is_null())

    assert lost["gpu"].unique().to_list() == [small_hall.gpus[loss.columns.start].gpu_uuid]
    assert lost.height == loss.steps.stop - loss.steps.start


def test_power_is_what_the_sensor_said_and_not_the_truth(
    small_hall: HallRecord, frames: dict[str, pl.DataFrame]
) -> None:
    uuid = small_hall.gpus[5].gpu_uuid

    read_w = frames["gpu_power/day=02"].filter(pl.col("gpu") == uuid)["power_w"].to_list()

    steps = small_hall.grid.steps_of_day(2)
    assert read_w == (small_hall.sensed_milliwatt[steps, 5] / 1000).tolist()
    assert read_w != small_hall.gpu_power_w[steps, 5].tolist()


def test_a_job_has_a_placement_on_each_of_its_gpus(frames: dict[str, pl.DataFrame]) -> None:
    placed = frames["placements"].group_by("job_id").agg(pl.len(), pl.col("gpu").n_unique())
    started = frames["jobs"].filter(pl.col("start").is_not_null())

    both = started.join(placed, on="job_id", how="full", validate="1:1")

    assert both.null_count()["len"].item() == 0
    assert (both["gpus"] == both["len"]).all()
    assert (both["gpus"] == both["gpu"]).all()


def test_progress_slows_down_under_a_cap(
    small_hall: HallRecord, frames: dict[str, pl.DataFrame]
) -> None:
    """Between two minutes with the same cap a job does 60 s times its speed, less than 60 s."""
    window = small_hall.plan.events[-1].window
    capped = {
        small_hall.jobs[action.job_index].job_id
        for action in small_hall.world.actions
        if action.action == "cap" and action.at_s > 2 * 86_400
    }

    rises = (
        frames["job_progress"]
        .filter(pl.col("job_id").is_in(capped))
        .filter(pl.col("ts").is_between(window.start_utc, window.end_utc))
        .select(pl.col("work_s").diff().over("job_id"))
        .drop_nulls()["work_s"]
        .to_numpy()
    )

    assert len(rises) > 0
    assert rises.min() > 60 * 0.6
    assert np.median(rises) < 60


def test_the_events_are_listed_oldest_first(small_hall: HallRecord) -> None:
    events = fleet_events(small_hall)

    assert [event["start"] for event in events] == [
        "2026-06-24T18:00:00+00:00",
        "2026-06-25T18:00:00+00:00",
    ]
    assert events[-1]["target_fraction"] == 0.25


def test_the_truth_is_a_table_of_its_own(small_hall: HallRecord) -> None:
    truth = truth_frame(small_hall)

    reduction = truth["site_kw_without_event"] - truth["site_kw"]

    window = small_hall.plan.events[-1].window
    inside = truth["ts"].is_between(window.start_utc, window.end_utc, closed="left")
    energy_kwh = float(reduction.filter(inside).to_numpy().sum()) / 60
    assert energy_kwh == pytest.approx(small_hall.true_reduction_kwh(window))
