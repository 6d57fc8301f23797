"""The published minutes of the Phoenix trial, and a meter file that corrects four of them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from negawatt.models.settlement.chain import require_chain
from negawatt.models.settlement.lifecycle import CauseKind
from negawatt.pipelines import run
from negawatt.pipelines.publish import all_versions
from negawatt.pipelines.restate import Outcome, restate
from negawatt.pipelines.selection import Selection
from negawatt.warehouse.event_tables import find_event, with_revisions
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.profiles import read_profile, read_source, translate
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.sites import read_sites_file, register_sites

pytestmark = [pytest.mark.shared, pytest.mark.slow]

DOCS = Path(__file__).resolve().parents[2] / "docs" / "phoenix"
EVENT, SITE = "srp-hold", "phoenix-srp"
FIRST_UTC, LATER_UTC = datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 7, 8, tzinfo=UTC)
CORRECTED = timedelta(minutes=4)
MORE_KWH = 0.05


def imported(
    layout: Layout, table: str, file: Path, profile: str, now_utc: datetime
) -> pl.DataFrame:
    rows = translate(read_profile(DOCS / profile), read_source(file), now_utc)
    if table == "raw_grid__events":
        rows = with_revisions(layout, SITE, rows)
    seal_rows(layout, table, SITE, "import", rows)
    return rows


def test_a_corrected_meter_file_is_a_new_version_that_says_which_minutes_changed(
    shared_data: Path, tmp_path: Path
) -> None:
    """Four minutes of the event, each 0.05 kWh higher: 0.2 kWh less were delivered."""
    layout, folder = Layout(tmp_path / "warehouse"), shared_data / "phoenix"
    register_sites(layout, read_sites_file(DOCS / "sites.toml"))
    minutes = imported(
        layout, "raw_meter__readings", folder / "power_1min.parquet", "srp-meter.toml", FIRST_UTC
    )
    imported(layout, "raw_grid__events", folder / "events.csv", "srp-events.toml", FIRST_UTC)
    run.run_metering_for_events(layout, [EVENT], fixed_utc=FIRST_UTC)
    first = run.run_event_settlement(layout, EVENT, fixed_utc=FIRST_UTC)

    start_utc = find_event(layout, EVENT).interval.start_utc
    corrected = minutes.filter(
        pl.col("interval_start_utc").is_between(start_utc, start_utc + CORRECTED, closed="left")
    ).with_columns(pl.col("energy_kwh") + MORE_KWH, available_at_utc=pl.lit(LATER_UTC))
    seal_rows(layout, "raw_meter__readings", SITE, "import", corrected)
    run.run_metering_for_events(layout, [EVENT], fixed_utc=LATER_UTC)
    (done,) = restate(layout, Selection(), LATER_UTC)

    assert done.outcome is Outcome.RESTATED
    assert done.new is not None
    (cause,) = done.new.causes
    assert (cause.kind, cause.subject) == (CauseKind.INPUT, "core_site__interval_energy")
    assert cause.message == f"4 intervals on {start_utc.date()}"
    assert str(done.moved_kwh) == "-0.200000"
    moved = {change.path for change in done.new.differences if ".metered_kwh" in change.path}
    assert len([path for path in moved if path.startswith("lines[")]) == 4
    versions = all_versions(layout, done.old.body.statement_id)
    assert versions == (first, done.new)
    require_chain(versions)
