"""Sealed files of collectors: what is the same in all rows, as their ends say, is not read.

A collector seals the rows of one node and boot, sorted by GPU and time. Here: those ends, counting,
and reading large days. Not here: other raw tables, and small reads (raw_files).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from negawatt.warehouse.catalog import schema
from negawatt.warehouse.raw_files import are_apart, read_raw_files


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What the end of a sealed file says of its rows.

    Attributes:
        path: Where it lies.
        row_count: Rows in it.
        ranges: Least and greatest value of columns; none of a column that has a NULL, or of which
            the file does not say.
    """

    path: Path
    row_count: int
    ranges: Mapping[str, tuple[Any, Any]]

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


def ends_of(paths: Sequence[Path], columns: Sequence[str]) -> list[Ended]:
    """Return what the ends of files say of some columns, without reading their rows."""
    return [_end_of(path, columns) for path in paths]


def count_rows_by(files: Sequence[Ended], columns: Sequence[str], where: pl.Expr) -> pl.DataFrame:
    """Return ``path``, the columns, and ``row_count``: the rows to keep of each file and value."""
    paths = [file.path for file in files]
    rows = pl.scan_parquet(paths, hive_partitioning=False, include_file_paths="path")
    counted = rows.filter(where).group_by("path", *columns).agg(pl.len().alias("row_count"))
    return counted.collect(engine="streaming")


def read_collected(
    name: str, files: Sequence[Ended], where: pl.Expr | None, columns: Sequence[str]
) -> pl.DataFrame:
    """Return the rows of sealed files of collectors, each once, in any order.

    Args:
        name: The raw table.
        files: Its files.
        where: Rows to keep; None for all.
        columns: Columns to keep. Those with text are categories, but for ``gpu_uuid``.
    """
    paths = sorted(file.path for file in files)
    if not paths or not are_apart(paths):
        return read_raw_files(name, paths, where, columns, pl.Categorical)
    alike: dict[tuple[object, ...], list[Path]] = {}
    for file in files:
        alike.setdefault(tuple(file.same(column) for column in columns), []).append(file.path)
    rows = [
        _scan(name, paths, dict(zip(columns, same, strict=True))) for same, paths in alike.items()
    ]
    found = pl.concat(rows)
    return (found if where is None else found.filter(where)).collect()


def _scan(name: str, paths: list[Path], values: dict[str, object]) -> pl.LazyFrame:
    rows = pl.scan_parquet(paths, hive_partitioning=False)
    kinds = {column: schema(name)[column] for column in values}
    return rows.select(
        (pl.col(column) if value is None else pl.lit(value).alias(column)).cast(
            pl.Categorical if kinds[column] == pl.String and column != "gpu_uuid" else kinds[column]
        )
        for column, value in values.items()
    )


def _end_of(path: Path, columns: Sequence[str]) -> Ended:
    metadata = pq.read_metadata(path)
    place = {metadata.schema.column(n).name: n for n in range(metadata.num_columns)}
    groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
    ranges = {}
    for column in columns:
        found = [group.column(place[column]).statistics for group in groups]
        if found and all(one and one.has_min_max and one.null_count == 0 for one in found):
            ranges[column] = (min(one.min for one in found), max(one.max for one in found))
    return Ended(path=path, row_count=metadata.num_rows, ranges=ranges)
