"""Tables into a fleet: what they say in any form, what an absent one costs, what is refused."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from negawatt.models.counterfactual.fleet import FleetEvent
from negawatt.models.counterfactual.fleet_format import OPTIONAL
from negawatt.models.counterfactual.fleet_tables import fleet_from_tables
from negawatt.models.counterfactual.gpu_change import GpuChange
from tests.models.counterfactual.fleets import (
    EVENT,
    INF,
    START_UTC,
    Work,
    change_of,
    down,
    fleet_of,
)
from tests.models.counterfactual.folders import busy_day, instants, read_back, tables_of

Tables = dict[str, pl.DataFrame]


def same_change(one: GpuChange, other: GpuChange) -> None:
    """Check that two changes are the same, whatever the order of jobs and GPUs."""
    np.testing.assert_allclose(one.change_kw, other.change_kw, atol=1e-12)
    assert set(one.by_mechanism_kw()) == set(other.by_mechanism_kw())


def test_what_was_written_is_read() -> None:
    fleet = busy_day()

    found = read_back(fleet, tables_of(fleet))

    assert found.jobs[:5] == fleet.jobs[:5]
    assert [(r.job, r.start_s, r.end_s, r.gpus.tolist()) for r in found.runs] == [
        (r.job, r.start_s, r.end_s, r.gpus.tolist()) for r in fleet.runs
    ]
    assert [(a.at_s, a.job, a.action) for a in found.actions] == [
        (a.at_s, a.job, a.action) for a in fleet.actions
    ]
    assert found.events == (FleetEvent(start_minute=EVENT[0], end_minute=EVENT[1]),)
    np.testing.assert_array_equal(found.progress[0].work_s, fleet.progress[0].work_s)
    np.testing.assert_allclose(found.service_load[3], fleet.service_load[3])
    np.testing.assert_array_equal(found.meter_kw, fleet.meter_kw)
    np.testing.assert_array_equal(found.temp_c, fleet.temp_c)
    np.testing.assert_array_equal(found.gpu_node, fleet.gpu_node)
    assert found.missing == (OPTIONAL["other_sites"][1],)


def test_a_paused_job_has_no_power_ratio_and_a_capped_one_has() -> None:
    fleet = busy_day()

    found = read_back(fleet, tables_of(fleet)).actions

    np.testing.assert_array_equal([a.power_ratio for a in found][:2], [0.6, np.nan])


def renamed(tables: Tables, table: str, column: str, new: Callable[[str], object]) -> Tables:
    """Return tables with another name for each thing that a column names."""
    names = {name: new(name) for name in tables[table][column].to_list()}
    return {
        key: frame.with_columns(pl.col(column).replace_strict(names))
        if column in frame.columns
        else frame
        for key, frame in tables.items()
    }


@pytest.mark.parametrize(
    ("table", "column", "new"),
    [
        ("jobs", "job_id", int),
        ("jobs", "job_id", lambda name: f"z{999 - int(name)}"),
        ("gpus", "gpu", lambda name: int(name.removeprefix("gpu-"))),
        ("gpus", "gpu", lambda name: f"GPU-{99 - int(name.removeprefix('gpu-'))}"),
    ],
    ids=["jobs as integers", "jobs renamed", "GPUs as integers", "GPUs renamed"],
)
def test_names_mean_nothing(table: str, column: str, new: Callable[[str], object]) -> None:
    fleet = busy_day()

    found = read_back(fleet, renamed(tables_of(fleet), table, column, new))

    same_change(change_of(found), change_of(fleet))


@pytest.mark.parametrize(
    "shuffled",
    sorted({"jobs", "placements", "dispatch", "job_progress", "service_load", "site_meter"}),
)
def test_the_order_of_rows_means_nothing(shuffled: str) -> None:
    fleet = busy_day()
    tables = tables_of(fleet)
    tables[shuffled] = tables[shuffled].reverse()

    found = read_back(fleet, tables)

    same_change(change_of(found), change_of(fleet))
    np.testing.assert_array_equal(found.meter_kw, fleet.meter_kw)


def test_the_order_of_gpus_is_that_of_the_power() -> None:
    """The table is turned around, and the rows of the power with it."""
    fleet = busy_day()
    tables = tables_of(fleet)
    tables["gpus"] = tables["gpus"].reverse()

    found = read_back(replace(fleet, gpu_power_w=fleet.gpu_power_w[::-1].copy()), tables)

    same_change(change_of(found), change_of(fleet))


@pytest.mark.parametrize(
    "zone", ["UTC", "America/Phoenix", "Asia/Kolkata"], ids=lambda zone: zone.partition("/")[0]
)
def test_aware_instants_of_any_zone_are_the_same_instants(zone: str) -> None:
    fleet = busy_day()
    tables = {
        name: frame.with_columns(
            pl.selectors.datetime().dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
        )
        for name, frame in tables_of(fleet).items()
    }

    found = read_back(fleet, tables)

    assert found.actions[0].at_s == fleet.actions[0].at_s
    same_change(change_of(found), change_of(fleet))


@pytest.mark.parametrize("unit", ["us", "ns"])
def test_finer_instants_are_the_same_instants(unit: str) -> None:
    fleet = busy_day()
    tables = {
        name: frame.with_columns(pl.selectors.datetime().cast(pl.Datetime(unit)))  # type: ignore[arg-type]  # a unit
        for name, frame in tables_of(fleet).items()
    }

    same_change(change_of(read_back(fleet, tables)), change_of(fleet))


@pytest.mark.parametrize("end", ["+00:00", "Z", ""])
def test_events_are_utc_with_or_without_an_offset(end: str) -> None:
    fleet = busy_day()
    event = {"start": f"2026-06-01T10:00:00{end}", "end": "2026-06-01T15:00:00+02:00"}

    found = fleet_from_tables(
        tables_of(fleet), [event], start_utc=START_UTC, gpu_power_w=fleet.gpu_power_w
    )

    assert found.events == (FleetEvent(start_minute=600, end_minute=780),)


def test_a_day_may_begin_at_local_midnight() -> None:
    """The folder begins at 07:00 UTC, midnight in Phoenix: 10:00 UTC is minute 180."""
    fleet = busy_day()
    event = {
        "start": "2026-06-01T10:00:00",
        "end": "2026-06-01T13:00:00",
        "notified": "2026-06-01T08:30",
    }

    found = fleet_from_tables(
        tables_of(fleet),
        [event],
        start_utc=datetime(2026, 6, 1, 7, tzinfo=UTC),
        gpu_power_w=fleet.gpu_power_w,
    )

    assert found.events == (FleetEvent(start_minute=180, end_minute=360, notified_minute=90),)
    assert found.jobs[0].submit_s == (10 - 420) * 60
    assert found.meter_kw[0] == fleet.meter_kw[420]


def test_a_node_is_down_from_a_row_that_says_so_until_the_next() -> None:
    fleet = down(busy_day(), 1, 300, 360)

    found = read_back(fleet, tables_of(fleet))

    np.testing.assert_array_equal(found.node_down, fleet.node_down)


@pytest.mark.parametrize(
    ("state", "is_down"),
    [("UP", False), ("idle", False), ("allocated", False), ("drained", True), ("DOWN", True)],
)
def test_words_of_schedulers_for_a_node(state: str, *, is_down: bool) -> None:
    fleet = busy_day()
    tables = tables_of(fleet)
    tables["node_state"] = pl.DataFrame(
        {"ts": instants(fleet, [0.0]), "node": ["node-0"], "state": [state]}
    )

    found = read_back(fleet, tables).node_down

    assert found is not None
    assert found[0].all() == is_down
    assert not found[1].any()


def test_weather_and_traffic_in_coarse_steps_are_joined_by_lines() -> None:
    fleet = busy_day()
    tables = tables_of(fleet)
    tables["weather"] = pl.DataFrame({"ts": instants(fleet, [0.0, 3600.0]), "temp_c": [20.0, 26.0]})

    found = read_back(fleet, tables).temp_c

    np.testing.assert_allclose(found[[0, 10, 60, 100]], [20.0, 21.0, 26.0, 26.0])


def test_a_gap_of_the_meter_stays_a_gap() -> None:
    fleet = busy_day()
    tables = tables_of(fleet)
    tables["site_meter"] = tables["site_meter"].with_row_index().filter(pl.col.index != 7)

    found = read_back(fleet, tables).meter_kw

    assert np.flatnonzero(np.isnan(found)).tolist() == [7]


def test_batteries_and_generators_add_up_and_sites_are_kept_apart() -> None:
    fleet = busy_day()
    tables = tables_of(fleet)
    ts = instants(fleet, [60.0, 60.0])
    tables["storage"] = pl.DataFrame({"ts": ts, "kw": [30.0, 12.0]})
    tables["other_sites"] = pl.DataFrame({"ts": ts, "site": ["x", "y"], "kw": [5.0, 7.0]})

    found = read_back(fleet, tables)

    assert found.storage_kw is not None
    assert found.storage_kw[1] == 42.0
    assert {site: kw[1] for site, kw in found.other_sites_kw.items()} == {"x": 5.0, "y": 7.0}
    assert found.missing == ()


def test_a_null_of_the_progress_is_not_known_and_no_stop() -> None:
    """An hour before the cap, where the job's own rate is read: a line joins what is known."""
    fleet = busy_day()
    tables = tables_of(fleet)
    tables["job_progress"] = tables["job_progress"].with_columns(
        work_s=pl.when(pl.col.work_s.is_between(32_000, 33_000)).then(None).otherwise("work_s")
    )

    found = read_back(fleet, tables)

    same_change(change_of(found), change_of(fleet))


def test_a_column_without_a_single_value_may_have_no_type() -> None:
    """All jobs still run: a writer may leave ``end`` without a type."""
    fleet = fleet_of([Work(name="a", runs=[(0, INF, [0])])])
    tables = tables_of(fleet)
    for name in ("jobs", "placements"):
        tables[name] = tables[name].with_columns(end=pl.lit(None))

    found = read_back(fleet, tables)

    assert found.runs[0].end_s == INF


def test_a_job_whose_submission_is_not_known_is_taken_to_have_started_when_it_joined() -> None:
    """Nothing is credited to its start then: job 103 started at 781."""
    tables = tables_of(busy_day())
    tables["jobs"] = tables["jobs"].with_columns(
        submit=pl.when(pl.col.job_id == "103").then(None).otherwise("submit")
    )

    found = read_back(busy_day(), tables)

    assert found.jobs[2].submit_s == 781 * 60
