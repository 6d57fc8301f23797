"""What the GPUs would have drawn more: by hand on one or two nodes, then what always holds.

A node has four GPUs, an idle one draws 50 W; the event is from minute 600 to 780.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.counterfactual.fleet import Action
from negawatt.models.counterfactual.gpu_change import Mechanism, Prepared, gpu_change
from negawatt.models.counterfactual.job_level import Reference
from tests.models.counterfactual.fleets import (
    DAY,
    EVENT,
    INF,
    NODE,
    NODE_SIZE,
    OTHER_NODE,
    Act,
    Work,
    cap,
    change_of,
    course,
    down,
    fleet_of,
    kw_of,
    mechanisms,
    pause,
    release,
    worked,
)


def reserved(*, drawn: list[tuple[int, int, float]]) -> Work:
    """Return a job without a queue: its level alone says what it would have drawn."""
    return Work(name="r", runs=[(0, INF, NODE)], drawn=drawn, pool="own", estimate=float("nan"))


def test_a_capped_job_would_have_drawn_its_own_level() -> None:
    """Four GPUs at 200 W for 400 W, from 610 to 700: 4 x 200 W = 0.8 kW more."""
    work = Work(name="a", runs=[(0, INF, NODE)], drawn=[(610, 700, 200.0)])

    change = change_of(fleet_of([work], [cap(610, "a"), release(700, "a")]))

    np.testing.assert_allclose(change.change_kw, course((610, 700, 0.8)))
    assert set(mechanisms(change)) == {Mechanism.CAPPED}
    assert not change.busy_change.any()


def test_the_level_moves_from_what_was_before_to_what_came_after() -> None:
    """400 W before and 300 W after: at the middle of the event, 350 W; capped to 100 W."""
    work = reserved(drawn=[(600, 780, 100.0), (780, DAY, 300.0)])

    change = change_of(fleet_of([work], [cap(600, "r"), release(780, "r")]))

    expected_w = 400 - 100 * (np.arange(180) + 0.5) / 180
    np.testing.assert_allclose(change.change_kw, 4 * (expected_w - 100) / 1000)


def test_what_control_did_not_touch_keeps_its_power_to_the_last_bit() -> None:
    """Job b wanders and is not touched: it is no part of the change, nor is a free GPU."""
    wander = [(minute, minute + 1, 300.0 + minute % 7) for minute in range(DAY)]
    works = [
        Work(name="a", runs=[(0, INF, NODE)], drawn=[(600, 780, 200.0)]),
        Work(name="b", runs=[(0, INF, OTHER_NODE)], drawn=wander),
    ]

    change = change_of(fleet_of(works, [cap(600, "a"), release(780, "a")], nodes=2))

    assert [its.job for its in change.jobs] == [0]


def test_minutes_before_the_cap_and_after_its_release_are_not_credited() -> None:
    """The job happened to draw more between 620 and 640, untouched: no change there."""
    work = Work(name="a", runs=[(0, INF, NODE)], drawn=[(600, 620, 200.0), (620, 640, 500.0)])

    change = change_of(fleet_of([work], [cap(600, "a"), release(620, "a")]))

    assert not change.change_kw[20:].any()


def test_a_natural_end_earns_no_credit() -> None:
    """Job b ends by itself at 660 while a is capped; nobody waits."""
    works = [
        Work(name="a", runs=[(0, INF, NODE)], drawn=[(600, 780, 300.0)]),
        Work(name="b", runs=[(0, 660, OTHER_NODE)]),
    ]

    change = change_of(fleet_of(works, [cap(600, "a"), release(780, "a")], nodes=2))

    assert [its.job for its in change.jobs] == [0]


def test_the_natural_end_of_a_capped_job_earns_no_credit_after_it() -> None:
    """Capped for the last ten minutes, at half speed: without control it ends at 655, not 660."""
    work = Work(name="a", runs=[(0, 660, NODE)], drawn=[(650, 660, 200.0)])
    fleet = fleet_of([work], [cap(650, "a")], progress={"a": worked((650, 660, 0.5), until=660)})

    change = change_of(fleet)

    np.testing.assert_allclose(change.change_kw, course((650, 655, 0.8), (655, 660, -0.6)))


def test_a_node_failure_earns_no_credit() -> None:
    """Node 1 fails at 660 and is back at 720, when its job starts again as it would have."""
    works = [
        Work(name="a", runs=[(0, INF, NODE)], drawn=[(600, 780, 300.0)]),
        Work(name="b", runs=[(0, 660, OTHER_NODE), (720, 1300, OTHER_NODE)]),
    ]
    fleet = fleet_of(works, [cap(600, "a"), release(780, "a")], nodes=2)

    change = change_of(down(fleet, 1, 660, 720))

    assert [its.job for its in change.jobs] == [0]


def test_a_capped_job_ends_earlier_without_control_by_exactly_the_lost_work() -> None:
    """Capped to half speed from 600 to 700, it ended at 750: without control at 700.

    100 min x (1 - 0.5) = 50 min. Capped: 4 x (400 - 300) W; ended: 4 x (50 - 400) W.
    """
    work = Work(name="a", runs=[(0, 750, NODE)], drawn=[(600, 700, 300.0)])
    fleet = fleet_of(
        [work],
        [cap(600, "a"), release(700, "a")],
        progress={"a": worked((600, 700, 0.5), until=750)},
    )

    change = change_of(fleet)

    np.testing.assert_allclose(change.change_kw, course((600, 700, 0.4), (700, 750, -1.4)))
    assert mechanisms(change) == {
        Mechanism.CAPPED: round(0.4 * 100 / 180, 9),
        Mechanism.ENDED: round(-1.4 * 50 / 180, 9),
    }
    np.testing.assert_allclose(change.busy_change, course((700, 750, -4)))


@pytest.mark.parametrize("frees_gpus", [False, True])
def test_the_later_work_of_a_paused_job_is_used_in_its_place(*, frees_gpus: bool) -> None:
    """Paused from 600 to 660; the dip of minutes 690 to 700 is the work of minutes 630 to 640.

    Without the pause it draws 400 W but in the dip, 100 W; it drew 50 W.
    """
    dip = (690, 700, 100.0)
    if frees_gpus:
        work = Work(name="a", runs=[(100, 600, NODE), (660, INF, NODE)], drawn=[dip])
    else:
        work = Work(name="a", runs=[(100, INF, NODE)], drawn=[(600, 660, 50.0), dip])

    change = change_of(fleet_of([work], [pause(600, "a"), release(660, "a")]))

    paused_kw = kw_of(change, 0)[:60]
    np.testing.assert_allclose(paused_kw[:30], 1.4)
    np.testing.assert_allclose(paused_kw[31:39], 0.2)
    np.testing.assert_allclose(paused_kw[41:], 1.4)
    assert set(mechanisms(change)) == {Mechanism.PAUSED}


def test_a_job_moved_elsewhere_is_called_migrated() -> None:
    work = Work(name="a", runs=[(0, INF, NODE)], drawn=[(600, 660, 50.0)])
    acts: list[Act] = [(600, "a", Action.MIGRATE, 0.0), release(660, "a")]

    change = change_of(fleet_of([work], acts))

    assert set(mechanisms(change)) == {Mechanism.MIGRATED}


def test_a_job_that_grew_holds_its_first_gpus_and_its_later_ones() -> None:
    """Two GPUs from the beginning and two more since 300: four are capped, by 100 W each."""
    work = Work(name="a", runs=[(0, INF, [0, 1]), (300, INF, [2, 3])], drawn=[(600, 780, 300.0)])

    change = change_of(fleet_of([work], [cap(600, "a"), release(780, "a")]))

    np.testing.assert_allclose(change.change_kw, 0.4)
    assert not change.busy_change.any()


@pytest.mark.parametrize("traffic", [0.5, 1.5])
def test_a_capped_service_follows_its_request_rate(traffic: float) -> None:
    """It draws 100 W + 200 W x rate; in the event the rate is another one and a cap holds it."""
    rate = 1.0 + 0.8 * np.sin(np.arange(DAY) / 37.0)
    rate[EVENT[0] : EVENT[1]] = traffic
    seen_w = 100 + 200 * rate
    seen_w[EVENT[0] : EVENT[1]] = 120.0
    work = Work(name="s", runs=[(0, INF, NODE)], tier=1, pool="online", estimate=float("nan"))
    fleet = fleet_of([work], [cap(600, "s"), release(780, "s")], pools=["online"])
    power_w = np.tile(seen_w.astype(np.float32), (NODE_SIZE, 1))
    fleet = replace(fleet, gpu_power_w=power_w, service_load={0: rate})

    change = change_of(fleet)

    expected_kw = NODE_SIZE * (100 + 200 * traffic - 120) / 1000
    np.testing.assert_allclose(change.change_kw, expected_kw, rtol=0.02)


def test_raised_load_before_the_event_does_not_raise_the_level() -> None:
    """440 W for four hours before, 400 W earlier and after: 4 x (400 - 200) W, and not more."""
    work = reserved(drawn=[(360, 600, 440.0), (600, 780, 200.0)])
    fleet = fleet_of([work], [cap(600, "r"), release(780, "r")])

    taken_in = change_of(fleet)
    left_out = change_of(fleet, reference=Reference(is_inflated=True))

    assert taken_in.change_kw.mean() > 0.8
    np.testing.assert_allclose(left_out.change_kw, 0.8)


def test_a_cap_after_the_event_tells_no_level() -> None:
    """Released at 780, but capped to 250 W from 781 until it ends at 795: the level is 400 W."""
    work = replace(reserved(drawn=[(600, 780, 200.0), (781, 795, 250.0)]), runs=[(0, 795, NODE)])
    acts = [cap(600, "r"), release(780, "r"), cap(781, "r", 0.6)]

    change = change_of(fleet_of([work], acts))

    np.testing.assert_allclose(change.change_kw, 0.8)


def test_lost_telemetry_does_not_move_the_change() -> None:
    """A fifth of the readings is lost; at constant power the others say the same."""
    work = Work(name="a", runs=[(0, INF, NODE)], drawn=[(600, 780, 200.0)])
    fleet = fleet_of([work], [cap(600, "a"), release(780, "a")])
    power_w = fleet.gpu_power_w.copy()
    power_w[np.random.default_rng(1).random(power_w.shape) < 0.2] = np.nan

    change = change_of(replace(fleet, gpu_power_w=power_w))

    np.testing.assert_allclose(change.change_kw, 0.8)


def test_a_silent_node_is_not_credited_with_drawing_nothing() -> None:
    """All GPUs of the capped job are silent from 640 to 670: 4 x (400 - 200) W all the same."""
    work = Work(name="a", runs=[(0, INF, NODE)], drawn=[(600, 780, 200.0)])
    fleet = fleet_of([work], [cap(600, "a"), release(780, "a")])
    power_w = fleet.gpu_power_w.copy()
    power_w[:, 640:670] = np.nan

    change = change_of(replace(fleet, gpu_power_w=power_w))

    np.testing.assert_allclose(change.change_kw, 0.8)


def test_a_job_that_is_silent_all_the_event_is_credited_with_nothing() -> None:
    work = Work(name="a", runs=[(0, INF, NODE)])
    fleet = fleet_of([work], [cap(600, "a"), release(780, "a")])
    power_w = fleet.gpu_power_w.copy()
    power_w[:, 590:790] = np.nan

    change = change_of(replace(fleet, gpu_power_w=power_w))

    assert not change.change_kw.any()


def test_idle_power_is_looked_for_in_all_of_the_history_where_the_last_day_has_none() -> None:
    """The node was free for the first 50 minutes of two days only; a ends 50 minutes earlier."""
    last = (DAY + 600, DAY + 780)
    work = Work(name="a", runs=[(50, last[1], NODE)], drawn=[(last[0], last[0] + 100, 300.0)])
    fleet = fleet_of(
        [work],
        [cap(last[0], "a"), release(last[0] + 100, "a")],
        minutes=2 * DAY,
        events=[last],
        progress={"a": worked((last[0], last[0] + 100, 0.5), until=last[1])},
    )

    change = change_of(fleet)

    np.testing.assert_allclose(change.change_kw[-49:], -4 * (400 - 50) / 1000)


# Random fleets: jobs one after the other on three nodes, caps and pauses in the event.


@st.composite
def works_and_acts(draw: st.DrawFn) -> tuple[list[Work], list[Act]]:
    works: list[Work] = []
    acts: list[Act] = []
    for node in range(3):
        gpus = list(range(node * NODE_SIZE, (node + 1) * NODE_SIZE))
        free = draw(st.integers(0, 400))
        while free < EVENT[1]:
            end = free + draw(st.integers(60, 700))
            name = f"job-{node}-{free}"
            works.append(
                Work(
                    name=name,
                    runs=[(free, end, gpus)],
                    submit=max(0, free - draw(st.sampled_from([0, 30, 200]))) + len(works) / 100,
                    power_w=draw(st.sampled_from([200.0, 300.0, 400.0])),
                    job_class=draw(st.sampled_from(["train", "tune"])),
                )
            )
            start = max(free, EVENT[0])
            if start < min(end, EVENT[1]) and draw(st.booleans()):
                acts.append(draw(st.sampled_from([cap(start, name), pause(start, name)])))
                if draw(st.booleans()):
                    acts.append(release(min(end, EVENT[1]), name))
            free = end + draw(st.sampled_from([0, 0, 40, 150]))
    return works, acts


@pytest.mark.slow
@given(drawn=works_and_acts())
@settings(max_examples=30, deadline=None)
def test_the_sum_over_mechanisms_is_the_sum_over_jobs_is_the_total(
    drawn: tuple[list[Work], list[Act]],
) -> None:
    change = change_of(fleet_of(*drawn, nodes=3))

    by_mechanism = sum(change.by_mechanism_kw().values(), np.zeros(change.last - change.first))
    by_job = sum((kw_of(change, job) for job in range(len(drawn[0]))), 0.0 * by_mechanism)
    np.testing.assert_allclose(by_mechanism, change.change_kw, atol=1e-9)
    np.testing.assert_allclose(by_job, change.change_kw, atol=1e-9)
    for job in change.jobs:
        each = np.array([kw != 0 for kw in job.change_kw.values()])
        assert (each.sum(axis=0) <= 1).all()


@pytest.mark.slow
@given(drawn=works_and_acts())
@settings(max_examples=30, deadline=None)
def test_without_an_act_and_with_starts_as_seen_nothing_changes(
    drawn: tuple[list[Work], list[Act]],
) -> None:
    prepared = Prepared(fleet_of(drawn[0], nodes=3))
    span_s = (EVENT[0] * 60.0, EVENT[1] * 60.0)

    change = gpu_change(prepared, {}, {}, span_s, reference=Reference())

    assert change.jobs == ()
    assert not change.change_kw.any()


@pytest.mark.slow
@given(drawn=works_and_acts())
@settings(max_examples=30, deadline=None)
def test_the_change_of_busy_gpus_never_exceeds_the_fleet(
    drawn: tuple[list[Work], list[Act]],
) -> None:
    """What would have been held is between none and all of the twelve GPUs."""
    fleet = fleet_of(*drawn, nodes=3)
    held = np.zeros(fleet.n_minutes)
    for run in fleet.runs:
        held[int(run.start_s / 60) : int(min(run.end_s / 60, fleet.n_minutes))] += len(run.gpus)

    change = change_of(fleet)

    would_hold = held[change.first : change.last] + change.busy_change
    assert would_hold.min() >= 0
    assert would_hold.max() <= 12
