"""Real market prices of five years, imported by a profile, joined to an hourly event and paid.

Prices: public postings of NYISO, CAISO and AEMO, hourly, 2020-2024, stored in single precision.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.interval import Interval
from negawatt.models.settlement.market import MarketSeries
from negawatt.models.settlement.payment import pay_event
from negawatt.models.settlement.payment.inputs import EventInputs
from negawatt.models.settlement.payment.joined import joined_prices
from negawatt.models.settlement.payment.money import Price
from negawatt.models.settlement.payment.rules import load_payment_rule
from negawatt.warehouse.price_files import PricesProfile, price_rows

pytestmark = [pytest.mark.slow, pytest.mark.shared]

HOUR = timedelta(hours=1)
PROFILE = PricesProfile(
    table="raw_market__prices",
    start_column="time_utc",
    interval_minutes=60,
    value_column="price_per_mwh",
    unit="MWh",
    currency_column="currency",
    series_column="series",
)
SeriesOf = Callable[[str, str], MarketSeries]


@pytest.fixture(scope="session")
def series_of(shared_data: Path) -> SeriesOf:
    """Return a function that reads one series, as `negawatt import prices` does."""
    source = pl.read_parquet(shared_data / "prices" / "hourly_2020_2024.parquet")

    @cache
    def read(series_id: str, price_name: str) -> MarketSeries:
        own = source.filter(pl.col("series").cast(pl.String) == series_id)
        rows = price_rows(PROFILE, own, datetime(2026, 1, 1, tzinfo=UTC)).drop_nulls()
        return MarketSeries(
            price_name=price_name,
            series_id=series_id,
            currency=rows["price_currency"].unique().item(),
            per=rows["price_unit"].unique().item(),
            interval_start_utc=tuple(rows["interval_start_utc"]),
            interval_end_utc=tuple(rows["interval_end_utc"]),
            amounts=tuple(rows["price_amount"]),
        )

    return read


def event_at(start_utc: datetime, hours: int, prices: MarketSeries) -> EventInputs:
    """Return an event of one MWh reduced in each hour."""
    starts_utc = tuple(start_utc + n * HOUR for n in range(hours))
    intervals = [Interval(start, start + HOUR) for start in starts_utc]
    return EventInputs(
        subject=f"event at {start_utc.isoformat()}",
        interval_minutes=60,
        interval_start_utc=starts_utc,
        reduction_kwh=(Decimal(1000),) * hours,
        interval_prices={prices.price_name: joined_prices(prices, intervals, "refuse")},
        prices={"reimbursement_rate": Price(amount=Decimal(0), currency="AUD", per="MWh")},
        loss_factor=Decimal(1),
        net_benefits_per_mwh=Decimal(30),
    )


CAPITL = ("DAM LBMP zone CAPITL", "lmp")


def test_every_price_reads_back_as_the_text_that_was_stored(series_of: SeriesOf) -> None:
    """No price needs more than nine digits, and each reads back in 32 bits."""
    amounts = series_of(*CAPITL).amounts

    assert len(amounts) == 43_848
    assert all(len(amount.normalize().as_tuple().digits) <= 9 for amount in amounts)
    assert all(Decimal(str(np.float32(amount))) == amount for amount in amounts)


def test_an_evening_in_new_york_is_paid_its_day_ahead_price(series_of: SeriesOf) -> None:
    """Two hours of 1 MWh from 2020-01-01 05:00 UTC at 21.77 and 19.68 USD/MWh, as stored."""
    event = event_at(datetime(2020, 1, 1, 5, tzinfo=UTC), 2, series_of(*CAPITL))

    assert [price and price.text for price in event.interval_prices["lmp"]] == [
        "21.77 USD/MWh",
        "19.68 USD/MWh",
    ]
    assert pay_event(load_payment_rule("nyiso_edrp"), event).total == 1000
    assert pay_event(load_payment_rule("pjm_economic"), event).total == 0


@pytest.mark.parametrize(
    ("payment_id", "name", "series_id"),
    [("caiso_pdr", "lmp", "DAM LMP TH_NP15_GEN-APND"), ("aemo_wdr", "spot", "RRP NSW1")],
)
def test_a_negative_hour_is_paid_as_its_tariff_says(
    series_of: SeriesOf, payment_id: str, name: str, series_id: str
) -> None:
    """The lowest hour: nothing where the net-benefits test holds, the negative price elsewhere."""
    prices = series_of(series_id, name)
    lowest, lowest_utc = min(zip(prices.amounts, prices.interval_start_utc, strict=True))

    payment = pay_event(load_payment_rule(payment_id), event_at(lowest_utc, 1, prices))

    assert lowest < 0
    expected = {"caiso_pdr": Decimal(0), "aemo_wdr": lowest}[payment_id]
    assert payment.total == round(expected, 2)


def test_an_hour_that_was_not_posted_is_refused(series_of: SeriesOf) -> None:
    prices = series_of(*CAPITL)
    after_utc = max(prices.interval_end_utc)

    with pytest.raises(DataRefusedError, match="expected a price at 2025-01-01T05:00:00"):
        event_at(after_utc, 1, prices)


def test_no_hour_of_five_years_has_two_prices_or_none(series_of: SeriesOf) -> None:
    """43,848 hours from 2020 to 2024 in New York's days, ten clock changes among them."""
    prices = series_of(*CAPITL)
    first_utc, last_utc = min(prices.interval_start_utc), max(prices.interval_end_utc)

    found = joined_prices(prices, [Interval(first_utc, last_utc)], "time_mean")

    assert (last_utc - first_utc) // HOUR == len(prices.amounts)
    mean = sum(prices.amounts, Decimal(0)) / len(prices.amounts)
    assert abs(found[0].amount - mean) < Decimal("1E-20")


def test_the_same_hour_twice_is_refused_by_name(shared_data: Path) -> None:
    source = pl.read_parquet(shared_data / "prices" / "hourly_2020_2024.parquet")
    own = source.filter(pl.col("series").cast(pl.String) == "RRP VIC1").head(2)

    with pytest.raises(DataRefusedError, match="prices 'RRP VIC1': expected one price for each"):
        price_rows(PROFILE, pl.concat([own, own]), datetime(2026, 1, 1, tzinfo=UTC))
