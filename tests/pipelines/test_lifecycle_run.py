"""The life of one statement in a warehouse: restated, final, reopened, voided, reviewed."""

from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.chain import require_chain
from negawatt.models.settlement.lifecycle import CauseKind, Decision, DecisionKind, Stage
from negawatt.models.settlement.review import ReviewKind
from negawatt.models.settlement.statement import Statement
from negawatt.pipelines import publish, run, sensors
from negawatt.pipelines.audit import broken_statements
from negawatt.pipelines.exports.report import report_files
from negawatt.pipelines.publish import all_versions, is_to_be_voided, latest_statement
from negawatt.pipelines.resources import WarehouseResource
from negawatt.pipelines.restate import Outcome, restate
from negawatt.pipelines.review import review
from negawatt.pipelines.rows import EVENT_TABLES
from negawatt.pipelines.selection import Selection
from negawatt.warehouse.connection import query
from negawatt.warehouse.delta_tables import read_table, replace_partition
from negawatt.warehouse.event_tables import find_event, with_revisions
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.sites import read_site, register_sites
from negawatt.warehouse.statement_tables import HEADERS, LINES, PAYMENTS
from tests.pipelines.conftest import (
    AFTER_UTC,
    EVENT,
    EVENT_START_UTC,
    FIRST_DAY,
    LAST_DAY,
    QUARTER,
    SITE,
    event_rows,
)

pytestmark = pytest.mark.slow

STATEMENT = f"{SITE}.{EVENT}"
LOAD = "core_site__interval_energy"
ALL = Selection()
FINAL = Decision(kind=DecisionKind.FINALIZE, decided_by="A. Auditor")
REOPEN = Decision(kind=DecisionKind.REOPEN, decided_by="A. Auditor", reason="meter exchanged")


@pytest.fixture
def settled(layout: Layout) -> Layout:
    """The warehouse with its days metered and its event settled: 120 kWh."""
    run.run_daily_metering(layout, SITE, FIRST_DAY, LAST_DAY, fixed_utc=AFTER_UTC)
    run.run_event_settlement(layout, EVENT, fixed_utc=AFTER_UTC)
    return layout


def correct(layout: Layout, quality: str = "ok") -> None:
    """Bring a later version of the event's first quarter hour, and meter its day."""
    rows = pl.DataFrame(
        {
            "meter_id": "feeder",
            "interval_start_utc": [EVENT_START_UTC],
            "interval_end_utc": [EVENT_START_UTC + QUARTER],
            "energy_kwh": [12.5],
            "reading_quality": [quality],
            "available_at_utc": [AFTER_UTC + timedelta(minutes=30)],
        }
    )
    seal_rows(layout, "raw_meter__readings", SITE, "test", rows)
    later_utc = AFTER_UTC + timedelta(hours=1)
    run.run_daily_metering(layout, SITE, LAST_DAY, LAST_DAY, fixed_utc=later_utc)


def cancel(layout: Layout) -> None:
    rows = with_revisions(layout, SITE, event_rows(cancelled=True))
    seal_rows(layout, "raw_grid__events", SITE, "test", rows)


def versions(layout: Layout) -> tuple[Statement, ...]:
    found = all_versions(layout, STATEMENT)
    require_chain(found)
    return found


def kinds(layout: Layout) -> list[ReviewKind]:
    found = review(layout, ALL, AFTER_UTC, within_days=14)
    return [item.kind for item in found]


def test_a_corrected_reading_is_restated_with_its_cause_and_nothing_else_is(
    settled: Layout,
) -> None:
    """2.5 kWh more were used in a quarter hour; a dry run says so and writes nothing."""
    unchanged = list(restate(settled, ALL, AFTER_UTC))
    before = {table: read_table(settled, table).version for table in EVENT_TABLES}
    correct(settled)

    (planned,) = restate(settled, ALL, AFTER_UTC, dry_run=True)
    assert kinds(settled) == [ReviewKind.OUT_OF_DATE]
    assert len(versions(settled)) == 1
    assert {t: read_table(settled, t).version for t in EVENT_TABLES} == before
    (done,) = restate(settled, ALL, AFTER_UTC)

    assert unchanged == []
    assert done.new is not None
    assert planned.new is not None
    assert planned.new.body == done.new.body
    assert (done.outcome, str(done.moved_kwh)) == (Outcome.RESTATED, "-2.500")
    causes = [(cause.kind, cause.subject, cause.message) for cause in done.new.causes]
    assert causes == [(CauseKind.INPUT, LOAD, "1 interval on 2026-06-30")]
    assert [one.stage for one in versions(settled)] == [Stage.INITIAL, Stage.RECALCULATED]
    assert list(restate(settled, ALL, AFTER_UTC)) == []
    assert list(restate(settled, Selection(month="2026-05"), AFTER_UTC)) == []


