"""The dispatch log, job by job: stretches, and which acts belong to an event."""

import pytest

from negawatt.models.counterfactual.control import (
    LEAD_S,
    Touch,
    event_actions,
    touches,
    touches_during,
)
from negawatt.models.counterfactual.fleet import Action, FleetEvent
from tests.models.counterfactual.fleets import (
    INF,
    Act,
    Work,
    cap,
    fleet_of,
    hold,
    pause,
    release,
)

WORKS = [Work(name="a", runs=[(0, INF, [0, 1, 2, 3])]), Work(name="b")]


def read(*acts: Act) -> dict[int, list[Touch]]:
    return touches(fleet_of(WORKS, acts).actions)


def test_a_stretch_lasts_from_the_first_act_to_the_release() -> None:
    [touch] = read(cap(10, "a", 0.6), release(30, "a"))[0]

    assert (touch.start_s, touch.end_s) == (600, 1800)
    assert (touch.deepest, touch.power_ratio, touch.is_off) == (Action.CAP, 0.6, False)


def test_a_cap_to_full_power_is_a_release() -> None:
    [touch] = read(cap(10, "a", 0.6), cap(30, "a", 1.0))[0]

    assert touch.end_s == 1800


def test_a_pause_is_a_pause_whatever_power_is_written_beside_it() -> None:
    [touch] = touches(fleet_of(WORKS, [(10, "a", Action.PAUSE, 1.0), release(30, "a")]).actions)[0]

    assert (touch.start_s, touch.end_s, touch.deepest) == (600, 1800, Action.PAUSE)


def test_the_lowest_of_several_caps_counts() -> None:
    [touch] = read(cap(10, "a", 0.8), cap(20, "a", 0.5), cap(25, "a", 0.7), release(30, "a"))[0]

    assert (touch.power_ratio, touch.start_s) == (0.5, 600)


@pytest.mark.parametrize(
    ("acts", "deepest"),
    [
        ([cap(10, "a"), pause(20, "a")], Action.PAUSE),
        ([pause(10, "a"), cap(20, "a")], Action.PAUSE),
        ([cap(10, "a"), (20, "a", Action.MIGRATE, 0.0)], Action.MIGRATE),
        ([pause(10, "a"), (20, "a", Action.MIGRATE, 0.0)], Action.PAUSE),
    ],
)
def test_a_stretch_is_called_by_its_strongest_act(acts: list[Act], deepest: Action) -> None:
    [touch] = read(*acts, release(30, "a"))[0]

    assert (touch.deepest, touch.power_ratio, touch.is_off) == (deepest, 0.0, True)


def test_a_stretch_knows_when_its_job_was_first_off() -> None:
    [capped] = read(cap(10, "a"), release(30, "a"))[0]
    [paused] = read(cap(10, "a"), pause(20, "a"), pause(25, "a"), release(30, "a"))[0]

    assert (capped.off_s, paused.off_s) == (INF, 1200)


def test_without_a_release_a_stretch_goes_on() -> None:
    assert read(cap(10, "a"))[0][0].end_s == INF


def test_a_hold_touches_no_running_job_and_a_release_alone_says_nothing() -> None:
    assert read(hold(10, "b"), release(20, "a")) == {}


def test_jobs_and_later_stretches_are_kept_apart() -> None:
    found = read(cap(10, "a"), cap(15, "b"), release(20, "a"), cap(40, "a"), release(50, "a"))

    assert [(touch.start_s, touch.end_s) for touch in found[0]] == [(600, 1200), (2400, 3000)]
    assert [touch.start_s for touch in found[1]] == [900]


def test_an_events_acts_begin_with_its_preparation_and_end_with_its_window() -> None:
    """The event is from 600 to 780; three hours before it is minute 420."""
    assert LEAD_S == 180 * 60
    minutes = [419, 420, 600, 779, 780]

    fleet = fleet_of(WORKS, [cap(minute, "a") for minute in minutes])

    found = [action.at_s / 60 for action in event_actions(fleet, fleet.events[-1])]
    assert found == [420, 600, 779]


def test_the_preparation_begins_with_the_notification_where_that_is_earlier() -> None:
    fleet = fleet_of(WORKS, [cap(199, "a"), cap(200, "a")])
    early = FleetEvent(start_minute=600, end_minute=780, notified_minute=200)
    late = FleetEvent(start_minute=600, end_minute=780, notified_minute=590)

    assert [action.at_s for action in event_actions(fleet, early)] == [200 * 60]
    assert event_actions(fleet, late) == []


def test_acts_of_the_event_before_do_not_belong_to_the_next() -> None:
    """The earlier event ends at 500, within three hours of the next."""
    acts = [cap(480, "a"), cap(500, "a"), release(700, "a")]

    fleet = fleet_of(WORKS, acts, events=[(440, 500), (600, 780)])

    assert [action.at_s for action in event_actions(fleet, fleet.events[-1])] == [500 * 60]


def test_only_stretches_that_reach_into_a_span_are_its_own() -> None:
    """The stretches are 10 to 20 and 40 to 50 of job a; job b has none in the span."""
    found = read(cap(10, "a"), release(20, "a"), cap(40, "a"), release(50, "a"), cap(60, "b"))

    during = touches_during(found, 20 * 60, 41 * 60)

    assert during == {0: [found[0][1]]}
