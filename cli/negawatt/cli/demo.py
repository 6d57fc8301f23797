"""``negawatt demo``: the main job end to end, on a simulated hall.

Here: joining the hall (models) with its exporters and the collector (collectors), and running the
same two Dagster jobs that run on a schedule. Not here: any of their work.
"""

import asyncio
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from negawatt.cli.demo_market import demo_payment, demo_prices
from negawatt.cli.options import JsonOption
from negawatt.cli.progress import bar_shown, site_days_shown
from negawatt.cli.words import settlement_words, statement_facts
from negawatt.collectors.agent import Summary, collect
from negawatt.collectors.clock import VirtualClock
from negawatt.collectors.config import CollectConfig
from negawatt.collectors.config_sections import DcgmConfig
from negawatt.collectors.emulated_page import EmulatedGpu, render_page
from negawatt.collectors.emulator import Emulator
from negawatt.collectors.spool.segment import seal
from negawatt.models.domain.errors import ConfigurationError
from negawatt.models.domain.interval import Interval
from negawatt.models.domain.topology import METER as POWER_METER
from negawatt.models.domain.topology import NODE, RACK, PathObject
from negawatt.models.simulation import readings
from negawatt.models.simulation.demo import demo_plan
from negawatt.models.simulation.hall import simulate
from negawatt.models.simulation.record import HallRecord
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.price_files import PRICE_FOLDER, PRICES
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.sites import Site, register_sites
from negawatt.warehouse.topology_files import TOPOLOGY, topology_rows
from negawatt.warehouse.weather_files import WEATHER

DEMO_WAREHOUSE = Path("negawatt-data") / "demo"
PROGRAM = "pjm_economic_3day"
ALTERNATIVES = (
    "before_and_after",
    "caiso_10_in_10",
    "nyiso_average_day",
    "pjm_same_day_3_plus_2",
    "post_event_hour",
    "pre_event_hour",
)
METER = "hall-feeder"
NODES_PER_RACK = 4
BOOT = "boot-1"
SEED = 1
LIVE_BEFORE = timedelta(hours=2)
SCRAPE_INTERVAL_S = 30.0
READING_GAP_S = 95.0
_MARK = ".negawatt-demo"


def demo(
    warehouse: Annotated[
        Path, typer.Option("--warehouse", "-w", help="Folder to write; made anew each time.")
    ] = DEMO_WAREHOUSE,
    seed: Annotated[int, typer.Option(help="Seed of the simulated hall.")] = SEED,
    json_output: JsonOption = False,
) -> None:
    """Simulate a hall of 64 GPUs, collect from it, settle one event and write its report.

    Everything runs on this machine and takes about a minute; the same seed gives the same
    statement, bit for bit.

    Example: negawatt demo --warehouse negawatt-data/demo
    """
    layout = Layout(_fresh(warehouse))
    say: Callable[[str], None] = _silent if json_output else typer.echo
    with _step(say, "simulating 29 days of a hall with 64 GPUs"):
        record = simulate(demo_plan(seed))
    with _step(say, "sealing its history: GPU readings, meter, jobs, events, prices"):
        _seal_history(layout, record)
    with _step(say, f"scraping {record.plan.nodes} exporters on loopback") as note:
        summary = asyncio.run(_collect_live(layout, record))
        note(
            f"{summary.sample_count} samples in {len(summary.files)} files, "
            f"{summary.received_count} of {summary.expected_count} expected readings"
        )
    days = record.plan.days
    now_utc = record.plan.end_utc + timedelta(hours=1)
    with _step(say, f"Dagster: metering {days} site days"), site_days_shown(days):
        from negawatt.pipelines import run  # noqa: PLC0415 - Dagster takes seconds to import

        last = record.plan.end_utc - timedelta(days=1)
        run.run_daily_metering(
            layout,
            record.plan.site_id,
            record.plan.start_utc.date(),
            last.date(),
            fixed_utc=now_utc,
        )
    event = record.plan.events[-1]
    with _step(say, f"Dagster: settling event {event.event_id}"):
        statement = run.run_event_settlement(layout, event.event_id, fixed_utc=record.plan.end_utc)
    with _step(say, "writing its evidence bundle, settled again from its own inputs"):
        from negawatt.pipelines.exports.bundle import Wanted, write_bundle  # noqa: PLC0415 - as above

        wanted = Wanted(signed_at_utc=record.plan.end_utc)
        bundle = write_bundle(layout, event.event_id, wanted).path
    true_kwh = record.true_reduction_kwh(event.window)
    report = layout.report_folder(statement.body.statement_id)
    if json_output:
        facts = statement_facts(statement) | {
            "true_reduction_kwh": round(true_kwh, 3),
            "report": str(report / "report.html"),
            "bundle": str(bundle),
            "warehouse": str(warehouse),
        }
        typer.echo(json.dumps(facts, sort_keys=True))
        return
    say("")
    say(settlement_words(statement))
    say(f"simulated truth   {true_kwh / event.window.duration_h:.1f} kW ({true_kwh:.1f} kWh)")
    say("")
    say(f"report            {report / 'report.html'}")
    say(f"tables            {report}")
    say(f"bundle            {bundle}")
    say(f'ask               negawatt sql -w {warehouse} "SHOW TABLES"')