def test_an_estimated_reading_is_listed_with_the_command_that_decides_on_it(
    settled: Layout,
) -> None:
    correct(settled, quality="estimated")

    (blocked,) = review(settled, ALL, AFTER_UTC, within_days=14)

    assert blocked.kind is ReviewKind.BLOCKED
    assert str(blocked.stake.energy_kwh) == "120.000"
    assert """--override "reading_estimated:meter 'feeder':REASON" --by NAME""" in blocked.remedy


def test_settling_again_leaves_every_table_as_it_was(settled: Layout) -> None:
    """Byte for byte: not even a table's version rises."""
    tables = (*EVENT_TABLES, HEADERS, LINES, PAYMENTS)
    before = {table: read_table(settled, table) for table in tables}

    run.run_event_settlement(settled, EVENT, fixed_utc=AFTER_UTC + timedelta(days=3))

    for table, snapshot in before.items():
        again = read_table(settled, table)
        assert again.version == snapshot.version
        assert again.frame.equals(snapshot.frame)


def test_what_is_final_is_reopened_by_a_person_and_by_nothing_else(settled: Layout) -> None:
    final = run.run_event_settlement(settled, EVENT, decision=FINAL, fixed_utc=AFTER_UTC)
    correct(settled)

    with pytest.raises(DataRefusedError, match="1 interval on 2026-06-30"):
        run.run_event_settlement(settled, EVENT, fixed_utc=AFTER_UTC)
    (untouched,) = restate(settled, ALL, AFTER_UTC)
    listed = kinds(settled)
    reopened = run.run_event_settlement(settled, EVENT, decision=REOPEN, fixed_utc=AFTER_UTC)

    assert final.stage is Stage.FINAL
    assert untouched.outcome is Outcome.FINAL
    assert listed == [ReviewKind.CHANGED_AFTER_FINAL]
    assert (reopened.statement_version, reopened.decision) == (3, REOPEN)
    assert [one.stage.value for one in versions(settled)] == ["initial", "final", "recalculated"]


def test_a_cancelled_event_is_voided_and_sums_no_more(settled: Layout) -> None:
    cancel(settled)

    listed = kinds(settled)
    assert is_to_be_voided(settled, find_event(settled, EVENT))
    (voided,) = restate(settled, ALL, AFTER_UTC)

    assert listed == [ReviewKind.CANCELLED]
    assert voided.outcome is Outcome.VOIDED
    assert [one.stage for one in versions(settled)] == [Stage.INITIAL, Stage.VOID]
    assert kinds(settled) == []
    assert not is_to_be_voided(settled, find_event(settled, EVENT))
    counted = query(
        settled,
        "SELECT count(*) FROM out_settlement__statement_lines JOIN out_settlement__statements "
        "USING (statement_id, statement_version) WHERE statement_version = 2",
    )
    assert counted.item() == 0
    assert query(settled, "FROM out_event__baseline").is_empty()


