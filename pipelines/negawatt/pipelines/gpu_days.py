"""The GPUs of a site and UTC day, read and metered in groups that fit into memory.

Here: which files a group is read from, processes side by side, and what became of a day. Not here:
the arithmetic, and what a group is (negawatt.models.metering).
"""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from uuid import uuid4

import polars as pl

from negawatt.models.domain.findings import Finding
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.gain import GainDocument, over_gain
from negawatt.models.metering.gpu_groups import findings_as_one, gpu_groups
from negawatt.models.metering.gpu_minutes import SAMPLE_COLUMNS, gpu_interval_energy
from negawatt.models.reconciliation.meter_and_gpus import for_reconciliation
from negawatt.warehouse.aside import Aside, in_order, put_aside
from negawatt.warehouse.collected import (
    Ended,
    ends_of,
    read_collected,
    rows_of_gpus,
    take_memory_from_system,
)
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import raw_paths, start_of_day
from negawatt.warehouse.sites import Site

_TABLE = "raw_gpu__power_samples"
_TIME = "observed_at_utc"
_RANGED = (_TIME, "node_id", "boot_id", "counter_epoch", "power_scope", "reading_quality")
_GPUS_AT_ONCE = 256  # 370,000 minutes
_KEPT_ROWS = 100_000  # a day of 69 GPUs; a span of days is written at once
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    """What is the same for all groups of a day."""

    span: Interval
    site_id: str
    max_gap_s: float
    gains: Mapping[str, GainDocument]
    minutes: int
    folder: Path

    @property
    def name(self) -> str:
        """How a log names the day."""
        return f"{self.site_id} on {self.span.start_utc:%Y-%m-%d}"

    @property
    def edges_utc(self) -> tuple[datetime, datetime]:
        """The first and last instant at which a reading can cover an edge of the day."""
        gap = timedelta(seconds=self.max_gap_s)
        return self.span.start_utc - gap, self.span.end_utc + gap

    @property
    def is_near(self) -> pl.Expr:
        """Whether a reading is in the day, or near enough to cover its edges."""
        return pl.col(_TIME).is_between(*self.edges_utc)


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuMinutes:
    """Rows of core_gpu__interval_energy of a site and UTC day, with what was found.

    Attributes:
        rows: The rows, where they are few; none of those that lie aside.
        aside: Files with the rows of each group, where they are many.
        rolled: Their energies over the intervals of the reconciliation.
        seen: ``node_id`` and ``gpu_uuid`` of each GPU.
        findings: What was found.
    """

    rows: pl.DataFrame
    aside: tuple[Aside, ...]
    rolled: pl.DataFrame
    seen: pl.DataFrame
    findings: list[Finding]

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """Yield the rows, sorted by key: parts that share no GPU, at least one."""
        yield from in_order(self.aside, _GPUS_AT_ONCE) if self.aside else (self.rows,)


def gpu_minutes_of_day(
    layout: Layout,
    site_id: str,
    site: Site,
    day: date,
    folder: Path,
    gains: Mapping[str, GainDocument],
    minutes: int,
) -> GpuMinutes:
    """Return the energy of every GPU of a site in every minute of a UTC day, gains taken out.

    Where the day has more than ``site.gpu_rows_at_once`` readings, GPUs are metered in groups, side
    by side in as many processes as there are cores. How they are grouped changes no byte.

    Args:
        layout: Where the warehouse lies.
        site_id: The site.
        site: What is known of it.
        day: The UTC day.
        folder: For rows that are too many to be kept in memory.
        gains: What is known of the gains of cards.
        minutes: Length of the intervals of the reconciliation [min].
    """
    span = Interval(start_of_day(day), start_of_day(day) + timedelta(days=1))
    one = _Day(
        span=span,
        site_id=site_id,
        max_gap_s=site.gpu_reading_gap_s,
        gains=gains,
        minutes=minutes,
        folder=folder,
    )
    before, after = day - timedelta(days=1), day + timedelta(days=1)
    paths = raw_paths(layout, _TABLE, site_id, before, after)
    ends = ends_of(paths, _RANGED, ("node_id", "gpu_uuid"))
    files = [file for file in ends if file.lies_in(_TIME, *one.edges_utc) is not False]
    if sum(file.row_count for file in files) <= site.gpu_rows_at_once:
        return _metered(files, one)
    groups = gpu_groups(rows_of_gpus(files), max(1, site.gpu_rows_at_once // (os.cpu_count() or 1)))
    if len(groups) < 2:  # noqa: PLR2004 - nothing to do side by side
        return _metered(files, one)
    parts = list(_side_by_side([(_files_of(files, gpus), one, gpus) for gpus in groups]))
    return GpuMinutes(
        rows=parts[0].rows,
        aside=tuple(file for part in parts for file in part.aside),
        rolled=pl.concat(part.rolled for part in parts),
        seen=pl.concat(part.seen for part in parts),
        findings=findings_as_one(found for part in parts for found in part.findings),
    )


def _side_by_side(
    groups: Sequence[tuple[list[Ended], _Day, list[str]]],
) -> Iterator[GpuMinutes]:
    """Yield what each group gives as soon as it is done."""
    # A fork would copy locks that Polars' threads hold.
    workers = min(os.cpu_count() or 1, len(groups))
    with ProcessPoolExecutor(workers, get_context("spawn"), take_memory_from_system) as pool:
        waiting = {pool.submit(_metered, *group) for group in groups}
        for number, done in enumerate(as_completed(waiting), start=1):
            _LOG.info("metered %s: group %d of %d", groups[0][1].name, number, len(groups))
            yield done.result()


def _files_of(files: Sequence[Ended], gpus: Sequence[str]) -> list[Ended]:
    """Return the files that hold readings of any of the GPUs."""
    wanted = set(gpus)
    return [file for file in files if not wanted.isdisjoint(file.texts["gpu_uuid"])]


def _metered(files: Sequence[Ended], one: _Day, gpus: Sequence[str] | None = None) -> GpuMinutes:
    """Meter GPUs; all that the files hold unless a group is given, whose rows are put aside."""
    rows, findings = gpu_interval_energy(
        read_collected(_TABLE, files, _kept(files, one, gpus), SAMPLE_COLUMNS),
        one.span,
        one.site_id,
        max_gap_s=one.max_gap_s,
    )
    rows = over_gain(rows, one.gains)
    rolled = for_reconciliation(rows, one.minutes)
    aside: tuple[Aside, ...] = ()
    seen = rows.select("node_id", "gpu_uuid").unique(maintain_order=True)
    if rows.height > (_KEPT_ROWS if gpus is None else 0):
        aside = (put_aside(one.folder / f"{uuid4().hex}.arrow", rows, "gpu_uuid"),)
        rows = rows.clear()
    return GpuMinutes(rows=rows, aside=aside, rolled=rolled, seen=seen, findings=findings)


def _kept(files: Sequence[Ended], one: _Day, gpus: Sequence[str] | None) -> pl.Expr | None:
    """Return which rows of the files to keep; None where they surely are all of the group's."""
    are_near = all(file.lies_in(_TIME, *one.edges_utc) for file in files)
    kept = [] if are_near else [one.is_near]
    if gpus is not None and not {*gpus}.issuperset(
        chain(*(file.texts["gpu_uuid"] for file in files))
    ):
        kept.append(pl.col("gpu_uuid").is_in(gpus))
    return pl.all_horizontal(kept) if kept else None
