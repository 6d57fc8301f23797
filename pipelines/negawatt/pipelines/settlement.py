"""Reading what a settlement needs from the warehouse, as values with their digests and versions.

Here: from tables to SettlementInputs. Not here: the settlement (negawatt.models.settlement) and
writing its results (assets/out.py).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from negawatt.models.baselines.dispatch import dispatch_window
from negawatt.models.baselines.registry import load_program
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.event import Event
from negawatt.models.domain.findings import Finding
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.estimates import without_estimates
from negawatt.models.metering.estimation import with_estimates
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.metering.roll_up import each_load_series, to_load_series
from negawatt.models.settlement.build import SettlementTerms
from negawatt.models.settlement.rounding import rounding_of
from negawatt.models.settlement.settle import SettlementInputs
from negawatt.models.settlement.statement import Override
from negawatt.models.verification.reconciliation import RECONCILED_HISTORY
from negawatt.pipelines.agent import heard_of
from negawatt.pipelines.findings import (
    condensed,
    discrepancy_findings,
    findings_from_rows,
)
from negawatt.pipelines.market import gather_market
from negawatt.pipelines.reconciled import RECONCILIATION_TABLE, reconciled_of
from negawatt.pipelines.surroundings import (
    context_of,
    interval_minutes_of,
    meters_of,
    other_settlement_meters,
)
from negawatt.pipelines.told import told_of
from negawatt.warehouse.delta_tables import Snapshot, has_rows, read_table
from negawatt.warehouse.digest import frame_digest
from negawatt.warehouse.event_tables import events_of_site, find_event
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import read_all_raw
from negawatt.warehouse.sites import Site, read_site

LOAD_TABLE = "core_site__interval_energy"
GPUS_TABLE = "core_gpu__interval_energy"
JOBS_TABLE = "core_job__interval_energy"
FINDINGS_TABLE = "core_site__findings"
HISTORY = timedelta(days=62)
"""As far back as any program looks, with a day to spare at either end."""
JOB_HISTORY = timedelta(hours=2)
"""As long before a dispatch as the hour before it is looked for."""
AFTERMATH = timedelta(hours=3)
"""As long after an event as a rebound or an hour after it is looked for, ramps included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatheredInputs:
    """What was read for one event.

    Attributes:
        inputs: The values that the settlement is a function of.
        reads: Which rows of each Delta table were read.
        snapshots: What they were, and in which version of the table.
    """

    inputs: SettlementInputs
    reads: Mapping[str, pl.Expr]
    snapshots: Mapping[str, Snapshot]

    @property
    def table_versions(self) -> dict[str, int]:
        """Version of each Delta table that was read."""
        return {
            name: snapshot.version
            for name, snapshot in self.snapshots.items()
            if snapshot.version is not None
        }


