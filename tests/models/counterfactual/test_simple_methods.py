import numpy as np
import pytest

from negawatt.models.counterfactual.fleet import FleetEvent
from negawatt.models.counterfactual.method import held_gpus, prepare
from negawatt.models.counterfactual.simple_methods import (
    before_and_after,
    job_composition,
    job_ends,
    pre_event_level,
)
from negawatt.models.domain.errors import DataRefusedError
from tests.models.counterfactual.fleets import EVENT, Work, cap, fleet_of, pause, release, worked

FIRST, LAST = EVENT
EVENT_OF_TEST = FleetEvent(start_minute=FIRST, end_minute=LAST)


def test_the_level_before_control_is_taken_for_all_of_the_event() -> None:
    """Four GPUs at 400 W before the ramp at minute 590, at 200 W from there: 0.8 kW more."""
    capped = Work(name="a", runs=[(0, 1440, range(4))], drawn=[(590, LAST, 200.0)])
    fleet = fleet_of([capped], [cap(590, "a"), release(LAST, "a")])

    found = pre_event_level(prepare(fleet), EVENT_OF_TEST)

    assert found.first == 590
    np.testing.assert_allclose(found.change_kw, 0.8, rtol=1e-6)
    assert not found.busy_change.any()


def test_the_line_runs_from_the_level_before_to_the_level_an_hour_after() -> None:
    """From 1.6 kW to 1.2 kW in minutes 840 to 870, half-way 1.4 kW; 0.8 kW was seen."""
    drawn = [(FIRST, LAST, 200.0), (840, 870, 300.0)]
    capped = Work(name="a", runs=[(0, 1440, range(4))], drawn=drawn)
    fleet = fleet_of([capped], [cap(FIRST, "a"), release(LAST, "a")])

    found = before_and_after(prepare(fleet), EVENT_OF_TEST)

    assert found.change_kw.mean() == pytest.approx(0.6, rel=1e-6)
    assert found.change_kw[0] > found.change_kw[-1]


def test_hours_after_the_event_that_are_not_given_are_refused() -> None:
    fleet = fleet_of([Work(name="a", runs=[(0, 800, range(4))])], minutes=800)

    with pytest.raises(DataRefusedError, match="choose another method"):
        before_and_after(prepare(fleet), EVENT_OF_TEST)


def test_a_job_s_signature_is_its_class_at_its_own_level() -> None:
    """Its class draws 300 W elsewhere, it drew 400 W before: 400 W are expected, 200 W seen."""
    works = [
        Work(name="other", runs=[(0, 300, range(4, 8))], power_w=300.0),
        Work(name="a", runs=[(0, 1440, range(4))], drawn=[(FIRST, LAST, 200.0)]),
    ]
    fleet = fleet_of(works, [cap(FIRST, "a"), release(LAST, "a")], nodes=2)

    found = job_composition(prepare(fleet), EVENT_OF_TEST)

    np.testing.assert_allclose(found.change_kw, 0.8, rtol=1e-6)


def test_a_job_without_a_level_of_its_own_has_that_of_its_class() -> None:
    """It started at minute 595 under the cap; its class draws 300 W, 200 W were seen: 0.4 kW."""
    works = [
        Work(name="other", runs=[(0, 300, range(4, 8))], power_w=300.0),
        Work(name="a", runs=[(595, 1440, range(4))], power_w=300.0, drawn=[(595, LAST, 200.0)]),
    ]
    fleet = fleet_of(works, [cap(595, "a"), release(LAST, "a")], nodes=2)

    found = job_composition(prepare(fleet), EVENT_OF_TEST)

    np.testing.assert_allclose(found.change_kw[5:], 0.4, rtol=1e-6)


def test_what_a_job_drew_in_the_event_says_nothing_of_its_level() -> None:
    """An untouched job falls by itself from 400 to 200 W, and is credited 0.8 kW all the same.

    That is what this method does not know.
    """
    works = [
        Work(name="other", runs=[(0, 300, range(4, 8))]),
        Work(name="a", runs=[(560, 1440, range(4))], drawn=[(FIRST, LAST, 200.0)]),
    ]
    fleet = fleet_of(works, nodes=2)

    found = job_composition(prepare(fleet), EVENT_OF_TEST)

    np.testing.assert_allclose(found.change_kw[20:], 0.8, rtol=1e-6)


