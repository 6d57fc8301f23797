"""What a person settles: one event by name, several by name or by choice; what is refused."""

import json
from pathlib import Path

import pytest

from negawatt.cli.demo import demo
from negawatt.cli.settle import settle
from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.pipelines import run
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
    layout,
)

pytestmark = pytest.mark.slow  # Dagster is imported

__all__ = ["layout"]  # a fixture


@pytest.mark.parametrize(
    ("text", "by"),
    [
        ("coverage_low:meter 'm':it is late", ""),
        ("no_such_code:meter 'm':it is late", "me"),
        ("coverage_low:it is late", "me"),
        ("coverage_low", "me"),
    ],
)
def test_an_override_without_all_its_parts_is_refused(text: str, by: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="CODE:SUBJECT:REASON"):
        settle(["e1"], warehouse=tmp_path / "w", override=[text], by=by)

    assert not (tmp_path / "w").exists()


def test_the_demo_empties_no_folder_that_it_did_not_make(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")

    with pytest.raises(ConfigurationError, match="found other files"):
        demo(warehouse=tmp_path)

    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "years of work"


@pytest.fixture
def three_events(layout: Layout) -> Path:
    """One that settles, one right after it, and one with too few days before it."""
    for rows in (
        event_rows(
            event_id="early",
            event_start_utc=EVENT_START_UTC.replace(day=24),
            event_end_utc=EVENT_END_UTC.replace(day=24),
        ),
        event_rows(
            event_id="next",
            event_start_utc=EVENT_END_UTC,
            event_end_utc=EVENT_END_UTC + 4 * QUARTER,
        ),
    ):
        seal_rows(layout, "raw_grid__events", SITE, "test", with_revisions(layout, SITE, rows))
    run.run_daily_metering(layout, SITE, FIRST_DAY, LAST_DAY, fixed_utc=AFTER_UTC)
    return layout.root


@pytest.mark.slow
def test_the_events_of_a_month_are_settled_in_one_run_and_a_refused_one_is_named(
    three_events: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DataRefusedError, match="1 of 3 events"):
        settle(warehouse=three_events, month=f"{EVENT_START_UTC:%Y-%m}", metered=True)

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines[1:3]] == [
        [EVENT, "1", "initial"],
        ["next", "1", "initial"],
    ]
    assert lines[3].startswith("early: rule")
    assert "4 eligible days" in lines[3]


@pytest.mark.slow
def test_several_names_give_one_json_document(
    three_events: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settle(["next", EVENT, "next"], warehouse=three_events, metered=True, json_output=True)

    said = json.loads(capsys.readouterr().out)
    assert [one["event_id"] for one in said["settled"]] == ["next", EVENT]
    assert said["refused"] == {}


@pytest.mark.slow
def test_a_choice_that_no_event_meets_is_refused(three_events: Path) -> None:
    with pytest.raises(ConfigurationError, match="a choice that some event meets"):
        settle(warehouse=three_events, month="2001-01", metered=True)


@pytest.mark.parametrize(
    ("events", "month", "final"),
    [([], None, False), (["e1"], "2026-06", False), (["e1", "e2"], None, True)],
)
def test_neither_nothing_nor_both_nor_a_decision_on_several_is_settled(
    events: list[str], month: str | None, tmp_path: Path, *, final: bool
) -> None:
    with pytest.raises(ConfigurationError, match="one name where a person decides"):
        settle(events, warehouse=tmp_path / "w", month=month, final=final, by="me")

    assert not (tmp_path / "w").exists()