def gather_inputs(
    layout: Layout,
    event_id: str,
    overrides: tuple[Override, ...] = (),
    standing_overrides: tuple[Override, ...] = (),
) -> GatheredInputs:
    """Read everything that the settlement of an event is computed from.

    Args:
        layout: Where the warehouse lies.
        event_id: A known event.
        overrides: Decisions on blocking findings that are made now.
        standing_overrides: Decisions of the latest version.

    Raises:
        ConfigurationError: The event, its site or its program is not known.
        DataRefusedError: The event was cancelled, or its site has no metered load around it.
    """
    event = find_event(layout, event_id)
    if event.cancelled:
        raise DataRefusedError(
            thing=f"event {event_id!r}",
            expected="an event that took place",
            found=f"revision {event.revision} cancels it",
            remedy="settle another event",
        )
    site = read_site(layout, event.site_id)
    others = _events_near(layout, event)
    windows = tuple(
        other.interval for other in others if other.event_id != event_id and not other.cancelled
    )
    others_load = other_settlement_meters(layout, site)
    reads = _reads(layout, event, site, others_load)
    snapshots = {name: read_table(layout, name, where) for name, where in reads.items()}
    load, jobs, findings = (snapshots[name] for name in (LOAD_TABLE, JOBS_TABLE, FINDINGS_TABLE))
    told = told_of(layout, event, _dispatch(layout, event))
    own = load.frame.filter(pl.col("site_id") == event.site_id)
    rule = load_program(event.program_id)
    energy, estimates = _estimated(own, event, site, rule, windows)
    money = gather_market(layout, site, event, rule)
    discrepancies = read_all_raw(layout, "raw_source__discrepancies", event.site_id)
    alternatives = tuple(map(load_program, site.alternative_programs))
    metered = _series(energy, site.settlement_meter_id, event)
    reconciled = reconciled_of(
        layout,
        event.site_id,
        site,
        snapshots[RECONCILIATION_TABLE].frame,
        _reconciled_window(layout, event),
    )
    heard = heard_of(layout, event, metered, tolerance_kw=site.limit_tolerance_kw)
    inputs = SettlementInputs(
        event=event,
        rule=rule,
        alternative_rules=alternatives,
        load=metered,
        job_loads=_job_loads(jobs.frame),
        other_event_windows=windows,
        time_zone=site.zone,
        input_sha256={
            **{
                name: frame_digest(snapshot.frame)
                for name, snapshot in snapshots.items()
                if name != RECONCILIATION_TABLE
            },
            "raw_grid__events": frame_digest(_event_rows(layout, event, others)),
            "raw_source__discrepancies": frame_digest(
                discrepancies.drop("available_at_utc").unique(maintain_order=True)
            ),
            **{f"program {one.rule_id}": one.digest for one in (rule, *alternatives)},
            f"site {event.site_id}": hashlib.sha256(site.deciding_json()).hexdigest(),
            **money.input_sha256,
            **told.input_sha256,
            **heard.input_sha256,
            **reconciled.input_sha256,
        },
        data_findings=(
            *estimates,
            *condensed(findings_from_rows(findings.frame)),
            *discrepancy_findings(discrepancies),
            *heard.findings,
        ),
        terms=SettlementTerms(
            statement_id=event.statement_id,
            revenue_grade=site.revenue_grade,
            low_confidence_facts=_low_confidence(rule),
            rounding=rounding_of(rule),
            overrides=overrides,
            standing_overrides=standing_overrides,
        ),
        market=money.market,
        context=context_of(
            site,
            others_load,
            load.frame,
            event,
            gpus=snapshots[GPUS_TABLE].frame,
            told=told,
            reconciliation=reconciled.inputs,
        ),
    )
    return GatheredInputs(inputs=inputs, reads=reads, snapshots=snapshots)


def load_window(layout: Layout, event: Event) -> Interval:
    """Return the span of load that a settlement may look at; later data never changes it.

    It ends some hours after the whole dispatch, of which the event may be one step.
    """
    dispatch = _dispatch(layout, event)
    return Interval(event.interval.start_utc - HISTORY, dispatch.end_utc + AFTERMATH)


def data_is_complete(layout: Layout, event: Event, now_utc: datetime) -> bool:
    """Say whether an event is over and its load is metered to the end of its aftermath.

    Missing intervals inside are for the settlement to find; this only says that later ones came.
    """
    end_utc = load_window(layout, event).end_utc
    if event.cancelled or now_utc < end_utc:
        return False
    return has_rows(
        layout,
        LOAD_TABLE,
        (pl.col("site_id") == event.site_id)
        & (pl.col("meter_id") == read_site(layout, event.site_id).settlement_meter_id)
        & (pl.col("date") >= _day(event.interval.end_utc))
        & (pl.col("interval_end_utc") >= end_utc),
    )


def _dispatch(layout: Layout, event: Event) -> Interval:
    """Return the whole dispatch, with its ramps."""
    others = [
        other.interval
        for other in events_of_site(layout, event.site_id)
        if other.event_id != event.event_id and not other.cancelled
    ]
    return dispatch_window(event.interval, others, ramp_minutes=event.ramp_minutes)


def _reads(
    layout: Layout, event: Event, site: Site, others: Mapping[str, str]
) -> dict[str, pl.Expr]:
    """Return which rows of each Delta table a settlement reads.

    Of the findings only those about the event's own days: those of history show in its days
    dropped.
    """
    dispatch = _dispatch(layout, event)
    own = dict.fromkeys((site.settlement_meter_id, *(site.on_site_meters or {})))
    first, last = _day(event.interval.start_utc), _day(event.interval.end_utc)
    of_site = pl.col("site_id") == event.site_id
    near = _inside(Interval(dispatch.start_utc - JOB_HISTORY, event.interval.end_utc))
    return {
        LOAD_TABLE: ((of_site & pl.col("meter_id").is_in(list(own))) | meters_of(others))
        & _inside(load_window(layout, event)),
        GPUS_TABLE: of_site & near,
        JOBS_TABLE: of_site & near,
        FINDINGS_TABLE: of_site & pl.col("date").is_between(first, last),
        RECONCILIATION_TABLE: of_site & _overlapping(_reconciled_window(layout, event)),
    }


