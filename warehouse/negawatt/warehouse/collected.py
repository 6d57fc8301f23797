"""Sealed files of collectors: what is the same in all rows, as their ends say, is not read.

A collector seals the rows of one node and boot, sorted by GPU and time. Here: those ends, and
reading large days. Not here: other raw tables, and small reads (raw_files).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, product
from pathlib import Path
from typing import Any, cast

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from negawatt.warehouse.catalog import schema, table
from negawatt.warehouse.raw_files import are_apart, read_raw_files
from negawatt.warehouse.seals import refusing_damage


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What the end of a sealed file says of its rows.

    Attributes:
        path: Where it lies.
        row_count: Rows in it.
        ranges: Least and greatest value of columns; none of a column that has a NULL, or of which
            the file does not say.
        texts: The different values of columns of text.
    """

    path: Path
    row_count: int
    ranges: Mapping[str, tuple[Any, Any]]
    texts: Mapping[str, tuple[str, ...]]

    def lies_in(self, column: str, first: object, last: object) -> bool | None:
        """Say whether all values of a column lie from one to another, or none; else None."""
        if column not in self.ranges:
            return None
        least, greatest = self.ranges[column]
        if least >= first and greatest <= last:
            return True
        return None if least <= last and greatest >= first else False

    def same(self, column: str) -> object | None:
        """Return the value that a column has in all rows; None where that is not known."""
        least, greatest = self.ranges.get(column, (None, None))
        return least if least == greatest else None


def take_memory_from_system() -> None:
    """Have Arrow take this process's memory where NumPy takes it, so that each reuses the other's.

    Arrow's own allocator keeps most of what it was given back (docs/performance.md). It is for
    processes that do nothing else.
    """
    pa.set_memory_pool(pa.system_memory_pool())


def ends_of(
    paths: Sequence[Path], ranged: Sequence[str], listed: Sequence[str] = ()
) -> list[Ended]:
    """Return what the ends of files say.

    Args:
        paths: The files.
        ranged: Columns whose least and greatest values are asked for; they are not read.
        listed: Columns of text whose values are asked for.
    """
    return [_end_of(path, ranged, listed) for path in paths]


def rows_of_gpus(files: Sequence[Ended]) -> pl.DataFrame:
    """Return about how many rows there are of each ``node_id`` and ``gpu_uuid``, as ``row_count``.

    Only files of several nodes are read for it; in others, GPUs have a like share each.

    Args:
        files: Files whose ends list both columns.
    """
    rows: Counter[tuple[str, str]] = Counter()
    mixed = []
    for file in files:
        nodes, gpus = file.texts["node_id"], file.texts["gpu_uuid"]
        if len(nodes) > 1:
            mixed.append(file.path)
        else:
            rows.update(
                dict.fromkeys(product(nodes, gpus), -(-file.row_count // max(1, len(gpus))))
            )
    if mixed:
        scanned = pl.scan_parquet(mixed, hive_partitioning=False).group_by("node_id", "gpu_uuid")
        rows.update({(node, gpu): n for node, gpu, n in scanned.len().collect().iter_rows()})
    kinds = {"node_id": pl.String, "gpu_uuid": pl.String, "row_count": pl.Int64}
    return pl.DataFrame([(*owner, n) for owner, n in rows.items()], schema=kinds, orient="row")


def read_collected(
    name: str, files: Sequence[Ended], where: pl.Expr | None, columns: Sequence[str]
) -> pl.DataFrame:
    """Return the rows of sealed files of collectors, each once, in any order.

    Args:
        name: The raw table.
        files: Its files.
        where: Rows to keep; None for all.
        columns: Columns to keep. Those with text are categories, where there is any file.

    Raises:
        DataRefusedError: A file is damaged. Where rows are left out it is an error of Polars
            (seals.DAMAGE).
    """
    paths = sorted(file.path for file in files)
    if not paths or not are_apart(paths):
        with_key = list(dict.fromkeys((*columns, *table(name).key)))
        return read_raw_files(name, paths, where, with_key, pl.Categorical).select(columns)
    alike: dict[tuple[object, ...], list[Ended]] = {}
    for file in files:
        alike.setdefault(tuple(map(file.same, columns)), []).append(file)
    if where is None:
        return pl.concat(_read(name, some, columns) for some in alike.values())
    # Polars decodes only what is kept: an eighth of the rows in a fifth of Arrow's time.
    scans = (
        pl.scan_parquet([file.path for file in some], hive_partitioning=False)
        .filter(where)
        .select(_wanted(name, some[0], columns))
        for some in alike.values()
    )
    return pl.concat(scans).collect()


def _read(name: str, files: Sequence[Ended], columns: Sequence[str]) -> pl.DataFrame:
    """Return the rows of files that are alike."""
    asked = [column for column in columns if _same(files[0], column, columns) is None]
    texts = [column for column in asked if schema(name)[column] == pl.String]
    tables = []
    for file in files:
        # In one go: Arrow would ask the system for each page of each column.
        content = pa.BufferReader(file.path.read_bytes())
        with refusing_damage(file.path), pq.ParquetFile(content, read_dictionary=texts) as parquet:
            tables.append(parquet.read(asked, use_threads=False))
    # Arrow joins tables of one schema only; collectors of another version may write another.
    joined = (pa.concat_tables(some) for _, some in groupby(tables, lambda table: table.schema))
    wanted = _wanted(name, files[0], columns)
    return pl.concat(
        cast("pl.DataFrame", pl.from_arrow(table, rechunk=False)).select(wanted) for table in joined
    )


def _wanted(name: str, file: Ended, columns: Sequence[str]) -> list[pl.Expr]:
    """Return columns of a file; one that is the same in all rows is not read, nor kept for each."""
    same = {column: _same(file, column, columns) for column in columns}
    return [
        (pl.col(column) if value is None else pl.lit(value).alias(column)).cast(_kind(name, column))
        for column, value in same.items()
    ]


def _same(file: Ended, column: str, columns: Sequence[str]) -> object | None:
    """Return what all rows have; nothing of the first column, which says how many there are."""
    return None if column == columns[0] else file.same(column)


def _kind(name: str, column: str) -> pl.DataType | type[pl.DataType]:
    kind = schema(name)[column]
    return pl.Categorical if kind == pl.String else kind


def _end_of(path: Path, ranged: Sequence[str], listed: Sequence[str]) -> Ended:
    # Whole where columns are listed: Arrow would ask the system for each page of each column.
    source = pa.BufferReader(path.read_bytes()) if listed else path
    with refusing_damage(path), pq.ParquetFile(source, read_dictionary=list(listed)) as file:
        metadata = file.metadata
        place = {metadata.schema.column(n).name: n for n in range(metadata.num_columns)}
        groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
        ranges = {}
        for column in ranged:
            found = [group.column(place[column]).statistics for group in groups]
            if found and all(one and one.has_min_max and one.null_count == 0 for one in found):
                ranges[column] = (min(one.min for one in found), max(one.max for one in found))
        end = Ended(path=path, row_count=metadata.num_rows, ranges=ranges, texts={})
        unknown = [column for column in listed if end.same(column) is None]
        texts = file.read(unknown, use_threads=False)
    return replace(
        end,
        texts={
            column: _texts(texts[column]) if column in unknown else (str(end.same(column)),)
            for column in listed
        },
    )


def _texts(column: pa.ChunkedArray) -> tuple[str, ...]:
    """Return the values of a column of categories, which need not be looked for row by row."""
    return tuple(sorted({text for chunk in column.chunks for text in chunk.dictionary.to_pylist()}))
