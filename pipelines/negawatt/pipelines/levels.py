"""A day of a site held together level by level, along its electrical path.

Here: which rows are read, and the levels as rows. Not here: the comparison
(negawatt.models.reconciliation).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.sample_rules import SampleRules
from negawatt.models.reconciliation.clocks import clock_finding, clock_lag
from negawatt.models.reconciliation.copies import copied_findings, copied_series
from negawatt.models.reconciliation.feeds import (
    LevelEnergy,
    level_findings,
    levels,
    silent_findings,
)
from negawatt.models.reconciliation.objects import (
    Samples,
    grid_ms,
    meter_energies,
    node_energies,
    power_series,
    sampled_energies,
)
from negawatt.models.reconciliation.power_supply import loss_findings
from negawatt.warehouse.catalog import schema
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import read_raw
from negawatt.warehouse.sites import Site
from negawatt.warehouse.topology_tables import read_topology

LEVELS_TABLE = "core_site__levels"
_NODE_SAMPLES = "raw_node__power_samples"
_CLOCK_REACH_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteDay:
    """A site and UTC day.

    Attributes:
        site_id: The site.
        site: What is registered of it.
        span: The day.
        minutes: Length of the intervals in which sums are compared [min].
        as_of_utc: A path that was told later is not seen.
    """

    site_id: str
    site: Site
    span: Interval
    minutes: int
    as_of_utc: datetime


def levels_of_day(
    layout: Layout, day: SiteDay, *, meters: pl.DataFrame, gpus: pl.DataFrame
) -> tuple[pl.DataFrame, list[Finding]]:
    """Return a day's rows of core_site__levels, and what was found.

    Args:
        layout: Where the warehouse lies.
        day: The site and day.
        meters: Its rows of core_site__interval_energy.
        gpus: Energies of its GPUs over the intervals, by ``for_reconciliation``.
    """
    nothing = pl.DataFrame(schema=schema(LEVELS_TABLE))
    try:
        topology = read_topology(layout, day.site_id, day.span.end_utc, as_of_utc=day.as_of_utc)
    except DataRefusedError as error:
        return nothing, [_refused(day.site_id, error)]
    if topology is None:
        return nothing, []
    rules = SampleRules(max_gap_s=day.site.gpu_reading_gap_s)
    series, left_out = power_series(_samples(layout, day), topology, rules)
    edges_ms = grid_ms(day.span, day.minutes)
    sampled, gaps = sampled_energies(series, edges_ms, rules)
    measured = (
        node_energies(gpus, topology, day.span, day.minutes)
        | sampled
        | meter_energies(meters, topology, day.span, day.minutes)
    )
    found = levels(topology, measured)
    findings = [*left_out, *gaps, *silent_findings(topology, measured), *level_findings(found)]
    findings += copied_findings(copied_series(series))
    findings += [one for level in found for one in _clock_findings(level, series)]
    findings += loss_findings(found, day.minutes)
    owner = {"site_id": day.site_id, "date": day.span.start_utc.date()}
    return _rows(found, edges_ms, owner), findings


def _samples(layout: Layout, day: SiteDay) -> pl.DataFrame:
    """Return the readings of node meters in the day, and those that enclose it."""
    gap = timedelta(seconds=day.site.gpu_reading_gap_s)
    since_utc, until_utc = day.span.start_utc - gap, day.span.end_utc + gap
    near = pl.col("observed_at_utc").is_between(since_utc, until_utc)
    return read_raw(layout, _NODE_SAMPLES, day.site_id, since_utc.date(), until_utc.date(), near)


def _rows(
    found: Iterable[LevelEnergy], edges_ms: np.ndarray, owner: Mapping[str, object]
) -> pl.DataFrame:
    """Return the intervals of which either sum is known."""
    kinds = schema(LEVELS_TABLE)
    frames = [
        pl.DataFrame(
            {
                "interval_start_utc": edges_ms[:-1],
                "interval_end_utc": edges_ms[1:],
                "above_kwh": one.above_kwh,
                "below_kwh": one.below_kwh,
                "coverage_ratio": one.coverage_ratio,
            }
        )
        .with_columns(pl.col("above_kwh", "below_kwh").fill_nan(None))
        .filter(pl.col("above_kwh").is_not_null() | pl.col("below_kwh").is_not_null())
        .with_columns(
            *(pl.lit(value).alias(name) for name, value in owner.items()),
            pl.lit(one.name).alias("feed_ids"),
            pl.lit(one.level).alias("path_level"),
            pl.lit(one.kind).alias("method"),
        )
        .select(pl.col(name).cast(kind) for name, kind in kinds.items())
        for one in found
    ]
    return pl.concat([pl.DataFrame(schema=kinds), *frames]).sort("feed_ids", "interval_start_utc")


def _clock_findings(level: LevelEnergy, series: Mapping[str, Samples]) -> list[Finding]:
    """Return whether a feed and what it alone serves show one load at different times."""
    above, below = level.group.above, level.group.below
    if len(above) > 1 or len(below) > 1 or not {*above, *below} <= series.keys():
        return []
    (first_ms, first_w), (second_ms, second_w) = series[above[0]], series[below[0]]
    try:
        lag = clock_lag(first_ms, first_w, second_ms, second_w, reach_s=_CLOCK_REACH_S)
    except DataRefusedError:
        return []  # a flat load or a short span shows no clock
    found = clock_finding(lag, first=above[0], second=below[0])
    return [] if found is None else [found]


def _refused(site_id: str, error: DataRefusedError) -> Finding:
    return Finding(
        code=FindingCode.TOPOLOGY_REFUSED,
        severity=Severity.WARNING,
        subject=f"site {site_id!r}",
        message=str(error),
    )