def test_a_report_never_mixes_the_tables_of_two_versions(
    settled: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is killed when the new tables are written and the new version is not."""
    first = latest_statement(settled, STATEMENT)
    assert first is not None
    before = report_files(settled, first)
    correct(settled)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(publish, "publish_statement", killed)
        with pytest.raises(KeyboardInterrupt):
            run.run_event_settlement(settled, EVENT, fixed_utc=AFTER_UTC)

    assert latest_statement(settled, STATEMENT) == first
    assert report_files(settled, first) == before


def test_two_settlements_at_once_make_one_version_each_after_the_other(settled: Layout) -> None:
    correct(settled)

    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        issued = list(pool.map(settle_in, [settled.root] * 2))

    assert issued == [2, 2]
    assert len(versions(settled)) == 2


def settle_in(root: Path) -> int:
    return run.run_event_settlement(Layout(root), EVENT, fixed_utc=AFTER_UTC).statement_version


def test_what_is_over_and_was_never_settled_is_listed_with_what_is_missing(
    layout: Layout,
) -> None:
    (unmetered,) = review(layout, ALL, AFTER_UTC, within_days=14)
    run.run_daily_metering(layout, SITE, FIRST_DAY, LAST_DAY, fixed_utc=AFTER_UTC)
    (complete,) = review(layout, ALL, AFTER_UTC, within_days=14)
    long_after = review(layout, ALL, EVENT_START_UTC, within_days=14)

    assert unmetered.kind is complete.kind is ReviewKind.NOT_SETTLED
    assert "its load is not metered" in unmetered.message
    assert "its data is complete" in complete.message
    assert str(complete.stake.energy_kwh) == "100.000"
    assert long_after == ()


def test_a_version_that_was_changed_in_the_table_is_found(settled: Layout) -> None:
    """Somebody writes a better figure into the first version's header."""
    assert list(broken_statements(settled)) == []
    headers = read_table(settled, HEADERS).frame
    better = headers.with_columns(
        pl.col("statement_json").str.replace(
            '"reduction_kwh":"120.000"', '"reduction_kwh":"130.000"'
        )
    )
    assert not better.equals(headers)
    replace_partition(settled, HEADERS, {}, better)

    (found,) = broken_statements(settled)

    assert STATEMENT in found.thing


def test_the_sensor_asks_for_what_changed_once_and_leaves_the_final_alone(settled: Layout) -> None:
    def asked() -> list[str | None]:
        resources = {"warehouse": WarehouseResource(root=str(settled.root))}
        found = sensors.restate_what_changed(dg.build_sensor_context(resources=resources))
        if isinstance(found, dg.SkipReason):
            return []
        assert isinstance(found, dg.SensorResult)
        return [request.run_key for request in found.run_requests or []]

    assert asked() == []
    correct(settled)
    first, again = asked(), asked()
    run.run_event_settlement(settled, EVENT, fixed_utc=AFTER_UTC)
    stated = asked()
    site = read_site(settled, SITE).model_copy(update={"revenue_grade": False})
    register_sites(settled, {SITE: site})
    of_another_fact = asked()
    run.run_event_settlement(settled, EVENT, fixed_utc=AFTER_UTC)
    run.run_event_settlement(settled, EVENT, decision=FINAL, fixed_utc=AFTER_UTC)
    register_sites(settled, {SITE: site.model_copy(update={"boundary": "another"})})

    assert len(first) == len(of_another_fact) == 1
    assert (again, stated, asked()) == (first, [], [])
    assert first != of_another_fact


def test_inputs_that_came_back_are_asked_for_again(settled: Layout) -> None:
    """Not revenue grade, revenue grade, not again: three versions, and the third is asked for."""
    site = read_site(settled, SITE)
    keys = []
    for grade in (False, True, False):
        register_sites(settled, {SITE: site.model_copy(update={"revenue_grade": grade})})
        resources = {"warehouse": WarehouseResource(root=str(settled.root))}
        found = sensors.restate_what_changed(dg.build_sensor_context(resources=resources))
        assert isinstance(found, dg.SensorResult)
        keys += [request.run_key for request in found.run_requests or []]
        run.run_event_settlement(settled, EVENT, fixed_utc=AFTER_UTC)

    assert len(set(keys)) == 3


def test_a_statement_whose_meter_no_longer_counts_does_not_say_the_same(settled: Layout) -> None:
    """No energy moved, and yet a utility would not pay it."""
    site = read_site(settled, SITE).model_copy(update={"revenue_grade": False})
    register_sites(settled, {SITE: site})

    (found,) = restate(settled, ALL, AFTER_UTC)

    assert (found.outcome, found.moved_kwh) == (Outcome.RESTATED, Decimal(0))
