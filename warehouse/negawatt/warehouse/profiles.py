"""Import profiles: how somebody else's file says what a raw table says.

Here: a profile as data (TOML), and the translation of a file's rows by it. Not here: sealing the
rows (raw_files), protocols and meter formats with a standard of their own.

A file without a profile must have the raw table's own columns.
"""

import tomllib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from negawatt.models.domain.errors import ConfigurationError, DataRefusedError, invalid_file
from negawatt.models.domain.units import J_PER_KWH, S_PER_MINUTE, W_PER_KW
from negawatt.warehouse.catalog import schema
from negawatt.warehouse.formats.reading_words import NO_READING, OK
from negawatt.warehouse.job_files import JobFactsProfile, job_rows
from negawatt.warehouse.price_files import PricesProfile, price_rows
from negawatt.warehouse.report_files import read_report
from negawatt.warehouse.stamps import RepeatedHour, instants_of
from negawatt.warehouse.stress_files import StressProfile, stress_rows
from negawatt.warehouse.weather_files import WeatherProfile, weather_rows

_STRICT = ConfigDict(extra="forbid", frozen=True)


class ReadingsProfile(BaseModel):
    """A file of interval readings of meters or jobs.

    Attributes:
        table: The raw table it feeds.
        filter: Rows to keep: column and the values it may have.
        start_column: Column with the start of each interval.
        time_zone: Zone of stamps that state no offset; without one such stamps are refused.
        repeated_hour: What becomes of local stamps that the clock shows twice in autumn: they are
            ``refused``, or told apart by their order (``in_order``), where the rows of each meter
            stand in order of time.
        interval_minutes: Length of each interval [min].
        end_column: Column with the end of each interval, for energy only; one of the two.
        value_column: Column with the reading; an empty cell is "not known".
        value_unit: W or kW (mean over the interval), Wh or kWh.
        no_reading_values: Values that are codes for "no reading".
        quality_column: Column with the quality of each reading, in our words; an empty cell is
            ``ok``.
        entity_column: Column that names the meter or job.
        entity_id: Its name, where the file holds one meter or job only.
    """

    model_config = _STRICT

    table: Literal["raw_meter__readings", "raw_job__readings"]
    filter: dict[str, list[str]] = {}
    start_column: str
    time_zone: str | None = None
    repeated_hour: RepeatedHour = "refused"
    interval_minutes: Annotated[int | None, Field(gt=0)] = None
    end_column: str | None = None
    value_column: str
    value_unit: Literal["W", "kW", "Wh", "kWh"]
    no_reading_values: list[float] = []
    quality_column: str | None = None
    entity_column: str | None = None
    entity_id: str | None = None


class EventsProfile(BaseModel):
    """A file of events, one row each.

    Attributes:
        table: ``raw_grid__events``.
        filter: Rows to keep: column and the values it may have.
        event_id: Template over the file's columns, for example ``{experiment}-{kind}``; lower case,
            spaces become hyphens.
        site_id: The site that was asked.
        program_id: The program that settles the events.
        event_kind: economic, emergency, test or trial.
        start_column: Column with the start of the window.
        end_column: Column with its end.
        time_zone: Zone of stamps that state no offset; without one such stamps are refused.
        ramp_minutes: How long before each start the load was to be lowered already [min].
        optional_columns: Columns of the file for notified_at_utc, committed_kw,
            target_reduction_ratio, limit_kw.
    """

    model_config = _STRICT

    table: Literal["raw_grid__events"]
    filter: dict[str, list[str]] = {}
    event_id: str
    site_id: str
    program_id: str
    event_kind: Literal["economic", "emergency", "test", "trial"]
    start_column: str
    end_column: str
    time_zone: str | None = None
    ramp_minutes: Annotated[float, Field(ge=0)] = 0.0
    optional_columns: dict[
        Literal["notified_at_utc", "committed_kw", "target_reduction_ratio", "limit_kw"], str
    ] = {}


class DiscrepanciesProfile(BaseModel):
    """A file that lists where two files of one source disagree.

    Attributes:
        table: ``raw_source__discrepancies``.
        columns: The file's column for each column of the table.
    """

    model_config = _STRICT

    table: Literal["raw_source__discrepancies"]
    columns: dict[str, str]


