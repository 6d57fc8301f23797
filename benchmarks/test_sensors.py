"""From the last needed reading to the statement, with Dagster running as an operator leaves it.

Code server, daemon and Postgres are those of tests/pipelines/production.py. The time is that of
waiting: looks of two sensors, the queue, the starts of two runs, and their work.
"""

import time
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from benchmarks.settled_halls import METER, PROGRAM, SITE
from negawatt.collectors.spool.segment import seal
from negawatt.models.domain.interval import Interval
from negawatt.models.simulation import readings
from negawatt.models.simulation.demo import demo_plan
from negawatt.models.simulation.hall import simulate
from negawatt.models.simulation.record import HallRecord
from negawatt.pipelines.publish import latest_statement
from negawatt.pipelines.resources import ClockResource
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.sites import register_sites
from tests.pipelines.postgres import postgres_server
from tests.pipelines.production import production

LIMIT_S = 30.0
SENSORS = ("meter_what_arrived", "settle_complete_events")


NODES, DAYS = 64, 12


def test_from_the_last_reading_of_512_gpus_to_the_statement(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything before the event's day is there and metered.

    The readings of that day, and of the hour after its midnight, come last: in it the event's
    aftermath ends.
    """
    demo = demo_plan(1, nodes=NODES, days=DAYS)
    midnight_utc, day_utc = demo.end_utc, demo.end_utc - timedelta(days=1)
    record = simulate(demo.model_copy(update={"days": DAYS + 1}))
    plan, layout = record.plan, Layout(tmp_path / "warehouse")
    register_sites(layout, {plan.site_id: SITE})
    _seal(layout, record, Interval(plan.start_utc, day_utc))
    statement_id = f"{plan.site_id}.{plan.events[-1].event_id}"
    with postgres_server() as url, production(layout, url) as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        from negawatt.pipelines import run  # noqa: PLC0415 - reads the settings made here

        last_metered = (day_utc - timedelta(days=1)).date()
        run.run_daily_metering(layout, plan.site_id, plan.start_utc.date(), last_metered)
        seal_rows(
            layout, "raw_grid__events", plan.site_id, "test", readings.event_rows(record, PROGRAM)
        )
        running.start_all()
        for sensor in SENSORS:
            running.switch_on(sensor)
        running.wait(lambda: all(map(running.has_looked, SENSORS)), 120)

        _seal(layout, record, Interval(day_utc, midnight_utc + timedelta(hours=1)))
        start_s, start_utc = time.perf_counter(), ClockResource().now_utc()
        running.wait(lambda: latest_statement(layout, statement_id) is not None, 300)
        took_s = time.perf_counter() - start_s
        steps = _steps(running.instance(), start_utc)

    with capsys.disabled():
        print(f"\n{len(record.gpus)} GPUs, last reading to statement: {took_s:.1f} s")
        print("\n".join(steps))
    assert took_s < LIMIT_S


def _seal(layout: Layout, record: HallRecord, window: Interval) -> None:
    """Seal what GPUs and meter gave in a window, and who held the GPUs, once."""
    site_id = record.plan.site_id
    meter = readings.meter_readings(record, METER)
    start = pl.col("interval_start_utc")
    inside = meter.filter((start >= window.start_utc) & (start < window.end_utc))
    seal_rows(layout, "raw_job__allocations", site_id, "test", readings.allocations(record))
    seal_rows(layout, "raw_meter__readings", site_id, "test", inside)
    for node_id in sorted({gpu.node_id for gpu in record.gpus}):
        rows = readings.power_samples(record, node_id, window, boot_id="boot-1")
        seal(rows.to_arrow(), root=layout.root, site_id=site_id, source="dcgm")


def _steps(instance: dg.DagsterInstance, start_utc: datetime) -> list[str]:
    """Say when each run was asked for, started and ended after a moment."""
    records = instance.get_run_records(dg.RunsFilter(created_after=start_utc), ascending=True)
    zero_s = start_utc.timestamp()
    return [
        f"  {one.dagster_run.job_name}: asked for after "
        f"{one.create_timestamp.timestamp() - zero_s:.1f} s, running from "
        f"{(one.start_time or zero_s) - zero_s:.1f} to {(one.end_time or zero_s) - zero_s:.1f} s"
        for one in records
    ]
