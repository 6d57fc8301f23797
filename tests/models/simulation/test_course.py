import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest

from negawatt.models.simulation.actions import Action
from negawatt.models.simulation.cap_response import JobClass
from negawatt.models.simulation.course import run_both_worlds, run_world
from negawatt.models.simulation.hall_event import HallEvent
from negawatt.models.simulation.incidents import SecondSite
from negawatt.models.simulation.jobs import Job
from negawatt.models.simulation.layout import Pool
from negawatt.models.simulation.outages import Outage
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.record import HallRecord
from negawatt.models.simulation.workloads import RESTART_S
from negawatt.models.simulation.world import Surroundings, World

NOON_S = 12 * 3600
# Ramps of one minute: control acts from 11:59 and lets go at 13:00.
CONTROLLED_S = 61 * 60


def plan_with(*, target: float = 1.0, hold_starts: bool = False, **changes: object) -> HallPlan:
    """Return three nodes of one GPU with an event from 12:00 to 13:00."""
    plan = HallPlan(
        site_id="tiny",
        seed=1,
        start_utc=datetime(2026, 6, 2, tzinfo=UTC),
        days=1,
        nodes=3,
        gpus_per_node=1,
        events=(
            HallEvent(
                event_id="e1",
                start_utc=datetime(2026, 6, 2, 12, tzinfo=UTC),
                end_utc=datetime(2026, 6, 2, 13, tzinfo=UTC),
                target_reduction_ratio=target,
                ramp_down_minutes=1,
                ramp_up_minutes=1,
                hold_starts=hold_starts,
            ),
        ),
    )
    return plan.model_copy(update=changes)


def job(tier: int, *, submit_s: int = 0, work_s: float = 50_000.0) -> Job:
    return Job(
        job_id="job",
        job_class=JobClass.PRETRAINING,
        tier=tier,
        pool=Pool.BATCH,
        gpu_count=1,
        submit_s=submit_s,
        work_s=work_s,
    )


def worlds(plan: HallPlan, *jobs: Job, outages: Sequence[Outage] = ()) -> tuple[World, World]:
    """Return the world with control and the one without."""
    minutes = 24 * 60
    surroundings = Surroundings(
        temp_c=np.full(minutes, 20.0),
        service_load=np.zeros((0, minutes)),
        seat_activity=np.zeros((0, minutes)),
    )
    both = run_both_worlds(plan, jobs, surroundings, outages)
    assert both == (
        run_world(plan, jobs, surroundings, plan.events, outages),
        run_world(plan, jobs, surroundings, (), outages),
    )
    return both


def test_without_control_a_job_ends_after_its_work() -> None:
    _, quiet = worlds(plan_with(), job(2, submit_s=100))

    assert (quiet.runs[0].start_s, quiet.runs[0].end_s) == (100, 50_100)
    assert quiet.actions == ()


def test_a_capped_job_ends_later_by_what_the_published_sweep_says() -> None:
    """At 0.6 of the limit pre-training runs at 0.75278: 3660 s lose 904.8 s, so 905 s later."""
    world, _ = worlds(plan_with(), job(2))

    assert world.runs[0].end_s == 50_000 + math.ceil(CONTROLLED_S * (1 - 0.75278))
    assert [action.action for action in world.actions] == [Action.CAP, Action.RELEASE]
    assert [action.at_s for action in world.actions] == [NOON_S - 60, NOON_S + 3600]
    assert world.actions[0].power_ratio == pytest.approx(0.6)


def test_a_paused_job_ends_later_by_the_pause_and_the_loading_after_it() -> None:
    world, _ = worlds(plan_with(), job(3))

    assert world.runs[0].end_s == 50_000 + CONTROLLED_S + RESTART_S
    assert [action.action for action in world.actions] == [Action.PAUSE, Action.RELEASE]


def test_a_job_of_tier_0_is_left_alone() -> None:
    world, quiet = worlds(plan_with(), job(0))

    assert world == quiet


def test_a_target_of_nothing_changes_nothing() -> None:
    world, quiet = worlds(plan_with(target=0.0), job(2))

    assert world == quiet


def test_a_held_start_waits_for_the_end_of_the_window() -> None:
    """Asked for at 12:10, held until 13:00."""
    world, quiet = worlds(plan_with(hold_starts=True), job(2, submit_s=NOON_S + 600))

    assert quiet.runs[0].start_s == NOON_S + 600
    assert world.runs[0].start_s == NOON_S + 3600
    assert [action.action for action in world.actions] == [Action.HOLD, Action.RELEASE]


