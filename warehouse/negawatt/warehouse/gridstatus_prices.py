"""Prices that the package gridstatus fetches from grid operators, as rows of raw_market__prices.

Here: which operators, and their tables as prices with currency and unit. The package is the extra
``gridstatus`` and is imported only when prices are asked for. Not here: files (price_files).
"""

import importlib
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from types import ModuleType
from typing import Any, Final

import polars as pl

from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.models.domain.units import S_PER_MINUTE
from negawatt.warehouse.price_files import PRICES, PricesProfile, price_rows

OPERATORS: Final = {
    "caiso": "CAISO",
    "isone": "ISONE",
    "miso": "MISO",
    "nyiso": "NYISO",
    "pjm": "PJM",
}
"""Operators whose prices gridstatus gives by market and location; all state USD for a MWh."""
_START, _END, _WHERE, _PRICE = "Interval Start", "Interval End", "Location", "LMP"


def fetch_prices(
    operator: str,
    market: str,
    locations: Sequence[str],
    days: tuple[date, date],
    available_at_utc: datetime,
) -> pl.DataFrame:
    """Fetch prices over the network.

    Args:
        operator: A key of ``OPERATORS``.
        market: A market as gridstatus names it, such as DAY_AHEAD_HOURLY or REAL_TIME_5_MIN.
        locations: Nodes or zones.
        days: First and last day of the operator's clock, both included.
        available_at_utc: When the rows reached the warehouse's door.

    Raises:
        ConfigurationError: The package is not installed, or has no such market.
        DataRefusedError: The operator did not answer as it should.
    """
    package = _package()
    if market not in package.Markets.__members__:
        raise ConfigurationError(
            thing=f"market {market!r}",
            expected=f"one of {', '.join(package.Markets.__members__)}",
            found=repr(market),
            remedy="correct --market",
        )
    client = getattr(package, OPERATORS[operator])()
    try:
        table = client.get_lmp(
            date=days[0].isoformat(),
            end=(days[1] + timedelta(days=1)).isoformat(),
            market=package.Markets[market],
            locations=list(locations),
        )
    except Exception as error:  # the package lets through whatever network and parsers raise
        raise DataRefusedError(
            thing=f"prices of {operator}",
            expected="an answer to gridstatus",
            found=f"{type(error).__name__}: {error}",
            remedy="try again later, or import the operator's file with `negawatt import prices`",
        ) from error
    return rows_of_table(operator, market, table, available_at_utc)


def rows_of_table(
    operator: str,
    market: str,
    table: Any,  # noqa: ANN401 - pandas is not typed here, nor imported
    available_at_utc: datetime,
) -> pl.DataFrame:
    """Return a table of gridstatus as rows of raw_market__prices.

    A series is named ``<operator> <market> <location>``; a price is the shortest decimal of the
    table's float.

    Args:
        operator: A key of ``OPERATORS``.
        market: The market.
        table: A pandas frame with Interval Start, Interval End, Location and LMP.
        available_at_utc: When the rows reached the warehouse's door.

    Raises:
        DataRefusedError: A column is missing, intervals are of several lengths, or an interval has
            two prices.
    """
    missing = [name for name in (_START, _END, _WHERE, _PRICE) if name not in table.columns]
    if missing or not len(table):
        raise DataRefusedError(
            thing=f"prices of {operator}",
            expected=f"rows with {_START}, {_END}, {_WHERE} and {_PRICE}",
            found=f"{len(table)} rows without {missing}",
            remedy="ask for another market, location or day",
        )
    source = pl.from_pandas(table[[_START, _END, _WHERE, _PRICE]])
    lengths_s = (source[_END] - source[_START]).dt.total_seconds().unique().to_list()
    if len(lengths_s) != 1 or lengths_s[0] % S_PER_MINUTE:
        raise DataRefusedError(
            thing=f"prices of {operator}",
            expected="intervals of one length in minutes",
            found=f"lengths of {sorted(lengths_s)} s",
            remedy="ask for one market at a time",
        )
    profile = PricesProfile(
        table=PRICES,
        start_column=_START,
        interval_minutes=lengths_s[0] // S_PER_MINUTE,
        value_column=_PRICE,
        unit="MWh",
        currency="USD",
        series_id=f"{operator} {market} {{{_WHERE}}}",
    )
    return price_rows(profile, source, available_at_utc)


def _package() -> ModuleType:
    try:
        return importlib.import_module("gridstatus")
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            thing="prices straight from a grid operator",
            expected="an installation with the extra 'gridstatus'",
            found=f"no module {error.name!r}",
            remedy="pip install 'negawatt[gridstatus]', or import the operator's file",
        ) from error
