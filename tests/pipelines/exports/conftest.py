"""One event, settled for real, of a site whose load is simple enough to check by hand.

Hourly load: 100 kWh an hour, 110 on Mondays, 60 in the event of Wednesday, July 15, 2026, 14:00 to
18:00 in New York (18:00 to 22:00 UTC). Promised: 30 kW, and not above 65 kW. Two jobs: a training
run that gives up 20 of its 50 kW, and one with a hostile name that ends half way. Nothing changes
a value, so all are made once.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from negawatt.models.baselines.registry import load_program
from negawatt.models.domain.event import Event
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.settlement.build import SettlementTerms
from negawatt.models.settlement.lifecycle import Provenance
from negawatt.models.settlement.settle import Settlement, SettlementInputs, settle_event
from negawatt.models.settlement.statement import Statement
from negawatt.models.settlement.versions import issue
from negawatt.pipelines.rows import EVENT_TABLES, event_rows, statement_header, statement_lines
from negawatt.warehouse.catalog import schema
from negawatt.warehouse.delta_tables import replace_partition
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.sites import Site, register_sites
from negawatt.warehouse.statement_tables import LINES, publish_statement

HOUR = timedelta(hours=1)
START_UTC = datetime(2026, 7, 15, 18, tzinfo=UTC)
END_UTC = START_UTC + 4 * HOUR
FIRST_UTC = datetime(2026, 6, 15, tzinfo=UTC)
HOSTILE = "<script>alert('x')</script>"
SITE = Site(
    time_zone="America/New_York",
    settlement_meter_id="m & m",
    revenue_grade=True,
    boundary="the feeder of hall 1; no generation behind it",
)
EVENT = Event(
    event_id="e1",
    revision=2,
    site_id="s1",
    program_id="pjm_economic_3day",
    interval=Interval(START_UTC, END_UTC),
    notified_at_utc=START_UTC - HOUR,
    committed_kw=30.0,
    limit_kw=65.0,
)
PROVENANCE = Provenance(
    issued_at_utc=datetime(2026, 7, 17, 9, 30, tzinfo=UTC),
    code_version="0.1.0",
    code_digest="d" * 64,
    library_versions={"numpy": "2.3.0"},
    parameters={"history_days": 62.0},
    table_versions={"core_site__interval_energy": 1, **dict.fromkeys(EVENT_TABLES, 0)},
)


def hourly_kwh() -> NDArray[np.float64]:
    """Return the load from FIRST_UTC to three hours after the event [kWh]."""
    count = (END_UTC + 3 * HOUR - FIRST_UTC) // HOUR
    starts = [FIRST_UTC + n * HOUR for n in range(count)]
    return np.array(
        [
            60.0 if START_UTC <= start < END_UTC else 110.0 if start.weekday() == 0 else 100.0
            for start in starts
        ]
    )


def load_series(meter_id: str, start_utc: datetime, energy_kwh: NDArray[np.float64]) -> LoadSeries:
    return LoadSeries(
        meter_id=meter_id,
        start_utc=start_utc,
        interval_minutes=60,
        energy_kwh=energy_kwh,
        coverage_ratio=np.where(np.isnan(energy_kwh), 0.0, 1.0),
    )


@pytest.fixture(scope="session")
def inputs() -> SettlementInputs:
    """Return what the settlement reads."""
    before_utc = START_UTC - 4 * HOUR
    training = np.array([50.0] * 4 + [30.0] * 4)
    ended = np.array([10.0] * 6 + [np.nan] * 2)
    return SettlementInputs(
        event=EVENT,
        rule=load_program(EVENT.program_id),
        alternative_rules=tuple(
            map(load_program, ("before_and_after", "caiso_10_in_10", "nyiso_average_day"))
        ),
        load=load_series(SITE.settlement_meter_id, FIRST_UTC, hourly_kwh()),
        job_loads={
            "training": load_series("training", before_utc, training),
            HOSTILE: load_series(HOSTILE, before_utc, ended),
        },
        other_event_windows=(),
        time_zone=ZoneInfo(SITE.time_zone),
        input_sha256={"core_site__interval_energy": "c" * 64, "raw_grid__events": "e" * 64},
        data_findings=(),
        terms=SettlementTerms(statement_id="s1.e1", revenue_grade=True),
    )


@pytest.fixture(scope="session")
def settlement(inputs: SettlementInputs) -> Settlement:
    """Return the event, settled."""
    return settle_event(inputs)


@pytest.fixture(scope="session")
def statement(settlement: Settlement) -> Statement:
    """Return the first version of the statement."""
    return issue(None, settlement.body, PROVENANCE)


@pytest.fixture(scope="session")
def restated(statement: Statement) -> Callable[..., Statement]:
    """Return a function that states the next version, with other values in its body."""

    def make(**changes: Any) -> Statement:  # noqa: ANN401 - as replace takes them
        return issue(statement, replace(statement.body, **changes), PROVENANCE)

    return make


@pytest.fixture(scope="session")
def load() -> pl.DataFrame:
    """Return the rows of core_site__interval_energy of the meter on the event's day."""
    count = 24 + 3
    starts = [END_UTC - 24 * HOUR + n * HOUR for n in range(count)]
    energy_kwh = hourly_kwh()[-count:]
    return pl.DataFrame(
        {
            "site_id": "s1",
            "date": [start.date() for start in starts],
            "meter_id": SITE.settlement_meter_id,
            "interval_start_utc": starts,
            "interval_end_utc": [start + HOUR for start in starts],
            "energy_kwh": energy_kwh,
            "coverage_ratio": 1.0,
            "method": "metered",
        },
        schema=schema("core_site__interval_energy"),
    )


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Return a warehouse that knows the event, which is not settled yet."""
    made = Layout(tmp_path / "warehouse")
    register_sites(made, {EVENT.site_id: SITE})
    row = {
        "event_id": EVENT.event_id,
        "revision": EVENT.revision,
        "site_id": EVENT.site_id,
        "program_id": EVENT.program_id,
        "event_start_utc": EVENT.interval.start_utc,
        "event_end_utc": EVENT.interval.end_utc,
        "notified_at_utc": EVENT.notified_at_utc,
        "committed_kw": EVENT.committed_kw,
        "target_reduction_ratio": None,
        "limit_kw": EVENT.limit_kw,
        "ramp_minutes": 0.0,
        "event_kind": EVENT.kind,
        "cancelled": False,
        "event_source": "by hand",
        "available_at_utc": EVENT.interval.start_utc,
    }
    rows = pl.DataFrame([row], schema=schema("raw_grid__events"))
    seal_rows(made, "raw_grid__events", EVENT.site_id, "hand", rows)
    return made


@pytest.fixture
def settled(
    layout: Layout, settlement: Settlement, statement: Statement, load: pl.DataFrame
) -> Layout:
    """Return the warehouse with the statement and its tables; two days of load."""
    for day in sorted(set(load["date"])):
        rows = load.filter(pl.col("date") == day)
        partition = {"site_id": EVENT.site_id, "date": day}
        replace_partition(layout, "core_site__interval_energy", partition, rows)
    for table, rows in event_rows(settlement).items():
        replace_partition(layout, table, {"event_id": EVENT.event_id}, rows)
    publish(layout, statement)
    return layout


def publish(layout: Layout, statement: Statement) -> None:
    publish_statement(layout, statement_header(statement), {LINES: statement_lines(statement)})
