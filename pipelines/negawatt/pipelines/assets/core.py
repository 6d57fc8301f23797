"""Core layer: readings of one site and UTC day become interval energy, with findings.

Not here: the arithmetic (negawatt.models.metering).
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from pathlib import Path

import dagster as dg
import polars as pl

from negawatt.models.domain.errors import DataRefusedError, NegawattError
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.job_allocation import (
    allocated_job_energy,
    newest_allocations,
    sharing_findings,
)
from negawatt.models.metering.roll_up import shared_minutes
from negawatt.models.metering.site_intervals import job_interval_energy, site_interval_energy
from negawatt.models.metering.whole_nodes import whole_node_allocations
from negawatt.models.reconciliation.meter_and_gpus import reconcile
from negawatt.pipelines.assets.raw import INTACT, RAW, taken_stock
from negawatt.pipelines.assets.tables import table_spec
from negawatt.pipelines.checks import SeenParts, check_specs
from negawatt.pipelines.findings import finding_rows
from negawatt.pipelines.gains import gains_of_day
from negawatt.pipelines.gpu_days import GpuMinutes, gpu_minutes_of_day
from negawatt.pipelines.levels import LEVELS_TABLE, SiteDay, levels_of_day
from negawatt.pipelines.partitions import site_day, site_day_key, site_days
from negawatt.pipelines.resources import ClockResource, WarehouseResource
from negawatt.pipelines.retries import again_after_trouble_of_the_machine
from negawatt.pipelines.validation import validation_findings
from negawatt.warehouse.aside import folder_aside
from negawatt.warehouse.delta_tables import replace_days
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.locks import metering
from negawatt.warehouse.raw_files import read_all_raw, read_raw, start_of_day
from negawatt.warehouse.seals import DAMAGE
from negawatt.warehouse.sites import read_site

_GPUS = "core_gpu__interval_energy"
CORE_TABLES = (
    _GPUS,
    "core_job__interval_energy",
    "core_site__interval_energy",
    "core_site__reconciliation",
    LEVELS_TABLE,
    "core_site__findings",
)
RECONCILIATION_MINUTES = 5
SPAN_DAYS = 31
# The schedule meters at 01:15 UTC; what was not written by three is late.
METERED_EVERY_DAY = dg.FreshnessPolicy.cron(
    deadline_cron="0 3 * * *", lower_bound_delta=timedelta(hours=2)
)

_LOG = logging.getLogger(__name__)


@dg.multi_asset(
    specs=[
        RAW,
        *(
            table_spec(table, deps=[RAW.key], group_name="core", freshness_policy=METERED_EVERY_DAY)
            for table in CORE_TABLES
        ),
    ],
    check_specs=[INTACT, *check_specs(CORE_TABLES)],
    partitions_def=site_days,
    backfill_policy=dg.BackfillPolicy.single_run(),
    name="core_interval_energy",
    pool="metering",
)
def core_interval_energy(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, clock: ClockResource
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Meter every partition and replace it in each core table, then raise what was refused.

    A day that is refused keeps what the tables hold of it, and stops no other day.
    """
    with again_after_trouble_of_the_machine(context):
        stock = taken_stock(warehouse.layout, map(site_day, context.partition_keys))
    yield stock.result()
    refused: dict[tuple[str, date], Exception] = dict(stock.refused)
    spans = day_spans(
        one for one in map(site_day, context.partition_keys) if one not in stock.refused
    )
    written: list[tuple[str, date]] = []
    seen = {table: SeenParts(table) for table in CORE_TABLES}
    versions: dict[str, int] = {}
    for site_id, first, last in spans:
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        with (
            again_after_trouble_of_the_machine(context),
            metering(warehouse.layout),
            folder_aside(warehouse.layout) as folder,
        ):
            metered = {}
            for day in days:
                try:
                    metered[site_id, day] = metered_day(
                        warehouse.layout, site_id, day, clock.now_utc(), folder
                    )
                except (NegawattError, *DAMAGE) as error:
                    refused[site_id, day] = error
            for _, start, end in day_spans(metered):
                inside = [one for (_, day), one in metered.items() if start <= day <= end]
                for table, rows in seen.items():
                    parts = rows.passing(chain(*(one.parts(table) for one in inside)))
                    versions[table] = replace_days(
                        warehouse.layout, table, site_id, start, end, parts
                    )
            written += metered
    for table, rows in seen.items() if written else ():
        metadata = {
            **rows.shown.metadata(len(written)),
            "day_count": dg.MetadataValue.int(len(written)),
            "table_version": dg.MetadataValue.int(versions[table]),
        }
        if not refused:
            yield dg.MaterializeResult(
                asset_key=table, metadata=metadata, check_results=rows.results()
            )
            continue
        yield from rows.results()
        for one in written:  # a result would be of all days of the run
            key = site_day_key(*one)
            context.log_event(dg.AssetMaterialization(table, partition=key, metadata=metadata))
    if refused:
        raise _as_one(refused)


