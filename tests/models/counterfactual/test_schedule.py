"""What each job needed without control, and a partition ready to be replayed: by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.counterfactual.control import Touch, touches
from negawatt.models.counterfactual.fleet import Action, Fleet, Progress
from negawatt.models.counterfactual.queue_replay import NodeChange
from negawatt.models.counterfactual.schedule import (
    QueueCase,
    Stay,
    Timetable,
    lost_s,
    own_rate,
    speed_under_cap,
)
from tests.models.counterfactual.fleets import (
    EVENT,
    INF,
    Work,
    cap,
    down,
    fleet_of,
    pause,
    release,
    worked,
)

NODE = [0, 1, 2, 3]
OTHER_NODE = [4, 5, 6, 7]
SPAN_S = (EVENT[0] * 60.0, EVENT[1] * 60.0)


def case_of(fleet: Fleet, *, pool: str = "batch") -> QueueCase:
    return Timetable(fleet).case(pool, touches(fleet.actions), SPAN_S)


def touch(start: float, end: float, *, power_ratio: float = 0.5) -> Touch:
    deepest = Action.CAP if power_ratio else Action.PAUSE
    return Touch(
        job=0, start_s=60 * start, end_s=60 * end, deepest=deepest, power_ratio=power_ratio
    )


def ends(stays: tuple[Stay, ...]) -> dict[int, float]:
    """Return each job's end [min]."""
    return {stay.job: stay.end_s / 60 for stay in stays}


def test_throughput_under_a_cap_is_the_published_mean() -> None:
    """At three quarters of the power 91 % of the throughput; half way to a half 87.7 %."""
    assert speed_under_cap(0.75) == 0.9101
    assert speed_under_cap(1.0) == 1.0
    assert speed_under_cap(0.6875) == pytest.approx((0.9101 + 0.8433) / 2)
    assert speed_under_cap(0.0) == 0.0


def test_the_work_that_a_cap_cost_is_read_off_the_progress() -> None:
    """40 minutes at a quarter of the speed: 30 minutes are lost."""
    progress = worked((600, 640, 0.25), until=900)

    assert lost_s(progress, touch(600, 640), run_end_s=900 * 60) == pytest.approx(30 * 60)


def test_a_job_that_is_slow_by_nature_lost_only_what_the_cap_took() -> None:
    """It does 0.8 s of work a second anyway; at 0.4 for 60 minutes it lost half of that."""
    progress = worked((0, 600, 0.8), (600, 660, 0.4), (660, 900, 0.8), until=900)

    assert lost_s(progress, touch(600, 660), run_end_s=900 * 60) == pytest.approx(30 * 60)


def test_loading_again_after_a_pause_is_lost_too() -> None:
    """Off from 600 to 660, and no work for ten minutes more: 70 minutes."""
    progress = worked((600, 670, 0.0), until=900)

    found = lost_s(progress, touch(600, 660, power_ratio=0.0), run_end_s=900 * 60)

    assert found == pytest.approx(70 * 60)


def test_without_progress_the_lost_work_is_that_of_the_published_speed() -> None:
    """An hour at 0.75 of the power: 60 x (1 - 0.9101) = 5.394 minutes."""
    found = lost_s(None, touch(600, 660, power_ratio=0.75), run_end_s=900 * 60)

    assert found == pytest.approx(5.394 * 60)


def test_progress_that_begins_after_the_touch_says_nothing_of_it() -> None:
    late = Progress(at_s=np.array([40000.0, 50000.0]), work_s=np.array([0.0, 10000.0]))

    assert lost_s(late, touch(600, 660), run_end_s=900 * 60) == pytest.approx(
        3600 * (1 - speed_under_cap(0.5))
    )


def test_a_touch_without_release_lasts_until_the_job_ends() -> None:
    found = lost_s(None, touch(600, INF), run_end_s=660 * 60)

    assert found == pytest.approx(3600 * (1 - speed_under_cap(0.5)))


def test_more_work_than_time_is_no_gain() -> None:
    fast = worked((600, 660, 1.5), until=900)

    assert lost_s(fast, touch(600, 660), run_end_s=900 * 60) == 0.0