def _reconciled_window(layout: Layout, event: Event) -> Interval:
    start_utc = _dispatch(layout, event).start_utc - RECONCILED_HISTORY
    return Interval(start_utc, event.interval.end_utc)


def _overlapping(window: Interval) -> pl.Expr:
    return (
        pl.col("date").is_between(_day(window.start_utc), _day(window.end_utc))
        & (pl.col("interval_start_utc") < window.end_utc)
        & (pl.col("interval_end_utc") > window.start_utc)
    )


def _inside(window: Interval) -> pl.Expr:
    return (
        pl.col("date").is_between(_day(window.start_utc), _day(window.end_utc))
        & (pl.col("interval_start_utc") >= window.start_utc)
        & (pl.col("interval_end_utc") <= window.end_utc)
    )


def _job_loads(rows: pl.DataFrame) -> dict[str, LoadSeries]:
    longest = (pl.col.interval_end_utc - pl.col.interval_start_utc).max().over("job_id")
    found = {
        job_id: series
        for own in rows.with_columns(longest.alias("longest")).partition_by(
            "longest", include_key=False
        )
        for job_id, series in each_load_series(own, interval_minutes_of(own)).items()
    }
    return dict(sorted(found.items()))


def _estimated(
    rows: pl.DataFrame, event: Event, site: Site, rule: BaselineRule, others: tuple[Interval, ...]
) -> tuple[pl.DataFrame, list[Finding]]:
    """Return the site's energy with or without estimates, as the program has it, and a finding."""
    meter_id = site.settlement_meter_id
    if rule.estimates is None:
        return without_estimates(rows, event.interval, meter_id)
    days = _local_days(event, site)
    is_own = pl.col("meter_id") == meter_id
    filled = with_estimates(
        rows.filter(is_own), days, rule.estimates, zone=site.zone, other_events=others
    )
    return without_estimates(
        pl.concat([filled, rows.filter(~is_own)]), event.interval, meter_id, allowed=days
    )


def _local_days(event: Event, site: Site) -> Interval:
    """Return the site's days that the event lies in, whole."""
    first = event.interval.start_utc.astimezone(site.zone)
    last = (event.interval.end_utc - timedelta(microseconds=1)).astimezone(site.zone)
    midnights = (
        datetime.combine(day, time(), site.zone)
        for day in (first.date(), last.date() + timedelta(days=1))
    )
    return Interval(*(midnight.astimezone(UTC) for midnight in midnights))


def _series(rows: pl.DataFrame, meter_id: str, event: Event) -> LoadSeries:
    metered = rows.filter(pl.col("meter_id") == meter_id)
    if metered.is_empty():
        raise DataRefusedError(
            thing=f"event {event.event_id!r}",
            expected=f"load of meter {meter_id!r} around {event.interval.start_utc.isoformat()}",
            found="none",
            remedy="import the meter's readings and run the daily metering job for those days",
        )
    return to_load_series(metered, interval_minutes_of(metered), meter_id)


def _events_near(layout: Layout, event: Event) -> list[Event]:
    """Return the site's events inside the span of load that is looked at, this one among them.

    An event months away changes nothing, and so must not restate the statement.
    """
    window = load_window(layout, event)
    return [
        other for other in events_of_site(layout, event.site_id) if other.interval.overlaps(window)
    ]


def _event_rows(layout: Layout, event: Event, others: list[Event]) -> pl.DataFrame:
    """Return what the settlement knows of this event and the others of its site."""
    rows = read_all_raw(layout, "raw_grid__events", event.site_id)
    newest = pl.DataFrame(
        {"event_id": [o.event_id for o in others], "revision": [o.revision for o in others]},
        schema={"event_id": pl.String, "revision": pl.Int32},
    )
    known = rows.join(newest, on=["event_id", "revision"], how="semi")
    return known.sort("event_start_utc", "event_id").drop("available_at_utc")


def _low_confidence(rule: BaselineRule) -> tuple[str, ...]:
    return tuple(
        f"{fact.parameter}: {fact.statement} ({fact.confidence.words}; check {fact.check})"
        for fact in rule.unverified_facts
    )


def _day(moment_utc: datetime) -> date:
    return moment_utc.astimezone(UTC).date()
