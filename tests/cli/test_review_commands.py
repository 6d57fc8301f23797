"""What a settlement analyst sees of one corrected reading: exceptions, restate, diff, the page."""

import json
import stat
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from negawatt.cli.diff import diff
from negawatt.cli.exceptions import exceptions
from negawatt.cli.report import report
from negawatt.cli.restate import restate
from negawatt.cli.settle import settle
from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.pipelines import run
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from tests.pipelines.conftest import (
    AFTER_UTC,
    EVENT,
    EVENT_START_UTC,
    FIRST_DAY,
    LAST_DAY,
    QUARTER,
    SITE,
    layout,
)

pytestmark = pytest.mark.slow

__all__ = ["layout"]  # a fixture


@pytest.fixture
def corrected(layout: Layout) -> Path:
    """A settled event, and a later reading that says 2.5 kWh more were used."""
    run.run_daily_metering(layout, SITE, FIRST_DAY, LAST_DAY, fixed_utc=AFTER_UTC)
    run.run_event_settlement(layout, EVENT, fixed_utc=AFTER_UTC)
    rows = pl.DataFrame(
        {
            "meter_id": "feeder",
            "interval_start_utc": [EVENT_START_UTC],
            "interval_end_utc": [EVENT_START_UTC + QUARTER],
            "energy_kwh": [12.5],
            "reading_quality": ["ok"],
            "available_at_utc": [AFTER_UTC + timedelta(minutes=30)],
        }
    )
    seal_rows(layout, "raw_meter__readings", SITE, "test", rows)
    return layout.root


def test_an_analyst_sees_what_changed_and_why_and_declares_it_final(
    corrected: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """2.5 kWh of 120; the hour's interval went from 10 to 12.5 kWh a quarter: 40 to 42.5."""
    restate(warehouse=corrected, dry_run=True)
    planned = capsys.readouterr().out
    assert "a dry run: nothing was published" in planned
    assert "120.000     -2.500  restated" in planned
    assert "e1: core_site__interval_energy: 1 interval on 2026-06-30" in planned

    exceptions(warehouse=corrected)
    assert "120.000 kWh" in capsys.readouterr().out

    restate(warehouse=corrected, metered=True, json_output=True)
    (changed,) = json.loads(capsys.readouterr().out)["changed"]
    assert (changed["old_version"], changed["new_version"]) == (1, 2)

    diff(EVENT, warehouse=corrected)
    lines = capsys.readouterr().out.splitlines()
    cause = "version 2: core_site__interval_energy changed: 1 interval on 2026-06-30"
    assert lines.index(cause) < next(n for n, one in enumerate(lines) if "reduction_kwh" in one)
    cells = [line.split() for line in lines]
    assert ["reduction_kwh", "120.000", "117.500", "-2.500"] in cells
    hour = ["2026-06-30", "18:00", "100.000", "100.000", "40.000", "42.500", "60.000", "57.500"]
    assert hour in cells

    diff(EVENT, warehouse=corrected, json_output=True)
    document = json.loads(capsys.readouterr().out)
    assert document["old"]["stage"] == "initial"
    assert document["causes"][0]["message"] == "1 interval on 2026-06-30"
    assert len(document["lines"]) == 1

    settle([EVENT], warehouse=corrected, metered=True, final=True, by="A. Auditor")
    assert "finalize          by A. Auditor" in capsys.readouterr().out
    diff(EVENT, warehouse=corrected)
    assert "the same body: no figure, day or finding differs" in capsys.readouterr().out
    diff(EVENT, warehouse=corrected, versions=(1, 3))
    assert "version 3: finalize by A. Auditor" in capsys.readouterr().out


def test_two_files_are_compared_and_a_version_that_is_not_there_is_refused(
    corrected: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(DataRefusedError, match="two published versions to compare"):
        diff(EVENT, warehouse=corrected)

    report(EVENT, warehouse=corrected)
    capsys.readouterr()
    file = Layout(corrected).report_folder(f"{SITE}.{EVENT}") / "statement.json"
    diff(str(file), file)
    assert "the same body" in capsys.readouterr().out
    with pytest.raises(ConfigurationError, match="a readable file"):
        diff(str(tmp_path / "none.json"), file)


def test_the_page_is_opened_in_the_readers_browser(
    corrected: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A browser of our own writes down what it is given."""
    browser, given = tmp_path / "browser", tmp_path / "given"
    browser.write_text(f'#!/bin/sh\necho "$1" > {given}\n', encoding="utf-8")
    browser.chmod(browser.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("BROWSER", f"{browser} %s")

    report(EVENT, warehouse=corrected, open_page=True)

    assert given.read_text(encoding="utf-8").strip().endswith("reports/s1.e1/report.html")


@pytest.mark.parametrize(
    ("final", "reopen", "by"), [(True, "late", "me"), (True, None, " "), (False, "", "me")]
)
def test_a_decision_without_all_its_parts_is_refused(
    tmp_path: Path, by: str, reopen: str | None, *, final: bool
) -> None:
    with pytest.raises(ConfigurationError, match="a reason with --reopen, and --by NAME"):
        settle(["e1"], warehouse=tmp_path / "w", final=final, reopen=reopen, by=by)

    assert not (tmp_path / "w").exists()
