"""Prices with their unit and currency."""

from decimal import Decimal

import pytest

from negawatt.models.settlement.payment.money import Per, Price


@pytest.mark.parametrize(
    ("per", "expected"),
    [("kWh", "12"), ("MWh", "0.012"), ("kW-week", "12"), ("kW-month", "12"), ("MW-day", "0.012")],
)
def test_a_price_for_a_megawatt_is_a_thousandth_for_a_kilowatt(per: Per, expected: str) -> None:
    price = Price(amount=Decimal(12), currency="USD", per=per)

    assert price.per_base_unit == Decimal(expected)