Profile = (
    ReadingsProfile
    | EventsProfile
    | DiscrepanciesProfile
    | PricesProfile
    | StressProfile
    | WeatherProfile
    | JobFactsProfile
)
_PROFILE: TypeAdapter[Profile] = TypeAdapter(Annotated[Profile, Field(discriminator="table")])


def read_profile(path: Path) -> Profile:
    """Read a profile.

    Raises:
        ConfigurationError: The file is missing, no TOML, or holds an unknown or wrong key.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return _PROFILE.validate_python(content)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(
            thing=f"profile {path}",
            expected="a TOML file",
            found=str(error),
            remedy="correct the file",
        ) from error
    except ValidationError as error:
        problems = [dict(problem) for problem in error.errors(include_url=False)]
        raise invalid_file(path, problems, remedy="correct the key") from error


def read_source(path: Path, profile: Profile | None = None) -> pl.DataFrame:
    """Read a CSV file (every cell as text) or a Parquet file.

    Args:
        path: The file.
        profile: Says how a CSV file is laid out, where it is no plain table.

    Raises:
        ConfigurationError: The file is missing or not of these kinds.
        DataRefusedError: It is laid out otherwise.
    """
    layout = profile.layout if isinstance(profile, PricesProfile) else None
    readers = {
        ".csv": lambda: (
            read_report(path, layout) if layout else pl.read_csv(path, infer_schema=False)
        ),
        ".parquet": lambda: pl.read_parquet(path),
    }
    try:
        return readers[path.suffix]()
    except (OSError, UnicodeDecodeError, KeyError, pl.exceptions.PolarsError) as error:
        raise ConfigurationError(
            thing=f"file {path}",
            expected="a readable .csv or .parquet file",
            found=str(error),
            remedy="give the path of such a file",
        ) from error


def translate(profile: Profile, source: pl.DataFrame, available_at_utc: datetime) -> pl.DataFrame:
    """Return a file's rows as rows of the raw table that its profile names.

    Args:
        profile: How the file says it.
        source: The file's rows.
        available_at_utc: When the rows reached the warehouse's door.

    Raises:
        DataRefusedError: A column is missing, or a cell does not read as its kind.

    Examples:
        >>> from datetime import UTC
        >>> profile = ReadingsProfile(table="raw_meter__readings", start_column="t",
        ...     interval_minutes=30, value_column="kw", value_unit="kW", entity_id="m1")
        >>> source = pl.DataFrame({"t": ["2026-07-01T00:00:00Z"], "kw": ["120.5"]})
        >>> rows = translate(profile, source, datetime(2026, 7, 2, tzinfo=UTC))
        >>> rows["energy_kwh"].item()
        60.25
    """
    try:
        if isinstance(profile, DiscrepanciesProfile):
            return _discrepancies(profile, source, available_at_utc)
        return _TRANSLATIONS[type(profile)](
            profile, _kept(source, profile.filter), available_at_utc
        )
    except pl.exceptions.PolarsError as error:
        raise DataRefusedError(
            thing=f"rows for {profile.table}",
            expected="the columns and kinds of value that the profile names",
            found=str(error).splitlines()[0],
            remedy=f"the file has {', '.join(source.columns)}; correct the profile or the file",
        ) from error


def _discrepancies(
    profile: DiscrepanciesProfile, source: pl.DataFrame, available_at_utc: datetime
) -> pl.DataFrame:
    columns = [
        pl.col(theirs).cast(pl.String).alias(ours) for ours, theirs in profile.columns.items()
    ]
    return source.select(*columns, pl.lit(available_at_utc).alias("available_at_utc"))


def _kept(source: pl.DataFrame, wanted: Mapping[str, list[str]]) -> pl.DataFrame:
    for column, values in wanted.items():
        source = source.filter(pl.col(column).cast(pl.String).is_in(values))
    return source


def _readings(
    profile: ReadingsProfile, source: pl.DataFrame, available_at_utc: datetime
) -> pl.DataFrame:
    entity = "meter_id" if profile.table == "raw_meter__readings" else "job_id"
    if (profile.entity_column is None) == (profile.entity_id is None):
        raise ConfigurationError(
            thing="the profile",
            expected="exactly one of entity_column and entity_id",
            found="both" if profile.entity_id else "neither",
            remedy=f"name the {entity} once",
        )
    name = pl.lit(profile.entity_id) if profile.entity_id else pl.col(str(profile.entity_column))
    value = pl.col(profile.value_column).cast(pl.Float64)
    known = pl.when(~value.is_in(profile.no_reading_values)).then(value)
    quality = pl.lit(None) if profile.quality_column is None else pl.col(profile.quality_column)
    said = quality.cast(pl.String).str.strip_chars().replace("", None).fill_null(OK)
    in_order_of = name if profile.repeated_hour == "in_order" else None
    start = instants_of(source, profile.start_column, profile.time_zone, None, in_order_of)
    return source.select(
        name.cast(pl.String).str.strip_chars().alias(entity),
        start.alias("interval_start_utc"),
        _end(profile, source, start, in_order_of).alias("interval_end_utc"),
        (known * _kwh_per(profile.value_unit, profile.interval_minutes)).alias("energy_kwh"),
        pl.when(known.is_null() & (said == OK))
        .then(pl.lit(NO_READING))
        .otherwise(said)
        .alias("reading_quality"),
        pl.lit(available_at_utc).alias("available_at_utc"),
    )


def _end(
    profile: ReadingsProfile, source: pl.DataFrame, start: pl.Expr, in_order_of: pl.Expr | None
) -> pl.Expr:
    if (profile.interval_minutes is None) == (profile.end_column is None):
        raise ConfigurationError(
            thing="the profile",
            expected="exactly one of interval_minutes and end_column",
            found="both" if profile.end_column else "neither",
            remedy="state the length of the intervals once",
        )
    if profile.end_column is not None:
        return instants_of(source, profile.end_column, profile.time_zone, None, in_order_of)
    return start + timedelta(minutes=profile.interval_minutes or 0)


def _events(
    profile: EventsProfile, source: pl.DataFrame, available_at_utc: datetime
) -> pl.DataFrame:
    given = {
        column: instants_of(source, theirs, profile.time_zone)
        if column == "notified_at_utc"
        else pl.col(theirs).cast(pl.Float64)
        for column, theirs in profile.optional_columns.items()
    }
    unknown = {
        column: pl.lit(None, dtype=schema(profile.table)[column])
        for column in ("notified_at_utc", "committed_kw", "target_reduction_ratio", "limit_kw")
    }
    names = [_event_name(profile.event_id, row) for row in source.to_dicts()]
    constants = {
        "site_id": profile.site_id,
        "program_id": profile.program_id,
        "event_kind": profile.event_kind,
        "event_source": "file",
        "ramp_minutes": profile.ramp_minutes,
        "cancelled": False,
    }
    return source.select(
        pl.Series("event_id", names, dtype=pl.String),
        pl.lit(1, dtype=pl.Int32).alias("revision"),
        instants_of(source, profile.start_column, profile.time_zone).alias("event_start_utc"),
        instants_of(source, profile.end_column, profile.time_zone).alias("event_end_utc"),
        *(expression.alias(column) for column, expression in (unknown | given).items()),
        *(pl.lit(value).alias(column) for column, value in constants.items()),
        pl.lit(available_at_utc).alias("available_at_utc"),
    )


def _event_name(template: str, row: Mapping[str, object]) -> str:
    try:
        return template.format_map(row).lower().replace(" ", "-")
    except (KeyError, ValueError, AttributeError) as error:
        raise DataRefusedError(
            thing=f"event_id template {template!r} of the profile",
            expected=f"columns of the file in braces: {', '.join(row)}",
            found=str(error),
            remedy="correct the profile or the file",
        ) from error


def _kwh_per(unit: str, interval_minutes: int | None) -> float:
    energy = {"Wh": 1 / W_PER_KW, "kWh": 1.0}
    if unit in energy:
        return energy[unit]
    if interval_minutes is None:
        raise ConfigurationError(
            thing="the profile",
            expected="interval_minutes where value_unit is a power",
            found=f"end_column with value_unit = {unit!r}",
            remedy="give interval_minutes, or a column of energy",
        )
    seconds = interval_minutes * S_PER_MINUTE
    return seconds * (W_PER_KW if unit == "kW" else 1) / J_PER_KWH


_TRANSLATIONS: dict[type, Callable[..., pl.DataFrame]] = {
    ReadingsProfile: _readings,
    EventsProfile: _events,
    JobFactsProfile: job_rows,
    PricesProfile: price_rows,
    StressProfile: stress_rows,
    WeatherProfile: weather_rows,
}