def _as_one(refused: Mapping[tuple[str, date], Exception]) -> Exception:
    """Return what was refused of some days as one error."""
    if len(refused) == 1:
        return next(iter(refused.values()))
    said = [f"{day} of {site_id!r}: {error}" for (site_id, day), error in sorted(refused.items())]
    return DataRefusedError(
        thing=f"{len(refused)} days",
        expected="readings that can be metered",
        found="; ".join(said),
        remedy="mend each, and meter it again; the other days are metered",
    )


def day_spans(site_days: Iterable[tuple[str, date]]) -> list[tuple[str, date, date]]:
    """Join consecutive days of a site into spans that are written at once, of a month at most.

    Examples:
        >>> day_spans([("s", date(2026, 6, 2)), ("s", date(2026, 6, 1)), ("s", date(2026, 6, 9))])
        [('s', datetime.date(2026, 6, 1), datetime.date(2026, 6, 2)), \
('s', datetime.date(2026, 6, 9), datetime.date(2026, 6, 9))]
    """
    spans: list[tuple[str, date, date]] = []
    for site_id, day in sorted(site_days):
        site, first, last = spans[-1] if spans else ("", day, day)
        follows = site == site_id and day - last == timedelta(days=1)
        if follows and (day - first).days < SPAN_DAYS:
            spans[-1] = (site_id, first, day)
        else:
            spans.append((site_id, day, day))
    return spans


@dataclass(frozen=True, slots=True, kw_only=True)
class MeteredDay:
    """What was metered of a site and UTC day.

    Attributes:
        gpus: Rows of core_gpu__interval_energy, which may be too many for memory.
        others: Rows of the other core tables.
    """

    gpus: GpuMinutes
    others: Mapping[str, pl.DataFrame]

    def parts(self, table: str) -> Iterator[pl.DataFrame]:
        """Yield the rows of a core table, sorted by key."""
        yield from self.gpus if table == _GPUS else (self.others[table],)

    def __getitem__(self, table: str) -> pl.DataFrame:
        """Return all rows of a core table."""
        return pl.concat(self.parts(table))


def metered_day(
    layout: Layout, site_id: str, day: date, as_of_utc: datetime, folder: Path
) -> MeteredDay:
    """Return the rows of every core table for one site and UTC day.

    Args:
        layout: Where the warehouse lies.
        site_id: A registered site.
        day: The UTC day.
        as_of_utc: Readings that became available later are not seen.
        folder: For rows that are too many to be kept in memory.
    """
    _LOG.info("metering %s on %s", site_id, day)
    site = read_site(layout, site_id)
    span = Interval(start_of_day(day), start_of_day(day) + timedelta(days=1))
    gains, gain_findings = gains_of_day(layout, site_id, site, span)
    readings = read_raw(layout, "raw_meter__readings", site_id, day, day)
    meters, meter_findings = site_interval_energy(readings, span, site_id, as_of_utc=as_of_utc)
    meter_findings += validation_findings(layout, site_id, site, readings, span, as_of_utc)
    minutes = shared_minutes(meters, RECONCILIATION_MINUTES)
    gpus = gpu_minutes_of_day(layout, site_id, site, day, folder, gains, minutes)
    jobs, job_findings = job_interval_energy(
        read_raw(layout, "raw_job__readings", site_id, day, day), span, site_id, as_of_utc=as_of_utc
    )
    allocations = read_all_raw(layout, "raw_job__allocations", site_id).filter(
        ~pl.col("job_id").is_in(jobs["job_id"].unique().implode())
    )
    labeled = newest_allocations(allocations, as_of_utc)
    placed = whole_node_allocations(
        read_all_raw(layout, "raw_job__accounting", site_id), gpus.seen, span, as_of_utc
    )
    told = {*labeled["job_id"], *jobs["job_id"]}  # labels and meters of jobs say it better
    newest = pl.concat([labeled, placed.filter(~pl.col("job_id").is_in(told))])
    allocated = allocated_job_energy(gpus, newest, span, site_id)
    both = reconcile(meters, [gpus.rolled], meter_id=site.settlement_meter_id, minutes=minutes)
    levels, level_findings = levels_of_day(
        layout,
        SiteDay(site_id=site_id, site=site, span=span, minutes=minutes, as_of_utc=as_of_utc),
        meters=meters,
        gpus=gpus.rolled,
    )
    findings = [*gpus.findings, *gain_findings, *meter_findings, *job_findings, *level_findings]
    findings += sharing_findings(newest, span)
    others = {
        "core_job__interval_energy": pl.concat([jobs, allocated]),
        "core_site__interval_energy": meters,
        "core_site__reconciliation": both,
        LEVELS_TABLE: levels,
        "core_site__findings": finding_rows(findings, {"site_id": site_id, "date": day}),
    }
    return MeteredDay(gpus=gpus, others=others)
