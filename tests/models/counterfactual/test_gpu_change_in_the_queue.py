"""Starts that control held back or made possible: by hand on two nodes.

A node has four GPUs, an idle one draws 50 W; the event is from minute 600 to 780.
"""

from dataclasses import replace

import numpy as np

from negawatt.models.counterfactual.gpu_change import Mechanism, Prepared
from tests.models.counterfactual.fleets import (
    DAY,
    EVENT,
    INF,
    NODE,
    OTHER_NODE,
    Work,
    cap,
    change_of,
    course,
    fleet_of,
    hold,
    kw_of,
    mechanisms,
    pause,
    release,
    worked,
)

ALL_BUT_ONE = Work(name="c", runs=[(0, INF, [4, 5, 6])])
"""Holds the other node but for one GPU, which shows what an idle one draws."""


def test_freed_gpus_are_refilled_by_the_queue() -> None:
    """As above; b waits since 610 for those GPUs. It starts at 700 instead of 750.

    a: -1.4 kW and b: +1.4 kW from 700 to 750 cancel; b draws 400 W as a does.
    """
    works = [
        Work(name="a", runs=[(0, 750, NODE)], drawn=[(600, 700, 300.0)]),
        Work(name="b", runs=[(750, 1300, NODE)], submit=610),
        ALL_BUT_ONE,
    ]
    fleet = fleet_of(
        works,
        [cap(600, "a"), release(700, "a")],
        nodes=2,
        progress={"a": worked((600, 700, 0.5), until=750)},
    )

    change = change_of(fleet)

    np.testing.assert_allclose(kw_of(change, 1), course((700, 750, 1.4)))
    np.testing.assert_allclose(change.change_kw, course((600, 700, 0.4)), atol=1e-12)


def test_a_held_job_is_credited_from_the_replayed_start_with_its_own_warm_up() -> None:
    """Submitted at 630 with free GPUs, started at 780; it loads for ten minutes at 150 W.

    Replayed start 630: 4 x (150 - 50) W until 640, then 4 x (400 - 50) W.
    """
    works = [
        Work(name="a", runs=[(0, INF, NODE)], drawn=[(600, 780, 300.0)]),
        Work(name="b", runs=[(780, 1300, OTHER_NODE)], submit=630, drawn=[(780, 790, 150.0)]),
    ]
    acts = [cap(600, "a"), release(780, "a"), hold(630, "b")]

    change = change_of(fleet_of(works, acts, nodes=2))

    np.testing.assert_allclose(kw_of(change, 1), course((630, 640, 0.4), (640, 780, 1.4)))
    np.testing.assert_allclose(change.busy_change, course((630, 780, 4)))
    assert mechanisms(change)[Mechanism.HELD] == round((0.4 * 10 + 1.4 * 140) / 180, 9)


def test_a_held_job_that_has_started_late_is_behind_with_its_work() -> None:
    """Started at 700 instead of 630: while it loads it would have been at work, 4 x 250 W more."""
    works = [
        Work(name="a", runs=[(0, INF, NODE)], drawn=[(600, 780, 300.0)]),
        Work(name="b", runs=[(700, 1300, OTHER_NODE)], submit=630, drawn=[(700, 710, 150.0)]),
    ]

    change = change_of(fleet_of(works, [cap(600, "a"), release(780, "a"), hold(630, "b")], nodes=2))

    expected_kw = course((630, 640, 0.4), (640, 700, 1.4), (700, 710, 1.0))
    np.testing.assert_allclose(kw_of(change, 1), expected_kw, atol=1e-12)
    assert [set(its.change_kw) for its in change.jobs] == [{Mechanism.CAPPED}, {Mechanism.HELD}]


def test_where_a_late_jobs_further_work_was_never_seen_it_keeps_its_power() -> None:
    """As above, but silent from 780 on: its work beyond the 80th minute is not known.

    From 711 on it would have been at such work; it fell to 300 W at 740, which is left as it is.
    """
    works = [
        Work(name="a", runs=[(0, INF, NODE)], drawn=[(600, 780, 300.0)]),
        Work(name="b", runs=[(700, 1300, OTHER_NODE)], submit=630, drawn=[(740, 780, 300.0)]),
    ]
    fleet = fleet_of(works, [cap(600, "a"), release(780, "a"), hold(630, "b")], nodes=2)
    power_w = fleet.gpu_power_w.copy()
    power_w[OTHER_NODE, 780:] = np.nan

    change = change_of(replace(fleet, gpu_power_w=power_w))

    assert not kw_of(change, 1)[712 - 600 :].any()


def test_held_starts_are_found_without_a_logged_hold() -> None:
    works = [
        Work(name="a", runs=[(0, INF, NODE)], drawn=[(600, 780, 300.0)]),
        Work(name="b", runs=[(780, 1300, OTHER_NODE)], submit=630),
    ]

    change = change_of(fleet_of(works, [cap(600, "a"), release(780, "a")], nodes=2))

    np.testing.assert_allclose(kw_of(change, 1), course((630, 780, 1.4)))


def test_a_held_job_is_known_by_its_own_run_however_late_that_is() -> None:
    """As above, but b started at 1100, more than five hours after the event."""
    works = [
        Work(name="a", runs=[(0, INF, NODE)], drawn=[(600, 780, 300.0)]),
        Work(name="b", runs=[(1100, INF, OTHER_NODE)], submit=630, drawn=[(1100, 1110, 150.0)]),
    ]

    change = change_of(fleet_of(works, [cap(600, "a"), release(780, "a")], nodes=2))

    np.testing.assert_allclose(kw_of(change, 1), course((630, 640, 0.4), (640, 780, 1.4)))


