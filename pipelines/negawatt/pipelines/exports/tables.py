"""The tables behind a report, for people as CSV and for programs as Parquet.

A CSV has headings in words and local time beside UTC; a Parquet file has the catalog's names. Not
here: any number; rows are written as they were read or stated.
"""

import io
from typing import Final

import polars as pl

from negawatt.models.settlement.statement import Statement
from negawatt.pipelines.rows import statement_lines

HEADINGS: Final = {
    "adjusted_baseline_kwh": "Adjusted baseline [kWh]",
    "baseline_kwh": "Baseline before adjustment [kWh]",
    "candidate_date": "Day, in the program's clock",
    "coverage_ratio": "Share of the interval that was measured [0 to 1]",
    "date": "UTC day",
    "day_reason": "Reason",
    "day_use": "Use",
    "energy_kwh": "Metered energy [kWh]",
    "event_id": "Event",
    "event_kw_mean": "Mean power in the event [kW]",
    "evidence_json": "Evidence as JSON",
    "finding_code": "Finding",
    "finding_number": "Number",
    "interval_end_utc": "Interval end [UTC]",
    "interval_start_utc": "Interval start [UTC]",
    "job_id": "Job",
    "level_kw": "Mean power in the hour before the dispatch [kW]",
    "message": "What was found",
    "meter_id": "Meter",
    "metered_kwh": "Metered energy [kWh]",
    "method": "How the energy was computed",
    "note": "Note",
    "reduction_kwh": "Reduction [kWh]",
    "reduction_lower_kwh": "Reduction, lower edge of the 90% band [kWh]",
    "reduction_upper_kwh": "Reduction, upper edge of the 90% band [kWh]",
    "rule_id": "Rule",
    "severity": "Severity",
    "site_id": "Site",
    "statement_id": "Statement",
    "statement_version": "Statement version",
    "subject": "About",
    "window_power_kw_mean": "Mean power over the event's hours [kW]",
    "within_limit_ratio": "Share of intervals at or below the target share [0 to 1]",
}


def settled_lines(statement: Statement) -> pl.DataFrame:
    """Return the lines of a statement, each figure with exactly the decimals it was rounded to."""
    rounding = statement.body.rounding
    energies = ("adjusted_baseline_kwh", "metered_kwh", "reduction_kwh")
    return statement_lines(statement).with_columns(
        pl.col(energies).cast(pl.Decimal(18, rounding.energy_decimals)),
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
            job.note,
        )
        for job in (made.jobs if made else ())
    ]
    text, figure = pl.String(), pl.Float64()
    schema = {
        "event_id": text,
        "job_id": text,
        "level_kw": figure,
        "event_kw_mean": figure,
        "reduction_kwh": figure,
        "within_limit_ratio": figure,
        "note": text,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def table_files(tables: dict[str, pl.DataFrame], time_zone: str) -> dict[str, bytes]:
    """Return every table as CSV and as Parquet, by file name.

    Args:
        tables: Rows by name, columns as in the catalog.
        time_zone: IANA name of the site's clock, for the local times of the CSV.
    """
    files = {}
    for name, rows in tables.items():
        files[f"{name}.csv"] = for_people(rows, time_zone).write_csv().encode()
        buffer = io.BytesIO()
        rows.write_parquet(buffer)
        files[f"{name}.parquet"] = buffer.getvalue()
    return files


def for_people(rows: pl.DataFrame, time_zone: str) -> pl.DataFrame:
    """Return rows with headings in words, instants as text in UTC and in local time.

    Text that a spreadsheet would compute, or that begins with an apostrophe, has an apostrophe
    before it: drop one from the beginning of a text to have it as it was. Parquet has it as it is.

    Examples:
        >>> from datetime import UTC, datetime
        >>> rows = pl.DataFrame({"interval_start_utc": [datetime(2026, 7, 15, 18, tzinfo=UTC)]})
        >>> for_people(rows, "America/New_York").row(0)
        ('2026-07-15T18:00:00Z', '2026-07-15T14:00:00-04:00')
    """
    columns = []
    for name, kind in rows.schema.items():
        heading = HEADINGS[name]
        if isinstance(kind, pl.String):
            columns.append(_no_formula(pl.col(name)).alias(heading))
            continue
        if not isinstance(kind, pl.Datetime):
            columns.append(pl.col(name).alias(heading))
            continue
        local = pl.col(name).dt.convert_time_zone(time_zone)
        columns += [
            pl.col(name).dt.strftime("%Y-%m-%dT%H:%M:%SZ").alias(heading),
            local.dt.strftime("%Y-%m-%dT%H:%M:%S%:z").alias(
                heading.replace("UTC", f"local, {time_zone}")
            ),
        ]
    return rows.select(columns)


def _no_formula(text: pl.Expr) -> pl.Expr:
    return (
        pl.when(text.str.contains(r"^[=+\-@'\t\r]"))
        .then(pl.concat_str(pl.lit("'"), text))
        .otherwise(text)
    )