def test_runs_that_control_touched_are_no_example_of_their_class() -> None:
    """Only the untouched run at 300 W counts, not the capped one at 200 W: 0.4 kW more."""
    works = [
        Work(name="other", runs=[(0, 300, range(4, 8))], power_w=300.0),
        Work(name="a", runs=[(595, 1440, range(4))], power_w=300.0, drawn=[(595, LAST, 200.0)]),
        Work(name="b", runs=[(300, 590, range(4, 8))], power_w=200.0),
    ]
    acts = [cap(300, "b"), release(590, "b"), cap(595, "a"), release(LAST, "a")]
    fleet = fleet_of(works, acts, nodes=2)

    found = job_composition(prepare(fleet), EVENT_OF_TEST)

    np.testing.assert_allclose(found.change_kw[5:], 0.4, rtol=1e-6)


def test_after_the_seen_end_nothing_is_expected() -> None:
    """The job ends at minute 700: 80 minutes of the event without it."""
    works = [
        Work(name="other", runs=[(0, 300, range(4, 8))]),
        Work(name="a", runs=[(0, 700, range(4))], drawn=[(FIRST, 700, 200.0)]),
    ]
    fleet = fleet_of(works, [cap(FIRST, "a")], nodes=2)

    found = job_composition(prepare(fleet), EVENT_OF_TEST)

    assert found.change_kw[:100].mean() == pytest.approx(0.8, rel=1e-6)
    assert not found.change_kw[100:].any()


def test_a_job_keeps_its_gpus_through_a_pause_that_took_them() -> None:
    """Off its GPUs from 600 to 780: four GPUs at 400 W instead of 50 W idle, 1.4 kW."""
    works = [
        Work(name="other", runs=[(0, 300, range(4, 8))]),
        Work(name="a", runs=[(0, FIRST, range(4)), (LAST, 1440, range(4))]),
    ]
    fleet = fleet_of(works, [pause(FIRST, "a"), release(LAST, "a")], nodes=2)

    found = job_composition(prepare(fleet), EVENT_OF_TEST)

    assert found.change_kw.mean() == pytest.approx(1.4, rel=1e-3)
    np.testing.assert_allclose(found.busy_change, 4)


def test_a_capped_job_that_would_have_ended_earlier_leaves_its_gpus_idle() -> None:
    """Half speed for 120 minutes loses 60: it would have ended at minute 660, seen until 720.

    Before 660: 400 less 200 W on four GPUs; after it 50 W idle less 200 W.
    """
    job = Work(name="a", runs=[(0, 720, range(4))], drawn=[(FIRST, 720, 200.0)])
    progress = {"a": worked((FIRST, 720, 0.5), until=720)}
    fleet = fleet_of([job], [cap(FIRST, "a")], progress=progress)

    found = job_ends(prepare(fleet), EVENT_OF_TEST)

    np.testing.assert_allclose(found.change_kw[:60], 0.8, rtol=1e-6)
    np.testing.assert_allclose(found.change_kw[60:120], -0.6, rtol=1e-6)
    np.testing.assert_allclose(found.busy_change[60:120], -4)


def test_without_an_act_of_control_job_ends_credits_nothing() -> None:
    fleet = fleet_of([Work(name="a", runs=[(0, 700, range(4))])])

    found = job_ends(prepare(fleet), EVENT_OF_TEST)

    assert not found.change_kw.any()


def test_gpus_that_jobs_held_are_counted_minute_by_minute() -> None:
    works = [Work(name="a", runs=[(0, 30, range(2))]), Work(name="b", runs=[(20, 60, range(2, 4))])]

    held = held_gpus(prepare(fleet_of(works)), 10, 40)

    np.testing.assert_array_equal(held, [2] * 10 + [4] * 10 + [2] * 10)
