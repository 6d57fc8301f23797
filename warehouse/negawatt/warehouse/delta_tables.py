"""Core and out tables: Delta tables, replaced partition by partition, readable as of any version.

Here: the only reads and writes of Delta. Not here: raw files, SQL.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote, unquote

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError

from negawatt.models.domain.errors import DataRefusedError, NegawattError
from negawatt.models.domain.identifiers import checked_name
from negawatt.models.domain.units import MS_PER_S
from negawatt.warehouse.catalog import checked, schema, table
from negawatt.warehouse.delta_settings import configuration, written_as
from negawatt.warehouse.layout import Layout

_ROWS_OF_A_BATCH: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a read returned and from which version.

    Attributes:
        frame: The rows, sorted by key.
        version: The table's version, None where the table does not exist yet.
    """

    frame: pl.DataFrame
    version: int | None


def replace_partition(
    layout: Layout,
    name: str,
    partition: Mapping[str, str | date],
    rows: pl.DataFrame,
) -> int:
    """Replace all rows of one partition at once and return the new version of the table.

    A reader sees the old rows or the new ones. Writing the same rows again makes a new version
    with the same content.

    Args:
        layout: Where the warehouse lies.
        name: A core or out table.
        partition: Value of each partition column; empty for a table without partitions.
        rows: The partition's rows, with the table's columns.

    Raises:
        DataRefusedError: A row lies outside the partition or breaks a rule of the catalog;
            nothing is written.
    """
    frame = checked(name, rows)
    _inside(name, partition, frame)
    predicate = " AND ".join(f"{column} = '{_safe(value)}'" for column, value in partition.items())
    return _overwrite(layout, name, predicate, iter([frame]))


def replace_days(
    layout: Layout,
    name: str,
    site_id: str,
    first: date,
    last: date,
    rows: pl.DataFrame | Iterator[pl.DataFrame],
) -> int:
    """Replace all rows of a site from one UTC day to another at once; the new version.

    Args:
        layout: Where the warehouse lies.
        name: A table that is partitioned by ``site_id`` and ``date``.
        site_id: The site.
        first: First day.
        last: Last day, itself included.
        rows: The rows of those days, with the table's columns. Or parts of them, each of which is
            in memory only until it is written: the keys of a day rise from part to part.

    Raises:
        DataRefusedError: A row lies outside the span or breaks a rule of the catalog; nothing is
            changed.
    """
    parts = iter([rows]) if isinstance(rows, pl.DataFrame) else rows
    own = (_of_days(name, site_id, first, last, part) for part in _checked_parts(name, parts))
    between = f"date >= '{first.isoformat()}' AND date <= '{last.isoformat()}'"
    return _overwrite(layout, name, f"site_id = '{_safe(site_id)}' AND {between}", own)


def refresh_partition(
    layout: Layout,
    name: str,
    partition: Mapping[str, str | date],
    rows: pl.DataFrame,
) -> int:
    """Replace the rows of one partition where they differ; the version that holds them.

    Args:
        layout: Where the warehouse lies.
        name: A core or out table.
        partition: Value of each partition column.
        rows: The partition's rows, with the table's columns.

    Raises:
        DataRefusedError: A row lies outside the partition or breaks a rule of the catalog.
    """
    held = read_table(layout, name, pl.all_horizontal(pl.col(c) == v for c, v in partition.items()))
    if held.version is not None and held.frame.equals(checked(name, rows)):
        return held.version
    return replace_partition(layout, name, partition, rows)


def append_rows(layout: Layout, name: str, rows: pl.DataFrame) -> int:
    """Append rows at once and return the new version of the table.

    Raises:
        DataRefusedError: The rows break a rule of the catalog; nothing is written.
    """
    return _write(layout, name, checked(name, rows).to_arrow(), mode="append")


