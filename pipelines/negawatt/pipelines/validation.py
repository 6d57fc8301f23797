"""The checks of a site's meters over a day: what they need from the warehouse.

Here: files and declarations. Not here: the checks (negawatt.models.metering.meter_checks).
"""

from datetime import datetime

import polars as pl

from negawatt.models.domain.findings import Finding
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.meter_checks import days_of_meters, meter_findings
from negawatt.models.metering.register_check import register_findings
from negawatt.models.metering.validation_limits import limits_with
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import read_raw
from negawatt.warehouse.sites import Site


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
        registers = read_raw(layout, "raw_node__power_samples", site_id, day, day)
        found += register_findings(days, registers, site.meters, limits.register_tolerance_ratio)
    return found
