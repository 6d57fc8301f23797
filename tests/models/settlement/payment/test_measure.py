"""What an event delivered: caps, days, rounding, and which hours count."""

from decimal import Decimal

import pytest

from negawatt.models.settlement.payment import pay_event
from negawatt.models.settlement.payment.rules import load_payment_rule
from tests.models.settlement.payment.conftest import EventOf, event_with, variant


def test_a_guaranteed_drop_counts_the_comparison_load(event_of: EventOf) -> None:
    """(900 - 500) x 1.06 = 424 against 1000 - 530 = 470."""
    event = event_of(
        [0],
        metered_kwh=(Decimal(500),),
        comparison_kwh=(Decimal(900),),
        peak_load_kw=Decimal(1000),
        loss_factor=Decimal("1.06"),
        committed_kw=Decimal(424),
    )

    assert event_with("pjm_capacity_gld", event).ratios == (Decimal(1),)


def test_verified_savings_are_the_worst_hour(event_of: EventOf) -> None:
    """Quarter hours of 25 kWh, and an hour of 20: 80 kW."""
    event = event_of([25, 25, 20, 20, 20, 20], interval_minutes=15)

    assert event_with("centerpoint_load_management", event).event_kw == 80


def test_an_event_that_used_more_costs_nothing_where_there_is_no_penalty(
    event_of: EventOf,
) -> None:
    """Hours of 50 and -30 net to 20 kWh at 2; hours of 10 and -30 to nothing."""
    rule = load_payment_rule("pge_elrp")

    assert pay_event(rule, event_of([50, -30])).total == 40
    assert pay_event(rule, event_of([10, -30])).total == 0


@pytest.mark.parametrize(("cap_at", "expected"), [("committed", 280), ("dispatched", 190)])
def test_nothing_counts_above_its_cap(event_of: EventOf, cap_at: str, expected: int) -> None:
    """150 and 20 kWh at 2, capped at 1.2 x 100, or at 1.2 x 62.5: 120 + 20, or 75 + 20."""
    rule = variant(
        "pge_elrp", "[performance]", f'[performance]\ncap_at = "{cap_at}"\ncap_factor = 1.2'
    )
    event = event_of(
        [150, 20],
        committed_kw=Decimal(100),
        dispatched_kw=(Decimal("62.5"), Decimal(100)),
    )

    assert pay_event(rule, event).total == expected


def test_a_day_that_nets_below_zero_counts_for_nothing_and_the_next_one_does(
    event_of: EventOf,
) -> None:
    """In London the event runs from 17:00: seven hours of July 1 net to -1, two of July 2 to 12."""
    rule = variant("pge_elrp", '"zero_per_event"', '"net_within_day"\nday_clock = "Europe/London"')

    payment = pay_event(rule, event_of([-10, 9, 0, 0, 0, 0, 0, 7, 5]))

    assert payment.total == 24


def test_delivered_power_is_rounded_where_the_file_says_so(event_of: EventOf) -> None:
    """1.9, -1.9 and 2.9 kWh lose their decimals: 1 - 1 + 2 kWh at 2."""
    rule = variant(
        "pge_elrp",
        "[[rounding]]",
        '[[rounding]]\nstage = "reduction"\ndecimals = 0\nmode = "truncate"\n\n[[rounding]]',
    )

    assert pay_event(rule, event_of(["1.9", "-1.9", "2.9"])).total == 4
