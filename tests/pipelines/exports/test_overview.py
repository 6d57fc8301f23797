"""A month and a portfolio: nine statements of three sites in two months, by hand.

See many_events.py: e1 met, e2 and e3 missed, e4 delivered nothing and has no amount, e5 has a
decision on a blocking finding, e6 promised nothing, e7 has a meter that is not accepted.
"""

import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import openpyxl
import polars as pl
import pytest
from typer.testing import CliRunner

from negawatt.cli.main import app
from negawatt.models.settlement.concerns import ConcernKind, concerns_of
from negawatt.models.settlement.period import Month
from negawatt.models.settlement.statement import Statement
from negawatt.pipelines.exports.export import Export, contents
from negawatt.pipelines.exports.export_columns import PORTFOLIO_COLUMNS
from negawatt.pipelines.exports.formats import Format
from negawatt.pipelines.exports.json_tables import tables_schema
from negawatt.pipelines.exports.overview_facts import event_rows
from negawatt.pipelines.exports.overview_figures import MOST_BARS, month_rows, share_rows
from negawatt.pipelines.exports.overview_page import render_overview, write_overview
from negawatt.pipelines.exports.portfolio_tables import (
    PORTFOLIO_FORMAT,
    portfolio_export,
)
from negawatt.pipelines.overview import Overview, read_overview
from negawatt.warehouse.layout import Layout
from tests.pipelines.exports.many_events import WARNING, portfolio_layout, portfolio_statements
from tests.pipelines.exports.names import NAMES
from tests.pipelines.exports.pango import needs_pango
from tests.pipelines.exports.reading import Page

pytestmark = pytest.mark.slow  # a warehouse of nine statements, and charts

JULY = Month(year=2026, month=7)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory, statement: Statement) -> Layout:
    return portfolio_layout(Layout(tmp_path_factory.mktemp("portfolio")), statement)


@pytest.fixture(scope="module")
def overview(warehouse: Layout) -> Overview:
    return read_overview(warehouse)


@pytest.fixture(scope="module")
def export(overview: Overview) -> Export:
    return portfolio_export(overview)


@pytest.fixture(scope="module")
def page(overview: Overview) -> Page:
    href = "../../reports/s1.e1/report.html"
    return Page(render_overview(overview, hrefs={"s1.e1": href}, files=["portfolio.json"]))


def test_an_event_without_a_statement_is_named_and_a_withdrawn_one_is_not(
    overview: Overview,
) -> None:
    assert [event.event_id for event in overview.not_settled] == ["e10"]
    assert len(overview.events) == 9


def test_a_month_is_one_of_the_site_s_clock(warehouse: Layout) -> None:
    found = read_overview(warehouse, month=JULY, site_id="s1")

    assert [event.event_id for event in found.events] == ["e1", "e2", "e3"]
    assert read_overview(warehouse, month=JULY).events != found.events


def test_the_page_begins_with_both_verdicts_and_both_energies(page: Page) -> None:
    """5 of 8 met; 8 events promised 120 kWh each and delivered 922 of the 994 kWh in all."""
    assert "Commitment met 5 of 8 3 not met; 1 event promised nothing." in page.text
    assert "Limit kept 7 of 8 1 not met, 1 not computable." in page.text
    assert "994.0 kWh 8 events promised 960.0 kWh and delivered 922.0 kWh." in page.text
    assert "1 event without a statement , not in any figure." in page.text
    assert "In 1 of 9 events the program does not accept the meter" in page.text


def test_currencies_stand_apart_and_what_is_not_known_is_not_zero(page: Page) -> None:
    """12.34 - 32.50 + 5.20; no statement here says what nothing delivered would have been."""
    money = page.table_with("Of it charges")

    assert [row[:2] + row[4:] for row in money[1:]] == [
        ["EUR", "8.10", "8.10", "not known"],
        ["USD", "\N{MINUS SIGN}14.96", "\N{MINUS SIGN}14.96", "not known"],
    ]