def test_a_failed_node_sends_its_job_back_to_its_last_checkpoint() -> None:
    """10 000 s of work, saved at 7200 s; the only batch node is back at 10 600 s, then 180 s load.

    The other 42 800 s end at 10 600 + 180 + 42 800 = 53 580 s, in both worlds alike.
    """
    outage = Outage(down_s=10_000, up_s=10_600, node=0)

    world, quiet = worlds(plan_with(target=0.0), job(2), outages=[outage])

    run = quiet.runs[0]
    assert [(one.start_s, one.end_s) for one in run.placements] == [(0, 10_000), (10_600, 53_580)]
    assert (run.start_s, run.end_s) == (0, 53_580)
    assert world == quiet


def test_a_job_that_takes_no_notice_is_logged_as_capped_and_ends_as_if_it_were_not() -> None:
    world, quiet = worlds(plan_with(), replace(job(2), complies=False))

    assert [action.action for action in world.actions] == [Action.CAP, Action.RELEASE]
    assert world.runs == quiet.runs


def test_work_that_moves_to_a_second_site_loses_only_the_two_moves() -> None:
    """240 s there and 240 s back; a pause would have cost 3660 s and the loading."""
    site = SecondSite(site_id="other", base_kw=10.0, transfer_s=240)

    world, _ = worlds(plan_with(second_site=site), job(3))

    assert world.runs[0].end_s == 50_000 + 2 * 240
    assert [action.action for action in world.actions] == [Action.MIGRATE, Action.RELEASE]


def test_a_job_is_taken_away_when_it_is_cancelled_running_or_waiting() -> None:
    running = replace(job(0), cancel_s=900)
    waiting = replace(job(0, submit_s=1), cancel_s=800)

    _, quiet = worlds(plan_with(), running, waiting)

    assert [run.end_s for run in quiet.runs] == [900, None]
    assert quiet.runs[1].placements == ()


def test_holds_are_logged_only_where_the_operator_logs_them() -> None:
    late = job(2, submit_s=NOON_S + 600)

    logged, _ = worlds(plan_with(hold_starts=True), late)
    silent, _ = worlds(plan_with(hold_starts=True, log_holds=False), late)

    assert len(logged.actions) == 2
    assert silent.actions == ()
    assert silent.runs == logged.runs


def test_nobody_acts_in_an_event_that_is_not_carried_out() -> None:
    plan = plan_with()
    null = plan.events[0].model_copy(update={"carried_out": False})

    world, quiet = worlds(plan.model_copy(update={"events": (null,)}), job(2))

    assert world == quiet


def test_every_finished_job_did_all_its_work_in_both_worlds(small_hall: HallRecord) -> None:
    """A job ends on a whole second, so it may do up to a second more."""
    for world in (small_hall.world, small_hall.world_without_event):
        done_s = np.zeros(len(small_hall.jobs))
        for stretch in world.stretches:
            done_s[stretch.job_index] += stretch.work_s
        finished = [index for index, run in enumerate(world.runs) if run.end_s is not None]

        assert len(finished) > 20
        for index in finished:
            work_s = small_hall.jobs[index].work_s
            assert work_s is not None
            assert work_s - 1e-6 <= done_s[index] < work_s + 1


def test_no_gpu_serves_two_jobs_at_once(small_hall: HallRecord) -> None:
    for column in range(small_hall.plan.gpu_count):
        mine = sorted(
            (stretch.start_s, stretch.end_s)
            for stretch in small_hall.world.stretches
            if column in stretch.gpus
        )

        assert all(earlier_end_s <= start_s for (_, earlier_end_s), (start_s, _) in pairwise(mine))


def test_a_job_holds_one_set_of_gpus_of_its_pool_from_start_to_end(small_hall: HallRecord) -> None:
    for stretch in small_hall.world.stretches:
        job_of, run = small_hall.jobs[stretch.job_index], small_hall.world.runs[stretch.job_index]

        assert [stretch.gpus] == [placement.gpus for placement in run.placements]
        assert len(set(stretch.gpus)) == job_of.gpu_count
        assert {small_hall.gpus[column].pool for column in stretch.gpus} == {job_of.pool}
        assert run.start_s is not None
        assert stretch.start_s >= run.start_s >= job_of.submit_s


def test_control_respects_the_tiers(small_hall: HallRecord) -> None:
    """Tier 0 is never touched, tiers 1 and 2 are capped at most to 0.8 and 0.6, tier 3 paused."""
    actions = small_hall.world.actions
    lowest = {1: 0.8, 2: 0.6, 3: 0.0}

    assert {action.action for action in actions} == {Action.CAP, Action.PAUSE, Action.RELEASE}
    for action in actions:
        tier = small_hall.jobs[action.job_index].tier
        assert tier > 0
        assert action.power_ratio is not None
        assert action.power_ratio >= lowest[tier] - 1e-9
        if tier == 3:
            assert action.power_ratio in {0.0, 1.0}
