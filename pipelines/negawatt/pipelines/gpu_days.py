"""The GPUs of a site and UTC day, read and metered in groups that fit into memory.

Here: which files a group is read from, and processes side by side. Not here: the arithmetic, and
what a group is (negawatt.models.metering).
"""

import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path

import polars as pl

from negawatt.models.domain.findings import Finding
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.gpu_groups import as_one, gpu_groups
from negawatt.models.metering.gpu_minutes import SAMPLE_COLUMNS, gpu_interval_energy
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import (
    count_rows,
    count_rows_by,
    raw_paths,
    read_raw_files,
    start_of_day,
)
from negawatt.warehouse.sites import Site

_TABLE = "raw_gpu__power_samples"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    """What is the same for all groups of a day."""

    span: Interval
    site_id: str
    max_gap_s: float

    @property
    def is_near(self) -> pl.Expr:
        """Whether a reading is in the day, or near enough to cover its edges."""
        gap = timedelta(seconds=self.max_gap_s)
        return pl.col("observed_at_utc").is_between(
            self.span.start_utc - gap, self.span.end_utc + gap
        )


def gpu_energy_of_day(
    layout: Layout, site_id: str, site: Site, day: date
) -> tuple[pl.DataFrame, list[Finding]]:
    """Return the rows of core_gpu__interval_energy of a site and UTC day, and what was found.

    Where the day has more than ``site.gpu_rows_at_once`` readings, GPUs are metered in groups, side
    by side in as many processes as there are cores. How they are grouped changes no byte.

    Args:
        layout: Where the warehouse lies.
        site_id: The site.
        site: What is known of it.
        day: The UTC day.
    """
    span = Interval(start_of_day(day), start_of_day(day) + timedelta(days=1))
    one = _Day(span=span, site_id=site_id, max_gap_s=site.gpu_reading_gap_s)
    before, after = day - timedelta(days=1), day + timedelta(days=1)
    paths = raw_paths(layout, _TABLE, site_id, before, after)
    if count_rows(paths) <= site.gpu_rows_at_once:
        return _metered(paths, one, one.is_near)
    counts = count_rows_by(paths, ("node_id", "gpu_uuid"), one.is_near)
    groups = gpu_groups(counts, max(1, site.gpu_rows_at_once // (os.cpu_count() or 1)))
    if len(groups) < 2:  # noqa: PLR2004 - nothing to do side by side
        return _metered(paths, one, one.is_near)
    logged = f"{site_id} on {day}"
    return as_one(_side_by_side([(_files_of(counts, gpus), one, gpus) for gpus in groups], logged))


def _side_by_side(
    groups: Sequence[tuple[list[Path], _Day, list[str]]], logged: str
) -> Iterator[tuple[pl.DataFrame, list[Finding]]]:
    """Yield what each group gives as soon as it is done."""
    # A fork would copy locks that Polars' threads hold.
    workers = min(os.cpu_count() or 1, len(groups))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(_metered_group, *group) for group in groups}
        for number, done in enumerate(as_completed(waiting), start=1):
            _LOG.info("metered %s: group %d of %d", logged, number, len(groups))
            yield done.result()


def _files_of(counts: pl.DataFrame, gpus: Sequence[str]) -> list[Path]:
    """Return the files that hold readings of any of the GPUs, sorted."""
    return sorted(map(Path, counts.filter(pl.col("gpu_uuid").is_in(gpus))["path"].unique()))


def _metered_group(
    paths: Sequence[Path], one: _Day, gpus: Sequence[str]
) -> tuple[pl.DataFrame, list[Finding]]:
    frame, findings = _metered(paths, one, one.is_near & pl.col("gpu_uuid").is_in(gpus))
    return frame.with_columns(pl.col(pl.String).cast(pl.Categorical)), findings


def _metered(
    paths: Sequence[Path], one: _Day, where: pl.Expr
) -> tuple[pl.DataFrame, list[Finding]]:
    return gpu_interval_energy(
        read_raw_files(_TABLE, paths, where, SAMPLE_COLUMNS, pl.Categorical),
        one.span,
        one.site_id,
        max_gap_s=one.max_gap_s,
    )
