"""Columns of instants in somebody else's file, read as UTC.

Here: stamps with and without an offset, and what is refused about them. Not here: which column
means what (profiles.py, price_files.py).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator

from negawatt.models.domain.errors import DataRefusedError

_MINUTES_PER_HOUR: Final = 60
RepeatedHour = Literal["refused", "in_order"]
"""What becomes of local stamps that a clock shows twice, in the night when it is set back."""


class HourColumns(BaseModel):
    """Columns that name an interval by its date, its hour and its number in the hour.

    Attributes:
        date_column: The date.
        date_format: How text writes it, in strptime's signs.
        hour_ending_column: The hour in which it lies, by its end: 1 to 24, or 01:00 to 24:00.
        number_column: Its number in the hour, from 1; without it an interval is an hour.
        second_time_column: Says where the clock shows an hour for the second time, in autumn.
        second_time_word: What it says then.
        second_time_suffix: What ends the hour itself then, as in 02X; instead of such a column.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    date_column: str
    date_format: str = "%Y-%m-%d"
    hour_ending_column: str
    number_column: str | None = None
    second_time_column: str | None = None
    second_time_word: Annotated[str, Field(min_length=1)] | None = None
    second_time_suffix: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.second_time_column is None) != (self.second_time_word is None):
            raise ValueError("second_time_column and second_time_word together")
        if self.second_time_column is not None and self.second_time_suffix is not None:
            raise ValueError("second_time_column or second_time_suffix, not both")
        return self

    @property
    def named(self) -> list[str]:
        """The columns that say when an interval starts."""
        names = (self.date_column, self.hour_ending_column, self.number_column)
        return [name for name in names if name is not None]


def instants_of(
    source: pl.DataFrame,
    column: str,
    time_zone: str | None,
    time_format: str | None = None,
    in_order_of: pl.Expr | None = None,
) -> pl.Expr:
    """Read a column of instants; text may state an offset or be local to ``time_zone``.

    An empty cell is "not known".

    Args:
        source: The file's rows.
        column: The column.
        time_zone: Zone of stamps that state no offset; without one such stamps are refused.
        time_format: How text writes a stamp, in strptime's signs; ISO 8601 without it.
        in_order_of: Names what a row is of, in a file whose rows of one name stand in order of
            time: of a local stamp that a clock shows twice the first row is the earlier one.
            Without it such stamps are refused.

    Raises:
        DataRefusedError: A stamp does not read, states no offset where no zone is given, or stands
            other than twice, or out of order, where order decides.
        PolarsError: The column is missing, or a local stamp is shown twice or never by its clock.
    """
    if column not in source.columns:
        raise pl.exceptions.ColumnNotFoundError(column)
    kind = source.schema[column]
    if kind == pl.String:
        stamps = [_stamp(column, text, time_format) for text in source[column]]
        if time_zone is None:
            _refuse_local(column, stamps)
        aware = [stamp if stamp and stamp.tzinfo else None for stamp in stamps]
        local = [stamp if stamp and not stamp.tzinfo else None for stamp in stamps]
        clock = pl.Series(column, local, dtype=pl.Datetime("ms"))
        instants = pl.coalesce(
            pl.lit(pl.Series(column, aware, dtype=pl.Datetime("ms", "UTC"))),
            _on_the_clock(source, clock, time_zone or "UTC", in_order_of).dt.convert_time_zone(
                "UTC"
            ),
        )
    elif isinstance(kind, pl.Datetime) and kind.time_zone is None:
        if time_zone is None:
            _refuse_local(column, [source[column].drop_nulls().first()])
        instants = _on_the_clock(source, source[column], str(time_zone), in_order_of)
    else:
        instants = pl.col(column)
    return instants.dt.convert_time_zone("UTC").dt.cast_time_unit("ms")