def test_every_event_has_a_row_with_power_and_energy(page: Page) -> None:
    rows = page.table_with("Delivered, mean [kW]")[1:]
    missed = next(row for row in rows if row[0].startswith("e3"))
    free = next(row for row in rows if row[0].startswith("e6"))

    assert len(rows) == 9
    assert missed[2:6] == ["30.0", "\N{MINUS SIGN}6.0", "120.0", "\N{MINUS SIGN}24.000"]
    assert [cell.strip() for cell in missed[6:8]] == ["Not met", "Not met65.0 kW"]
    assert free[2:5] == ["none set", "18.0", "none set"]


def test_hours_are_of_each_site_s_clock(page: Page) -> None:
    """18:00 UTC in July is 11:00 in Phoenix; 21:00 UTC is 23:00 in Berlin."""
    rows = {row[0][:2]: row[1] for row in page.table_with("Local time")[1:]}

    assert "11:00 to 15:00" in rows["e4"]
    assert "23:00 to 03:00 (+1 day)" in rows["e7"]


def test_a_report_is_linked_where_there_is_one(page: Page) -> None:
    links = [found["href"] for tag, found in page.tags if tag == "a"]

    assert links.count("../../reports/s1.e1/report.html") == 1
    assert not [link for link in links if link and "s1.e2" in link]
    anchors = {link.removeprefix("#") for link in links if link and link.startswith("#")}
    assert anchors <= set(page.ids())
    assert len(page.ids()) == len(set(page.ids()))


def test_the_page_fetches_nothing_and_runs_nothing(page: Page) -> None:
    assert not {"script", "img", "link", "iframe"} & {tag for tag, _ in page.tags}


def test_what_needs_a_person_comes_the_gravest_first(statement: Statement) -> None:
    stated = {one.body.event.event_id: one for one in portfolio_statements(statement)}

    blocked, warned = concerns_of(stated["e5"])

    assert (blocked.kind, warned.kind) == (ConcernKind.OVERRIDDEN, ConcernKind.WARNING)
    assert blocked.message.endswith("decided by A. Auditor: read by hand on the display")
    assert [one.kind for one in concerns_of(stated["e4"])] == [ConcernKind.PAYMENT]
    assert [one.kind for one in concerns_of(stated["e7"])] == [ConcernKind.METER]
    assert [one.kind for one in concerns_of(stated["e8"])] == [ConcernKind.CAP]
    assert concerns_of(stated["e1"]) == ()


def test_shares_are_of_events_that_promised_and_an_arrow_says_what_goes_beyond(
    overview: Overview,
) -> None:
    shares = share_rows(event_rows(overview, {}))

    assert "e6, phoenix" not in shares["name"]
    texts = dict(shares.select("name", "text").rows())
    assert texts["e2, s1"] == "42%: 12.5 of 30.0 kW"
    assert (
        texts["e7, a-long-name-of-a-hall-in-berlin"] == "\N{RIGHTWARDS ARROW} 300%: 90.0 of 30.0 kW"
    )


def test_an_event_is_named_without_its_site_where_all_are_of_one(warehouse: Layout) -> None:
    one_site = read_overview(warehouse, month=JULY, site_id="s1")

    assert share_rows(event_rows(one_site, {}))["name"].to_list() == ["e1", "e2", "e3"]


def test_a_month_compares_what_was_promised_with_what_was_delivered_of_it(
    overview: Overview,
) -> None:
    """July: 160 + 50 - 24 + 0 + 124 + 360 kWh of six times 120; e6 promised nothing."""
    months = month_rows(event_rows(overview, {}))

    assert months.row(0) == ("2026-07", 670.0, 720.0, "670.0 of 720.0 kWh")


def test_both_charts_keep_to_the_schema_of_their_language(overview: Overview) -> None:
    from negawatt.pipelines.exports import overview_charts as charts  # noqa: PLC0415 - takes long

    rows = event_rows(overview, {})

    for chart in (charts.shares_chart(share_rows(rows)), charts.months_chart(month_rows(rows))):
        assert chart.to_dict()["layer"]


