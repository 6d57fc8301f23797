"""The columns of a fleet folder: what an absent table costs, and what is refused by name."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from negawatt.models.counterfactual.fleet_format import OPTIONAL, REQUIRED
from negawatt.models.counterfactual.fleet_tables import fleet_from_tables
from negawatt.models.domain.errors import DataRefusedError
from tests.models.counterfactual.fleets import (
    START_UTC,
    change_of,
)
from tests.models.counterfactual.folders import busy_day, events_of, instants, read_back, tables_of

Tables = dict[str, pl.DataFrame]


@pytest.mark.parametrize("absent", sorted(OPTIONAL))
def test_an_optional_table_may_be_missing_and_what_that_costs_is_said(absent: str) -> None:
    fleet = busy_day()
    tables = tables_of(fleet)
    for name in ("storage", "other_sites"):
        columns = OPTIONAL[name][0]
        tables[name] = pl.DataFrame(
            {"ts": instants(fleet, [0.0]), "kw": [0.0], "site": ["x"]}
        ).select(columns)
    del tables[absent]

    found = read_back(fleet, tables)

    cost = OPTIONAL[absent][1]
    assert found.missing == ((cost,) if cost else ())
    assert np.isfinite(change_of(replace(found, node_down=fleet.node_down)).change_kw).all()


def refused(tables: Tables, events: list[dict[str, object]] | None = None) -> DataRefusedError:
    fleet = busy_day()
    with pytest.raises(DataRefusedError) as caught:
        fleet_from_tables(
            tables,
            events_of(fleet) if events is None else events,
            start_utc=START_UTC,
            gpu_power_w=fleet.gpu_power_w,
        )
    return caught.value


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_a_required_table_is_missed_by_name(name: str) -> None:
    tables = tables_of(busy_day())
    del tables[name]

    error = refused(tables)

    assert name in error.thing
    assert error.found == "no such table"


@pytest.mark.parametrize(
    ("name", "column"),
    [
        (name, column)
        for name, columns in {**REQUIRED, **{n: c for n, (c, _) in OPTIONAL.items()}}.items()
        for column in columns
        if name not in ("storage", "other_sites")
    ],
)
def test_a_missing_column_is_named_with_what_was_found(name: str, column: str) -> None:
    tables = tables_of(busy_day())
    tables[name] = tables[name].drop(column)

    error = refused(tables)

    assert name in error.thing
    assert column in error.expected
    assert column not in error.found.removeprefix("columns ").split(", ")


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("placements", "job_id", "nobody"),
        ("placements", "gpu", "gpu-99"),
        ("dispatch", "job_id", "nobody"),
        ("job_progress", "job_id", "nobody"),
        ("service_load", "job_id", "nobody"),
        ("node_state", "node", "node-9"),
    ],
)
def test_a_row_about_nobody_is_refused(name: str, column: str, value: str) -> None:
    tables = tables_of(busy_day())
    tables[name] = tables[name].with_columns(pl.lit(value).alias(column))

    error = refused(tables)

    assert name in error.thing
    assert error.found == repr(value)


def test_an_unknown_word_for_an_act_is_refused() -> None:
    tables = tables_of(busy_day())
    tables["dispatch"] = tables["dispatch"].with_columns(action=pl.lit("squeeze"))

    assert refused(tables).found == "squeeze"


@pytest.mark.parametrize(
    ("event", "found"),
    [
        ({"start": "2026-06-01T10:00"}, "no end"),
        ({"end": "2026-06-01T10:00"}, "no start"),
        ({"start": "2026-06-01T10:00", "end": "2026-06-01T10:00"}, "2026-06-01T10:00 to"),
        ({"start": "2026-06-03T10:00", "end": "2026-06-03T13:00"}, "2026-06-03T10:00 to"),
        ({"start": "2026-05-31T10:00", "end": "2026-06-01T13:00"}, "2026-05-31T10:00 to"),
        ({"start": "tomorrow", "end": "2026-06-01T13:00"}, "tomorrow"),
        ({"start": None, "end": "2026-06-01T13:00"}, "None"),
    ],
)
def test_an_event_that_cannot_be_is_refused(event: dict[str, object], found: str) -> None:
    error = refused(tables_of(busy_day()), [event])

    assert error.thing == "events.json"
    assert found in error.found


def test_a_fleet_without_an_event_is_refused() -> None:
    assert refused(tables_of(busy_day()), []).expected == "at least one event"


def test_instants_that_are_text_are_refused() -> None:
    tables = tables_of(busy_day())
    tables["dispatch"] = tables["dispatch"].with_columns(ts=pl.lit("16:00"))

    error = refused(tables)

    assert "dispatch" in error.thing
    assert "ts" in error.expected


@pytest.mark.parametrize("column", ["class", "tier", "gpus", "pool", "job_id"])
def test_a_job_of_which_a_fact_is_not_known_is_refused(column: str) -> None:
    tables = tables_of(busy_day())
    tables["jobs"] = tables["jobs"].with_columns(
        pl.when(pl.col.job_id == "102").then(None).otherwise(column).alias(column)
    )

    error = refused(tables)

    assert "jobs" in error.thing
    assert column in error.expected


def test_a_cap_without_its_height_is_refused() -> None:
    tables = tables_of(busy_day())
    tables["dispatch"] = tables["dispatch"].with_columns(
        pl.when(pl.col.action == "cap")
        .then(None)
        .otherwise("power_fraction")
        .alias("power_fraction")
    )

    error = refused(tables)

    assert "dispatch" in error.thing
    assert "power_fraction" in error.expected
