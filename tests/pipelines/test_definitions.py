"""Wiring: partitions, checks, schedule and sensor, without running a step."""

import tomllib
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Thread
from zoneinfo import ZoneInfo

import dagster as dg
import polars as pl
import pytest

from negawatt.models.domain.event import Event
from negawatt.pipelines import partitions, sensors, settlement
from negawatt.pipelines.assets.core import CORE_TABLES, metered_day
from negawatt.pipelines.assets.out import OUT_TABLES
from negawatt.pipelines.assets.tables import COLUMNS
from negawatt.pipelines.checks import check_results, check_specs
from negawatt.pipelines.definitions import build_definitions, defs
from negawatt.pipelines.resources import ClockResource, WarehouseResource
from negawatt.pipelines.run import run_daily_metering
from negawatt.pipelines.settlement import load_window
from negawatt.warehouse.catalog import schema, tables
from negawatt.warehouse.delta_tables import replace_days
from negawatt.warehouse.event_tables import find_event
from negawatt.warehouse.formats.accounting import NAMES
from negawatt.warehouse.formats.sacct import read_sacct
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.locks import metering, publishing
from negawatt.warehouse.raw_files import seal_rows
from tests.pipelines.conftest import (
    AFTER_UTC,
    EVENT,
    EVENT_END_UTC,
    FIRST_DAY,
    LAST_DAY,
    QUARTER,
    SITE,
    event_rows,
    meter_rows,
)

pytestmark = pytest.mark.slow  # importing Dagster takes seconds


@pytest.fixture
def resources(layout: Layout) -> dict[str, object]:
    return {
        "warehouse": WarehouseResource(root=str(layout.root)),
        "clock": ClockResource(fixed_utc=AFTER_UTC.isoformat()),
    }


def test_an_operator_sees_what_each_table_is_and_what_its_columns_mean(layout: Layout) -> None:
    definitions = build_definitions(WarehouseResource(root=str(layout.root)), ClockResource())

    for name in (*CORE_TABLES, *OUT_TABLES):
        spec = definitions.resolve_asset_graph().get(dg.AssetKey(name))
        assert spec.description == f"One row for each {tables()[name].grain}."
        shown = spec.metadata[COLUMNS]
        assert [column.name for column in shown.columns] == list(tables()[name].columns)
        assert {column.name for column in shown.columns if column.constraints.nullable} == set(
            tables()[name].optional
        )


def test_the_definitions_load_and_hold_together(layout: Layout) -> None:
    definitions = build_definitions(WarehouseResource(root=str(layout.root)), ClockResource())

    dg.Definitions.validate_loadable(definitions)
    assert {job.name for job in definitions.get_repository_def().get_all_jobs()} >= {
        "daily_metering",
        "event_settlement",
    }


def test_the_code_location_loads_without_its_warehouse() -> None:
    dg.Definitions.validate_loadable(defs())


def test_every_core_and_out_table_of_the_catalog_is_an_asset() -> None:
    stored = {name for name, table in tables().items() if table.storage == "delta"}

    assert {*CORE_TABLES, *OUT_TABLES} == stored


def test_every_table_has_a_blocking_check_for_every_rule_of_the_catalog() -> None:
    specs = check_specs(CORE_TABLES)
    rules = check_results("core_site__findings", pl.DataFrame(schema=schema("core_site__findings")))

    assert len(specs) == len(CORE_TABLES) * len(rules)
    assert all(spec.blocking for spec in specs)
    assert {spec.name for spec in specs} == {result.check_name for result in rules}


def _asked_by_the_schedule(resources: dict[str, object], folder: Path) -> list[dg.RunRequest]:
    """Return what the schedule asks for at 01:15 UTC of 1 July."""
    location = build_definitions(WarehouseResource(root="unused"), ClockResource())
    with (
        dg.DagsterInstance.local_temp(str(folder)) as instance,
        # It opens the instance once more; one that is left open sets Dagster's own state later.
        dg.build_schedule_context(
            instance=instance,
            repository_def=location.get_repository_def(),
            scheduled_execution_time=datetime(2026, 7, 1, 1, 15, tzinfo=UTC),
            resources=resources,
        ) as context,
    ):
        return list(sensors.meter_yesterday.evaluate_tick(context).run_requests or [])