def test_a_held_job_that_never_ran_draws_what_its_class_draws() -> None:
    """Class "tune" drew 250 W in a run that ended: 4 x (250 - 50) W from the submission on."""
    works = [
        Work(name="a", runs=[(0, INF, NODE)], drawn=[(600, 780, 300.0)]),
        Work(name="old", runs=[(0, 200, OTHER_NODE)], power_w=250.0, job_class="tune"),
        Work(name="b", submit=640, job_class="tune"),
    ]

    change = change_of(fleet_of(works, [cap(600, "a"), release(780, "a")], nodes=2))

    np.testing.assert_allclose(kw_of(change, 2), course((640, 780, 0.8)))
    assert [its.source for its in change.jobs if its.job == 2] == ["its class"]


def test_what_a_class_draws_is_not_learned_from_runs_that_control_touched() -> None:
    """In the first event one was capped to 100 W; another drew 250 W; one ran after the notice."""
    last = (DAY + 600, DAY + 780)
    works = [
        Work(name="a", runs=[(0, INF, NODE)], drawn=[(last[0], last[1], 300.0)]),
        Work(name="old", runs=[(0, 200, OTHER_NODE)], power_w=250.0, job_class="tune"),
        Work(name="low", runs=[(600, 780, OTHER_NODE)], power_w=100.0, job_class="tune"),
        Work(name="b", submit=DAY + 640, job_class="tune"),
        Work(name="late", runs=[(DAY + 350, DAY + 590, OTHER_NODE)], job_class="tune"),
    ]
    acts = [cap(600, "low"), release(780, "low"), cap(last[0], "a"), release(last[1], "a")]

    change = change_of(fleet_of(works, acts, nodes=2, minutes=2 * DAY, events=[EVENT, last]))

    np.testing.assert_allclose(kw_of(change, 3), course((640, 780, 0.8)))


def test_a_held_job_of_a_class_that_nobody_has_seen_draws_what_others_draw() -> None:
    """Jobs a and old drew 400 W and 200 W before the notice: 4 x (200 - 50) W, as a was touched."""
    works = [
        Work(name="a", runs=[(0, INF, NODE)], drawn=[(600, 780, 300.0)]),
        Work(name="old", runs=[(0, 200, OTHER_NODE)], power_w=200.0),
        Work(name="b", submit=640, job_class="new"),
    ]

    change = change_of(fleet_of(works, [cap(600, "a"), release(780, "a")], nodes=2))

    np.testing.assert_allclose(kw_of(change, 2), course((640, 780, 0.6)))
    assert [its.source for its in change.jobs if its.job == 2] == ["all classes"]


def test_where_nobody_was_ever_seen_undisturbed_a_held_job_is_credited_with_nothing() -> None:
    """The only other job was touched: b is taken to draw what an idle GPU does, and says so."""
    works = [
        Work(name="a", runs=[(0, INF, NODE)], drawn=[(600, 780, 300.0)]),
        Work(name="b", submit=640),
    ]

    change = change_of(fleet_of(works, [cap(600, "a"), release(780, "a")], nodes=2))

    assert not kw_of(change, 1).any()
    assert change.busy_change.max() == 4
    assert [its.source for its in change.jobs if its.job == 1] == ["nothing: taken to be idle"]


def test_a_job_that_took_the_gpus_of_a_paused_one_would_have_waited() -> None:
    """Job a is paused from 600 to 700 and frees its node; b, waiting since 500, takes it."""
    works = [
        Work(name="a", runs=[(0, 600, NODE), (700, INF, NODE)]),
        Work(name="b", runs=[(601, 700, NODE)], submit=500, power_w=250.0),
        ALL_BUT_ONE,
    ]

    change = change_of(fleet_of(works, [pause(600, "a"), release(700, "a")], nodes=2))

    assert mechanisms(change)[Mechanism.DISPLACED] == round(-4 * 0.2 * 99 / 180, 9)
    np.testing.assert_allclose(
        change.change_kw, course((600, 601, 1.4), (601, 700, 0.6)), atol=1e-12
    )


def test_a_partition_without_a_queue_runs_as_it_was_seen() -> None:
    """The reserved job has no estimate: it started late for reasons of its own."""
    works = [
        Work(name="a", runs=[(0, INF, NODE)], drawn=[(600, 780, 300.0)]),
        Work(
            name="r",
            runs=[(780, 1300, OTHER_NODE)],
            submit=630,
            pool="reserved",
            estimate=float("nan"),
        ),
    ]
    fleet = fleet_of(
        works, [cap(600, "a"), release(780, "a")], nodes=2, pools=["batch", "reserved"]
    )

    assert Prepared(fleet).queued_pools == ("batch",)
    assert [its.job for its in change_of(fleet).jobs] == [0]


def test_partitions_of_services_and_of_what_is_never_touched_have_no_queue() -> None:
    works = [
        Work(name="s", runs=[(0, INF, NODE)], pool="online"),
        Work(name="t", runs=[(0, INF, OTHER_NODE)], pool="fixed", tier=0),
    ]
    fleet = fleet_of(works, nodes=2, pools=["online", "fixed"])

    assert Prepared(fleet).queued_pools == ("online",)
    assert Prepared(replace(fleet, service_load={0: np.ones(DAY)})).queued_pools == ()
