"""Files of a weather station's readings, as rows of raw_site__weather.

Here: their profile and its translation. Not here: what temperature does to a load
(negawatt.models).
"""

from datetime import datetime
from typing import Annotated, Final, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from negawatt.warehouse.catalog import schema
from negawatt.warehouse.stamps import instants_of

WEATHER: Final = "raw_site__weather"
_KELVIN_AT_0_C: Final = 273.15
_FAHRENHEIT_AT_0_C: Final = 32
_CELSIUS_PER_FAHRENHEIT: Final = 5 / 9


class WeatherProfile(BaseModel):
    """A file of outdoor temperatures, one row for each reading.

    Attributes:
        table: ``raw_site__weather``.
        filter: Rows to keep: column and the values it may have.
        station_id: Name of the station.
        time_column: Column with the instant of each reading.
        time_zone: Zone of stamps that state no offset; without one such stamps are refused.
        time_format: How text writes a stamp, in strptime's signs; ISO 8601 without it.
        temperature_column: Column with the air temperature; an empty cell is "not known".
        unit: What it is in.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: Literal["raw_site__weather"]
    filter: dict[str, list[str]] = {}
    station_id: Annotated[str, Field(min_length=1)]
    time_column: str
    time_zone: str | None = None
    time_format: str | None = None
    temperature_column: str
    unit: Literal["C", "F", "K"]


def weather_rows(
    profile: WeatherProfile, source: pl.DataFrame, available_at_utc: datetime
) -> pl.DataFrame:
    """Return a file's rows as rows of raw_site__weather.

    Raises:
        DataRefusedError: A stamp does not read.
        PolarsError: A column is missing, or a temperature is no number.

    Examples:
        >>> from datetime import UTC
        >>> profile = WeatherProfile(table="raw_site__weather", station_id="KPHX",
        ...     time_column="t", temperature_column="f", unit="F")
        >>> source = pl.DataFrame({"t": ["2026-07-01T20:00:00Z"], "f": ["104"]})
        >>> rows = weather_rows(profile, source, datetime(2026, 7, 2, tzinfo=UTC))
        >>> rows["outdoor_temperature_c"].item()
        40.0
    """
    value = pl.col(profile.temperature_column).replace("", None).cast(pl.Float64)
    celsius = {
        "C": value,
        "F": (value - _FAHRENHEIT_AT_0_C) * _CELSIUS_PER_FAHRENHEIT,
        "K": value - _KELVIN_AT_0_C,
    }[profile.unit]
    said = {
        "station_id": pl.lit(profile.station_id),
        "observed_at_utc": instants_of(
            source, profile.time_column, profile.time_zone, profile.time_format
        ),
        "outdoor_temperature_c": celsius,
        "available_at_utc": pl.lit(available_at_utc),
    }
    return source.select(
        said[name].cast(kind).alias(name) for name, kind in schema(WEATHER).items()
    )