def read_table(
    layout: Layout,
    name: str,
    where: pl.Expr | None = None,
    *,
    version: int | None = None,
) -> Snapshot:
    """Return the rows of a table, of its current version or an earlier one.

    Args:
        layout: Where the warehouse lies.
        name: A core or out table.
        where: Rows to keep; partition columns in it spare files.
        version: An earlier version to read as of.

    Raises:
        DataRefusedError: The version does not exist.
    """
    path = layout.table_folder(name)
    if not DeltaTable.is_deltatable(str(path)):
        if version is not None:
            raise _no_version(name, path, version)
        return Snapshot(frame=pl.DataFrame(schema=schema(name)), version=None)
    latest_table = DeltaTable(str(path))
    latest = latest_table.version()
    if version is not None and not 0 <= version <= latest:
        raise _no_version(name, path, version)
    read_version = latest if version is None else version
    rows = _scan(str(path), latest_table if version is None else version)
    if where is not None:
        rows = rows.filter(where)
    kinds = schema(name)
    frame = rows.select(pl.col(column).cast(kind) for column, kind in kinds.items()).collect()
    return Snapshot(frame=frame.sort(table(name).key), version=read_version)


def read_kept(
    layout: Layout, name: str, version: int, where: pl.Expr | None = None
) -> pl.DataFrame | None:
    """Return the rows of an earlier version of a table, None where it is no longer kept."""
    try:
        return read_table(layout, name, where, version=version).frame
    except (DataRefusedError, DeltaError, OSError, pl.exceptions.PolarsError):
        return None


def distinct_rows(
    layout: Layout, name: str, columns: Sequence[str], where: pl.Expr
) -> pl.DataFrame:
    """Return the different values of some columns of a table, in no order.

    Args:
        layout: Where the warehouse lies.
        name: A core or out table.
        columns: The columns.
        where: Rows to look at; partition columns in it spare files.
    """
    path = str(layout.table_folder(name))
    if not DeltaTable.is_deltatable(path):
        return pl.DataFrame(schema=schema(name)).select(columns)
    return _scan(path).filter(where).select(columns).unique().collect()


def has_rows(layout: Layout, name: str, where: pl.Expr) -> bool:
    """Say whether a table has such a row; no more is read than it takes to find one.

    Args:
        layout: Where the warehouse lies.
        name: A core or out table.
        where: The rows; partition columns in it spare files.
    """
    path = str(layout.table_folder(name))
    if not DeltaTable.is_deltatable(path):
        return False
    return not _scan(path).filter(where).head(1).collect().is_empty()


def table_files(
    layout: Layout, name: str, *, version: int | None = None, as_of_utc: datetime | None = None
) -> list[str]:
    """Return the Parquet files that make up a table, none where it does not exist yet.

    Args:
        layout: Where the warehouse lies.
        name: A core or out table.
        version: An earlier version.
        as_of_utc: The version that was the newest at this moment, instead.

    Raises:
        DataRefusedError: The version of that moment is no longer known, or its files are gone.
    """
    path = str(layout.table_folder(name))
    if not DeltaTable.is_deltatable(path):
        return []
    found = DeltaTable(path, version=version)
    if as_of_utc is not None and not _turn_back(found, name, as_of_utc):
        return []
    # The library gives URLs: a space in the path of the warehouse comes as %20.
    files = sorted(map(unquote, found.file_uris()))
    if as_of_utc is not None and not all(map(os.path.exists, files)):
        raise _no_longer_kept(name, as_of_utc, "files of it that vacuum removed")
    return files


def kept_versions(layout: Layout, name: str) -> set[int]:
    """Return the versions of a table that its log still knows."""
    path = str(layout.table_folder(name))
    return {entry["version"] for entry in DeltaTable(path).history()}


def _turn_back(found: DeltaTable, name: str, as_of_utc: datetime) -> bool:
    """Turn a table to the version of a moment; say whether it was there then."""
    first = min(found.history(), key=lambda entry: entry["version"])
    if as_of_utc.timestamp() * MS_PER_S >= first["timestamp"]:
        found.load_as_version(as_of_utc)
        return True
    if first["version"] > 0:
        raise _no_longer_kept(name, as_of_utc, f"a log that begins with version {first['version']}")
    return False


def _scan(path: str, of: int | DeltaTable | None = None) -> pl.LazyFrame:
    """Return a table's rows, read when they are collected: of a version, or as it was opened.

    Polars looks for files by their URLs; where a folder's name is written otherwise in a URL, as
    with a space, Arrow reads them, until Polars decodes it.
    """
    opened, version = (of, None) if isinstance(of, DeltaTable) else (path, of)
    return pl.scan_delta(opened, version=version, use_pyarrow=quote(path) != path)


