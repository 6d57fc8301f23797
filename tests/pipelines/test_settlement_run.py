"""One event through both jobs: what is published, again, corrected, interrupted, refused."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.models.settlement.canonical import issued_digest
from negawatt.models.settlement.statement import Statement
from negawatt.pipelines import run
from negawatt.pipelines.assets import out
from negawatt.pipelines.publish import latest_statement
from negawatt.warehouse import statement_tables
from negawatt.warehouse.connection import query
from negawatt.warehouse.event_tables import with_revisions
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.sites import read_site, register_sites
from tests.pipelines.conftest import (
    AFTER_UTC,
    EVENT,
    EVENT_START_UTC,
    FIRST_DAY,
    LAST_DAY,
    QUARTER,
    SITE,
    event_rows,
    meter_rows,
)

pytestmark = pytest.mark.slow

STATEMENT = f"{SITE}.{EVENT}"


def settled(layout: Layout, *, hours_later: int = 0) -> Statement:
    now_utc = AFTER_UTC + timedelta(hours=hours_later)
    run.run_daily_metering(layout, SITE, FIRST_DAY, LAST_DAY, fixed_utc=now_utc)
    return run.run_event_settlement(layout, EVENT, fixed_utc=now_utc)


def corrected_reading(energy_kwh: float) -> pl.DataFrame:
    """Return a later version of the event's first quarter hour."""
    return pl.DataFrame(
        {
            "meter_id": "feeder",
            "interval_start_utc": [EVENT_START_UTC],
            "interval_end_utc": [EVENT_START_UTC + QUARTER],
            "energy_kwh": [energy_kwh],
            "reading_quality": ["ok"],
            "available_at_utc": [AFTER_UTC + timedelta(minutes=30)],
        }
    )


def test_the_settled_reduction_is_what_the_load_says(layout: Layout) -> None:
    """Four of the last five weekdays: Monday's 102 kW and three of 100 kW average 100.5 kW.

    The window of the adjustment, 14:00 to 17:00 UTC, is 100 kW on the event day against 100.5 kW:
    the adjustment takes 0.5 kW away again. 100 - 40 = 60 kW for two hours.
    """
    statement = settled(layout)

    assert statement.body.totals.reduction_kwh == Decimal("120.000")
    assert statement.body.verdicts.baseline.delivered_kw_mean == pytest.approx(60.0)
    assert statement.body.verdicts.cap.outcome.value == "met"
    found = query(layout, "SELECT sum(reduction_kwh) FROM out_settlement__statement_lines")
    assert found.item() == Decimal("120.000")


def test_settling_again_publishes_nothing_and_a_correction_a_new_version(layout: Layout) -> None:
    """The first quarter hour was 12.5 kWh instead of 10: 2.5 kWh less were delivered."""
    first = settled(layout)
    again = settled(layout, hours_later=1)

    seal_rows(layout, "raw_meter__readings", SITE, "test", corrected_reading(12.5))
    corrected = settled(layout, hours_later=2)

    assert again == first
    assert corrected.statement_version == 2
    assert corrected.previous_digest == issued_digest(first)
    assert corrected.body.totals.reduction_kwh == Decimal("117.500")
    assert "totals.reduction_kwh" in {change.path for change in corrected.differences}
    assert statement_tables.statement_versions(layout, STATEMENT).height == 2


