"""Price files of markets: their stamps, decimals and doubles, and the newest version of an hour."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.models.domain.interval import Interval
from negawatt.warehouse.catalog import checked
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.price_files import PRICE_FOLDER, PRICES, PricesProfile, price_rows
from negawatt.warehouse.price_tables import prices_in
from negawatt.warehouse.raw_files import seal_rows

NOW_UTC = datetime(2026, 7, 2, tzinfo=UTC)
NOON_UTC = datetime(2026, 7, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PROFILE = PricesProfile(
    table="raw_market__prices",
    start_column="time",
    interval_minutes=60,
    value_column="price",
    unit="MWh",
    currency="USD",
    series_id="zone",
)


def rows_of(prices: list[Any], available_at_utc: datetime = NOW_UTC, **keys: Any) -> pl.DataFrame:  # noqa: ANN401 - as the profile takes them
    """Return hourly prices from noon, checked as the table checks them."""
    times = [(NOON_UTC + n * HOUR).isoformat() for n in range(len(prices))]
    source = pl.DataFrame({"time": times, "price": prices})
    profile = PROFILE.model_copy(update=keys)
    return checked(PRICES, price_rows(profile, source, available_at_utc))


def test_a_price_is_the_decimal_that_the_file_states() -> None:
    rows = rows_of(["-31.4", "0.1", ""])

    assert rows["price_amount"].to_list() == [Decimal("-31.4"), Decimal("0.1"), None]
    assert rows["price_currency"].unique().to_list() == ["USD"]
    assert rows["interval_end_utc"][0] == NOON_UTC + HOUR


@pytest.mark.parametrize(("kind", "text"), [(pl.Float32, "21.77"), (pl.Float64, "0.1")])
def test_a_float_is_its_shortest_decimal_in_its_own_precision(
    kind: type[pl.DataType], text: str
) -> None:
    """21.77 in 32 bits is 21.770000457763672 in 64."""
    source = pl.DataFrame(
        {"time": [NOON_UTC, NOON_UTC + HOUR], "price": pl.Series([float(text), None], dtype=kind)}
    )

    rows = price_rows(PROFILE, source, NOW_UTC)

    assert rows["price_amount"].to_list() == [Decimal(text), None]


def test_nan_is_no_price() -> None:
    source = pl.DataFrame({"time": [NOON_UTC], "price": pl.Series([float("nan")])})

    assert price_rows(PROFILE, source, NOW_UTC)["price_amount"].to_list() == [None]


@pytest.mark.parametrize("text", ["1,5", "free", "NaN", "Infinity", "0.0000000000001"])
def test_a_price_that_would_not_be_kept_as_published_is_refused(text: str) -> None:
    with pytest.raises(DataRefusedError, match="with at most 12 decimals, found"):
        rows_of([text])


def test_a_stamp_at_the_end_of_the_hour_is_its_end() -> None:
    rows = rows_of(["1"], start_column=None, end_column="time")

    assert rows["interval_start_utc"].item() == NOON_UTC - HOUR


def test_an_hour_that_stands_twice_is_named() -> None:
    source = pl.DataFrame({"time": [NOON_UTC] * 2, "price": ["1", "1"]})

    with pytest.raises(DataRefusedError, match=r"prices 'zone'.*two at 2026-07-01T12:00:00"):
        price_rows(PROFILE, source, NOW_UTC)


def test_the_hour_that_a_local_clock_repeats_is_refused_without_an_offset() -> None:
    """New York, 2026-11-01 01:30 comes twice."""
    local = PROFILE.model_copy(update={"time_zone": "America/New_York"})
    source = pl.DataFrame({"time": ["2026-11-01T01:30:00"], "price": ["1"]})

    with pytest.raises(pl.exceptions.ComputeError, match="ambiguous"):
        price_rows(local, source, NOW_UTC)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"end_column": "time"}, "exactly one of start_column and end_column, found both"),
        ({"currency": None}, "exactly one of currency_column and currency, found neither"),
        ({"series_column": "price"}, "exactly one of series_column and series_id, found both"),
    ],
)
def test_a_profile_that_says_a_thing_twice_or_never_is_refused(
    keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        rows_of(["1"], **keys)


@pytest.mark.slow
def test_the_newest_version_of_an_hour_counts_and_the_same_file_twice_is_nothing(
    layout: Layout,
) -> None:
    """10 and 20 at first; then 11 for the first hour, and none for the second."""
    later_utc = NOW_UTC + timedelta(days=1)
    first = seal_rows(layout, PRICES, PRICE_FOLDER, "import", rows_of(["10", "20"]))
    again = seal_rows(layout, PRICES, PRICE_FOLDER, "import", rows_of(["10", "20"], later_utc))
    seal_rows(layout, PRICES, PRICE_FOLDER, "import", rows_of(["11", ""], later_utc))

    found = prices_in(layout, "zone", Interval(NOON_UTC, NOON_UTC + 2 * HOUR))

    assert (first.row_count, again.row_count) == (2, 0)
    assert found["price_amount"].to_list() == [Decimal(11), None]


@pytest.mark.slow
def test_only_prices_that_reach_into_the_window_are_read(layout: Layout) -> None:
    seal_rows(layout, PRICES, PRICE_FOLDER, "import", rows_of(["10", "20", "30"]))

    window = Interval(NOON_UTC + HOUR, NOON_UTC + 3 * HOUR / 2)

    assert prices_in(layout, "zone", window)["price_amount"].to_list() == [Decimal(20)]
    assert prices_in(layout, "other", window).is_empty()
