"""Synchronized reserve from one-minute readings: which minutes count, and what was held."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.payment.components import Reserve
from negawatt.models.settlement.payment.reserve import ReserveRule, reserve_response
from negawatt.models.settlement.payment.rules import load_payment_rule

START = 2  # two minutes before the event are read


@pytest.fixture
def rule() -> ReserveRule:
    component = load_payment_rule("pjm_synchronized_reserve").payments[0]
    assert isinstance(component, Reserve)
    return component.minutes


def readings(values: Sequence[float | None]) -> tuple[Decimal | None, ...]:
    return tuple(None if value is None else Decimal(str(value)) for value in values)


def event(*, after: Sequence[float] = ()) -> list[float | None]:
    """Return -2 to -1, then minutes 0 to 11: 100 until minute 1, a ramp, 40 in minute 10."""
    before: list[float | None] = [500, 98]
    return [*before, 100, 101, *[90 - 5 * n for n in range(7)], 50, 40, 45, *after]


def test_start_is_the_greatest_around_it_and_end_the_lowest_around_minute_ten(
    rule: ReserveRule,
) -> None:
    """Minutes -1, 0, 1: 98, 100, 101. Minutes 9, 10, 11: 50, 40, 45. 101 - 40 = 61.

    Minute -2, at 500 kW, is not read.
    """
    found = reserve_response(readings(event(after=[42])), START, 13, rule)

    assert (found.start_kw, found.end_kw, found.response_kw) == readings([101, 40, 61])


def test_what_is_not_held_to_the_end_is_not_counted(rule: ReserveRule) -> None:
    """Minute 13 is back at 70: 101 - 70 = 31 of 61 kW were held."""
    found = reserve_response(readings(event(after=[40, 70, 40])), START, 15, rule)

    assert (found.response_kw, found.held_kw) == readings([61, 31])


def test_after_thirty_minutes_nothing_has_to_be_held(rule: ReserveRule) -> None:
    """Minutes 12 to 30 at 40, minute 31 at 101."""
    after = [40] * 19 + [101]

    assert reserve_response(readings(event(after=after)), START, 32, rule).held_kw == 61


def test_a_load_that_rose_has_a_negative_response(rule: ReserveRule) -> None:
    values = [100] * 12 + [150, 150, 150]

    assert reserve_response(readings(values), START, 13, rule).response_kw == 0
    assert reserve_response(readings([100] * 5 + [150] * 10), START, 13, rule).response_kw == -50


@pytest.mark.parametrize("minute", [-1, 9, 12])
def test_a_minute_that_counts_and_is_not_known_is_refused(rule: ReserveRule, minute: int) -> None:
    values = event(after=[40])
    values[START + minute] = None

    with pytest.raises(DataRefusedError, match=f"minute {minute} of the reserve event"):
        reserve_response(readings(values), START, 13, rule)


def test_an_event_that_ends_before_the_response_is_due_is_refused(rule: ReserveRule) -> None:
    with pytest.raises(DataRefusedError, match=r"more than 11 minutes.*found 11 minutes"):
        reserve_response(readings(event()), START, 11, rule)


def test_minutes_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="must follow each other"):
        ReserveRule(
            start_from_minute=1,
            start_to_minute=-1,
            end_from_minute=9,
            end_to_minute=11,
            hold_to_minute=30,
        )
