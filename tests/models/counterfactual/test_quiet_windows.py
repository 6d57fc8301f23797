"""Quiet stretches: where they lie, and what they keep away from."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.counterfactual.fleet import FleetEvent
from negawatt.models.counterfactual.quiet_windows import quiet_windows
from tests.models.counterfactual.fleets import DAY, fleet_of


def windows(
    events: list[tuple[int, int]], *, days: int = 4, length: int = 180, margin: int = 180
) -> list[int]:
    fleet = fleet_of([], minutes=days * DAY, events=events)
    return quiet_windows(fleet, fleet.events[-1], length_minutes=length, margin_minutes=margin)


def test_they_lie_at_every_fourth_hour_before_the_event_the_latest_first() -> None:
    """The event is on day 3 at 15:00 (minute 3780); the last quiet minute is 3600.

    A stretch of 3 h with 3 h around it must begin at 3600 - 360 or before, and 3 h later than
    noon of the first day.
    """
    found = windows([(3780, 3960)])

    assert found[0] == 3780 - 3 * 240
    assert {a - b for a, b in pairwise(found)} == {240}
    assert found[-1] >= 720 + 180 > found[-1] - 240


def test_the_events_own_time_of_day_is_among_them() -> None:
    assert {3780 - 1440, 3780 - 2880} <= set(windows([(3780, 3960)]))


def test_they_keep_away_from_earlier_events_their_preparation_and_what_comes_back() -> None:
    """An event from 2050 to 2150 is loud from 1870 to 2450."""
    found = windows([(2050, 2150), (3780, 3960)])

    assert found
    assert not [start for start in found if start + 180 + 180 > 1870 and start - 180 < 2450]
    assert set(found) < set(windows([(3780, 3960)]))


def test_what_a_stretch_needs_before_it_begins_after_noon_of_the_first_day_too() -> None:
    """From 3700 back: 1060 has its three hours from 880 on, 820 would have them from 640 on."""
    assert windows([(3700, 3880)])[-1] == 1060


def test_a_short_history_has_none() -> None:
    assert windows([(1000, 1180)]) == []


@given(
    start=st.integers(0, 5 * DAY),
    other=st.integers(0, 5 * DAY),
    length=st.integers(30, 300),
    margin=st.integers(0, 300),
)
@settings(max_examples=25, deadline=None)
def test_no_stretch_ever_reaches_into_an_event_or_its_preparation(
    start: int, other: int, length: int, margin: int
) -> None:
    events = sorted([(start, start + 100), (other, other + 100)])
    event = FleetEvent(start_minute=events[-1][0], end_minute=events[-1][1])
    fleet = fleet_of([], minutes=1, events=events)

    found = quiet_windows(fleet, event, length_minutes=length, margin_minutes=margin)

    for first in found:
        assert first + length <= event.start_minute - 180
        for begin, end in events[:-1]:
            assert first + length <= begin - 180 or first >= end + 300
