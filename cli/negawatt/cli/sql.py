"""``negawatt sql``: reading statements over the warehouse, given, piped or typed at a prompt."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import polars as pl
import typer

from negawatt.cli.options import DEFAULT_WAREHOUSE, WarehouseOption
from negawatt.cli.sql_prompt import statements
from negawatt.models.domain.errors import ConfigurationError
from negawatt.warehouse.catalog import schema, tables
from negawatt.warehouse.connection import query
from negawatt.warehouse.layout import Layout, appearing_file
from negawatt.warehouse.spreadsheet import plain_text


class Output(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def sql(
    statement: Annotated[
        str | None,
        typer.Argument(help="One statement that only reads; without it, a prompt, or stdin."),
    ] = None,
    warehouse: WarehouseOption = DEFAULT_WAREHOUSE,
    as_of: Annotated[
        datetime | None, typer.Option(help="Show the warehouse as it was at this moment, in UTC.")
    ] = None,
    output: Annotated[Output, typer.Option(help="table, csv or json.")] = Output.TABLE,
    to: Annotated[
        Path | None, typer.Option(help="Write this file instead: .csv, .json or .parquet.")
    ] = None,
) -> None:
    """Ask the warehouse a question in SQL (DuckDB, read-only, UTC).

    Every table of the catalog is a view; SHOW TABLES lists them. As of a moment, core and out
    tables are the versions of then, and raw rows those that had become available; raw tables of
    collectors, which keep no such time, are shown whole. In CSV, text that
    a spreadsheet would compute has an apostrophe before it; JSON and Parquet have it as it is.
    Without a statement, on a terminal, each that you type up to its semicolon is answered; Tab
    completes tables and columns. From a pipe or a file, the statement is what it holds.

    Example: negawatt sql "FROM core_site__interval_energy LIMIT 5"
    """
    write = None if to is None else _writer(to)
    as_of_utc = None if as_of is None else as_of.replace(tzinfo=UTC)
    if statement is None and to is None and sys.stdin.isatty():
        _answer_all(Layout(warehouse), as_of_utc, output)
        return
    asked = sys.stdin.read() if statement is None else statement
    rows = query(Layout(warehouse), asked, as_of_utc=as_of_utc)
    if to is not None and write is not None:
        with appearing_file(to) as temporary:
            write(rows, temporary)
        typer.echo(f"{rows.height} rows written to {to}")
    else:
        _print(rows, output)


def _answer_all(layout: Layout, as_of_utc: datetime | None, output: Output) -> None:
    """Answer what is typed; what is refused is said, and the prompt goes on."""
    columns_of = {name: list(schema(name)) for name in tables()}
    for statement in statements(columns_of):
        try:
            _print(query(layout, statement, as_of_utc=as_of_utc), output)
        except ConfigurationError as error:
            typer.echo(f"negawatt: {error}", err=True)


def _print(rows: pl.DataFrame, output: Output) -> None:
    if output is Output.CSV:
        typer.echo(_csv(rows), nl=False)
    elif output is Output.JSON:
        typer.echo(rows.write_json())
    else:
        _print_table(rows)


def _csv(rows: pl.DataFrame) -> str:
    try:
        return plain_text(rows).write_csv()
    except pl.exceptions.ComputeError as error:
        raise ConfigurationError(
            thing="the answer as CSV",
            expected="columns of plain values",
            found=str(error).splitlines()[0],
            remedy="take it as JSON or Parquet, or unnest its columns in the statement",
        ) from error


def _write_csv(rows: pl.DataFrame, path: Path) -> None:
    path.write_text(_csv(rows), encoding="utf-8")


_WRITERS: Final[dict[str, Callable[[pl.DataFrame, Path], None]]] = {
    ".csv": _write_csv,
    ".json": pl.DataFrame.write_json,
    ".parquet": pl.DataFrame.write_parquet,
}


def _writer(path: Path) -> Callable[[pl.DataFrame, Path], None]:
    if path.suffix not in _WRITERS:
        raise ConfigurationError(
            thing=f"--to {path}",
            expected=f"a file that ends with {', '.join(_WRITERS)}",
            found=repr(path.suffix),
            remedy="give it the ending of the format that you want",
        )
    return _WRITERS[path.suffix]


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