def test_the_schedule_asks_for_yesterday_of_every_site_and_for_what_was_missed(
    layout: Layout, resources: dict[str, object], tmp_path: Path
) -> None:
    """Readings of 22 to 30 June: nothing is metered, then 25 and 26 June are."""
    yesterday = str(partitions.site_day_key(SITE, LAST_DAY))
    before = _asked_by_the_schedule(resources, tmp_path)
    run_daily_metering(layout, SITE, date(2026, 6, 25), date(2026, 6, 26), fixed_utc=AFTER_UTC)
    after = _asked_by_the_schedule(resources, tmp_path)

    assert [str(one.partition_key) for one in (before[0], after[0])] == [yesterday] * 2
    assert [_range_of(one) for one in before[1:]] == [("2026-06-22|s1", "2026-06-29|s1")]
    assert [_range_of(one) for one in after[1:]] == [
        ("2026-06-22|s1", "2026-06-24|s1"),
        ("2026-06-27|s1", "2026-06-29|s1"),
    ]


def test_what_was_missed_is_looked_for_in_a_month(
    layout: Layout, resources: dict[str, object], tmp_path: Path
) -> None:
    rows = meter_rows(LAST_DAY - timedelta(days=40), FIRST_DAY - timedelta(days=1))
    seal_rows(layout, "raw_meter__readings", SITE, "test", rows)

    asked = _asked_by_the_schedule(resources, tmp_path)

    assert [_range_of(one) for one in asked[1:]] == [("2026-05-30|s1", "2026-06-29|s1")]


def _range_of(request: dg.RunRequest) -> tuple[str, str]:
    name = "dagster/asset_partition_range"
    return request.tags[f"{name}_start"], request.tags[f"{name}_end"]


def test_the_sensor_waits_until_the_load_is_metered_to_the_end_of_the_aftermath(
    layout: Layout, resources: dict[str, object]
) -> None:
    """The event ends at 20:00 UTC; three hours later is 23:00, inside the same UTC day."""
    context = dg.build_sensor_context(resources=resources)

    before = sensors.settle_complete_events(context)
    _meter_last_day(layout)
    after = sensors.settle_complete_events(context)

    assert isinstance(before, dg.SensorResult)
    assert not before.run_requests
    assert isinstance(after, dg.SensorResult)
    assert [request.run_key for request in after.run_requests or []] == [f"{EVENT}:1"]


