"""Energy payments: negative prices, floors, net benefits, deviations, energy above a level."""

from decimal import Decimal

import pytest

from negawatt.models.settlement.payment.energy import (
    energy_amount,
    excess_energy_amount,
    performance_energy_amount,
    two_settlement_amount,
)


def figures(*values: float) -> tuple[Decimal, ...]:
    return tuple(Decimal(str(value)) for value in values)


def test_a_negative_price_is_paid_as_it_is_where_nothing_else_is_said() -> None:
    """100 kW for an hour at 0.10 and at -0.02: 10 - 2."""
    assert energy_amount(figures(100, 100), figures(0.10, -0.02), 1) == 8


def test_the_net_benefits_price_itself_passes_the_test() -> None:
    """0.03 passes a test at 0.03, 0.0299 does not: 3 only."""
    found = energy_amount(
        figures(100, 100), figures(0.03, 0.0299), 1, net_benefits_per_kwh=Decimal("0.03")
    )

    assert found == 3


def test_a_floor_lifts_the_price_and_not_the_reduction() -> None:
    """100 kW at the floor of 0.50, and -10 kW at it: 50 - 5."""
    found = energy_amount(figures(100, -10), figures(-0.02, 0.08), 1, floor_per_kwh=Decimal("0.5"))

    assert found == 45


def test_five_minutes_of_power_are_a_twelfth_of_an_hours_energy() -> None:
    """Twelve intervals of 90 kW at 0.1: 9, exactly."""
    assert energy_amount(figures(*[90] * 12), figures(*[0.1] * 12), 12) == 9


def test_what_was_sold_and_did_not_come_is_bought_back_at_the_price_of_the_hour() -> None:
    """10 kW sold at 0.10 is 1.00; 4 kW short at 0.90 is -3.60."""
    found = two_settlement_amount(figures(6), figures(10), figures(0.10), figures(0.90), 1)

    assert found == Decimal("-2.60")


def test_a_half_hour_of_the_british_service_by_its_own_formula() -> None:
    """P = 3000/MWh, Q = 2 MW, V = 0.4 MWh: RV = 100 x 0.4 / (0.5 x 2) = 40.

    K = (2 x 40 - 50) / 100 = 0.3, and S = 0.5 x 3000 x 2 x 0.3 = 900. Here V is 800 kW over half
    an hour, Q 2000 kW, P 3/kWh.
    """

    def k(ratio: Decimal) -> Decimal:
        return 2 * ratio - Decimal("0.5")

    assert performance_energy_amount(figures(800), figures(2000), figures(3), 2, k) == 900


def test_where_nothing_was_accepted_nothing_is_paid() -> None:
    assert performance_energy_amount(figures(-50), figures(0), figures(3), 2, Decimal) == 0


def test_staying_below_the_level_makes_no_amends_for_exceeding_it() -> None:
    """Quarter hours of 0 and 140 kW over 100: 40 kW for a quarter of an hour at 6."""
    assert excess_energy_amount(figures(0, 140), Decimal(100), Decimal(6), 4) == 60


def test_quantities_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        energy_amount(figures(1, 2), figures(1), 1)
