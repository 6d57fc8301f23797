"""Files of how stressed the grid was: reserves, margins and alerts, as rows of raw_grid__stress.

Here: their profile and its translation. Not here: prices (price_files), and events, which are asked
of a site (profiles).
"""

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from negawatt.models.domain.errors import ConfigurationError
from negawatt.warehouse.catalog import schema
from negawatt.warehouse.price_files import series_name
from negawatt.warehouse.stamps import instants_of

STRESS: Final = "raw_grid__stress"


class StressProfile(BaseModel):
    """A file of reserves or alerts, one row for each interval of a series.

    Attributes:
        table: ``raw_grid__stress``.
        filter: Rows to keep: column and the values it may have.
        series_id: Name of the series, or a template over the file's columns.
        start_column: Column with the start of each interval.
        end_column: Column with its end; an empty cell is "still".
        interval_minutes: Length of each interval, where no column states its end [min]; without
            either the end is not known.
        time_zone: Zone of stamps that state no offset; without one such stamps are refused.
        time_format: How text writes a stamp, in strptime's signs; ISO 8601 without it.
        value_column: Column with a number, such as a reserve.
        unit: What it is in; needed with ``value_column``.
        level_column: Column with the level of an alert.
        levels: What the file's words for levels mean; a word that is not listed is refused.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: Literal["raw_grid__stress"]
    filter: dict[str, list[str]] = {}
    series_id: Annotated[str, Field(min_length=1)]
    start_column: str
    end_column: str | None = None
    interval_minutes: Annotated[int | None, Field(gt=0)] = None
    time_zone: str | None = None
    time_format: str | None = None
    value_column: str | None = None
    unit: Literal["MW", "kW", "percent", "level"] | None = None
    level_column: str | None = None
    levels: dict[str, str] = {}


def stress_rows(
    profile: StressProfile, source: pl.DataFrame, available_at_utc: datetime
) -> pl.DataFrame:
    """Return a file's rows as rows of raw_grid__stress.

    Raises:
        ConfigurationError: The profile names neither a value nor a level, a value without its unit,
            or two ends.
        DataRefusedError: A stamp does not read.
        PolarsError: A column is missing, a value is no number, or a level is not listed.

    Examples:
        >>> from datetime import UTC
        >>> profile = StressProfile(table="raw_grid__stress", series_id="ERCOT EEA",
        ...     start_column="from", level_column="eea", levels={"EEA1": "1", "EEA2": "2"})
        >>> source = pl.DataFrame({"from": ["2026-07-01T20:00:00Z"], "eea": ["EEA2"]})
        >>> row = stress_rows(profile, source, datetime(2026, 7, 2, tzinfo=UTC)).row(0, named=True)
        >>> row["stress_level"], row["interval_end_utc"]
        ('2', None)
    """
    _refuse_contradictions(profile)
    start = instants_of(source, profile.start_column, profile.time_zone, profile.time_format)
    end = pl.lit(None)
    if profile.end_column is not None:
        end = instants_of(source, profile.end_column, profile.time_zone, profile.time_format)
    elif profile.interval_minutes is not None:
        end = start + timedelta(minutes=profile.interval_minutes)
    said = {
        "series_id": series_name(profile.series_id, None),
        "interval_start_utc": start,
        "interval_end_utc": end,
        "stress_value": pl.lit(None)
        if profile.value_column is None
        else pl.col(profile.value_column),
        "stress_unit": pl.lit(profile.unit),
        "stress_level": _level(profile),
        "available_at_utc": pl.lit(available_at_utc),
    }
    return source.select(said[name].cast(kind).alias(name) for name, kind in schema(STRESS).items())


def _level(profile: StressProfile) -> pl.Expr:
    if profile.level_column is None:
        return pl.lit(None)
    text = pl.col(profile.level_column).cast(pl.String).str.strip_chars()
    return text.replace_strict(profile.levels) if profile.levels else text


def _refuse_contradictions(profile: StressProfile) -> None:
    problems = {
        "value_column or level_column": profile.value_column is None
        and profile.level_column is None,
        "unit exactly where there is value_column": (profile.unit is None)
        != (profile.value_column is None),
        "at most one of end_column and interval_minutes": profile.end_column is not None
        and profile.interval_minutes is not None,
    }
    for expected, is_broken in problems.items():
        if is_broken:
            raise ConfigurationError(
                thing="the profile",
                expected=expected,
                found=", ".join(profile.model_fields_set),
                remedy="correct it",
            )
