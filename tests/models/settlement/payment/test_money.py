"""Prices with their unit and currency, and prices of a market joined to an event."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.payment.money import (
    Per,
    Price,
    PriceSeries,
    amounts_of_float32,
    decimal_of_float32,
)

NOON_UTC = datetime(2026, 7, 1, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


@pytest.fixture
def hourly() -> PriceSeries:
    """Two hours at -3.10 and 85, then none."""
    return PriceSeries(
        series_id="hub",
        currency="USD",
        per="MWh",
        interval_minutes=60,
        amounts={NOON_UTC: Decimal("-3.10"), NOON_UTC + 4 * QUARTER: Decimal(85)},
    )


@pytest.mark.parametrize(
    ("per", "expected"),
    [("kWh", "12"), ("MWh", "0.012"), ("kW-week", "12"), ("kW-month", "12"), ("MW-day", "0.012")],
)
def test_a_price_for_a_megawatt_is_a_thousandth_for_a_kilowatt(per: Per, expected: str) -> None:
    price = Price(amount=Decimal(12), currency="USD", per=per)

    assert price.per_base_unit == Decimal(expected)


def test_a_quarter_hour_has_the_price_of_its_hour(hourly: PriceSeries) -> None:
    starts_utc = [NOON_UTC + 3 * QUARTER, NOON_UTC + 4 * QUARTER]

    found = hourly.at(starts_utc, 15)

    assert [price and price.text for price in found] == ["-3.10 USD/MWh", "85 USD/MWh"]


def test_an_hour_without_a_price_has_none_and_not_zero(hourly: PriceSeries) -> None:
    assert hourly.at([NOON_UTC - timedelta(hours=1)], 60) == (None,)


def test_an_interval_longer_than_the_markets_is_refused(hourly: PriceSeries) -> None:
    with pytest.raises(DataRefusedError, match=r"multiple of 120 minutes, found 60 minutes"):
        hourly.at([NOON_UTC], 120)


@pytest.mark.parametrize("text", ["21.77", "-0.01", "9000", "16600.0", "1e-05"])
def test_single_precision_gives_back_the_text_that_was_stored(text: str) -> None:
    assert decimal_of_float32(np.float32(text)) == Decimal(text)


def test_two_prices_of_one_hour_are_refused() -> None:
    with pytest.raises(DataRefusedError, match="expected one for each interval, found two"):
        amounts_of_float32([NOON_UTC, NOON_UTC], np.array([1.0, 1.0], dtype=np.float32))


def test_an_amount_that_is_not_known_is_no_price() -> None:
    amounts = np.array([np.nan, 5.0], dtype=np.float32)

    found = amounts_of_float32([NOON_UTC, NOON_UTC + QUARTER], amounts)

    assert found == {NOON_UTC + QUARTER: Decimal(5)}
