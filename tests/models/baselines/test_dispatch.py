"""Events of one evening, told in hours after noon."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.baselines.dispatch import JOINED_WITHIN, dispatch_window
from negawatt.models.domain.interval import Interval

NOON_UTC = datetime(2026, 7, 15, 12, tzinfo=UTC)


def hours(start: float, end: float) -> Interval:
    return Interval(NOON_UTC + timedelta(hours=start), NOON_UTC + timedelta(hours=end))


WINDOWS = st.tuples(st.integers(0, 40), st.integers(1, 12)).map(
    lambda quarters: hours(quarters[0] / 4, sum(quarters) / 4)
)


def test_events_that_overlap_are_one_dispatch() -> None:
    """17:30 to 19:00 overlaps 18:00 to 20:00, and 19:00 to 22:00 does too."""
    found = dispatch_window(hours(6, 8), [hours(5.5, 7), hours(7, 10)])

    assert found == hours(5.5, 10)


def test_an_event_within_the_event_widens_nothing() -> None:
    assert dispatch_window(hours(6, 10), [hours(7, 8)]) == hours(6, 10)


def test_an_event_around_the_event_is_the_dispatch() -> None:
    assert dispatch_window(hours(7, 8), [hours(6, 10)]) == hours(6, 10)


def test_an_hour_between_two_events_parts_them_and_less_joins_them() -> None:
    event = hours(6, 8)

    assert dispatch_window(event, [hours(9, 10), hours(4, 5)]) == event
    assert dispatch_window(event, [hours(8.75, 10), hours(4, 5.25)]) == hours(4, 10)


def test_steps_reach_each_other_through_steps_between() -> None:
    """The last begins 2 h after the event's end, but 30 min after the end of the one between."""
    found = dispatch_window(hours(1, 2), [hours(4, 5), hours(2.5, 3.5)])

    assert found == hours(1, 5)


@settings(max_examples=50)
@given(event=WINDOWS, others=st.lists(WINDOWS, max_size=6), data=st.data())
def test_the_order_of_the_events_does_not_matter(
    event: Interval, others: list[Interval], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(others))

    assert dispatch_window(event, shuffled) == dispatch_window(event, others)


@settings(max_examples=50)
@given(event=WINDOWS, others=st.lists(WINDOWS, max_size=6))
def test_every_event_lies_wholly_inside_or_an_hour_away(
    event: Interval, others: list[Interval]
) -> None:
    span = dispatch_window(event, others)

    for window in (event, *others):
        inside = span.start_utc <= window.start_utc and window.end_utc <= span.end_utc
        away = (
            window.start_utc - span.end_utc >= JOINED_WITHIN
            or span.start_utc - window.end_utc >= JOINED_WITHIN
        )
        assert inside or away