def test_an_interrupted_settlement_leaves_the_old_version(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = settled(layout)
    seal_rows(layout, "raw_meter__readings", SITE, "test", corrected_reading(12.5))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(statement_tables, "append_rows", killed)
        with pytest.raises(KeyboardInterrupt):
            settled(layout, hours_later=1)

    assert latest_statement(layout, STATEMENT) == first
    assert settled(layout, hours_later=2).statement_version == 2


def test_a_site_without_enough_history_is_refused_by_the_rule(layout: Layout) -> None:
    """The event moved to the third day of readings, a Wednesday, with two weekdays before it."""
    early = event_rows(
        event_start_utc=datetime.fromisoformat("2026-06-24T18:00+00:00"),
        event_end_utc=datetime.fromisoformat("2026-06-24T20:00+00:00"),
    )
    fresh = with_revisions(layout, SITE, early)
    seal_rows(layout, "raw_grid__events", SITE, "test", fresh)

    with pytest.raises(DataRefusedError, match=r"4 eligible days of type 'weekday', found 2"):
        settled(layout)

    assert statement_tables.statement_versions(layout, STATEMENT).is_empty()


def test_a_cancelled_event_is_not_settled(layout: Layout) -> None:
    seal_rows(
        layout,
        "raw_grid__events",
        SITE,
        "test",
        with_revisions(layout, SITE, event_rows(cancelled=True)),
    )

    with pytest.raises(DataRefusedError, match="revision 2 cancels it"):
        settled(layout)


def test_a_gap_in_the_event_blocks_and_no_override_invents_energy(layout: Layout) -> None:
    seal_rows(
        layout,
        "raw_meter__readings",
        SITE,
        "test",
        corrected_reading(0.0).with_columns(
            energy_kwh=pl.lit(None, dtype=pl.Float64), reading_quality=pl.lit("no_reading")
        ),
    )
    override = out.OverrideConfig(
        finding_code="coverage_low", subject="meter 'feeder'", reason="it is late", decided_by="me"
    )

    with pytest.raises(DataRefusedError, match="1 of 2 not known, the first at"):
        settled(layout, hours_later=1)
    with pytest.raises(DataRefusedError, match="an override invents no energy"):
        run.run_event_settlement(layout, EVENT, [override], fixed_utc=AFTER_UTC)


def test_metering_for_an_event_takes_up_every_day_with_readings(layout: Layout) -> None:
    assert run.run_metering_for_events(layout, [EVENT], fixed_utc=AFTER_UTC) == 9


def test_the_order_of_files_rows_and_partitions_changes_nothing(
    layout: Layout, tmp_path: Path
) -> None:
    """The same readings in three files, shuffled; the later days metered before the earlier."""
    other = Layout(tmp_path / "other")
    other.root.mkdir()
    other.sites_file.write_bytes(layout.sites_file.read_bytes())
    seal_rows(other, "raw_grid__events", SITE, "test", event_rows())
    shuffled = meter_rows().sample(fraction=1.0, shuffle=True, seed=7)
    for part in (shuffled[600:], shuffled[:300], shuffled[300:600]):
        seal_rows(other, "raw_meter__readings", SITE, "test", part)

    for first, last in ((date(2026, 6, 25), LAST_DAY), (FIRST_DAY, date(2026, 6, 24))):
        run.run_daily_metering(other, SITE, first, last, fixed_utc=AFTER_UTC)
    split = run.run_event_settlement(other, EVENT, fixed_utc=AFTER_UTC)

    assert split.statement_digest == settled(layout).statement_digest


def test_an_unknown_event_is_a_wrong_argument(layout: Layout) -> None:
    with pytest.raises(ConfigurationError, match=r"one of the known events \(e1\)"):
        run.run_event_settlement(layout, "e9")


def test_an_event_of_another_season_does_not_restate_the_statement(layout: Layout) -> None:
    first = settled(layout)
    later = event_rows(
        event_id="e2",
        event_start_utc=EVENT_START_UTC + timedelta(days=120),
        event_end_utc=EVENT_START_UTC + timedelta(days=120, hours=2),
    )
    seal_rows(layout, "raw_grid__events", SITE, "test", later)

    assert run.run_event_settlement(layout, EVENT, fixed_utc=AFTER_UTC) == first


def test_a_changed_fact_of_the_site_is_a_new_version_that_says_so(layout: Layout) -> None:
    first = settled(layout)
    site = read_site(layout, SITE).model_copy(update={"revenue_grade": False})
    register_sites(layout, {SITE: site})

    second = run.run_event_settlement(layout, EVENT, fixed_utc=AFTER_UTC)

    assert (first.statement_version, second.statement_version) == (1, 2)
    assert "revenue_grade" in {change.path for change in second.differences}


def test_an_estimated_reading_blocks_until_somebody_decides(layout: Layout) -> None:
    estimate = corrected_reading(10.0).with_columns(reading_quality=pl.lit("estimated"))
    seal_rows(layout, "raw_meter__readings", SITE, "test", estimate)
    override = out.OverrideConfig(
        finding_code="reading_estimated", subject="meter 'feeder'", reason="agreed", decided_by="me"
    )

    with pytest.raises(DataRefusedError, match="override of 'reading_estimated'"):
        settled(layout, hours_later=1)
    first, later = (
        run.run_event_settlement(layout, EVENT, [override], fixed_utc=AFTER_UTC + hours)
        for hours in (timedelta(hours=2), timedelta(hours=3))
    )

    assert first.body.totals.reduction_kwh == Decimal("120.000")
    assert later == first


def test_an_override_that_nothing_needs_is_refused(layout: Layout) -> None:
    override = out.OverrideConfig(
        finding_code="counter_reset", subject="GPU 'g'", reason="no", decided_by="me"
    )
    run.run_daily_metering(layout, SITE, FIRST_DAY, LAST_DAY, fixed_utc=AFTER_UTC)

    with pytest.raises(DataRefusedError, match="GPU 'g', which does not"):
        run.run_event_settlement(layout, EVENT, [override], fixed_utc=AFTER_UTC)


@pytest.mark.parametrize("table", ["raw_meter__readings", "raw_grid__events"])
def test_a_file_that_was_changed_after_it_was_sealed_is_not_metered(
    layout: Layout, table: str
) -> None:
    path = next(layout.raw_folder(table, SITE, LAST_DAY).glob("*.parquet"))
    rows = pl.read_parquet(path, hive_partitioning=False)
    late = pl.col("available_at_utc") - timedelta(days=400)
    rows.with_columns(late).write_parquet(path)

    with pytest.raises(DataRefusedError, match=f"damage of {path.name}"):
        run.run_daily_metering(layout, SITE, LAST_DAY, LAST_DAY, fixed_utc=AFTER_UTC)

    assert query(layout, "FROM core_site__interval_energy").is_empty()


def test_a_day_before_the_first_partition_is_refused(layout: Layout) -> None:
    long_ago = date(2023, 12, 31)

    with pytest.raises(DataRefusedError, match="a day from 2024-01-01 on"):
        run.run_daily_metering(layout, SITE, long_ago, long_ago)
