"""The tables behind a report, for people as CSV and for programs as Parquet.

A CSV has headings in words and local time beside UTC; a Parquet file has the catalog's names. Not
here: any number; rows are written as they were read or stated.
"""

import io
from decimal import Decimal
from typing import Final

import polars as pl

from negawatt.models.settlement.statement import Statement
from negawatt.pipelines.exports.headings import HEADINGS, local_heading
from negawatt.pipelines.rows import statement_lines
from negawatt.warehouse.spreadsheet import plain_text

SETTLED_ENERGIES: Final = ("adjusted_baseline_kwh", "metered_kwh", "reduction_kwh")
JOB_COLUMNS: Final[dict[str, pl.DataType]] = {
    "event_id": pl.String(),
    "job_id": pl.String(),
    "level_kw": pl.Float64(),
    "event_kw_mean": pl.Float64(),
    "reduction_kwh": pl.Float64(),
    "within_limit_ratio": pl.Float64(),
    "mechanism": pl.String(),
    "note": pl.String(),
}


def settled_lines(statement: Statement) -> pl.DataFrame:
    """Return the lines of a statement, each figure with exactly the decimals it was rounded to."""
    rounding = statement.body.rounding
    return statement_lines(statement).with_columns(
        pl.col(SETTLED_ENERGIES).cast(pl.Decimal(18, rounding.energy_decimals)),
    )


def job_reductions(statement: Statement) -> pl.DataFrame:
    """Return the jobs of the statement's attribution, none where no job was measured."""
    made = statement.body.attribution
    rows = [
        (
            statement.body.event.event_id,
            job.job_id,
            job.level_kw,
            job.event_kw_mean,
            job.reduction_kwh,
            job.within_limit_ratio,
            job.mechanism,
            job.note,
        )
        for job in (made.jobs if made else ())
    ]
    return pl.DataFrame(rows, schema=JOB_COLUMNS, orient="row")


def table_files(tables: dict[str, pl.DataFrame], time_zone: str) -> dict[str, bytes]:
    """Return every table as CSV and as Parquet, by file name.

    Args:
        tables: Rows by name, columns as in the catalog.
        time_zone: IANA name of the site's clock, for the local times of the CSV.
    """
    files = {}
    for name, rows in tables.items():
        files[f"{name}.csv"] = to_csv(rows, time_zone)
        files[f"{name}.parquet"] = to_parquet(rows)
    return files


def to_csv(rows: pl.DataFrame, time_zone: str) -> bytes:
    """Return rows as CSV for people: see for_people."""
    return for_people(rows, time_zone).write_csv().encode()


def to_parquet(rows: pl.DataFrame) -> bytes:
    """Return rows as Parquet, as they are."""
    buffer = io.BytesIO()
    rows.write_parquet(buffer)
    return buffer.getvalue()


def for_people(rows: pl.DataFrame, time_zone: str) -> pl.DataFrame:
    """Return rows with headings in words, instants as text in UTC and in local time.

    Text that a spreadsheet would compute is made plain (negawatt.warehouse.spreadsheet); Parquet
    has it as it is.

    Examples:
        >>> from datetime import UTC, datetime
        >>> rows = pl.DataFrame({"interval_start_utc": [datetime(2026, 7, 15, 18, tzinfo=UTC)]})
        >>> for_people(rows, "America/New_York").row(0)
        ('2026-07-15T18:00:00Z', '2026-07-15T14:00:00-04:00')
    """
    columns = []
    for name, kind in rows.schema.items():
        heading = HEADINGS[name]
        if not isinstance(kind, pl.Datetime):
            columns.append(pl.col(name).alias(heading))
            continue
        local = pl.col(name).dt.convert_time_zone(time_zone)
        columns += [
            pl.col(name).dt.strftime("%Y-%m-%dT%H:%M:%SZ").alias(heading),
            local.dt.strftime("%Y-%m-%dT%H:%M:%S%:z").alias(local_heading(heading, time_zone)),
        ]
    return plain_text(rows).select(columns)


def with_own_decimals(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows whose decimals have the places that their column needs: a cent, a watt-hour.

    Examples:
        >>> from decimal import Decimal
        >>> rows = pl.DataFrame({"payment_amount": [Decimal("3.5")]},
        ...     schema={"payment_amount": pl.Decimal(18, 6)})
        >>> str(with_own_decimals(rows)["payment_amount"].item())
        '3.50'
    """
    return rows.with_columns(
        pl.col(name).cast(
            pl.Decimal(kind.precision, _places(name, rows[name].drop_nulls().to_list()))
        )
        for name, kind in rows.schema.items()
        if isinstance(kind, pl.Decimal)
    )


def _places(name: str, values: list[Decimal]) -> int:
    least = 3 if name.endswith("_kwh") else 2
    return max([least, *(-int(value.normalize().as_tuple().exponent) for value in values)])
