"""Tables as one XLSX workbook: a sheet for each, real dates and numbers, nothing that computes.

XlsxWriter writes each cell as it is told: text is text, whatever it begins with, and no cell is a
formula or a link. Not here: which tables there are (exported.py, portfolio_tables.py).
"""

import io
from collections.abc import Mapping, Sequence
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
_WIDEST: Final = 46


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
    written out, as ``[U+202E]``.

    Args:
        tables: Rows by the name of their sheet.
        time_zone: IANA name of the clock of local times.
        about: What the workbook is, as pairs, for the first sheet.
        created_utc: When what it shows was made.
    """
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        book.set_properties({"title": about[0][1], "created": created_utc.replace(tzinfo=None)})
        formats = _Formats(book)
        _about(book, formats, about)
        for name, rows in tables.items():
            _sheet(book, formats, name, rows, time_zone)
    return buffer.getvalue()


class _Formats:
    """The cell formats of one workbook, each made once."""

    def __init__(self, book: Any) -> None:  # noqa: ANN401 - the library has no types
        self._book = book
        self._made: dict[str, Any] = {}
        self.head = book.add_format(
            {"bold": True, "text_wrap": True, "valign": "bottom", "bottom": 2}
        )
        self.text = book.add_format({"num_format": "@"})

    def of(self, number_format: str) -> Any:  # noqa: ANN401 - as above
        if number_format not in self._made:
            self._made[number_format] = self._book.add_format({"num_format": number_format})
        return self._made[number_format]


def _about(book: Any, formats: _Formats, about: Sequence[tuple[str, str]]) -> None:  # noqa: ANN401 - as above
    sheet = book.add_worksheet("about")
    for place, (what, value) in enumerate(about):
        sheet.write_string(place, 0, what, formats.head)
        sheet.write_string(place, 1, _text(value), formats.text)
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 100)


def _sheet(book: Any, formats: _Formats, name: str, rows: pl.DataFrame, time_zone: str) -> None:  # noqa: ANN401 - as above
    sheet = book.add_worksheet(name)
    place = 0
    for column, kind in rows.schema.items():
        heading, values = HEADINGS[column], rows[column].to_list()
        _column(sheet, formats, place, heading, values, kind)
        place += 1
        if isinstance(kind, pl.Datetime):
            zone = ZoneInfo(time_zone)
            local = [value.astimezone(zone) if value else None for value in values]
            _column(sheet, formats, place, local_heading(heading, time_zone), local, kind)
            place += 1
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(rows.height, 1), place - 1)


def _column(
    sheet: Any,  # noqa: ANN401 - as above
    formats: _Formats,
    place: int,
    heading: str,
    values: Sequence[Any],
    kind: pl.DataType,
) -> None:
    sheet.write_string(0, place, heading, formats.head)
    widest = len(heading) / 2
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
        sheet.write_boolean(row, place, value)
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
