"""Raw tables: sealed Parquet files that are written once and never changed.

Here: writing imported rows as sealed files, listing and reading what collectors and imports
sealed. Not here: whether they are intact (seals.py), and the collectors' own spool
(negawatt.collectors.spool), which writes the same layout on the node.
"""

import logging
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from negawatt.models.domain.identifiers import checked_name
from negawatt.warehouse.catalog import check, conform, refuse_broken, schema, table
from negawatt.warehouse.digest import frame_digest
from negawatt.warehouse.layout import Layout, appearing_file
from negawatt.warehouse.seals import DAMAGE, IDENTITY_LENGTH, RawFile, raw_file

_DAY_COLUMNS = (
    "observed_at_utc",
    "interval_start_utc",
    "gap_start_utc",
    "event_start_utc",
    "submitted_at_utc",
    "allocation_start_utc",
    "acted_at_utc",
    "available_at_utc",
)
_READINGS = ("raw_gpu__power_samples", "raw_meter__readings", "raw_job__readings")
_REGISTERS = ("raw_node__power_samples",)
_IMPORTED = "import"
_OF_JOBS = ("raw_job__allocations", "raw_job__accounting")
_COLLECTED = {"raw_gpu__power_samples", "raw_gpu__gaps"}
_LOG = logging.getLogger(__name__)
_COLLECTED_NAME = re.compile(r"(.+_[^_]+)_[^_]+_(\d+)_(\d+)_([0-9a-f]{16})\.parquet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What an import did, or would do.

    Attributes:
        written: Files that are new.
        known_count: Rows that were there already.
        row_count: Rows in the new files.
        changed_count: Those of them that say something else of what was known already.
    """

    written: tuple[Path, ...]
    known_count: int
    row_count: int
    changed_count: int


def seal_rows(
    layout: Layout,
    name: str,
    site_id: str,
    source: str,
    rows: pl.DataFrame,
    *,
    dry_run: bool = False,
    advance: Callable[[int], object] = lambda _: None,
) -> Sealed:
    """Write rows into a raw table, one file for each UTC day; rows that are there already stay.

    A row is there already where the newest version of it in the table says the same:
    importing the same rows twice changes nothing, a correction is a new file beside the old one,
    and so is the retraction of a correction. The file name carries the digest of its rows.

    Args:
        layout: Where the warehouse lies.
        name: A raw table.
        site_id: The site the rows belong to.
        source: Short name of where they came from, part of the file name.
        rows: Rows with the table's columns.
        dry_run: Only say what would be written.
        advance: Called with the count of rows of each day that is done.

    Raises:
        DataRefusedError: The rows break a rule of the catalog; nothing is written.
    """
    checked_name("site", site_id)
    frame = conform(name, rows)
    refuse_broken(name, check(name, frame))
    days = frame.with_columns(pl.col(day_column(name)).dt.date().alias("day")).partition_by(
        "day", as_dict=True, include_key=False
    )
    written, row_count, changed_count = [], 0, 0
    for (day,), rows_of_day in sorted(days.items()):
        part, changed = _news(layout, name, site_id, day, rows_of_day.sort(table(name).key))
        advance(rows_of_day.height)
        path = (
            layout.raw_folder(name, site_id, day)
            / f"{checked_name('source', source)}_{frame_digest(part)[:IDENTITY_LENGTH]}.parquet"
        )
        if part.is_empty() or path.exists():
            continue
        if not dry_run:
            with appearing_file(path) as temporary:
                _write(temporary, name, part)
        written.append(path)
        row_count += part.height
        changed_count += changed
    return Sealed(
        written=tuple(written),
        known_count=frame.height - row_count,
        row_count=row_count,
        changed_count=changed_count,
    )


def raw_paths(layout: Layout, name: str, site_id: str, first: date, last: date) -> list[Path]:
    """Return the sealed files of a site from one UTC day to another, both included, sorted."""
    folder = layout.table_folder(name) / f"site={site_id}"
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    paths = (path for day in days for path in (folder / f"date={day}").glob("[!.]*.parquet"))
    return sorted(paths, key=str)  # paths themselves are compared part by part


def raw_inventory(layout: Layout, name: str, site_id: str, day: date) -> list[RawFile]:
    """Return the sealed files of a site and UTC day with their digests."""
    return [raw_file(path) for path in raw_paths(layout, name, site_id, day, day)]


def read_raw(
    layout: Layout,
    name: str,
    site_id: str,
    first: date,
    last: date,
    where: pl.Expr | None = None,
) -> pl.DataFrame:
    """Return the rows of a raw table of a site as they lie, UTC days both included.

    Their order is that of the files. What collectors sealed comes once, by its key, however often
    it was shipped; of other tables a row that two files hold in common comes twice.

    Args:
        layout: Where the warehouse lies.
        name: A raw table.
        site_id: The site.
        first: First UTC day.
        last: Last UTC day.
        where: Rows to keep.
    """
    return read_raw_files(name, raw_paths(layout, name, site_id, first, last), where)


def read_raw_files(
    name: str,
    paths: Sequence[Path],
    where: pl.Expr | None = None,
    columns: Sequence[str] | None = None,
    text: type[pl.DataType] = pl.String,
) -> pl.DataFrame:
    """Return the rows of some sealed files of a raw table as ``read_raw`` returns those of days.

    Args:
        name: The raw table.
        paths: Its files, sorted.
        where: Rows to keep.
        columns: Columns to keep, those of the table's key among them; None for all.
        text: Type of columns of text; Categorical takes a quarter of the memory where few values
            repeat.
    """
    kept = list(columns or schema(name))
    if not paths:
        return pl.DataFrame(schema=schema(name)).select(kept)
    rows = _scan(paths, name).select(kept)
    if where is not None:
        rows = rows.filter(where)
    rows = rows.with_columns(pl.col(pl.String).cast(text))
    if name in _COLLECTED and not are_apart(paths):
        rows = rows.unique(table(name).key, keep="first", maintain_order=True)
    return rows.collect()


def read_all_raw(layout: Layout, name: str, site_id: str) -> pl.DataFrame:
    """Return every row of a small raw table of a site once, sorted by key.

    The rows of the same files are kept in memory: every day and event of a run asks for them.
    """
    folder = layout.table_folder(name) / f"site={site_id}"
    paths = sorted(folder.glob("date=*/[!.]*.parquet"))
    return _rows_of(name, tuple((path, path.stat().st_mtime_ns) for path in paths))


@lru_cache(maxsize=64)
def _rows_of(name: str, files: tuple[tuple[Path, int], ...]) -> pl.DataFrame:
    """Return the rows of sealed files, which never change; the times only make sure of it."""
    if not files:
        return pl.DataFrame(schema=schema(name))
    return _scan([path for path, _ in files], name).collect().unique().sort(table(name).key)


def _scan(paths: Sequence[Path], name: str) -> pl.LazyFrame:
    rows = pl.scan_parquet(list(paths), hive_partitioning=False)
    return rows.select(pl.col(column).cast(kind) for column, kind in schema(name).items())


def raw_days(layout: Layout, site_id: str, names: Sequence[str] = _READINGS) -> list[date]:
    """Return the UTC days on which a site has any sealed rows of some tables, oldest first."""
    return sorted({_day_of(folder) for folder in _folders(layout, site_id, names)})


def raw_arrivals(layout: Layout, site_id: str, since_ns: int) -> dict[date, int]:
    """Return the UTC days of which something appeared since a moment that they are metered from.

    That is readings, and imports of jobs: of each day on which they ran and which has readings.

    Args:
        layout: Where the warehouse lies.
        site_id: The site.
        since_ns: The moment, included: file systems give the same one to files that follow closely
            [ns since 1970 UTC].

    Returns:
        For each such day, when its newest file appeared here; a copy that keeps an old time of
        change appears when it is put there.
    """
    newest: dict[date, int] = {}
    for folder in _folders(layout, site_id, (*_READINGS, *_REGISTERS)):
        if folder.stat().st_ctime_ns < since_ns:  # a folder changes when a file appears in it
            continue
        appeared_ns = max(
            (path.stat().st_ctime_ns for path in folder.glob("[!.]*.parquet")), default=0
        )
        if appeared_ns >= since_ns:
            day = _day_of(folder)
            newest[day] = max(newest.get(day, 0), appeared_ns)
    with_readings = set(raw_days(layout, site_id))
    for folder in _folders(layout, site_id, _OF_JOBS):
        if folder.stat().st_ctime_ns < since_ns:
            continue
        for path in folder.glob(f"{_IMPORTED}_*.parquet"):  # collectors tell of jobs as they run
            appeared_ns = path.stat().st_ctime_ns
            if appeared_ns >= since_ns:
                for day in _days_of_jobs(path) & with_readings:
                    newest[day] = max(newest.get(day, 0), appeared_ns)
    return newest


def _days_of_jobs(path: Path) -> set[date]:
    """Return the UTC days on which jobs ran, as far as one file knows."""
    start, end, known = "allocation_start_utc", "allocation_end_utc", "available_at_utc"
    try:
        rows = pl.read_parquet(path, columns=[start, end, known], hive_partitioning=False)
    except DAMAGE as error:  # told where a day is metered from it
        _LOG.warning("not read for the days of its jobs: %s: %s", path, error)
        return set()
    spans = rows.drop_nulls(start).select(
        pl.date_ranges(pl.col(start).dt.date(), pl.coalesce(end, known).dt.date()).alias("day")
    )
    return set(spans["day"].explode().drop_nulls())


def file_system_ns(layout: Layout) -> int:
    """Return the time by which files appear in the warehouse: its file system's [ns since 1970]."""
    with tempfile.TemporaryFile(dir=layout.root) as file:
        return os.fstat(file.fileno()).st_ctime_ns


def _folders(layout: Layout, site_id: str, names: Sequence[str]) -> list[Path]:
    return [
        folder
        for name in names
        for folder in (layout.table_folder(name) / f"site={site_id}").glob("date=*")
    ]


def _day_of(folder: Path) -> date:
    return date.fromisoformat(folder.name.removeprefix("date="))


def day_column(name: str) -> str:
    """Return the column whose UTC day decides the folder of a row.

    Examples:
        >>> day_column("raw_grid__events")
        'event_start_utc'
    """
    columns = table(name).columns
    return next(column for column in _DAY_COLUMNS if column in columns)


def start_of_day(day: date) -> datetime:
    """Return midnight UTC of a day."""
    return datetime.combine(day, datetime.min.time(), UTC)


def are_apart(paths: Sequence[Path]) -> bool:
    """Say whether the names of sealed files show that no two of them hold the same rows.

    A collector's name is node, boot, source, first and last of what is inside, hash.
    """
    spans: dict[str, list[tuple[int, int]]] = {}
    hashes = set()
    for path in paths:
        found = _COLLECTED_NAME.fullmatch(path.name)
        if not found:
            return False
        node_and_boot, first, last, identity = found.groups()
        spans.setdefault(node_and_boot, []).append((int(first), int(last)))
        hashes.add(identity)
    return len(hashes) == len(paths) and all(
        last < next_first
        for found in spans.values()
        for (_, last), (next_first, _) in pairwise(sorted(found))
    )


def _news(
    layout: Layout, name: str, site_id: str, day: date, rows: pl.DataFrame
) -> tuple[pl.DataFrame, int]:
    """Return the rows of a day that are not stored, nor said by the newest stored version.

    And how many of them say something else of what a stored row names.
    """
    arrival = "available_at_utc"
    if arrival not in rows.columns:
        return rows, 0
    if day_column(name) == arrival:
        stored = read_all_raw(layout, name, site_id)
    else:
        stored = read_raw(layout, name, site_id, day, day)
    if stored.is_empty():
        return rows, 0
    key = [column for column in table(name).key if column != arrival]
    newest = stored.sort(arrival).unique(key, keep="last", maintain_order=True)
    said = [column for column in rows.columns if column != arrival]
    news = rows.join(newest, on=said, how="anti", nulls_equal=True)
    news = news.join(stored, on=rows.columns, how="anti", nulls_equal=True)
    return news.sort(table(name).key), news.join(newest, on=key, how="semi").height


def _write(path: Path, name: str, frame: pl.DataFrame) -> None:
    arrow = frame.to_arrow()
    metadata = {"negawatt.table": name, "negawatt.schema_version": str(table(name).schema_version)}
    pq.write_table(
        arrow.replace_schema_metadata(metadata),
        path,
        compression="zstd",
        write_page_checksum=True,
        write_page_index=True,
    )
