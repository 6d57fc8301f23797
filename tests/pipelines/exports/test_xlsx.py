"""Workbooks read back by another library, as a spreadsheet would."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import openpyxl
import polars as pl
import pytest

from negawatt.models.settlement.statement import Statement
from negawatt.pipelines.exports.exported import export_tables
from negawatt.pipelines.exports.xlsx import MOST_CHARACTERS, to_xlsx
from tests.pipelines.exports.names import NAMES

NOW_UTC = datetime(2026, 7, 17, 9, 30, tzinfo=UTC)


def written(tables: dict[str, pl.DataFrame], zone: str = "America/New_York") -> Any:  # noqa: ANN401 - no types
    content = to_xlsx(tables, zone, [("Event", "e1")], NOW_UTC)
    return openpyxl.load_workbook(io.BytesIO(content))


def test_each_table_is_a_sheet_whose_head_stays_in_sight(statement: Statement) -> None:
    tables = export_tables(statement)

    book = written(tables)

    assert book.sheetnames == ["about", *tables]
    assert {sheet.freeze_panes for sheet in book.worksheets[2:]} == {"A2"}


def test_the_statement_stands_from_top_to_bottom(statement: Statement) -> None:
    (values,) = export_tables(statement)["statement"].to_dicts()

    sheet = written(export_tables(statement))["statement"]

    found = {name.value: value for name, value in sheet.iter_rows(max_col=2)}
    assert found["Event"].value == values["event_id"]
    assert Decimal(repr(found["Reduction [kWh]"].value)) == values["reduction_kwh"]
    assert found["Meter is revenue grade"].value is values["revenue_grade"]
    assert {cell.alignment.horizontal for cell in found.values() if cell.value is not None} == {
        "left"
    }
    assert sheet.freeze_panes == "B1"


def test_each_sheet_is_printed_as_wide_as_a_page(statement: Statement) -> None:
    for sheet in written(export_tables(statement)):
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (None, 0)


def test_a_long_text_goes_on_below_in_a_row_that_shows_it() -> None:
    """200 characters in a column of 60: four lines, and one for words that do not break there."""
    rows = pl.DataFrame({"message": ["a", "word " * 40, "word " * 6_000]})

    sheet = written({"findings": rows})["findings"]

    assert [sheet.row_dimensions[row].height for row in (2, 3, 4)] == [None, 75.0, 405.0]
    assert sheet["A3"].alignment.wrap_text


def test_instants_are_dates_in_utc_with_local_time_beside() -> None:
    """18:00 UTC in July is 14:00 in New York."""
    rows = pl.DataFrame({"interval_start_utc": [datetime(2026, 7, 15, 18, tzinfo=UTC)]})

    sheet = written({"lines": rows})["lines"]

    assert [cell.value for cell in sheet[1]] == [
        "Interval start [UTC]",
        "Interval start [local, America/New_York]",
    ]
    assert [cell.value for cell in sheet[2]] == [
        datetime(2026, 7, 15, 18),  # noqa: DTZ001 - a spreadsheet's dates have no zone
        datetime(2026, 7, 15, 14),  # noqa: DTZ001 - as above
    ]
    assert sheet["A2"].is_date


def test_days_are_dates_and_flags_are_flags() -> None:
    rows = pl.DataFrame({"candidate_date": [date(2026, 7, 4)], "is_settled": [False]})

    sheet = written({"days": rows})["days"]

    assert (sheet["A2"].value.date(), sheet["A2"].number_format) == (date(2026, 7, 4), "yyyy-mm-dd")
    assert sheet["B2"].value is False


def test_a_decimal_is_a_number_that_shows_its_own_decimals() -> None:
    values = [Decimal("160.100"), Decimal("-0.002"), Decimal("123456789.125")]
    rows = pl.DataFrame({"reduction_kwh": values}, schema={"reduction_kwh": pl.Decimal(18, 3)})

    sheet = written({"lines": rows})["lines"]

    assert [Decimal(repr(cell.value)) for cell in sheet["A"][1:]] == values
    assert {cell.data_type for cell in sheet["A"][1:]} == {"n"}
    assert {cell.number_format for cell in sheet["A"][1:]} == {"#,##0.000"}


def test_a_decimal_that_a_spreadsheet_would_round_is_text() -> None:
    """Sixteen digits; a spreadsheet keeps fifteen."""
    value = Decimal("1234567890.123456")
    rows = pl.DataFrame({"payment_amount": [value]}, schema={"payment_amount": pl.Decimal(18, 6)})

    cell = written({"payments": rows})["payments"]["A2"]

    assert (cell.value, cell.data_type) == ("1234567890.123456", "s")


def test_what_is_not_known_is_an_empty_cell_and_zero_is_zero() -> None:
    rows = pl.DataFrame({"reduction_kwh": [None, 0.0]})

    sheet = written({"lines": rows})["lines"]

    assert [cell.value for cell in sheet["A"][1:]] == [None, 0]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_is_text_whatever_it_looks_like(name: str) -> None:
    """Marks that are not seen are written out; nothing else changes."""
    sheet = written({"jobs": pl.DataFrame({"job_id": [name]})})["jobs"]

    cell = sheet["A2"]
    assert cell.data_type == "s"
    assert cell.hyperlink is None
    assert (
        cell.value.replace("[U+202E]", "\u202e")
        .replace("[U+0000]", "\x00")
        .replace("[U+0001]", "\x01")
        .replace("[U+001B]", "\x1b")
        == name
    )


def test_a_text_that_no_cell_holds_says_that_it_is_cut() -> None:
    rows = pl.DataFrame({"evidence_json": ["x" * (MOST_CHARACTERS + 1)]})

    value = written({"findings": rows})["findings"]["A2"].value

    assert len(value) == MOST_CHARACTERS
    assert value.endswith("whole in the JSON and Parquet exports)")


def test_the_same_tables_give_the_same_bytes(statement: Statement) -> None:
    tables = export_tables(statement)

    first, second = (to_xlsx(tables, "UTC", [("Event", "e1")], NOW_UTC) for _ in range(2))

    assert first == second
