"""Tables as one XLSX workbook: a sheet for each, real dates and numbers, nothing that computes.

XlsxWriter writes each cell as it is told: text is text, whatever it begins with, and no cell is a
formula or a link. Not here: which tables there are (exported.py, portfolio_tables.py).
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import polars as pl
import xlsxwriter

from negawatt.pipelines.exports.headings import HEADINGS, local_heading
from negawatt.pipelines.exports.words import visible

MOST_CHARACTERS: Final = 32_767
"""A cell holds no more."""
_DIGITS: Final = 15  # a spreadsheet keeps no more of a number
_CUT: Final = " ... (cut here; whole in the JSON and Parquet exports)"
_INSTANT, _DATE = "yyyy-mm-dd hh:mm:ss", "yyyy-mm-dd"
_WIDEST: Final = 60  # longer text goes on below
_LINE_PT, _MOST_LINES = 15, 27  # no row of a spreadsheet is higher than 409 points
_RECORD: Final = "statement"
"""The table whose one row stands as headings with their values beside: so many nobody scrolls."""


def to_xlsx(
    tables: Mapping[str, pl.DataFrame],
    time_zone: str,
    about: Sequence[tuple[str, str]],
    created_utc: datetime,
) -> bytes:
    """Return a workbook; the same tables give the same bytes.

    Instants are dates of the spreadsheet, in UTC with local time beside. Decimals are numbers that
    show exactly the decimals they have; one that needs more than 15 digits, which a spreadsheet
    does not keep, is text. What is not known is an empty cell. A character that is not seen is
    written out, as ``[U+202E]``. Printed, a sheet is as wide as one page.

    Args:
        tables: Rows by the name of their sheet.
        time_zone: IANA name of the clock of local times.
        about: What the workbook is, as pairs, for the first sheet.
        created_utc: When what it shows was made.
    """
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        book.set_properties({"title": about[0][1], "created": created_utc.replace(tzinfo=None)})
        in_columns, beside = _Formats(book), _Formats(book, align="left", indent=1)
        _about(book, beside, about)
        for name, rows in tables.items():
            if name == _RECORD:
                _record(book, beside, name, rows, time_zone)
            else:
                _table(book, in_columns, name, rows, time_zone)
    return buffer.getvalue()


class _Formats:
    """The cell formats of one workbook, each made once; with an alignment for all of them."""

    def __init__(self, book: Any, **alignment: str | int) -> None:  # noqa: ANN401 - the library has no types
        self._book = book
        self._alignment: dict[str, str | int] = {"valign": "top", **alignment}
        self._made: dict[str, Any] = {}
        self.head = book.add_format(
            {"bold": True, "text_wrap": True, "valign": "bottom", "bottom": 2}
        )
        self.text = book.add_format(
            self._alignment | {"align": "left", "indent": 1, "num_format": "@", "text_wrap": True}
        )

    def of(self, number_format: str) -> Any:  # noqa: ANN401 - as above
        if number_format not in self._made:
            self._made[number_format] = self._book.add_format(
                {**self._alignment, "num_format": number_format}
            )
        return self._made[number_format]


def _about(book: Any, formats: _Formats, about: Sequence[tuple[str, str]]) -> None:  # noqa: ANN401 - as above
    sheet = book.add_worksheet("about")
    for place, (what, value) in enumerate(about):
        sheet.write_string(place, 0, what, formats.head)
        sheet.write_string(place, 1, _text(value), formats.text)
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 100)
    sheet.fit_to_pages(1, 0)


def _record(book: Any, formats: _Formats, name: str, rows: pl.DataFrame, time_zone: str) -> None:  # noqa: ANN401 - as above
    """Write a table of one row from top to bottom."""
    sheet = book.add_worksheet(name)
    for place, (heading, values, kind) in enumerate(_columns(rows, time_zone)):
        sheet.write_string(place, 0, heading, formats.head)
        if values[0] is not None:
            _cell(sheet, formats, place, 1, values[0], kind)
    sheet.set_column(0, 0, _WIDEST)
    sheet.set_column(1, 1, 70)
    sheet.freeze_panes(0, 1)
    sheet.fit_to_pages(1, 0)


def _table(book: Any, formats: _Formats, name: str, rows: pl.DataFrame, time_zone: str) -> None:  # noqa: ANN401 - as above
    sheet = book.add_worksheet(name)
    columns = list(_columns(rows, time_zone))
    for place, column in enumerate(columns):
        _column(sheet, formats, place, *column)
    for row, longest in enumerate(_longest_texts(rows), start=1):
        if longest > _WIDEST:
            sheet.set_row(row, _LINE_PT * min(longest // _WIDEST + 2, _MOST_LINES))
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(rows.height, 1), len(columns) - 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)


def _longest_texts(rows: pl.DataFrame) -> list[int]:
    """Return the characters of the longest text in each row."""
    lengths = rows.select(pl.lit(0).alias(""), pl.col(pl.String).str.len_chars())
    return lengths.max_horizontal().to_list()


def _columns(rows: pl.DataFrame, time_zone: str) -> Iterator[tuple[str, list[Any], pl.DataType]]:
    """Yield heading, values and kind of each column; behind instants, the same in local time."""
    zone = ZoneInfo(time_zone)
    for column, kind in rows.schema.items():
        heading, values = HEADINGS[column], rows[column].to_list()
        yield heading, values, kind
        if isinstance(kind, pl.Datetime):
            local = [value.astimezone(zone) if value else None for value in values]
            yield local_heading(heading, time_zone), local, kind


def _column(
    sheet: Any,  # noqa: ANN401 - as above
    formats: _Formats,
    place: int,
    heading: str,
    values: Sequence[Any],
    kind: pl.DataType,
) -> None:
    sheet.write_string(0, place, heading, formats.head)
    widest = max(len(heading) / 2, *map(len, heading.split()))
    for row, value in enumerate(values, start=1):
        if value is not None:
            widest = max(widest, _cell(sheet, formats, row, place, value, kind))
    sheet.set_column(place, place, min(widest + 2, _WIDEST))


def _cell(
    sheet: Any,  # noqa: ANN401 - as above
    formats: _Formats,
    row: int,
    place: int,
    value: Any,  # noqa: ANN401 - what a table holds
    kind: pl.DataType,
) -> int:
    """Write one known value and return how wide it is."""
    if isinstance(value, bool):
        sheet.write_boolean(row, place, value, formats.of("General"))
    elif isinstance(value, datetime):
        sheet.write_datetime(row, place, value.replace(tzinfo=None), formats.of(_INSTANT))
        return len(_INSTANT)
    elif isinstance(value, date):
        sheet.write_datetime(row, place, value, formats.of(_DATE))
        return len(_DATE)
    elif isinstance(value, int | float) or _fits(value):
        sheet.write_number(row, place, value, formats.of(_number_format(value, kind)))
        return 12
    else:
        text = _text(f"{value}")
        sheet.write_string(row, place, text, formats.text)
        return len(text)
    return 6


def _fits(value: object) -> bool:
    return isinstance(value, Decimal) and len(value.normalize().as_tuple().digits) <= _DIGITS


def _number_format(value: float | Decimal, kind: pl.DataType) -> str:
    """Return the format that shows a decimal's own decimals; others are shown as they are."""
    if not isinstance(value, Decimal):
        return "General"
    assert isinstance(kind, pl.Decimal)  # what holds a Decimal  # noqa: S101
    return "#,##0" + ("." + "0" * kind.scale if kind.scale else "")


def _text(value: str) -> str:
    shown = visible(value)
    if len(shown) <= MOST_CHARACTERS:
        return shown
    return shown[: MOST_CHARACTERS - len(_CUT)] + _CUT


def utc_text(moment_utc: datetime) -> str:
    """Return an instant for the first sheet.

    Examples:
        >>> utc_text(datetime(2026, 7, 15, 18, tzinfo=UTC))
        '2026-07-15 18:00:00 UTC'
    """
    return moment_utc.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
