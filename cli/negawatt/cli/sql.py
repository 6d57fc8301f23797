"""``negawatt sql``: one reading statement over the warehouse."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from negawatt.cli.options import DEFAULT_WAREHOUSE, WarehouseOption
from negawatt.warehouse.connection import query
from negawatt.warehouse.layout import Layout


class Output(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def sql(
    statement: Annotated[str, typer.Argument(help="One statement that only reads.")],
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    output: Annotated[Output, typer.Option(help="table, csv or json.")] = Output.TABLE,
    to: Annotated[Path | None, typer.Option(help="Write a Parquet file instead.")] = None,
) -> None:
    """Ask the warehouse a question in SQL (DuckDB, read-only, UTC).

    Every table of the catalog is a view; SHOW TABLES lists them.

    Example: negawatt sql "FROM core_site__interval_energy LIMIT 5"
    """
    rows = query(Layout(warehouse), statement)
    if to is not None:
        rows.write_parquet(to)
        typer.echo(f"{rows.height} rows written to {to}")
    elif output is Output.CSV:
        typer.echo(rows.write_csv(), nl=False)
    elif output is Output.JSON:
        typer.echo(rows.write_json())
    else:
        _print_table(rows)


def _print_table(rows: pl.DataFrame) -> None:
    with pl.Config(
        tbl_rows=1000,
        tbl_cols=-1,
        tbl_width_chars=-1,
        fmt_str_lengths=200,
        tbl_hide_column_data_types=True,
        tbl_hide_dataframe_shape=True,
        tbl_formatting="ASCII_MARKDOWN",
    ):
        typer.echo(rows)
    typer.echo(f"{rows.height} rows")