def test_the_tables_hold_the_page_s_figures_in_every_format(export: Export) -> None:
    events = export.tables["events"]

    assert {name: rows.columns for name, rows in export.tables.items()} == {
        name: list(columns) for name, columns in PORTFOLIO_COLUMNS.items()
    }
    assert str(events["reduction_kwh"].sum()) == "994.000"
    assert export.tables["money"]["at_stake_amount"].to_list() == [None, None]
    assert export.tables["not_settled"]["event_id"].to_list() == ["e10"]
    book: Any = openpyxl.load_workbook(io.BytesIO(contents(export, Format.XLSX)[""]))
    assert book.sheetnames == ["about", *export.tables]
    assert b"Reduction [kWh]" in contents(export, Format.CSV)["events.csv"]
    parquet = pl.read_parquet(io.BytesIO(contents(export, Format.PARQUET)["events.parquet"]))
    assert parquet.equals(events)


def test_a_document_of_a_portfolio_keeps_to_its_schema(export: Export) -> None:
    made = json.loads(contents(export, Format.JSON)[""])

    jsonschema.validate(made, tables_schema(PORTFOLIO_FORMAT, PORTFOLIO_COLUMNS))


def test_an_empty_month_says_so(warehouse: Layout) -> None:
    empty = read_overview(warehouse, month=Month(year=2020, month=1))

    page = Page(render_overview(empty, hrefs={}, files=[]))

    assert "No event is settled." in page.text
    assert "Commitment met none judged" in page.text
    made = json.loads(contents(portfolio_export(empty), Format.JSON)[""])
    jsonschema.validate(made, tables_schema(PORTFOLIO_FORMAT, PORTFOLIO_COLUMNS))


def test_the_command_writes_the_page_and_the_same_bytes_again(warehouse: Layout) -> None:
    arguments = ["portfolio", "-w", str(warehouse.root), "--month", "2026-07", "--page", "--json"]

    result = CliRunner().invoke(app, arguments)

    folder = warehouse.root / "overviews" / "_all.2026-07"
    assert result.exit_code == 0
    assert json.loads(result.stdout)["reduction_kwh"] == "742.000"
    first = {file.name: file.read_bytes() for file in folder.iterdir()}
    links = set(re.findall(r'href="([^"#]+)"', first["overview.html"].decode()))
    assert links == set(first) - {"overview.html"}
    CliRunner().invoke(app, arguments)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == first


@needs_pango
def test_the_pdf_is_printed_across_and_has_every_event(
    warehouse: Layout, overview: Overview
) -> None:
    from pypdf import PdfReader  # noqa: PLC0415 - only here

    folder = write_overview(warehouse, overview, pdf=True)

    reader = PdfReader(Path(folder) / "overview.pdf")
    text = " ".join(page.extract_text() for page in reader.pages)
    assert reader.pages[0].mediabox.width > reader.pages[0].mediabox.height
    assert all(f"e{number}" in text for number in range(1, 11))


def test_of_many_events_the_weakest_are_drawn_in_their_order_in_time(overview: Overview) -> None:
    """Nine times as many: of 72 with a commitment, the 20 weakest, from -20% up."""
    rows = event_rows(overview, {}) * 9

    shares = share_rows(rows)

    assert MOST_BARS == 20 <= shares.height
    assert set(shares["name"]) == {"e3, s1", "e4, phoenix", "e2, s1"}


def test_a_page_of_few_events_speaks_of_no_selection(overview: Overview) -> None:
    assert "smallest share" not in render_overview(overview, hrefs={}, files=[])


def test_names_and_messages_of_statements_are_text_on_the_page(overview: Overview) -> None:
    first = overview.statements["s1.e1"]
    found = tuple(replace(WARNING, subject=name) for name in NAMES)
    hostile = replace(first, body=replace(first.body, findings=found))
    statements = {**overview.statements, "s1.e1": hostile}

    source = render_overview(replace(overview, statements=statements), hrefs={}, files=[])

    page = Page(source)
    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    assert not any(key.startswith("on") for _, attributes in page.tags for key in attributes)
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\u202a-\u202e]", source)
    assert "<script>alert(1)</script>: expected 240 readings" in page.text