def test_the_own_rate_is_that_of_the_hour_before_within_reason() -> None:
    """Less than ten minutes of progress, or a rate above 1, say nothing."""
    progress = worked((0, 500, 0.9), (500, 600, 0.8), until=700)

    assert own_rate(progress, 600 * 60) == pytest.approx(0.8)
    assert own_rate(progress, 9 * 60) == 1.0
    assert own_rate(worked((0, 600, 0.1), until=700), 600 * 60) == 0.5
    assert own_rate(worked((0, 600, 1.2), until=700), 600 * 60) == 1.0


def test_a_capped_job_would_have_ended_earlier_by_the_lost_work() -> None:
    fleet = fleet_of(
        [Work(name="a", runs=[(0, 900, NODE)])],
        [cap(600, "a"), release(700, "a")],
        progress={"a": worked((600, 700, 0.5), until=900)},
    )

    assert ends(case_of(fleet).running) == {0: 850}


def test_a_paused_job_that_freed_its_gpus_runs_through_without_the_gap() -> None:
    """Runs until 650 and from 700 to 900: without the pause until 850, in one go."""
    fleet = fleet_of(
        [Work(name="a", runs=[(0, 650, NODE), (700, 900, NODE)])],
        [pause(650, "a"), release(700, "a")],
    )

    case = case_of(fleet)

    assert ends(case.running) == {0: 850}
    assert case.waiting == ()


def test_a_job_paused_for_good_would_have_run_as_long_as_its_estimate_usually_means() -> None:
    """Others ended after half their estimate; a, with an estimate of 1600, is taken to run 800."""
    others = [Work(name=f"b{gpu}", runs=[(0, 300, [gpu])], estimate=600) for gpu in OTHER_NODE]
    works = [Work(name="a", runs=[(100, 650, NODE)], estimate=1600), *others]

    case = case_of(fleet_of(works, [pause(650, "a")], nodes=2))

    assert ends(case.running) == {0: 900}


def test_a_failure_is_no_pause_the_job_waits_again_from_its_end() -> None:
    """Two runs without a touch between them: the second joins the queue when the first ends."""
    fleet = fleet_of([Work(name="a", runs=[(0, 650, NODE), (700, 900, NODE)])])

    case = case_of(fleet)

    assert ends(case.running) == {0: 650}
    [request] = case.requests
    assert (request.submit_s / 60, request.duration_s / 60) == (650, 200)
    assert request.aged_from_s == 0


def test_a_job_that_ended_after_its_pause_was_not_cut_by_it() -> None:
    """Paused from 600 to 605, failed at 615 and started again at 700: the failure comes anyway."""
    fleet = fleet_of(
        [Work(name="a", runs=[(0, 615, NODE), (700, 900, NODE)])],
        [pause(600, "a"), release(605, "a")],
    )

    case = case_of(fleet)

    assert ends(case.running) == {0: 615}
    assert ends(case.waiting) == {0: 900}


def test_a_failure_ends_a_capped_job_when_it_comes_whatever_the_job_has_lost() -> None:
    """Half speed from 600 to 700; its node fails at 720, and it has not been restarted since."""
    fleet = fleet_of(
        [Work(name="a", runs=[(0, 720, NODE)])],
        [cap(600, "a"), release(700, "a")],
        progress={"a": worked((600, 700, 0.5), until=720)},
    )
    unfinished = replace(fleet, jobs=(replace(fleet.jobs[0], end_s=INF),))

    assert ends(case_of(fleet).running) == {0: 670}
    assert ends(case_of(unfinished).running) == {0: 720}


def test_a_job_that_was_capped_long_before_it_was_paused_was_cut_by_the_pause() -> None:
    """Capped since 600, paused at 650 when it left its GPUs, back from 700 to 900: one run."""
    fleet = fleet_of(
        [Work(name="a", runs=[(0, 650, NODE), (700, 900, NODE)])],
        [cap(600, "a"), pause(650, "a"), release(700, "a")],
    )

    assert ends(case_of(fleet).running) == {0: 850}
    assert case_of(fleet).waiting == ()


