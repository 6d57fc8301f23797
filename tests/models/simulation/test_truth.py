"""The truth of every scenario, on halls of three days: 8 nodes, for migration 24.

The smaller hall often has no job that may be paused, and then none that moves.
"""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from negawatt.models.simulation.fleet_folder import fleet_frames
from negawatt.models.simulation.hall import simulate
from negawatt.models.simulation.record import HallRecord
from negawatt.models.simulation.scenarios import Scenario, scenario_plan
from negawatt.models.simulation.truth import truth_frames, truth_summary

pytestmark = pytest.mark.slow


def hall_of(scenario: Scenario) -> HallRecord:
    nodes = 24 if scenario is Scenario.MIGRATION else 8
    return simulate(scenario_plan(scenario, 5, nodes=nodes, days=3))


@pytest.fixture(scope="module")
def halls() -> dict[Scenario, HallRecord]:
    return {one: hall_of(one) for one in Scenario}


@pytest.mark.parametrize("scenario", Scenario)
def test_the_worlds_are_one_until_control_begins(
    halls: dict[Scenario, HallRecord], scenario: Scenario
) -> None:
    hall = halls[scenario]

    ramp_s = hall.plan.second_of(hall.plan.events[-1].controlled.start_utc)
    before = hall.grid.edge_s[1:] <= ramp_s
    same = hall.gpu_power_w == hall.gpu_power_w_without_event
    assert same[before].all()
    assert same.all() == (scenario is Scenario.NULL_EVENT)


@pytest.mark.parametrize("scenario", [Scenario.NODE_CHURN, Scenario.INFLATION, Scenario.MIGRATION])
def test_the_same_seed_gives_the_same_tables(
    halls: dict[Scenario, HallRecord], scenario: Scenario
) -> None:
    again = hall_of(scenario)

    for frames in (fleet_frames, truth_frames):
        ours, theirs = frames(halls[scenario]), frames(again)
        assert ours.keys() == theirs.keys()
        assert all(ours[name].equals(theirs[name]) for name in ours)


@pytest.mark.parametrize("scenario", Scenario)
def test_the_mechanisms_add_up_to_the_gpus_reduction_in_every_minute(
    halls: dict[Scenario, HallRecord], scenario: Scenario
) -> None:
    hall = halls[scenario]
    window = hall.plan.events[-1].window

    truth = truth_frames(hall)

    by_minute = truth["mechanisms"].group_by("ts").agg(pl.col("gpu_kw").sum())
    site = (
        truth["site"]
        .filter(pl.col("ts").is_between(window.start_utc, window.end_utc, closed="left"))
        .join(by_minute, on="ts", how="left")
    )
    reduction_kw = (site["gpu_kw_without_event"] - site["gpu_kw"]).to_numpy()
    np.testing.assert_allclose(site["gpu_kw_right"].fill_null(0.0), reduction_kw, atol=1e-9)


def test_the_summary_holds_the_means_of_the_tables(halls: dict[Scenario, HallRecord]) -> None:
    hall = halls[Scenario.ORDINARY]

    summary = truth_summary(hall)

    mechanisms = truth_frames(hall)["mechanisms"].group_by("mechanism").agg(pl.col("gpu_kw").sum())
    minutes = 180
    for mechanism, total in mechanisms.iter_rows():
        by_mechanism = summary["gpu_kw_by_mechanism"]
        assert isinstance(by_mechanism, dict)
        assert by_mechanism[mechanism] == pytest.approx(total / minutes)
    window = hall.plan.events[-1].window
    assert summary["site_reduction_kw"] == pytest.approx(hall.true_reduction_kwh(window) / 3)


def test_a_null_event_has_no_reduction_and_says_what_was_announced(
    halls: dict[Scenario, HallRecord],
) -> None:
    hall = halls[Scenario.NULL_EVENT]

    assert truth_summary(hall)["site_reduction_kw"] == 0
    assert hall.plan.events[-1].target_reduction_ratio == 0.25
    assert truth_frames(hall)["mechanisms"].is_empty()