def _overwrite(layout: Layout, name: str, predicate: str, parts: Iterator[pl.DataFrame]) -> int:
    refused: list[NegawattError] = []
    rows = pa.RecordBatchReader.from_batches(
        pl.DataFrame(schema=schema(name)).to_arrow().schema, _batches(parts, refused)
    )
    try:
        return _write(layout, name, rows, mode="overwrite", predicate=predicate)
    except Exception as error:
        if refused:  # the writer knows of it no more than its words
            raise refused[0] from error
        raise


def _write(
    layout: Layout,
    name: str,
    rows: pa.Table | pa.RecordBatchReader,
    *,
    mode: Literal["append", "overwrite"],
    predicate: str = "",
) -> int:
    """Commit rows and return the new version; the table is opened once, however long its log."""
    path = str(layout.table_folder(name))
    opened = DeltaTable(path) if DeltaTable.is_deltatable(path) else None
    how: dict[str, Any] = {"mode": mode, "predicate": (opened and predicate) or None}
    write_deltalake(
        opened or path,
        rows,
        partition_by=list(table(name).partition_by) or None,
        configuration=configuration(name),
        writer_properties=written_as(name),
        **how,
    )
    return (opened or DeltaTable(path)).version()


def _batches(
    parts: Iterator[pl.DataFrame], refused: list[NegawattError]
) -> Iterator[pa.RecordBatch]:
    """Yield rows as Arrow, of which only a part is in memory at once."""
    try:
        for part in parts:
            for rows in part.iter_slices(_ROWS_OF_A_BATCH):
                yield from rows.to_arrow().to_batches()
    except NegawattError as error:
        refused.append(error)
        raise


def _checked_parts(name: str, parts: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yield parts that obey the catalog, by themselves and one after the other."""
    partition_by, key = table(name).partition_by, pl.struct(table(name).key)
    last_of: dict[tuple[object, ...], tuple[object, ...]] = {}
    for part in parts:
        frame = checked(name, part)
        for *partition, first, last in (
            frame.group_by(partition_by, maintain_order=True)
            .agg(key.first().alias("first"), key.last().alias("last"))
            .rows()
        ):
            before = last_of.get(tuple(partition))
            if before is not None and before >= tuple(first.values()):
                raise DataRefusedError(
                    thing=f"table {name!r}, {partition}",
                    expected="keys that rise from part to part",
                    found=f"{before}, and then {tuple(first.values())}",
                    remedy="give the parts in the order of their keys, each row once",
                )
            last_of[tuple(partition)] = tuple(last.values())
        yield frame


def _of_days(name: str, site_id: str, first: date, last: date, frame: pl.DataFrame) -> pl.DataFrame:
    strangers = frame.filter(
        (pl.col("site_id") != site_id) | ~pl.col("date").is_between(first, last)
    )
    if strangers.height:
        raise DataRefusedError(
            thing=f"table {name!r}, site {site_id!r}, {first} to {last}",
            expected="rows of that site and those days",
            found=f"{strangers.height} others, first {strangers['date'][0]}",
            remedy="write each site's days with their own rows",
        )
    return frame


def _inside(name: str, partition: Mapping[str, str | date], frame: pl.DataFrame) -> None:
    if set(partition) != set(table(name).partition_by):
        raise ValueError(f"{name} is partitioned by {table(name).partition_by}, got {partition}")
    for column, value in partition.items():
        strangers = frame.filter(pl.col(column) != value)
        if strangers.height:
            raise DataRefusedError(
                thing=f"table {name!r}, partition {dict(partition)}",
                expected=f"every row with {column} = {value}",
                found=f"{strangers.height} others, first {strangers[column][0]}",
                remedy="write each partition with its own rows",
            )


def _safe(value: str | date) -> str:
    return value.isoformat() if isinstance(value, date) else checked_name("partition", value)


def _no_longer_kept(name: str, as_of_utc: datetime, found: str) -> DataRefusedError:
    return DataRefusedError(
        thing=f"table {name!r}",
        expected=f"its version as of {as_of_utc:%Y-%m-%d %H:%M:%S} UTC",
        found=found,
        remedy="ask as of a later moment, or read a version that a statement cites",
    )


def _no_version(name: str, path: Path, version: int) -> DataRefusedError:
    return DataRefusedError(
        thing=f"table {name!r}",
        expected=f"version {version} at {path}",
        found="no such version",
        remedy="read a version that the statement or the table's history names",
    )
