"""A report from a warehouse to files; slow, because every chart is drawn."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from negawatt.cli.main import app
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.canonical import to_canonical_json
from negawatt.models.settlement.statement import Statement
from negawatt.pipelines.exports.report import write_report
from negawatt.warehouse.delta_tables import replace_partition
from negawatt.warehouse.layout import Layout
from tests.pipelines.exports.conftest import EVENT, publish
from tests.pipelines.exports.pango import needs_pango
from tests.pipelines.exports.reading import Page


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.slow
def test_the_report_holds_the_page_the_statement_and_the_tables(
    settled: Layout, statement: Statement
) -> None:
    folder = write_report(settled, "e1")

    names = {"baseline", "days", "findings", "jobs", "lines", "load"}
    expected = {f"{name}.{kind}" for name in names for kind in ("csv", "parquet")}
    assert set(contents(folder)) == {"report.html", "statement.json"} | expected
    assert folder == settled.report_folder("s1.e1")
    assert (folder / "statement.json").read_bytes() == to_canonical_json(statement)
    page = Page((folder / "report.html").read_text())
    links = {found["href"] or "" for tag, found in page.tags if tag == "a"}
    beside = {link for link in links if not link.startswith("#")}
    assert beside == set(contents(folder)) - {"report.html"}
    assert sum(found.get("role") == "img" for tag, found in page.tags if tag == "svg") == 7
    assert len(page.ids()) == len(set(page.ids()))


@pytest.mark.slow
def test_the_same_statement_gives_the_same_bytes_again(settled: Layout) -> None:
    first = contents(write_report(settled, "e1"))

    assert contents(write_report(settled, "e1")) == first


@pytest.mark.slow
def test_a_later_correction_of_the_load_does_not_change_the_report(
    settled: Layout, load: pl.DataFrame
) -> None:
    first = contents(write_report(settled, "e1"))
    day = EVENT.interval.start_utc.date()
    doubled = load.filter(pl.col("date") == day).with_columns(pl.col("energy_kwh") * 2)
    replace_partition(
        settled, "core_site__interval_energy", {"site_id": "s1", "date": day}, doubled
    )

    assert contents(write_report(settled, "e1")) == first


@pytest.mark.slow
def test_a_restatement_replaces_the_report(
    settled: Layout, restated: Callable[..., Statement]
) -> None:
    write_report(settled, "e1")
    publish(settled, restated(revenue_grade=False))

    page = Page((write_report(settled, "e1") / "report.html").read_text())

    assert "statement version 2" in page.text
    assert page.table_with("Before")[1:] == [["revenue_grade", "true", "false"]]


@pytest.mark.slow
def test_an_event_without_a_statement_is_refused(layout: Layout) -> None:
    with pytest.raises(DataRefusedError, match="expected a published statement, found none"):
        write_report(layout, "e1")

    assert not layout.report_folder("s1.e1").exists()


@pytest.mark.slow
def test_the_command_says_where_the_report_is(settled: Layout) -> None:
    result = CliRunner().invoke(app, ["report", "e1", "-w", str(settled.root), "--json"])

    said = json.loads(result.output)
    assert result.exit_code == 0
    assert Path(said["report"]).read_text().startswith("<!DOCTYPE html>")
    assert all(Path(file).is_file() for file in said["files"])


@needs_pango
@pytest.mark.slow
def test_the_pdf_lies_beside_the_page_when_it_is_asked_for(settled: Layout) -> None:
    result = CliRunner().invoke(app, ["report", "e1", "-w", str(settled.root), "--pdf"])

    assert result.exit_code == 0
    pdf = settled.report_folder("s1.e1") / "report.pdf"
    assert str(pdf) in result.output
    assert pdf.read_bytes().startswith(b"%PDF-")
