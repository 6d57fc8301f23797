"""A statement as the file that a utility takes, by a profile.

Nothing is guessed: a value that is not known, a stamp that the clock shows twice, a figure that the
layout has no room for and a text that a spreadsheet would compute are refused, unless the profile
says how they are written. Not here: the profile (upload_profile.py).
"""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final
from zoneinfo import ZoneInfo

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.lifecycle import Stage
from negawatt.models.settlement.statement import Statement
from negawatt.pipelines.exports.exported import export_tables
from negawatt.pipelines.exports.upload_figures import Written, converted, written
from negawatt.pipelines.exports.upload_profile import HOUR_ENDING, UploadColumn, UploadProfile

_HOUR: Final = timedelta(hours=1)
_TICK: Final = timedelta(microseconds=1)
_COMPUTES: Final = re.compile(r"[=+\-@]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundedColumn:
    """What rounding did to one column.

    Attributes:
        heading: The column.
        count: Figures that were rounded.
        largest: Largest change of one figure, in the file's unit.
        sum_change: Sum of the changes: what the file's sum differs by from the statement's.
    """

    heading: str
    count: int
    largest: Decimal
    sum_change: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file for a utility.

    Attributes:
        content: Its bytes.
        row_count: Its rows.
        rounded: The columns in which a figure was rounded.
    """

    content: bytes
    row_count: int
    rounded: tuple[RoundedColumn, ...]


def upload_file(statement: Statement, profile: UploadProfile) -> Upload:
    """Return a statement as a utility's file.

    Args:
        statement: The version that is sent.
        profile: The file's layout.

    Raises:
        DataRefusedError: The statement is void or the table has no row; a row's interval, figure,
            stamp, text or unknown value does not fit the layout.
    """
    rows = _rows(statement, profile)
    cells = [[_cell(one, row, profile) for one in profile.columns] for row in rows]
    texts = [[cell.text if isinstance(cell, Written) else cell for cell in row] for row in cells]
    _require_single_stamps(profile, texts)
    buffer = io.StringIO()
    ends = {"lf": "\n", "crlf": "\r\n"}
    file = csv.writer(buffer, delimiter=profile.delimiter, lineterminator=ends[profile.line_end])
    if profile.has_headings:
        file.writerow(one.heading for one in profile.columns)
    file.writerows(texts)
    changes = (
        _rounded(one.heading, [row[place] for row in cells])
        for place, one in enumerate(profile.columns)
    )
    return Upload(
        content=buffer.getvalue().encode(),
        row_count=len(rows),
        rounded=tuple(change for change in changes if change),
    )


def _rows(statement: Statement, profile: UploadProfile) -> list[dict[str, Any]]:
    """Return the rows of the profile's table, each with what the statement says of all."""
    tables = export_tables(statement)
    head = tables["statement"].row(0, named=True)
    rows = [head | row for row in tables[profile.table].to_dicts()]
    name = f"statement {head['statement_id']!r}, version {head['statement_version']}"
    if statement.stage is Stage.VOID or not rows:
        raise DataRefusedError(
            thing=name,
            expected=f"rows of {profile.table} to send",
            found="a version that voids it" if statement.stage is Stage.VOID else "none",
            remedy="send another version, or nothing",
        )
    for row in rows if profile.interval_minutes else ():
        length = _interval(row)
        if length != timedelta(minutes=profile.interval_minutes or 0):
            raise DataRefusedError(
                thing=f"{name}, {profile.table}",
                expected=f"intervals of {profile.interval_minutes} min, as the profile states",
                found=f"{length}",
                remedy="use the profile for the program's own interval",
            )
    return rows


def _cell(one: UploadColumn, row: dict[str, Any], profile: UploadProfile) -> str | Written:
    """Return what stands in one cell: text, or a figure with what rounding changed."""
    value = one.constant if one.column is None else row[one.column]
    if value is None:
        if one.unknown is None:
            raise _refused(one, "a value that is known", "not known", "add unknown = ... to it")
        return one.unknown
    if isinstance(value, datetime):
        return _stamp(value, str(one.format), ZoneInfo(profile.time_zone))
    if isinstance(value, Decimal | float):
        exact = converted(value, str(one.column), one.unit, _interval(row))
        made = written(exact, one.decimals, one.rounding)
        if made is None:
            places = "a finite decimal" if one.decimals is None else f"{one.decimals} decimals"
            raise _refused(
                one, places, f"{value} of {one.column}", "add decimals and rounding to the column"
            )
        return made
    return _plain(one, f"{value}")


def _stamp(moment_utc: datetime, pattern: str, zone: ZoneInfo) -> str:
    local = moment_utc.astimezone(zone)
    if pattern != HOUR_ENDING:
        return local.strftime(pattern)
    # An instant belongs to the hour that it ends: midnight is hour 24 of the day before.
    before = (moment_utc - _TICK).astimezone(zone)
    midnight = before.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)
    return str(-((midnight - moment_utc) // _HOUR))


def _plain(one: UploadColumn, text: str) -> str:
    if _COMPUTES.match(text) or _CONTROL.search(text):
        raise _refused(
            one,
            "text that no program computes, in one line",
            ascii(text),
            "rename it at its source, or leave the column out",
        )
    return text


def _interval(row: dict[str, Any]) -> timedelta | None:
    start, end = row.get("interval_start_utc"), row.get("interval_end_utc")
    return end - start if start and end else None


def _require_single_stamps(profile: UploadProfile, texts: Iterable[list[str]]) -> None:
    """Refuse rows that nobody could tell apart by their stamps."""
    places = [n for n, one in enumerate(profile.columns) if one.format]
    seen: set[tuple[str, ...]] = set()
    for row in texts if places and profile.table == "lines" else ():
        stamp = tuple(row[place] for place in places)
        if stamp in seen:
            raise DataRefusedError(
                thing=f"stamp {' '.join(stamp)} of the clock {profile.time_zone}",
                expected="one row for each stamp",
                found="two: the clock shows it twice, or the pattern leaves out what differs",
                remedy="add %z or a column hour_ending, or use a time_zone without clock changes",
            )
        seen.add(stamp)


def _rounded(heading: str, cells: Iterable[str | Written]) -> RoundedColumn | None:
    changes = [cell.change for cell in cells if isinstance(cell, Written) and cell.change]
    if not changes:
        return None
    return RoundedColumn(
        heading=heading,
        count=len(changes),
        largest=_decimal(max(map(abs, changes))),
        sum_change=_decimal(sum(changes, Fraction(0))),
    )


def _decimal(value: Fraction) -> Decimal:
    return (Decimal(value.numerator) / Decimal(value.denominator)).normalize()


def _refused(one: UploadColumn, expected: str, found: str, remedy: str) -> DataRefusedError:
    thing = f"column {one.heading!r} of the upload"
    return DataRefusedError(thing=thing, expected=expected, found=found, remedy=remedy)
