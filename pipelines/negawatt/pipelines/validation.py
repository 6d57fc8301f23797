"""The checks of a site's meters over a day: what they need from the warehouse.

Here: files and declarations. Not here: the checks (negawatt.models.metering.meter_checks).
"""

from datetime import datetime, timedelta
from typing import Final

import polars as pl

from negawatt.models.domain.findings import Finding
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.meter_checks import days_of_meters, meter_findings
from negawatt.models.metering.meter_day import OK
from negawatt.models.metering.register_check import register_between_reads, register_findings
from negawatt.models.metering.validation_limits import limits_with
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import read_raw, start_of_day
from negawatt.warehouse.sites import Site

_REGISTERS: Final = "raw_node__power_samples"
_LONGEST_DAYS: Final = 100  # a quarter, which some registers are read once in
_A_DAY: Final = timedelta(days=1)


def validation_findings(
    layout: Layout,
    site_id: str,
    site: Site,
    readings: pl.DataFrame,
    span: Interval,
    as_of_utc: datetime,
) -> list[Finding]:
    """Return what the checks find in a day of readings.

    Args:
        layout: Where the warehouse lies.
        site_id: The site.
        site: What is declared of it.
        readings: The day's rows of raw_meter__readings, not refused by ``site_interval_energy``.
        span: The UTC day.
        as_of_utc: Readings that became available later are not seen.
    """
    limits = limits_with({str(name): value for name, value in site.meter_limits.items()})
    days = days_of_meters(readings, span, as_of_utc=as_of_utc)
    found = meter_findings(days, site.meters, limits, site.zone)
    if any(facts.register_node_id for facts in site.meters.values()):
        day = span.start_utc.date()
        registers = read_raw(layout, _REGISTERS, site_id, day, day)
        found += register_findings(days, registers, site.meters, limits.register_tolerance_ratio)
        for meter_id in site.meters:
            found += _since_last_read(layout, site_id, site, meter_id, span, as_of_utc)
    return found


def _since_last_read(
    layout: Layout, site_id: str, site: Site, meter_id: str, span: Interval, as_of_utc: datetime
) -> list[Finding]:
    """Compare a register that is read rarely, on a day when it was, since it was read before."""
    facts, day = site.meters[meter_id], span.start_utc.date()
    if facts.register_node_id is None:
        return []
    of_register = (
        (pl.col("node_id") == facts.register_node_id)
        & (pl.col("meter_id") == facts.register_meter_id)
        & pl.col("energy_total_kwh").is_finite()
        & (pl.col("reading_quality") == OK)
    )
    instant, shown = "observed_at_utc", "energy_total_kwh"
    today = read_raw(layout, _REGISTERS, site_id, day, day, of_register).unique([instant, shown])
    if today.height != 1:  # more say it within the day
        return []
    first = day - timedelta(days=_LONGEST_DAYS)
    before = read_raw(layout, _REGISTERS, site_id, first, day - _A_DAY, of_register)
    if before.is_empty():
        return []
    reads = pl.concat([before.sort(instant).tail(1), today])
    begin = reads[instant][0].date()
    rows = read_raw(
        layout, "raw_meter__readings", site_id, begin, day, pl.col("meter_id") == meter_id
    )
    whole = Interval(start_of_day(begin), span.end_utc)
    limits = limits_with({str(name): value for name, value in site.meter_limits.items()})
    return [
        finding
        for meter in days_of_meters(rows, whole, as_of_utc=as_of_utc)
        for finding in register_between_reads(
            meter,
            reads[instant].dt.epoch("ms").to_numpy(),
            reads[shown].to_numpy(),
            limits.register_tolerance_ratio,
        )
    ]
