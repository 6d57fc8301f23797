"""Many events in one run: the same statements as one by one, and none stopped by another."""

import os
import shutil
import signal
from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest

from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.models.settlement.canonical import to_canonical_json
from negawatt.pipelines import many, publish, run
from negawatt.pipelines.many import Settled
from negawatt.pipelines.publish import all_versions, publish_settlement
from negawatt.warehouse.event_tables import with_revisions
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from tests.pipelines.conftest import (
    AFTER_UTC,
    EVENT,
    EVENT_END_UTC,
    EVENT_START_UTC,
    FIRST_DAY,
    LAST_DAY,
    QUARTER,
    SITE,
    event_rows,
)

pytestmark = pytest.mark.slow

EARLY = {
    "event_id": "e0",
    "event_start_utc": EVENT_START_UTC.replace(day=24),
    "event_end_utc": EVENT_END_UTC.replace(day=24),
}
"""An event on the third day of readings: its rule finds too few days before it."""
STEP = {
    "event_id": "e2",
    "event_start_utc": EVENT_END_UTC,
    "event_end_utc": EVENT_END_UTC + 4 * QUARTER,
}

IDS = ["e2", "e0", EVENT]


@pytest.fixture
def metered(layout: Layout) -> Layout:
    """The warehouse with three events, metered."""
    for event in (EARLY, STEP):
        rows = with_revisions(layout, SITE, event_rows(**event))
        seal_rows(layout, "raw_grid__events", SITE, "test", rows)
    run.run_daily_metering(layout, SITE, FIRST_DAY, LAST_DAY, fixed_utc=AFTER_UTC)
    return layout


def test_each_is_settled_as_by_itself_and_a_refused_one_stops_no_other(
    metered: Layout, tmp_path: Path
) -> None:
    alone = Layout(tmp_path / "alone")
    shutil.copytree(metered.root, alone.root)
    one_by_one = {one: publish_settlement(alone, one, AFTER_UTC)[0] for one in (EVENT, "e2")}

    settled = run.run_many_settlements(metered, ["e0", EVENT, "e2"], fixed_utc=AFTER_UTC)

    assert [one.event_id for one in settled] == ["e0", EVENT, "e2"]
    assert "4 eligible days of type 'weekday', found 2" in settled[0].refusal
    for one in settled[1:]:
        assert one.statement is not None
        assert one.statement.statement_digest == one_by_one[one.event_id].statement_digest
        assert (metered.report_folder(one.statement.body.statement_id) / "report.html").exists()


def test_again_publishes_nothing_new(metered: Layout) -> None:
    first = run.run_many_settlements(metered, [EVENT, "e2"], fixed_utc=AFTER_UTC)
    again = run.run_many_settlements(metered, ["e2", EVENT], fixed_utc=AFTER_UTC)

    assert again == first[::-1]


def test_the_orchestrator_knows_each_event_s_tables(metered: Layout) -> None:
    run.run_many_settlements(metered, ["e0", EVENT, "e2"], fixed_utc=AFTER_UTC)

    with dg.DagsterInstance.from_config(str(run.dagster_home(metered))) as instance:
        known = instance.get_materialized_partitions(
            dg.AssetKey("out_settlement__statements")
        ) & instance.get_materialized_partitions(dg.AssetKey("event_report"))
    assert known == {EVENT, "e2"}


def test_an_unknown_event_is_refused_before_any_is_settled(metered: Layout) -> None:
    with pytest.raises(ConfigurationError, match="no such event"):
        run.run_many_settlements(metered, [EVENT, "e9"], fixed_utc=AFTER_UTC)

    assert not all_versions(metered, f"{SITE}.{EVENT}")


def test_a_version_published_in_between_is_followed(
    metered: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs computed a first version; the slower one sees the other's, and adds none."""
    real = publish.compute_settlement
    calls = []

    def slow(*args: object, **options: object) -> object:
        computed = real(*args, **options)  # type: ignore[arg-type]  # passed on as they came
        calls.append(computed.latest)
        if len(calls) == 1:
            publish_settlement(metered, EVENT, AFTER_UTC)
        return computed

    monkeypatch.setattr(publish, "compute_settlement", slow)

    statement, _ = publish_settlement(metered, EVENT, AFTER_UTC)

    stored = all_versions(metered, f"{SITE}.{EVENT}")
    assert [to_canonical_json(one) for one in stored] == [to_canonical_json(statement)]
    assert [latest is None for latest in calls] == [True, True, False]


def test_a_report_that_cannot_be_written_hides_no_statement(
    metered: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise DataRefusedError(thing="disk", expected="room", found="none", remedy="make some")

    monkeypatch.setattr(many, "write_report", full)

    (settled,) = many.settle_side_by_side(metered, [EVENT], AFTER_UTC)

    assert settled.statement is not None
    assert "its report is not written: disk: expected room" in settled.refusal


def test_a_defect_at_one_event_leaves_the_others_and_is_told(metered: Layout) -> None:
    """A statement that somebody damaged is no refusal of ours; the other event is settled."""
    run.run_many_settlements(metered, [EVENT], fixed_utc=AFTER_UTC)
    folder = metered.table_folder("out_event__baseline")
    (folder / "_delta_log" / "00000000000000000000.json").write_text("{", encoding="utf-8")

    settled = run.run_many_settlements(metered, ["e2", EVENT], fixed_utc=AFTER_UTC)

    assert [one.event_id for one in settled] == ["e2", EVENT]
    assert all(one.refusal for one in settled)


real_settle = many._settle  # noqa: SLF001 - what a process of the pool does


def killed_at_e2(root: Path, event_id: str, now_utc: datetime) -> Settled:
    """Settle an event, or die as where the system wants the memory."""
    if event_id == "e2":
        os.kill(os.getpid(), signal.SIGKILL)
    return real_settle(root, event_id, now_utc)


def killed_once(root: Path, event_id: str, now_utc: datetime) -> Settled:
    """Settle an event, or die if nothing did yet."""
    mark = root / "killed"
    if event_id == "e2" and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return real_settle(root, event_id, now_utc)


def test_what_kills_its_process_twice_is_refused_and_no_other(
    metered: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many, "_settle", killed_at_e2)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)

    found = {one.event_id: one for one in many.settle_side_by_side(metered, IDS, AFTER_UTC)}

    assert set(found) == set(IDS)
    assert "killed twice" in found["e2"].refusal
    assert "found 2" in found["e0"].refusal
    assert found[EVENT].statement is not None


def test_what_was_begun_when_a_process_was_killed_is_settled_once_more(
    metered: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many, "_settle", killed_once)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)

    found = list(many.settle_side_by_side(metered, IDS, AFTER_UTC))

    assert sorted(one.event_id for one in found if one.statement) == [EVENT, "e2"]
    assert len(found) == len(IDS)