def test_an_event_that_was_asked_for_is_not_looked_at_again(
    layout: Layout, resources: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of years of events only those are read of which something may become of."""
    _meter_last_day(layout)
    looked_at: list[int] = []
    real = settlement.data_is_complete

    def counted(layout: Layout, event: Event, now_utc: datetime) -> bool:
        looked_at.append(event.revision)
        return real(layout, event, now_utc)

    monkeypatch.setattr(sensors, "data_is_complete", counted)
    cursor: str | None = None
    asked = []
    for revision in (1, 1, 2):
        later_utc = AFTER_UTC + timedelta(hours=revision)
        rows = event_rows(revision=revision, available_at_utc=later_utc)
        seal_rows(layout, "raw_grid__events", SITE, "test", rows)
        context = dg.build_sensor_context(cursor=cursor, resources=resources)
        result = sensors.settle_complete_events(context)
        assert isinstance(result, dg.SensorResult)
        cursor = result.cursor
        asked.append([request.run_key for request in result.run_requests or []])

    assert asked == [[f"{EVENT}:1"], [], [f"{EVENT}:2"]]
    assert looked_at == [1, 2]


def test_the_sensor_does_not_settle_before_the_aftermath_is_over(layout: Layout) -> None:
    _meter_last_day(layout)
    clock = ClockResource(fixed_utc="2026-06-30T22:59:00+00:00")
    context = dg.build_sensor_context(
        resources={"warehouse": WarehouseResource(root=str(layout.root)), "clock": clock}
    )

    result = sensors.settle_complete_events(context)

    assert isinstance(result, dg.SensorResult)
    assert not result.run_requests


def gpu_hour(layout: Layout) -> None:
    """Seal an hour of one GPU of node n1 at 360 W: 0.006 kWh a minute, by an exact counter."""
    seconds = range(0, 3601, 10)
    midnight_utc = datetime.combine(LAST_DAY, datetime.min.time(), UTC)
    rows = pl.DataFrame(
        {
            "node_id": "n1",
            "boot_id": "b1",
            "gpu_uuid": "GPU-a",
            "observed_at_utc": [midnight_utc + timedelta(seconds=second) for second in seconds],
            "monotonic_ms": [second * 1000 for second in seconds],
            "sequence_number": list(range(len(seconds))),
            "counter_epoch": 0,
            "power_milliwatt": 360_000,
            "power_instant_milliwatt": None,
            "energy_total_millijoule": [second * 360_000 for second in seconds],
            "power_limit_milliwatt": None,
            "power_scope": "gpu",
            "reading_quality": "ok",
            "read_latency_ns": None,
        }
    )
    seal_rows(layout, "raw_gpu__power_samples", SITE, "test", rows)


@pytest.mark.parametrize(("gpu_count", "minutes"), [(1, 30), (2, 0)])
def test_a_job_of_slurm_on_a_whole_node_has_the_energy_of_its_gpus(
    gpu_count: int, minutes: int, layout: Layout
) -> None:
    """Half an hour at 360 W is 0.18 kWh; on a part of a node nobody knows which GPU it was."""
    gpu_hour(layout)
    text = (
        "JobID|State|Submit|Start|End|AllocTRES|NodeList\n"
        f"17|COMPLETED|{LAST_DAY}T00:00:00Z|{LAST_DAY}T00:00:00Z|{LAST_DAY}T00:30:00Z|"
        f"gres/gpu={gpu_count}|n1\n"
    )
    arrival = pl.lit(AFTER_UTC).alias("available_at_utc")
    jobs = read_sacct(text.encode(), ZoneInfo("UTC")).rows.drop(NAMES).with_columns(arrival)
    seal_rows(layout, "raw_job__accounting", SITE, "import", jobs)

    energy = metered_day(layout, SITE, LAST_DAY, AFTER_UTC, layout.root)[
        "core_job__interval_energy"
    ]

    known = energy.filter(pl.col("job_id") == "17")["energy_kwh"]
    assert (len(known), round(known.sum(), 9)) == (minutes, round(0.006 * minutes, 9))


def test_a_day_without_readings_is_metered_as_nothing(layout: Layout) -> None:
    frames = metered_day(layout, SITE, LAST_DAY + timedelta(days=9), AFTER_UTC, layout.root)

    assert [frames[name].height for name in CORE_TABLES] == [0] * len(CORE_TABLES)


def test_a_clock_that_stands_still_says_so() -> None:
    assert ClockResource(fixed_utc=AFTER_UTC.isoformat()).now_utc() == AFTER_UTC


def test_the_code_location_is_found_by_the_ui() -> None:
    project = tomllib.loads(Path("pipelines/dg.toml").read_text(encoding="utf-8"))

    assert project["project"]["code_location_target_module"] == "negawatt.pipelines.definitions"


def _meter_last_day(layout: Layout) -> None:
    frames = metered_day(layout, SITE, LAST_DAY, AFTER_UTC, layout.root)
    name = "core_site__interval_energy"
    replace_days(layout, name, SITE, LAST_DAY, LAST_DAY, frames[name])


def test_the_window_of_load_ends_after_the_whole_dispatch(layout: Layout) -> None:
    """A second step from 20:15 to 22:15 follows within the hour: three hours later is 01:15."""
    start_utc = EVENT_END_UTC + QUARTER
    step = event_rows(
        event_id="e2", event_start_utc=start_utc, event_end_utc=start_utc + timedelta(hours=2)
    )
    seal_rows(layout, "raw_grid__events", SITE, "test", step)

    window = load_window(layout, find_event(layout, EVENT))

    assert window.end_utc == datetime(2026, 7, 1, 1, 15, tzinfo=UTC)


@pytest.mark.parametrize("lock", [publishing, metering])
def test_a_second_writer_waits_for_the_first(
    lock: Callable[[Layout], AbstractContextManager[None]], layout: Layout
) -> None:
    order: list[str] = []

    def second() -> None:
        with lock(layout):
            order.append("second")

    with lock(layout):
        waiting = Thread(target=second)
        waiting.start()
        waiting.join(timeout=0.2)
        order.append("first")
    waiting.join(timeout=5)

    assert order == ["first", "second"]


def test_a_metering_run_waits_for_another_process(layout: Layout) -> None:
    """The lock is held from reading to writing: no table is written while another run meters."""
    done = Thread(
        target=run_daily_metering,
        args=(layout, SITE, LAST_DAY, LAST_DAY),
        kwargs={"fixed_utc": AFTER_UTC},
    )

    with metering(layout):
        done.start()
        done.join(timeout=4)
        waited = done.is_alive() and not layout.table_folder(CORE_TABLES[2]).exists()
    done.join(timeout=60)

    assert waited
    assert layout.table_folder(CORE_TABLES[2]).exists()
