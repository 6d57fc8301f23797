"""Real market prices of five years joined to an hourly event and paid.

Prices: public postings of NYISO, CAISO and AEMO, hourly, 2020-2024, stored in single precision.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.payment import pay_event
from negawatt.models.settlement.payment.inputs import EventInputs
from negawatt.models.settlement.payment.money import Price, PriceSeries, amounts_of_float32
from negawatt.models.settlement.payment.rules import load_payment_rule

pytestmark = [pytest.mark.slow, pytest.mark.shared]

HOUR = timedelta(hours=1)


@pytest.fixture(scope="session")
def series_of(shared_data: Path) -> Callable[[str, str], PriceSeries]:
    """Return a function that reads one series."""
    table = pq.read_table(shared_data / "prices" / "hourly_2020_2024.parquet")

    def read(market: str, name: str) -> PriceSeries:
        names = table["series"].cast("string")
        mask = pc.and_(pc.equal(table["market"], market), pc.match_substring(names, name))
        rows = table.filter(mask)
        starts_utc = [start.astimezone(UTC) for start in rows["time_utc"].to_pylist()]
        assert pc.count_distinct(rows["series"].cast("string")).as_py() == 1
        return PriceSeries(
            series_id=f"{market} {name}",
            currency=rows["currency"][0].as_py(),
            per="MWh",
            interval_minutes=60,
            amounts=amounts_of_float32(
                starts_utc, rows["price_per_mwh"].to_numpy().astype(np.float32)
            ),
        )

    return read


def event_at(start_utc: datetime, hours: int, prices: PriceSeries, name: str) -> EventInputs:
    """Return an event of one MWh reduced in each hour."""
    starts_utc = tuple(start_utc + n * HOUR for n in range(hours))
    return EventInputs(
        subject=f"event at {start_utc.isoformat()}",
        interval_minutes=60,
        interval_start_utc=starts_utc,
        reduction_kwh=(Decimal(1000),) * hours,
        interval_prices={name: prices.at(starts_utc, 60)},
        prices={"reimbursement_rate": Price(amount=Decimal(0), currency="AUD", per="MWh")},
        loss_factor=Decimal(1),
        net_benefits_per_mwh=Decimal(30),
    )


def test_every_price_reads_back_as_the_text_that_was_stored(
    series_of: Callable[[str, str], PriceSeries],
) -> None:
    """No price needs more than nine digits, and each reads back in 32 bits."""
    amounts = series_of("NYISO", "CAPITL").amounts.values()

    assert len(amounts) > 40_000
    assert all(len(amount.as_tuple().digits) <= 9 for amount in amounts)
    assert all(Decimal(str(np.float32(amount))) == amount for amount in amounts)


def test_an_evening_in_new_york_is_paid_its_day_ahead_price(
    series_of: Callable[[str, str], PriceSeries],
) -> None:
    """Two hours of 1 MWh from 2020-01-01 05:00 UTC at 21.77 and 19.68 USD/MWh, as stored."""
    prices = series_of("NYISO", "CAPITL")
    event = event_at(datetime(2020, 1, 1, 5, tzinfo=UTC), 2, prices, "lmp")

    assert [price and price.text for price in event.interval_prices["lmp"]] == [
        "21.77 USD/MWh",
        "19.68 USD/MWh",
    ]
    assert pay_event(load_payment_rule("nyiso_edrp"), event).total == 1000
    assert pay_event(load_payment_rule("pjm_economic"), event).total == 0


@pytest.mark.parametrize(
    ("payment_id", "name", "market", "series"),
    [("caiso_pdr", "lmp", "CAISO", "NP15"), ("aemo_wdr", "spot", "AEMO", "NSW")],
)
def test_a_negative_hour_is_paid_as_its_tariff_says(
    series_of: Callable[[str, str], PriceSeries],
    payment_id: str,
    name: str,
    market: str,
    series: str,
) -> None:
    """The lowest hour: nothing where the net-benefits test holds, the negative price elsewhere."""
    prices = series_of(market, series)
    lowest_utc = min(prices.amounts, key=lambda start_utc: (prices.amounts[start_utc], start_utc))

    payment = pay_event(load_payment_rule(payment_id), event_at(lowest_utc, 1, prices, name))

    assert prices.amounts[lowest_utc] < 0
    expected = {"caiso_pdr": Decimal(0), "aemo_wdr": prices.amounts[lowest_utc]}[payment_id]
    assert payment.total == round(expected, 2)


def test_an_hour_that_was_not_posted_is_refused(
    series_of: Callable[[str, str], PriceSeries],
) -> None:
    prices = series_of("NYISO", "CAPITL")
    after_utc = max(prices.amounts) + HOUR

    with pytest.raises(DataRefusedError, match=r"expected the price 'lmp' in USD/MWh, found none"):
        pay_event(load_payment_rule("nyiso_edrp"), event_at(after_utc, 1, prices, "lmp"))
