"""Ad-hoc SQL: a read-only DuckDB connection in UTC with a view for every table.

Here: the only place that opens DuckDB. Not here: named queries (queries/*.sql).
"""

import duckdb
import polars as pl

from negawatt.models.domain.errors import ConfigurationError
from negawatt.warehouse.catalog import schema, table, tables
from negawatt.warehouse.delta_tables import table_files
from negawatt.warehouse.layout import Layout

_READING = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}
_SQL_TYPES: dict[str, str] = {
    "String": "VARCHAR",
    "Date": "DATE",
    "Int64": "BIGINT",
    "Int32": "INTEGER",
    "Float64": "DOUBLE",
    "Boolean": "BOOLEAN",
}


def connect(layout: Layout) -> duckdb.DuckDBPyConnection:
    """Return an in-memory connection in UTC with a view over the current files of every table.

    Views over tables that hold nothing yet have the right columns and no rows. Raw tables also
    have ``site`` and ``date``, the folders they lie in.
    """
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'").fetchall()
    for name in tables():
        connection.execute(view_sql(layout, name)).fetchall()
    return connection


def view_sql(layout: Layout, name: str) -> str:
    """Return the statement that makes a table's view over its current files."""
    kinds = {column: _sql_type(kind) for column, kind in schema(name).items()}
    if table(name).storage == "parquet":
        kinds |= {"site": "VARCHAR", "date": "DATE"}
    source = _source(layout, name)
    if source is None:
        columns = ", ".join(f'NULL::{kind} AS "{column}"' for column, kind in kinds.items())
        return f'CREATE VIEW "{name}" AS SELECT {columns} WHERE false'
    columns = ", ".join(f'"{column}"::{kind} AS "{column}"' for column, kind in kinds.items())
    return f'CREATE VIEW "{name}" AS SELECT {columns} FROM {source}'  # noqa: S608 - catalog names


def query(layout: Layout, sql: str) -> pl.DataFrame:
    """Run one reading statement and return its rows.

    Raises:
        ConfigurationError: The text is not one statement that only reads, or DuckDB refuses it.

    Examples:
        >>> from pathlib import Path
        >>> query(Layout(Path("nowhere")), "SELECT 6 * 7 AS answer").item()
        42
    """
    connection = connect(layout)
    try:
        statements = connection.extract_statements(sql)
        if len(statements) != 1 or statements[0].type not in _READING:
            kinds = [statement.type.name for statement in statements]
            raise ConfigurationError(
                thing="the SQL text",
                expected="one statement that only reads (SELECT, FROM, DESCRIBE, EXPLAIN)",
                found=", ".join(kinds) or "nothing",
                remedy="ask with SELECT; tables are written by the pipelines only",
            )
        return connection.sql(statements[0].query).pl()
    except duckdb.Error as error:
        raise ConfigurationError(
            thing="the SQL text",
            expected="SQL that DuckDB can run on the warehouse's views",
            found=str(error).strip(),
            remedy="SHOW TABLES lists the views and DESCRIBE <view> their columns",
        ) from error
    finally:
        connection.close()


def _source(layout: Layout, name: str) -> str | None:
    if table(name).storage == "delta":
        files = table_files(layout, name)
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
