"""From load targets to revisions of events."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import pytest

from negawatt.collectors.dsx.flex import LoadTargets
from negawatt.collectors.dsx.load_targets import Told, revised, without_end
from negawatt.collectors.grid_event import GridEvent
from tests.collectors.dsx.senders import NOW_UTC, load_target, target

HOUR = timedelta(hours=1)


def told(*targets: dict[str, object], name: str = "c1") -> Told:
    return Told(
        content=LoadTargets.model_validate(load_target(*targets)),
        correlation=name,
        time_utc=NOW_UTC,
        source=f"message {name}",
    )


def test_a_target_for_every_feed_is_one_for_ours_and_one_for_another_is_none() -> None:
    (event,) = revised([], told(target(750.0, feed_tags=())), "main-a")

    assert event.event_id == "c1.main-a"
    assert revised([], told(target(750.0, feed_tags=("main-b",))), "main-a") == []


def test_a_target_without_a_start_starts_when_its_message_was_made() -> None:
    (event,) = revised([], told(target(750.0, start_utc=None)), "main-a")

    assert event.event_start_utc == NOW_UTC


def test_the_same_correlation_again_is_the_next_revision() -> None:
    first = revised([], told(), "main-a")

    (second,) = revised(first, told(target(500.0)), "main-a")

    assert (second.event_id, second.revision, second.limit_kw) == ("c1.main-a", 2, 500.0)


def test_two_targets_of_one_message_are_two_events() -> None:
    steps = [
        target(750.0, end_utc=NOW_UTC + 2 * HOUR),
        target(500.0, start_utc=NOW_UTC + 2 * HOUR),
    ]

    events = revised([], told(*steps), "main-a")

    assert [(e.event_id, e.limit_kw) for e in events] == [
        ("c1.main-a", 750.0),
        ("c1.main-a.2", 500.0),
    ]


def test_a_removal_before_the_start_cancels_and_one_within_ends_the_event_there() -> None:
    known = revised([], told(), "main-a")

    (cancelled,) = revised(known, told(target(None, start_utc=NOW_UTC), name="c2"), "main-a")
    (ended,) = revised(known, told(target(None, start_utc=NOW_UTC + 2 * HOUR), name="c3"), "main-a")

    assert (cancelled.event_id, cancelled.revision, cancelled.cancelled) == ("c1.main-a", 2, True)
    assert (ended.cancelled, ended.event_end_utc) == (False, NOW_UTC + 2 * HOUR)
    assert ended.event_source == "message c3"


def test_a_removal_after_the_end_changes_nothing() -> None:
    known = revised([], told(), "main-a")
    late = target(None, start_utc=NOW_UTC + 4 * HOUR, end_utc=None)

    assert revised(known, told(late, name="c2"), "main-a") == []


def test_a_target_without_an_end_becomes_an_event_when_the_next_one_replaces_it() -> None:
    (held,) = revised([], told(target(750.0, end_utc=None)), "main-a")

    events = revised([held], told(target(500.0, start_utc=NOW_UTC + 3 * HOUR), name="c2"), "main-a")

    assert held.event_end_utc is None
    assert [(e.event_id, e.event_end_utc) for e in events] == [
        ("c1.main-a", NOW_UTC + 3 * HOUR),
        ("c2.main-a", NOW_UTC + 4 * HOUR),
    ]


def test_a_target_without_an_end_is_cancelled_by_the_next_one_of_the_same_start() -> None:
    (first,) = revised([], told(target(100.0, end_utc=None)), "main-a")

    (cancelled, second) = revised([first], told(target(80.0, end_utc=None), name="c2"), "main-a")

    assert (cancelled.event_id, cancelled.revision, cancelled.cancelled) == ("c1.main-a", 2, True)
    assert (second.event_id, second.limit_kw, second.event_end_utc) == ("c2.main-a", 80.0, None)


def test_the_same_target_without_an_end_again_is_its_next_revision() -> None:
    (first,) = revised([], told(target(100.0, end_utc=None)), "main-a")

    sooner = target(80.0, start_utc=NOW_UTC, end_utc=None)

    (second,) = revised([first], told(sooner), "main-a")

    assert (second.event_id, second.revision, second.cancelled) == ("c1.main-a", 2, False)
    assert second.event_end_utc is None


@pytest.mark.parametrize("end_utc", [None, NOW_UTC + 6 * HOUR])
def test_a_target_without_an_end_ends_where_one_that_was_told_before_starts(
    end_utc: datetime | None,
) -> None:
    later = target(100.0, start_utc=NOW_UTC + 4 * HOUR, end_utc=end_utc)
    (known,) = revised([], told(later), "main-a")

    (event,) = revised(
        [known], told(target(80.0, start_utc=NOW_UTC, end_utc=None), name="c2"), "main-a"
    )

    assert (event.event_id, event.event_end_utc) == ("c2.main-a", NOW_UTC + 4 * HOUR)


def test_a_cancelled_target_ends_no_other() -> None:
    later = target(100.0, start_utc=NOW_UTC + 4 * HOUR, end_utc=None)
    known = revised([], told(later), "main-a")
    removal = target(None, start_utc=NOW_UTC, end_utc=None)
    cancelled = revised(known, told(removal, name="c2"), "main-a")

    (event,) = revised(
        cancelled, told(target(80.0, start_utc=NOW_UTC, end_utc=None), name="c3"), "main-a"
    )

    assert event.event_end_utc is None


def test_a_target_without_an_end_ends_where_the_next_one_is_moved_to() -> None:
    """From 21:00, the next one at 23:00, which is moved to 22:00 and then to midnight."""
    known = revised([], told(target(100.0, end_utc=None)), "main-a")
    ends = []
    for hours in (3, 2, 4):
        moved = told(target(80.0, start_utc=NOW_UTC + hours * HOUR, end_utc=None), name="c2")
        known = [*after(known, revised(known, moved, "main-a"))]
        ends.append((known[0].event_end_utc, known[0].revision, known[0].event_source))

    assert ends == [
        (NOW_UTC + hours * HOUR, revision, "message c2")
        for hours, revision in ((3, 2), (2, 3), (4, 4))
    ]
    assert [event.event_end_utc for event in known[1:]] == [None]


def test_a_target_that_is_over_keeps_its_end_when_the_next_one_is_moved() -> None:
    known = revised([], told(target(100.0, start_utc=NOW_UTC - 2 * HOUR, end_utc=None)), "main-a")
    next_one = target(80.0, start_utc=NOW_UTC - HOUR, end_utc=None)
    known = after(known, revised(known, told(next_one, name="c2"), "main-a"))
    later = target(80.0, start_utc=NOW_UTC + HOUR, end_utc=None)

    changed = revised(known, told(later, name="c2"), "main-a")

    assert [(event.event_id, event.event_start_utc) for event in changed] == [
        ("c2.main-a", NOW_UTC + HOUR)
    ]


def test_a_target_between_two_ends_the_first_and_ends_with_the_second() -> None:
    known = revised([], told(target(100.0, end_utc=None)), "main-a")
    last = target(60.0, start_utc=NOW_UTC + 4 * HOUR, end_utc=None)
    known = after(known, revised(known, told(last, name="c2"), "main-a"))
    between = target(80.0, start_utc=NOW_UTC + 2 * HOUR, end_utc=None)

    known = after(known, revised(known, told(between, name="c3"), "main-a"))

    assert [(event.event_id, event.event_end_utc) for event in known] == [
        ("c1.main-a", NOW_UTC + 2 * HOUR),
        ("c2.main-a", None),
        ("c3.main-a", NOW_UTC + 4 * HOUR),
    ]


def test_where_the_next_target_is_removed_at_its_start_the_one_before_ends_there() -> None:
    known = revised([], told(target(100.0, end_utc=None)), "main-a")
    next_one = target(80.0, start_utc=NOW_UTC + 3 * HOUR, end_utc=None)
    known = after(known, revised(known, told(next_one, name="c2"), "main-a"))
    removal = target(None, start_utc=NOW_UTC + 3 * HOUR, end_utc=NOW_UTC + 4 * HOUR)

    known = after(known, revised(known, told(removal, name="c3"), "main-a"))

    assert [(event.cancelled, event.event_end_utc) for event in known] == [
        (False, NOW_UTC + 3 * HOUR),
        (True, None),
    ]


def test_a_target_that_lost_its_end_is_no_event_until_it_has_one_again() -> None:
    """The next one, from 23:00, is moved to before the first, which starts at 21:00."""
    first = revised([], told(target(100.0, end_utc=None)), "main-a")
    next_one = target(80.0, start_utc=NOW_UTC + 3 * HOUR, end_utc=None)
    known = after(first, revised(first, told(next_one, name="c2"), "main-a"))
    sooner = target(80.0, start_utc=NOW_UTC, end_utc=None)

    (lost, _) = revised(known, told(sooner, name="c2"), "main-a")
    row = without_end(lost, known[0])

    assert (lost.event_id, lost.event_end_utc) == ("c1.main-a", None)
    assert (row.revision, row.cancelled, row.event_end_utc) == (3, True, NOW_UTC + 3 * HOUR)
    assert row.event_source == "message c2"
    assert without_end(known[0], first[0]) == known[0]
    assert without_end(first[0], None) == first[0]


def after(known: Sequence[GridEvent], changed: Iterable[GridEvent]) -> list[GridEvent]:
    """Return the newest revisions behind a message."""
    newest = {event.event_id: event for event in known}
    return list((newest | {event.event_id: event for event in changed}).values())


def test_an_event_comes_back_from_json_as_it_went() -> None:
    (event,) = revised([], told(target(750.0, end_utc=None)), "main-a")

    assert GridEvent.of(event.values()) == event