def test_jobs_run_again_after_their_node_failed(halls: dict[Scenario, HallRecord]) -> None:
    hall = halls[Scenario.NODE_CHURN]

    frames = fleet_frames(hall)

    starts = frames["placements"].group_by("job_id").agg(pl.col("start").n_unique())
    assert starts["start"].max() == 2
    down = frames["node_state"].filter(pl.col("state") == "down")
    assert down.height >= 1
    assert frames["node_state"].filter(pl.col("state") == "up").height > 8


def test_a_node_that_is_down_is_silent_and_jobless(halls: dict[Scenario, HallRecord]) -> None:
    hall = halls[Scenario.NODE_CHURN]
    outage = next(one for one in hall.outages if one.down_s > 2 * 86_400)
    size = hall.plan.gpus_per_node
    mine = set(range(outage.node * size, (outage.node + 1) * size))

    running = [
        stretch
        for stretch in hall.world.stretches
        if mine & set(stretch.gpus)
        and stretch.start_s < outage.up_s
        and stretch.end_s > outage.down_s
    ]

    step = int(np.searchsorted(hall.grid.edge_s, outage.down_s + 60))
    assert running == []
    assert all(hall.telemetry_lost(step, column) for column in mine)


def test_a_battery_lowers_the_meter_and_not_the_load(halls: dict[Scenario, HallRecord]) -> None:
    """0.6 kW for each of 8 nodes."""
    hall = halls[Scenario.BATTERY]
    minutes = hall.minutes_in(hall.plan.events[-1].window)

    below_kw = (hall.load.site_kw - hall.meter_kw)[minutes].mean()

    assert below_kw == pytest.approx(4.8, abs=0.01 * hall.load.site_kw[minutes].mean())
    assert fleet_frames(hall)["storage"]["kw"].max() == pytest.approx(4.8)


def test_migrated_work_is_found_at_the_other_site(halls: dict[Scenario, HallRecord]) -> None:
    """What the jobs would have drawn here, and a quarter on top for that site's hosts."""
    hall = halls[Scenario.MIGRATION]

    summary = truth_summary(hall)

    by_mechanism = summary["gpu_kw_by_mechanism"]
    assert isinstance(by_mechanism, dict)
    assert by_mechanism["migrated"] > 0
    assert by_mechanism["paused"] == 0
    rise_kw = summary["rise_elsewhere_kw"]
    assert isinstance(rise_kw, float)
    assert 0.9 < rise_kw / by_mechanism["migrated"] < 1.7
    assert set(fleet_frames(hall)["other_sites"]["site"]) == {"second-hall"}


def test_inflated_hours_draw_more_than_the_same_hours_of_the_ordinary_hall(
    halls: dict[Scenario, HallRecord],
) -> None:
    ordinary, inflated = halls[Scenario.ORDINARY], halls[Scenario.INFLATION]
    ramp = ordinary.minutes_in(ordinary.plan.events[-1].controlled).start

    rise = inflated.load_without_event.site_kw / ordinary.load_without_event.site_kw

    assert rise[ramp - 200 : ramp].mean() > 1.02
    assert (rise[: ramp - 240] == 1).all()


def test_held_jobs_start_later_and_the_truth_says_when_they_would_have(
    halls: dict[Scenario, HallRecord],
) -> None:
    hall = halls[Scenario.HELD_STARTS]
    window = hall.plan.events[-1].window

    truth = truth_frames(hall)

    held = set(truth["mechanisms"].filter(pl.col("mechanism") == "held")["job_id"])
    jobs = truth["jobs"].filter(
        pl.col("job_id").is_in(held), pl.col("start_without_event") >= window.start_utc
    )
    assert jobs.height > 0
    late = jobs.select((pl.col("start") - pl.col("start_without_event")).drop_nulls())
    assert (late.to_series() > timedelta(0)).all()
