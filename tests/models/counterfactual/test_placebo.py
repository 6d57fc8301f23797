"""Pretend events: the errors of levels and of starts, by hand; a quiet stretch from 600 to 780."""

from dataclasses import replace

import numpy as np
import pytest

from negawatt.models.counterfactual.fleet import Fleet
from negawatt.models.counterfactual.gpu_change import Prepared
from negawatt.models.counterfactual.job_level import Reference
from negawatt.models.counterfactual.placebo import Placebo, RunSums, placebo
from negawatt.models.counterfactual.policy import DEFAULT_POLICY
from tests.models.counterfactual.fleets import DAY, INF, Work, fleet_of

NODE = [0, 1, 2, 3]
OTHER_NODE = [4, 5, 6, 7]
STRETCH = (600, 780)


def pretended(fleet: Fleet) -> Placebo:
    prepared = Prepared(fleet)
    span_s = (60.0 * STRETCH[0], 60.0 * STRETCH[1])
    cases = {pool: prepared.timetable.case(pool, {}, span_s) for pool in prepared.queued_pools}
    return placebo(
        prepared, RunSums(prepared), cases, DEFAULT_POLICY, STRETCH, reference=Reference()
    )


def history(*works: Work) -> Fleet:
    """Return a day of two nodes and a second day with the event."""
    return fleet_of(works, nodes=2, minutes=2 * DAY, events=[(DAY + 600, DAY + 780)])


def test_a_steady_job_leaves_no_error() -> None:
    found = pretended(history(Work(name="a", runs=[(0, INF, NODE)])))

    assert found.start_minute == 600
    assert found.level_error_kw == pytest.approx(0.0, abs=1e-12)
    assert found.level_kw == pytest.approx(1.6)
    assert (found.queue_error_kw, found.queue_kw) == (0.0, 0.0)


def test_the_error_of_a_level_is_estimate_less_truth() -> None:
    """400 W before and after, 380 W in the stretch: 4 x 20 W too much, of 1.52 kW."""
    found = pretended(history(Work(name="a", runs=[(0, INF, NODE)], drawn=[(600, 780, 380.0)])))

    assert found.level_error_kw == pytest.approx(0.08)
    assert found.level_kw == pytest.approx(1.52)


def test_a_level_that_moves_is_met_half_way() -> None:
    """300 W before, 350 W in it, 400 W after: the line between has the mean of 350 W."""
    work = Work(name="a", runs=[(0, INF, NODE)], drawn=[(0, 600, 300.0), (600, 780, 350.0)])

    assert pretended(history(work)).level_error_kw == pytest.approx(0.0, abs=1e-9)


def test_a_job_that_ends_in_the_stretch_counts_for_its_time() -> None:
    """It ran a third of it, at 20 W less than before: 4 x 20 W / 3."""
    work = Work(name="a", runs=[(0, 660, NODE)], drawn=[(600, 660, 380.0)])

    found = pretended(history(work))

    assert found.level_error_kw == pytest.approx(0.08 / 3)
    assert found.level_kw == pytest.approx(1.52 / 3)


def test_jobs_that_are_never_touched_are_not_tried() -> None:
    works = [
        Work(name="a", runs=[(0, INF, NODE)], drawn=[(600, 780, 300.0)], tier=0),
        Work(name="b", runs=[(0, INF, OTHER_NODE)]),
    ]

    found = pretended(history(*works))

    assert found.level_error_kw == pytest.approx(0.0, abs=1e-12)
    assert found.level_kw == pytest.approx(1.6)


def test_starts_that_the_replay_repeats_leave_no_error() -> None:
    """Job b waits for a's node until 660 and draws 4 x (300 - 50) W for two thirds: 0.667 kW."""
    works = [
        Work(name="a", runs=[(0, 660, NODE)]),
        Work(name="b", runs=[(660, 1300, NODE)], submit=620, power_w=300.0),
        Work(name="c", runs=[(0, INF, [4, 5, 6])]),
    ]

    found = pretended(history(*works))

    assert found.queue_error_kw == pytest.approx(0.0, abs=1e-12)
    assert found.queue_kw == pytest.approx(4 * 0.25 * 2 / 3)


def test_a_start_that_the_replay_makes_too_early_is_too_much() -> None:
    """Free GPUs at 630, but b started at 690: an hour of three of 4 x (300 - 50) W too much."""
    works = [
        Work(name="a", runs=[(0, INF, NODE)]),
        Work(name="b", runs=[(690, 1300, OTHER_NODE)], submit=630, power_w=300.0),
    ]

    found = pretended(history(*works))

    assert found.queue_kw == pytest.approx(4 * 0.25 * 90 / 180)
    assert found.queue_error_kw == pytest.approx(4 * 0.25 * 60 / 180)


def test_running_sums_are_means_of_settled_minutes() -> None:
    """The first five minutes of a run are left out; lost readings count for nothing."""
    work = Work(name="a", runs=[(10, 40, [0, 1])], drawn=[(10, 15, 999.0), (20, 30, 200.0)])
    fleet = fleet_of([work])
    power_w = fleet.gpu_power_w.copy()
    power_w[0, 22] = power_w[:2, 25] = np.nan
    sums = RunSums(Prepared(replace(fleet, gpu_power_w=power_w)))

    assert sums.mean_w(0, 0, 20) == pytest.approx((400.0, 5))
    assert sums.mean_w(0, 15, 25) == pytest.approx(((5 * 400 + 5 * 200) / 10, 10))
    assert sums.mean_w(0, 20, 30) == pytest.approx((200.0, 9))
    assert np.isnan(sums.mean_w(0, 40, 60)[0])


@pytest.mark.slow
def test_running_sums_are_the_means_of_the_power_itself() -> None:
    random = np.random.default_rng(5)
    fleet = fleet_of([Work(name="a", runs=[(7, 900, [0, 1, 2])])])
    power_w = random.uniform(100, 500, fleet.gpu_power_w.shape).astype(np.float32)
    sums = RunSums(Prepared(replace(fleet, gpu_power_w=power_w)))

    for _ in range(50):
        first, last = np.sort(random.integers(12, 900, 2)).tolist()
        mean_w, count = sums.mean_w(0, first, last)
        assert count == last - first
        if count:
            assert mean_w == pytest.approx(float(power_w[:3, first:last].mean()), rel=1e-5)
