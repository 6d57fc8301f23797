"""Capacity, availability and shortfall: thresholds, rates and the yearly limit."""

from decimal import Decimal

import pytest

from negawatt.models.settlement.payment.capacity import (
    availability_factor,
    failed_test_amount,
    shortfall_amount,
    shortfall_rate,
    within_yearly_limit,
)


@pytest.mark.parametrize(
    ("availability", "expected"),
    [("1", "1"), ("0.85", "0.85"), ("0.8499", "0.72233001"), ("0", "0")],
)
def test_availability_is_squared_below_the_threshold_only(availability: str, expected: str) -> None:
    found = availability_factor(Decimal(availability), Decimal("0.85"))

    assert found == Decimal(expected)


def test_half_the_rate_is_the_published_pre_emergency_charge() -> None:
    """About 1150 USD/MWh over 60 h is published for 2027/28; over 30 h it is twice that.

    1150 x 60 / 365 = 189.04 USD/MW-day.
    """
    entry_cost = Decimal(1150) * 60 / 365

    emergency = shortfall_rate(entry_cost, Decimal(365), Decimal(30), 1)
    before = shortfall_rate(entry_cost, Decimal(365), Decimal(60), 1)

    assert round(before, 9) == 1150
    assert round(emergency, 9) == 2300


def test_twelve_intervals_of_five_minutes_cost_what_an_hour_does() -> None:
    hour = shortfall_rate(Decimal(300), Decimal(365), Decimal(30), 1)
    five_minutes = shortfall_rate(Decimal(300), Decimal(365), Decimal(30), 12)

    charged = shortfall_amount([Decimal(0)] * 12, Decimal(1000), five_minutes)

    assert round(charged, 20) == hour == 3650


def test_a_surplus_in_one_interval_does_not_cover_another() -> None:
    """0 and 2000 of 1000 kW: one MW short, once."""
    assert shortfall_amount([Decimal(0), Decimal(2000)], Decimal(1000), Decimal(7)) == 7


@pytest.mark.parametrize(("charged", "left"), [(0, 700), (600, 400), (1000, 0), (1200, 0)])
def test_a_year_charges_its_limit_and_no_more(charged: int, left: int) -> None:
    found = within_yearly_limit(Decimal(700), Decimal(charged), Decimal(1000))

    assert found == left


@pytest.mark.parametrize(("rate", "expected"), [(50, 70), (200, 240)])
def test_a_failed_test_adds_a_fifth_and_at_least_twenty(rate: int, expected: int) -> None:
    """One MW for one day: 50 + 20; 200 + 40."""
    found = failed_test_amount(
        Decimal(1000), Decimal(rate), Decimal(1), Decimal("0.2"), Decimal(20)
    )

    assert found == expected


def test_a_test_that_was_passed_costs_nothing() -> None:
    found = failed_test_amount(Decimal(-5), Decimal(50), Decimal(1), Decimal("0.2"), Decimal(20))

    assert found == 0
