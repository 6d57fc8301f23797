"""Simulated halls in a warehouse, metered and ready to settle.

Here: what benchmarks of settlements share. Not here: any timing.
"""

from datetime import timedelta
from pathlib import Path

import polars as pl

from negawatt.collectors.spool.segment import seal
from negawatt.models.domain.interval import Interval
from negawatt.models.simulation import readings
from negawatt.models.simulation.record import HallRecord
from negawatt.pipelines import run
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.sites import Site, register_sites

PROGRAM = "pjm_economic_3day"
METER = "hall-feeder"
SITE = Site(
    time_zone="America/New_York",
    settlement_meter_id=METER,
    revenue_grade=True,
    boundary="simulated feeder of one hall",
    alternative_programs=("caiso_10_in_10", "nyiso_average_day", "pjm_same_day_3_plus_2"),
    gpu_reading_gap_s=95.0,
)


def metered_halls(root: Path, record: HallRecord, events: dict[str, pl.DataFrame]) -> Layout:
    """Return a warehouse in which every site has the record's readings, and events of its own.

    Args:
        root: Where the warehouse is made.
        record: What every site's GPUs, jobs and meter did.
        events: Rows of raw_grid__events of each site.
    """
    layout, plan = Layout(root), record.plan
    register_sites(layout, dict.fromkeys(events, SITE))
    samples = [
        readings.power_samples(
            record, node_id, Interval(plan.start_utc, plan.end_utc), boot_id="boot-1"
        ).to_arrow()
        for node_id in sorted({gpu.node_id for gpu in record.gpus})
    ]
    rows = (readings.meter_readings(record, METER), readings.allocations(record))
    for site_id, site_events in events.items():
        for name, frame in zip(("raw_meter__readings", "raw_job__allocations"), rows, strict=True):
            seal_rows(layout, name, site_id, "simulation", frame)
        seal_rows(layout, "raw_grid__events", site_id, "simulation", site_events)
        for sample in samples:
            seal(sample, root=root, site_id=site_id, source="dcgm")
        first, last = plan.start_utc.date(), (plan.end_utc - timedelta(days=1)).date()
        run.run_daily_metering(layout, site_id, first, last)
    return layout