def test_a_job_that_grew_did_not_wait_for_its_own_end() -> None:
    """Two runs at once: the second joined the queue with the job."""
    fleet = fleet_of([Work(name="a", runs=[(10, 900, [0]), (650, 900, [1])])])

    assert Timetable(fleet).run_submit_s.tolist() == [600.0, 600.0]


def test_who_started_before_the_first_act_runs_and_who_came_later_waits() -> None:
    works = [
        Work(name="a", runs=[(599, 700, [0])]),
        Work(name="b", runs=[(600, 700, [1])], submit=590),
        Work(name="c", runs=[(650, 700, [2])], submit=640),
        Work(name="d", runs=[(0, 599, [3])]),
        Work(name="e", runs=[(800, 900, [3])], submit=790),
    ]

    case = case_of(fleet_of(works))

    assert {stay.job for stay in case.running} == {0}
    assert [stay.job for stay in case.waiting] == [1, 2]
    assert [request.submit_s / 60 for request in case.requests] == [590, 640]


def test_a_job_that_never_ran_waits_too_for_what_its_estimate_usually_means() -> None:
    """Job a ran half of its estimate, so b is taken to need 150 of its 300 minutes."""
    works = [
        Work(name="a", runs=[(0, 300, NODE)], estimate=600),
        Work(name="b", submit=100, estimate=300, asked=3),
        Work(name="late", submit=781, estimate=300),
    ]

    case = case_of(fleet_of(works))

    [request] = case.requests
    assert (request.gpu_count, request.duration_s / 60, request.submit_s / 60) == (3, 150, 100)
    assert case.waiting[0].run is None


def test_a_job_that_was_withdrawn_before_the_event_does_not_wait() -> None:
    fleet = fleet_of([Work(name="b", submit=100)])
    withdrawn = replace(fleet, jobs=(replace(fleet.jobs[0], end_s=500 * 60.0),))

    assert case_of(withdrawn).requests == ()


def test_only_the_partitions_own_jobs_and_nodes_are_in_its_case() -> None:
    works = [
        Work(name="a", runs=[(0, INF, NODE)]),
        Work(name="b", runs=[(10, INF, [4, 5])], pool="dev", estimate=900),
        Work(name="c", submit=100),
    ]

    case = case_of(fleet_of(works, nodes=2, pools=["batch", "dev"]), pool="dev")

    assert [stay.job for stay in case.running] == [1]
    assert case.requests == ()
    assert case.holders[0].allocation == ((0, 2),)
    assert case.holders[0].estimated_end_s == 910 * 60
    assert case.nodes_up == (True,)
    assert case.node_size == 4


def test_a_node_is_noted_as_down_a_little_earlier_and_as_back_when_it_is() -> None:
    """Down from 650 to 700: nobody starts there from 648 on."""
    fleet = down(fleet_of([], nodes=2), 1, 650, 700)

    case = case_of(fleet)

    assert case.nodes_up == (True, True)
    assert case.changes == (
        NodeChange(at_s=648 * 60.0, node=1, is_up=False),
        NodeChange(at_s=700 * 60.0, node=1, is_up=True),
    )


def test_a_node_that_was_down_before_is_down_at_the_beginning() -> None:
    fleet = down(fleet_of([], nodes=2), 0, 500, 700)

    assert case_of(fleet).nodes_up == (False, True)


@pytest.mark.slow
@given(
    runs=st.lists(st.tuples(st.integers(0, 900), st.integers(1, 500)), min_size=1, max_size=6),
    first=st.integers(0, 900),
)
@settings(max_examples=50, deadline=None)
def test_without_control_everybody_ends_when_they_did(
    runs: list[tuple[int, int]], first: int
) -> None:
    works = [
        Work(name=f"j{gpu}", runs=[(start, start + length, [gpu])])
        for gpu, (start, length) in enumerate(runs)
    ]
    fleet = fleet_of(works, nodes=2)

    case = Timetable(fleet).case("batch", {}, (60.0 * first, 60.0 * first + 3600))

    seen = {gpu: float(start + length) for gpu, (start, length) in enumerate(runs)}
    assert ends(case.running + case.waiting).items() <= seen.items()