def _silent(_text: str) -> None:
    """Say nothing: a program reads the JSON at the end."""


def _fresh(folder: Path) -> Path:
    """Return an empty folder; only a folder that an earlier demo made is emptied."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARK).exists():
            raise ConfigurationError(
                thing=f"folder {folder}",
                expected="a new folder, an empty one, or one that an earlier demo made",
                found="other files",
                remedy="give another folder with --warehouse",
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).touch()
    return folder


def _seal_history(layout: Layout, record: HallRecord) -> None:
    plan = record.plan
    site = Site(
        time_zone="America/New_York",
        settlement_meter_id=METER,
        revenue_grade=True,
        boundary="simulated feeder of one hall: GPUs, hosts, cooling and losses",
        alternative_programs=ALTERNATIVES,
        payments={PROGRAM: demo_payment()},
        gpu_reading_gap_s=READING_GAP_S,
    )
    register_sites(layout, {plan.site_id: site})
    for table, rows in (
        ("raw_meter__readings", readings.meter_readings(record, METER)),
        ("raw_job__allocations", readings.allocations(record)),
        ("raw_grid__events", readings.event_rows(record, PROGRAM)),
        (WEATHER, readings.weather_readings(record, "demo-station")),
        (TOPOLOGY, topology_rows(_electrical_path(record), plan.start_utc)),
    ):
        seal_rows(layout, table, plan.site_id, "simulation", rows)
    seal_rows(layout, PRICES, PRICE_FOLDER, "demo", demo_prices())
    history = Interval(plan.start_utc, _live_window(record).start_utc)
    for node_id in _node_ids(record):
        rows = readings.power_samples(record, node_id, history, boot_id=BOOT)
        seal(rows.to_arrow(), root=layout.root, site_id=plan.site_id, source="dcgm")


def _electrical_path(record: HallRecord) -> list[PathObject]:
    """Return the hall's feeder with its racks of four nodes."""
    nodes = _node_ids(record)
    racks = [
        PathObject(
            object_id=f"rack-{number}",
            object_type=RACK,
            serves_ids=tuple(nodes[first : first + NODES_PER_RACK]),
        )
        for number, first in enumerate(range(0, len(nodes), NODES_PER_RACK), start=1)
    ]
    feeder = PathObject(
        object_id=METER, object_type=POWER_METER, serves_ids=tuple(one.object_id for one in racks)
    )
    leaves = [PathObject(object_id=node, object_type=NODE) for node in nodes]
    return [feeder, *racks, *leaves]


async def _collect_live(layout: Layout, record: HallRecord) -> Summary:
    """Serve the hall's exporters on loopback and scrape them in the hall's own time."""
    live = _live_window(record)
    # The history's readings count their monotonic time from the plan's start, in the same boot.
    clock = VirtualClock(live.start_utc, record.plan.start_utc)
    async with Emulator(lambda node_id: _page(record, node_id, clock.now_utc())) as emulator:
        config = CollectConfig(
            site_id=record.plan.site_id,
            spool_directory=layout.root,
            scrape_interval_s=SCRAPE_INTERVAL_S,
            request_timeout_s=SCRAPE_INTERVAL_S / 2,
            scrape_spread_ratio=0.0,  # a virtual clock must not pass while an answer is under way
            seal_interval_s=live.duration_s,
            log_interval_s=3600.0,  # of the hall's time, which passes in milliseconds
            dcgm=tuple(
                DcgmConfig(url=emulator.url(node_id), node_id=node_id)
                for node_id in _node_ids(record)
            ),
        )
        tick_count = config.tick_count(live.duration_s)
        with bar_shown(tick_count) as advance:
            return await collect(
                config,
                clock=clock,
                boot_id=BOOT,
                tick_count=tick_count,
                on_tick=lambda _report: advance(),
            )


def _page(record: HallRecord, node_id: str, now_utc: datetime) -> bytes:
    return render_page(
        [
            EmulatedGpu(
                gpu_uuid=state.gpu.gpu_uuid,
                index=state.gpu.index_in_node,
                host_name=node_id,
                power_milliwatt=state.power_milliwatt,
                energy_total_millijoule=state.energy_total_millijoule,
                power_limit_milliwatt=state.power_limit_milliwatt,
                gpu_util_ratio=state.utilization_ratio,
            )
            for state in record.gpu_state_at(now_utc, node_id)
        ]
    )


def _live_window(record: HallRecord) -> Interval:
    return Interval(record.plan.events[-1].start_utc - LIVE_BEFORE, record.plan.end_utc)


def _node_ids(record: HallRecord) -> list[str]:
    return sorted({gpu.node_id for gpu in record.gpus})


@contextmanager
def _step(say: Callable[[str], None], what: str) -> Iterator[Callable[[str], None]]:
    """Say what is being done, and how long it took; the caller may add a note."""
    notes: list[str] = []
    start_s = time.monotonic()
    say(f"{what} ...")
    yield notes.append
    say(f"    {''.join(f'{note}, ' for note in notes)}{time.monotonic() - start_s:.1f} s")