def hours_of(
    source: pl.DataFrame, columns: HourColumns, interval_minutes: int, time_zone: str
) -> pl.Expr:
    """Read the starts of intervals that a file names by date, hour ending and number in the hour.

    Where nothing tells, the hour that the clock shows twice is the first one.

    Args:
        source: The file's rows.
        columns: The columns.
        interval_minutes: Length of each interval [min].
        time_zone: Zone of date and hour.

    Raises:
        DataRefusedError: A date, hour or number does not read, or an hour that the clock shows once
            has the suffix of the second time.
        PolarsError: A column is missing, or an hour is one that the clock never shows.
    """
    in_hour_count = _MINUTES_PER_HOUR // interval_minutes if columns.number_column else 1
    hour = pl.col(columns.hour_ending_column).cast(pl.String).str.strip_chars()
    number = pl.lit("1") if columns.number_column is None else pl.col(columns.number_column)
    second = pl.lit(value=False)
    if columns.second_time_column is not None:
        said = pl.col(columns.second_time_column).cast(pl.String).str.strip_chars()
        second = said == columns.second_time_word
    if columns.second_time_suffix is not None:
        second = hour.str.ends_with(columns.second_time_suffix)
        hour = hour.str.strip_suffix(columns.second_time_suffix)
    read = source.select(
        pl.col(columns.date_column)
        .str.strip_chars()
        .str.to_datetime(columns.date_format, strict=False)
        .alias("date"),
        hour.str.strip_suffix(":00").cast(pl.Int32, strict=False).alias("hour"),
        number.cast(pl.Int32, strict=False).alias("number"),
        second.alias("is_second"),
    )
    is_read = pl.all_horizontal(
        pl.col("date").is_not_null(),
        pl.col("hour").is_between(1, 24).fill_null(value=False),
        pl.col("number").is_between(1, in_hour_count).fill_null(value=False),
    )
    expected = (
        f"a date as {columns.date_format}, an hour ending 1 to 24, and a number in it of 1 to "
        f"{in_hour_count}"
    )
    _refuse_hours(source, columns, read.select(~is_read).to_series(), expected)
    minutes = (pl.col("hour") - 1) * _MINUTES_PER_HOUR + (pl.col("number") - 1) * interval_minutes
    local = pl.col("date") + pl.duration(minutes=minutes)
    first, last = (
        local.dt.replace_time_zone(time_zone, ambiguous=which) for which in ("earliest", "latest")
    )
    if columns.second_time_suffix is not None:
        is_once = read.select(pl.col("is_second") & (first == last)).to_series()
        _refuse_hours(source, columns, is_once, "an hour that the clock shows twice")
    instant = pl.when("is_second").then(last).otherwise(first).dt.convert_time_zone("UTC")
    return pl.lit(read.select(instant.dt.cast_time_unit("ms")).to_series())


def _refuse_hours(
    source: pl.DataFrame, columns: HourColumns, is_wrong: pl.Series, expected: str
) -> None:
    if is_wrong.any():
        row = source.row(int(is_wrong.arg_true()[0]), named=True)
        raise DataRefusedError(
            thing=f"columns {', '.join(columns.named)}",
            expected=expected,
            found=", ".join(repr(row[name]) for name in columns.named),
            remedy="correct the file, or the profile",
        )


def _on_the_clock(
    source: pl.DataFrame, local: pl.Series, zone: str, in_order_of: pl.Expr | None
) -> pl.Expr:
    """Return local stamps as instants of a zone."""
    if in_order_of is None:
        return pl.lit(local).dt.replace_time_zone(zone)
    rows = source.select(in_order_of.alias("name")).with_columns(local.alias("stamp"))
    stamp, of_one = pl.col("stamp"), ["name", "stamp"]
    number = pl.int_range(pl.len()).over(of_one)
    which = pl.when(number == 0).then(pl.lit("earliest")).otherwise(pl.lit("latest"))
    instant = stamp.dt.replace_time_zone(zone, ambiguous=which)
    is_shown_twice = stamp.dt.replace_time_zone(zone, ambiguous="earliest") != (
        stamp.dt.replace_time_zone(zone, ambiguous="latest")
    )
    found = rows.select("name", "stamp", instant.alias("instant")).with_columns(
        (is_shown_twice & (pl.len().over(of_one) != 2)).alias("is_single"),  # noqa: PLR2004 - shown twice
        (instant.diff().over("name") < timedelta(0)).alias("is_back"),
    )
    for fault, expected in (
        ("is_single", "each stamp that the clock shows twice to stand twice for one name"),
        ("is_back", "rows of one name in order of time, where order tells stamps apart"),
    ):
        wrong = found.filter(fault)
        if not wrong.is_empty():
            row = wrong.row(0, named=True)
            raise DataRefusedError(
                thing=f"column {local.name!r}",
                expected=expected,
                found=f"{row['stamp'].isoformat()} of {row['name']}",
                remedy="give stamps with their offset, or leave that hour out",
            )
    return pl.lit(found["instant"])


def _refuse_local(column: str, stamps: Iterable[object]) -> None:
    """Refuse stamps that state no offset where no zone says what they mean."""
    for stamp in stamps:
        if isinstance(stamp, datetime) and stamp.tzinfo is None:
            raise DataRefusedError(
                thing=f"column {column!r}",
                expected="stamps with an offset, or the key time_zone in the profile",
                found=stamp.isoformat(),
                remedy='add for example time_zone = "America/New_York" to the profile',
            )


def _stamp(column: str, text: str | None, time_format: str | None) -> datetime | None:
    if text is None or not text.strip():
        return None
    try:
        if time_format is not None:
            return datetime.strptime(text.strip(), time_format)  # noqa: DTZ007 - the zone comes after
        return datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise DataRefusedError(
            thing=f"column {column!r}",
            expected=f"stamps as {time_format}"
            if time_format
            else "stamps such as 2026-07-01T16:30:00, with or without an offset",
            found=repr(text),
            remedy="correct the file, or time_format in the profile",
        ) from error
