"""Files of facts about jobs as rows of raw_job__ tables: placements, queue times, actions, speed.

Here: their profile and its translation. Not here: readings of jobs' energy (profiles.py).
"""

from datetime import datetime
from typing import Literal

import polars as pl
from pydantic import BaseModel, ConfigDict

from negawatt.models.domain.errors import ConfigurationError
from negawatt.warehouse.catalog import schema
from negawatt.warehouse.stamps import instants_of


class JobFactsProfile(BaseModel):
    """A file of facts about jobs, one row each.

    Attributes:
        table: The raw table it feeds.
        filter: Rows to keep: column and the values it may have.
        columns: The file's column for each column of the table; spaces around text are dropped.
        constants: Value of a column of the table that the file does not hold.
        values: For a column of the table, what the file's words mean: ``"Flex 2" = "2"``; a word
            that is not listed is refused.
        percent: Columns of the table that the file states in percent.
        time_zone: Zone of stamps that state no offset; without one such stamps are refused.
        time_format: How text writes a stamp, in strptime's signs; ISO 8601 without it.
        line_pattern: Regular expression with named groups, for a log instead of a table: the groups
            are its columns, and lines that it does not fit are left out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: Literal[
        "raw_job__accounting", "raw_job__allocations", "raw_job__control", "raw_job__performance"
    ]
    filter: dict[str, list[str]] = {}
    columns: dict[str, str]
    constants: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    percent: list[str] = []
    time_zone: str | None = None
    time_format: str | None = None
    line_pattern: str | None = None


def job_rows(
    profile: JobFactsProfile, source: pl.DataFrame, available_at_utc: datetime
) -> pl.DataFrame:
    """Return a file's rows as rows of the raw_job__ table that its profile names.

    Raises:
        ConfigurationError: The profile names a column that the table does not have.
        PolarsError: A column is missing, or a cell does not read as its kind.
    """
    kinds = schema(profile.table)
    unknown = {*profile.columns, *profile.constants, *profile.values, *profile.percent} - set(kinds)
    if unknown:
        raise ConfigurationError(
            thing="the profile",
            expected=f"columns of {profile.table}: {', '.join(kinds)}",
            found=", ".join(sorted(unknown)),
            remedy="correct the names on the left",
        )
    said: dict[str, pl.Expr] = {name: pl.lit(None) for name in kinds}
    said |= {name: pl.lit(value) for name, value in profile.constants.items()}
    for name, theirs in profile.columns.items():
        if isinstance(kinds[name], pl.Datetime):
            said[name] = instants_of(source, theirs, profile.time_zone, profile.time_format)
            continue
        text = pl.col(theirs).cast(pl.String).str.strip_chars()
        words = profile.values.get(name)
        said[name] = text if words is None else text.replace_strict(words)
        if name in profile.percent:
            said[name] = said[name] + "e-2"  # the decimal shifted: 70 / 100 is not always 0.7
    said["available_at_utc"] = pl.lit(available_at_utc)
    return source.select(said[name].cast(kind).alias(name) for name, kind in kinds.items())
