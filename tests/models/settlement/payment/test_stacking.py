"""Several programs at one meter: nothing is paid twice; event days count as the rule says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.event import Event
from negawatt.models.domain.interval import Interval
from negawatt.models.settlement.payment.stacking import excluding_windows, paid_once_kwh

START_UTC = datetime(2026, 7, 1, 16, tzinfo=UTC)
HOUR = timedelta(hours=1)


def event_of(program_id: str, days: int, *, cancelled: bool = False) -> Event:
    start_utc = START_UTC + timedelta(days=days)
    return Event(
        event_id=f"{program_id}-{days}",
        revision=1,
        site_id="s",
        program_id=program_id,
        interval=Interval(start_utc, start_utc + HOUR),
        cancelled=cancelled,
    )


def kwh(*values: int) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, values))


def test_the_first_program_is_paid_in_full_and_the_second_for_what_is_left() -> None:
    """Claims 8 and 6: the first gets 8, the second nothing; claims 5 and 7: 5, then 2."""
    paid = paid_once_kwh({"a": kwh(8, 5), "b": kwh(6, 7)}, ["a", "b"])

    assert paid == {"a": kwh(8, 5), "b": kwh(0, 2)}


def test_whoever_is_first_the_meter_is_paid_for_the_same_energy() -> None:
    claims = {"a": kwh(8, 5), "b": kwh(6, 7)}

    paid_kwh = [paid_once_kwh(claims, order) for order in (["a", "b"], ["b", "a"])]

    assert [sum(p["a"]) + sum(p["b"]) for p in paid_kwh] == [15, 15]


def test_load_above_a_programs_baseline_stays_with_that_program() -> None:
    assert paid_once_kwh({"a": kwh(-3), "b": kwh(4)}, ["a", "b"]) == {"a": kwh(-3), "b": kwh(4)}


def test_programs_without_an_order_of_priority_are_refused() -> None:
    with pytest.raises(DataRefusedError, match="an order of priority"):
        paid_once_kwh({"a": kwh(1), "b": kwh(1)}, ["a"])


def test_claims_of_other_intervals_are_refused() -> None:
    with pytest.raises(ValueError, match="the same intervals"):
        paid_once_kwh({"a": kwh(1), "b": kwh(1, 2)}, ["a", "b"])


def test_other_programs_events_exclude_days_only_where_the_rule_says_so() -> None:
    own, other = event_of("a", 1), event_of("b", 0)

    assert excluding_windows([own, other], "a", other_programs_count=False) == (own.interval,)
    assert excluding_windows([own, other], "a", other_programs_count=True) == (
        other.interval,
        own.interval,
    )


def test_a_withdrawn_event_leaves_its_day_an_ordinary_day() -> None:
    withdrawn = replace(event_of("a", 1), cancelled=True)

    assert excluding_windows([withdrawn], "a", other_programs_count=True) == ()
