"""The checks of a site's meters over a day: what they need from the warehouse.

Here: files and declarations. Not here: the checks (negawatt.models.metering.meter_checks).
"""

from datetime import date, datetime, timedelta
from typing import Final

import polars as pl

from negawatt.models.domain.findings import Finding
from negawatt.models.domain.interval import Interval
from negawatt.models.domain.meter_facts import MeterFacts
from negawatt.models.metering.meter_checks import days_of_meters, meter_findings
from negawatt.models.metering.meter_day import MeterDay
from negawatt.models.metering.register_check import (
    in_order,
    is_of_register,
    register_between_reads,
    register_findings,
)
from negawatt.models.metering.validation_limits import limits_with
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import read_raw, start_of_day
from negawatt.warehouse.sites import Site

_REGISTERS: Final = "raw_node__power_samples"
_LONGEST_DAYS: Final = 100  # a quarter, which some registers are read once in


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
        tolerance_ratio = limits.register_tolerance_ratio
        found += register_findings(days, registers, site.meters, tolerance_ratio)
        for meter_id, facts in site.meters.items():
            reads = _around_midnight(layout, site_id, facts, registers, day)
            for meter in _meter_between(layout, site_id, meter_id, reads, as_of_utc):
                found += register_between_reads(
                    meter,
                    reads["observed_at_utc"].dt.epoch("ms").to_numpy(),
                    reads["energy_total_kwh"].to_numpy(),
                    tolerance_ratio,
                    exports=facts.exports,
                )
    return found


def _around_midnight(
    layout: Layout, site_id: str, facts: MeterFacts, registers: pl.DataFrame, day: date
) -> pl.DataFrame:
    """Return the last reading of a register before a day and the first one in it; else none."""
    own = is_of_register(facts)
    first = in_order(registers.filter(own)).head(1)
    if facts.register_node_id is None or first.is_empty():
        return first.clear()
    for since_days in (1, _LONGEST_DAYS):  # most are read daily
        since, until = day - timedelta(days=since_days), day - timedelta(days=1)
        before = in_order(read_raw(layout, _REGISTERS, site_id, since, until, own)).tail(1)
        if not before.is_empty():
            return pl.concat([before, first])
    return before


def _meter_between(
    layout: Layout, site_id: str, meter_id: str, reads: pl.DataFrame, as_of_utc: datetime
) -> list[MeterDay]:
    """Return a meter's intervals on the days of two readings, where they are of one length."""
    if reads.is_empty():
        return []
    first, last = (moment.date() for moment in reads["observed_at_utc"])
    own = pl.col("meter_id") == meter_id
    rows = read_raw(layout, "raw_meter__readings", site_id, first, last, own)
    span = Interval(start_of_day(first), start_of_day(last + timedelta(days=1)))
    return days_of_meters(rows, span, as_of_utc=as_of_utc)
