"""Price files of markets: how they say what raw_market__prices says.

Here: the profile of a price file, and its rows as prices with currency and unit. Not here: joining
prices to events (negawatt.models.settlement), and other files (profiles.py).
"""

from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from string import Formatter
from typing import Annotated, Final, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.warehouse.catalog import fields, schema
from negawatt.warehouse.report_files import ReportLayout
from negawatt.warehouse.stamps import HourColumns, RepeatedHour, hours_of, instants_of

PRICES: Final = "raw_market__prices"
_MINUTES_PER_HOUR: Final = 60
PRICE_FOLDER: Final = "market"
"""Prices belong to no site: all of them lie below ``site=market``."""


class PricesProfile(BaseModel):
    """A file of prices, one row for each interval of a series.

    Attributes:
        table: ``raw_market__prices``.
        layout: Where the table is, in a file that has lines above it or a column for each hour.
        filter: Rows to keep: column and the values it may have.
        start_column: Column with the start of each interval.
        end_column: Column with its end, for files that stamp the end of the hour.
        hours: Columns that name it by date and hour; one of the three.
        time_zone: Zone of stamps that state no offset; without one such stamps are refused.
        repeated_hour: What becomes of local stamps that the clock shows twice in autumn: they are
            ``refused``, or told apart by their order (``in_order``), where the rows of each series
            stand in order of time.
        time_format: How text writes a stamp, in strptime's signs; ISO 8601 without it.
        interval_minutes: Length of each interval [min].
        value_column: Column with the price; an empty cell is "not known".
        unit: What a price is for: MWh or kWh.
        currency: ISO 4217 code of every price.
        currency_column: Column that states it, where the file holds several; one of the two.
        series_column: Column that names the series.
        series_id: Its name where the file holds one series only, or a template over the file's
            columns such as ``CAISO DAM {NODE}``; one of the two.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: Literal["raw_market__prices"]
    layout: ReportLayout | None = None
    filter: dict[str, list[str]] = {}
    start_column: str | None = None
    end_column: str | None = None
    hours: HourColumns | None = None
    time_zone: str | None = None
    repeated_hour: RepeatedHour = "refused"
    time_format: str | None = None
    interval_minutes: Annotated[int, Field(gt=0)]
    value_column: str
    unit: Literal["MWh", "kWh"]
    currency: Annotated[str | None, Field(pattern=r"^[A-Z]{3}$")] = None
    currency_column: str | None = None
    series_column: str | None = None
    series_id: str | None = None


def price_rows(
    profile: PricesProfile, source: pl.DataFrame, available_at_utc: datetime
) -> pl.DataFrame:
    """Return a file's rows as rows of raw_market__prices.

    A price is the decimal that the file states. A column of floats states the shortest decimal
    that reads back as the same float of its own precision: 21.77 in 32 bits is 21.77.

    Args:
        profile: How the file says it.
        source: The file's rows.
        available_at_utc: When the rows reached the warehouse's door.

    Raises:
        ConfigurationError: The profile names a thing twice or not at all.
        DataRefusedError: A stamp or price does not read, a price has more decimals than are kept,
            or an interval of a series has two prices.

    Examples:
        >>> from datetime import UTC
        >>> profile = PricesProfile(table="raw_market__prices", end_column="hour_ending",
        ...     time_zone="America/New_York", interval_minutes=60, value_column="lmp", unit="MWh",
        ...     currency="USD", series_id="zone")
        >>> source = pl.DataFrame({"hour_ending": ["2026-07-01T14:00"], "lmp": ["31.40"]})
        >>> rows = price_rows(profile, source, datetime(2026, 7, 2, tzinfo=UTC))
        >>> rows["interval_start_utc"].item().isoformat(), rows["price_amount"].item()
        ('2026-07-01T17:00:00+00:00', Decimal('31.400000000000'))
    """
    name = series_name(_one_of(profile, "series_column", "series_id"), profile.series_column)
    length = timedelta(minutes=profile.interval_minutes)
    start = _start(profile, source, name)
    amounts = [_amount(profile, value) for value in _texts(source[profile.value_column])]
    rows = source.select(
        name.alias("series_id"),
        start.alias("interval_start_utc"),
        (start + length).alias("interval_end_utc"),
        pl.lit(pl.Series(amounts, dtype=schema(PRICES)["price_amount"])).alias("price_amount"),
        _named(profile, "currency_column", "currency").alias("price_currency"),
        pl.lit(profile.unit).alias("price_unit"),
        pl.lit(available_at_utc).alias("available_at_utc"),
    )
    _refuse_doubled(rows)
    return rows


def _start(profile: PricesProfile, source: pl.DataFrame, name: pl.Expr) -> pl.Expr:
    """Return the start of each interval."""
    if profile.hours is not None and not (profile.start_column or profile.end_column):
        if profile.time_zone is None or _MINUTES_PER_HOUR % profile.interval_minutes:
            raise ConfigurationError(
                thing="the profile",
                expected="with [hours] a time_zone, and an interval_minutes that divides the hour",
                found=f"{profile.time_zone!r}, {profile.interval_minutes}",
                remedy="correct it",
            )
        return hours_of(source, profile.hours, profile.interval_minutes, profile.time_zone)
    instant = instants_of(
        source,
        _one_of(profile, "start_column", "end_column"),
        profile.time_zone,
        profile.time_format,
        name if profile.repeated_hour == "in_order" else None,
    )
    return (
        instant if profile.start_column else instant - timedelta(minutes=profile.interval_minutes)
    )


def _one_of(profile: PricesProfile, first: str, second: str) -> str:
    given = [value for value in (getattr(profile, first), getattr(profile, second)) if value]
    if len(given) != 1:
        raise ConfigurationError(
            thing="the profile",
            expected=f"exactly one of {first} and {second}",
            found="both" if given else "neither",
            remedy="state it once",
        )
    return str(given[0])


def _named(profile: PricesProfile, column: str, constant: str) -> pl.Expr:
    value = _one_of(profile, column, constant)
    named = pl.col(value) if getattr(profile, column) else pl.lit(value)
    return named.cast(pl.String).str.strip_chars()


def series_name(name: str, column: str | None) -> pl.Expr:
    """Return the name of each row's series.

    Args:
        name: A column, a name, or a template over columns.
        column: The column, where ``name`` is one.

    Raises:
        ConfigurationError: A template that is none.

    Examples:
        >>> rows = pl.DataFrame({"NODE": ["NP15", "SP15"]})
        >>> rows.select(series_name("CAISO DAM {NODE}", None)).to_series().to_list()
        ['CAISO DAM NP15', 'CAISO DAM SP15']
    """
    if column is not None:
        return pl.col(name).cast(pl.String).str.strip_chars()
    try:
        parts = [(text, field) for text, field, *_ in Formatter().parse(name)]
    except ValueError as error:
        raise ConfigurationError(
            thing="the profile",
            expected="series_id as a name, or as a template with columns in braces",
            found=f"{name!r}: {error}",
            remedy="correct it",
        ) from error
    return pl.concat_str(
        piece
        for text, field in parts
        for piece in (
            pl.lit(text),
            *([] if field is None else [pl.col(field).cast(pl.String).str.strip_chars()]),
        )
    )


def _texts(values: pl.Series) -> list[str | None]:
    """Return prices as text; a float as its shortest decimal in its own precision."""
    if values.dtype == pl.Float32:
        known = values.is_not_null() & values.is_not_nan()
        return [
            str(value) if is_known else None
            for value, is_known in zip(values.to_numpy(), known, strict=True)
        ]
    if values.dtype == pl.Float64:
        return [
            None if value is None or value != value else repr(value)  # noqa: PLR0124 - NaN
            for value in values
        ]
    return [None if text is None or not text.strip() else text for text in values.cast(pl.String)]


def _amount(profile: PricesProfile, text: str | None) -> Decimal | None:
    if text is None:
        return None
    decimals = fields()["price_amount"].decimals
    exact: Decimal | None = None
    with suppress(InvalidOperation):  # no number, NaN, or too large
        amount = Decimal(text.strip())
        exact = amount.quantize(Decimal(1).scaleb(-decimals))
        exact = exact if exact == amount else None
    if exact is None:
        raise DataRefusedError(
            thing=f"column {profile.value_column!r}",
            expected=f"prices such as -31.40, with at most {decimals} decimals",
            found=repr(text),
            remedy="correct the file; a price is kept as it was published or not at all",
        )
    return exact


def _refuse_doubled(rows: pl.DataFrame) -> None:
    doubled = rows.filter(pl.struct("series_id", "interval_start_utc").is_duplicated())
    if not doubled.is_empty():
        first = doubled.sort("series_id", "interval_start_utc").row(0, named=True)
        raise DataRefusedError(
            thing=f"prices {first['series_id']!r}",
            expected="one price for each interval",
            found=f"two at {first['interval_start_utc'].isoformat()}",
            remedy="keep the one that the market published last; where local clock times repeat, "
            "give stamps with their offset",
        )
