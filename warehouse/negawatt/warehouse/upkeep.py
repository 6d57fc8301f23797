"""Keeping a warehouse: whether its files are whole, fewer files, no forgotten ones.

Raw files are only looked at: they are never rewritten, also not to be fewer. Not here: what the
rows mean, and whether statements follow each other (negawatt.pipelines.audit).
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path

import polars as pl
from deltalake import DeltaTable

from negawatt.models.domain.errors import DataRefusedError, NegawattError
from negawatt.warehouse.catalog import check, conform, refuse_broken, schema, table, tables
from negawatt.warehouse.delta_tables import kept_versions, read_table, table_files
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import day_column
from negawatt.warehouse.seals import raw_file, seal_is_intact
from negawatt.warehouse.statement_tables import HEADERS

KEPT = timedelta(days=30)
"""How long vacuum keeps what no current version holds, unless somebody says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted:
    """What became of one table's files.

    Attributes:
        name: The table.
        file_count_before: Files of its current version before.
        file_count_after: Files of its current version now; the rows are the same.
    """

    name: str
    file_count_before: int
    file_count_after: int


def files_to_check(layout: Layout) -> list[tuple[str, tuple[Path, ...]]]:
    """Return every table with its files, those of one partition of a Delta table together."""
    found: list[tuple[str, tuple[Path, ...]]] = []
    for name in tables():
        if table(name).storage == "parquet":
            raw = layout.table_folder(name).glob("site=*/date=*/[!.]*.parquet")
            found += [(name, (path,)) for path in sorted(raw)]
        else:
            paths = map(Path, table_files(layout, name))
            found += [
                (name, tuple(group)) for _, group in groupby(paths, key=lambda path: path.parent)
            ]
    return found


def damages(
    layout: Layout, *, advance: Callable[[], object] = lambda: None
) -> Iterator[NegawattError]:
    """Yield what is wrong with the files of a warehouse, as errors that say what to do.

    Sealed files are held against the digest in their name, and their rows against the day they lie
    in; all rows against the types, keys, required columns and ranges of the catalog.

    Args:
        layout: Where the warehouse lies.
        advance: Called for each entry of ``files_to_check`` that is done.
    """
    for name, paths in files_to_check(layout):
        try:
            _require_whole(name, paths)
        except NegawattError as error:
            yield error
        advance()


def compact(layout: Layout) -> Iterator[Compacted]:
    """Join small files of the core and out tables; every row, and every older version, stays."""
    for name, delta in _delta_tables(layout):
        before = len(table_files(layout, name))
        delta.optimize.compact()
        yield Compacted(
            name=name,
            file_count_before=before,
            file_count_after=len(table_files(layout, name)),
        )


def vacuum(
    layout: Layout, *, kept: timedelta = KEPT, dry_run: bool = False
) -> Iterator[tuple[str, int]]:
    """Remove files that only older versions of a table hold; yield table and count of files.

    Versions that a statement cites are kept whatever their age, so that it can be read as of then.

    Args:
        layout: Where the warehouse lies.
        kept: Files that became unused later than that ago are kept too.
        dry_run: Only count.
    """
    cited = cited_versions(layout)
    for name, delta in _delta_tables(layout):
        removed = delta.vacuum(
            retention_hours=round(kept / timedelta(hours=1)),
            enforce_retention_duration=False,
            dry_run=dry_run,
            keep_versions=sorted(cited[name] & kept_versions(layout, name)) or None,
        )
        yield name, len(removed)


def cited_versions(layout: Layout) -> dict[str, set[int]]:
    """Return the versions of each table that published statements cite."""
    cited: dict[str, set[int]] = defaultdict(set)
    for text in read_table(layout, HEADERS).frame["statement_json"]:
        for name, version in json.loads(text)["provenance"]["table_versions"].items():
            cited[name].add(version)
    return cited


def _require_whole(name: str, paths: tuple[Path, ...]) -> None:
    thing = f"{name}, {paths[0]}"
    try:
        file = raw_file(paths[0]) if table(name).storage == "parquet" else None
        if file and not seal_is_intact(file):
            is_parquet = file.row_count is not None
            raise DataRefusedError(
                thing=thing,
                expected="the content that the digest in its name is of"
                if is_parquet
                else "a Parquet file that can be read",
                found="other content" if is_parquet else "a damaged one",
                remedy="restore it from the node or a backup; the collector and imports seal anew",
            )
        frame = conform(name, _read(name, paths))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataRefusedError(
            thing=thing,
            expected="a Parquet file that can be read",
            found=str(error).splitlines()[0],
            remedy="restore a raw file from a backup; meter or settle again what is core or out",
        ) from error
    refuse_broken(name, check(name, frame))
    if table(name).storage == "parquet":
        _require_own_day(name, paths[0], frame)


def _read(name: str, paths: tuple[Path, ...]) -> pl.DataFrame:
    """Read the files of one partition; Delta keeps partition columns in the path alone."""
    kinds = {column: schema(name)[column] for column in table(name).partition_by}
    return pl.read_parquet(list(paths), hive_partitioning=bool(kinds), hive_schema=kinds or None)


def _require_own_day(name: str, path: Path, frame: pl.DataFrame) -> None:
    day = date.fromisoformat(path.parent.name.removeprefix("date="))
    strangers = frame.filter(pl.col(day_column(name)).dt.date() != day)
    if not strangers.is_empty():
        raise DataRefusedError(
            thing=f"{name}, {path}",
            expected=f"rows of {day}, the folder it lies in",
            found=f"{strangers.height} of other days",
            remedy="move it to the folder of its day",
        )


def _delta_tables(layout: Layout) -> Iterator[tuple[str, DeltaTable]]:
    for name in tables():
        path = str(layout.table_folder(name))
        if table(name).storage == "delta" and DeltaTable.is_deltatable(path):
            yield name, DeltaTable(path)
