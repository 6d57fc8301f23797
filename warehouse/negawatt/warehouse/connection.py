"""Ad-hoc SQL: a read-only DuckDB connection in UTC with a view for every table, and such a file.

Here: the only place that opens DuckDB. Not here: named queries (queries/*.sql).
"""

from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.warehouse.catalog import schema, table, tables
from negawatt.warehouse.delta_tables import table_files
from negawatt.warehouse.layout import Layout, appearing_file

_READING = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}
_SQL_TYPES: dict[str, str] = {
    "String": "VARCHAR",
    "Date": "DATE",
    "Int64": "BIGINT",
    "Int32": "INTEGER",
    "Float64": "DOUBLE",
    "Boolean": "BOOLEAN",
}


def connect(layout: Layout, as_of_utc: datetime | None = None) -> duckdb.DuckDBPyConnection:
    """Return an in-memory connection in UTC with a view over the current files of every table.

    Views over tables that hold nothing yet have the right columns and no rows. Raw tables also
    have ``site`` and ``date``, the folders they lie in.

    Args:
        layout: Where the warehouse lies.
        as_of_utc: Show the warehouse as it was at this moment: the versions of core and out tables
            of then, and of raw tables that keep when a row became available, the rows of then; what
            collectors sealed keeps no such time and is shown whole.
    """
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'").fetchall()
    for name in tables():
        connection.execute(view_sql(layout, name, as_of_utc)).fetchall()
    return connection


def view_sql(layout: Layout, name: str, as_of_utc: datetime | None = None) -> str:
    """Return the statement that makes a table's view over its files, as ``connect`` shows them.

    A view whose files are gone says so when it is asked, and stops no question about others.
    """
    kinds = {column: _sql_type(kind) for column, kind in schema(name).items()}
    if table(name).storage == "parquet":
        kinds |= {"site": "VARCHAR", "date": "DATE"}
    nothing = ", ".join(f'NULL::{kind} AS "{column}"' for column, kind in kinds.items())
    try:
        source = _source(layout, name, as_of_utc)
    except DataRefusedError as error:
        said = str(error).replace("'", "''")
        refusal = f"(SELECT error('{said}')::VARCHAR AS refusal) WHERE refusal IS NOT NULL"
        return f'CREATE VIEW "{name}" AS SELECT {nothing} FROM {refusal}'  # noqa: S608 - catalog names
    if source is None:
        return f'CREATE VIEW "{name}" AS SELECT {nothing} WHERE false'
    columns = ", ".join(f'"{column}"::{kind} AS "{column}"' for column, kind in kinds.items())
    known = ""
    if as_of_utc is not None and table(name).storage == "parquet" and "available_at_utc" in kinds:
        known = f" WHERE available_at_utc <= TIMESTAMPTZ '{as_of_utc.isoformat()}'"
    return f'CREATE VIEW "{name}" AS SELECT {columns} FROM {source}{known}'  # noqa: S608 - catalog names


def publish(layout: Layout, path: Path) -> None:
    """Write a DuckDB file with a view for every table, for any DuckDB client on this machine.

    The views name the files of now: raw files that come later are seen, later versions of core and
    out tables are not. The file holds no rows.
    """
    with appearing_file(path) as temporary:
        temporary.unlink()  # DuckDB opens no empty file
        with duckdb.connect(
            str(temporary), config={"storage_compatibility_version": "v1.0.0"}
        ) as c:
            for name in tables():
                c.execute(view_sql(layout, name)).fetchall()


def query(layout: Layout, sql: str, *, as_of_utc: datetime | None = None) -> pl.DataFrame:
    """Run one reading statement and return its rows.

    Args:
        layout: Where the warehouse lies.
        sql: The statement.
        as_of_utc: As ``connect`` takes it.

    Raises:
        ConfigurationError: The text is not one statement that only reads, or DuckDB refuses it.

    Examples:
        >>> from pathlib import Path
        >>> query(Layout(Path("nowhere")), "SELECT 6 * 7 AS answer").item()
        42
    """
    connection = connect(layout, as_of_utc)
    try:
        statements = connection.extract_statements(sql)
        if len(statements) != 1 or statements[0].type not in _READING:
            kinds = [statement.type.name for statement in statements]
            raise ConfigurationError(
                thing="the SQL text",
                expected="one statement that only reads (SELECT, FROM, DESCRIBE, EXPLAIN)",
                found=", ".join(kinds) or "nothing",
                remedy="ask with SELECT, a PIVOT with ON ... IN (...); only pipelines write tables",
            )
        return _with_spans_as_text(connection.sql(statements[0].query)).pl()
    except duckdb.Error as error:
        raise ConfigurationError(
            thing="the SQL text",
            expected="SQL that DuckDB can run on the warehouse's views",
            found=str(error).strip(),
            remedy="SHOW TABLES lists the views and DESCRIBE <view> their columns",
        ) from error
    finally:
        connection.close()


def _with_spans_as_text(rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Return rows whose intervals are text: Polars has no type for months beside days."""
    spans = [
        '"' + name.replace('"', '""') + '"'
        for name, kind in zip(rows.columns, rows.types, strict=True)
        if str(kind) == "INTERVAL"
    ]
    texts = ", ".join(f"{name}::VARCHAR AS {name}" for name in spans)
    return rows.project(f"* REPLACE ({texts})") if spans else rows


def _source(layout: Layout, name: str, as_of_utc: datetime | None) -> str | None:
    if table(name).storage == "delta":
        files = table_files(layout, name, as_of_utc=as_of_utc)
    else:
        folder = layout.table_folder(name).resolve()
        pattern = "site=*/date=*/[!.]*.parquet"
        files = [f"{folder.as_posix()}/{pattern}"] if any(folder.glob(pattern)) else []
    if not files:
        return None
    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    return f"read_parquet([{listed}], hive_partitioning = true, hive_types_autocast = false)"


def _sql_type(kind: pl.DataType) -> str:
    if isinstance(kind, pl.Decimal):
        return f"DECIMAL({kind.precision},{kind.scale})"
    return "TIMESTAMPTZ" if isinstance(kind, pl.Datetime) else _SQL_TYPES[str(kind)]
