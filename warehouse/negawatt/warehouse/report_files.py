"""Reports of operators: a table of text below lines that say what it is, read as one table.

Here: where the table begins, and what those lines and its columns of hours say of every row. Not
here: what the columns mean (profiles.py, price_files.py).
"""

import csv
from pathlib import Path
from typing import Annotated, Final

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from negawatt.models.domain.errors import DataRefusedError

DATE: Final = "report_date"
HOUR: Final = "hour_ending"
VALUE: Final = "hour_value"


class ReportLayout(BaseModel):
    """How a report is laid out.

    Attributes:
        header_starts: What the line of column names begins with.
        title: What the first line contains, where reports of several things are laid out alike.
        date_line: Number of the line above the table, from 1, that begins with the date of every
            row; it becomes the column ``report_date``.
        hour_columns: What stands before the number in names of columns that hold one hour each;
            they become the columns ``hour_ending`` and ``hour_value``, a row for each hour.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    header_starts: Annotated[str, Field(min_length=1)]
    title: str = ""
    date_line: Annotated[int | None, Field(ge=1)] = None
    hour_columns: str | None = None


def read_report(path: Path, layout: ReportLayout) -> pl.DataFrame:
    """Read the table of a report, every cell as text.

    Raises:
        DataRefusedError: It has another title, no such line of column names, or no line for the
            date above it.
        OSError: It cannot be read.
        PolarsError: What stands below the column names is no table.
    """
    lines = path.read_text("utf-8-sig").splitlines(keepends=True)
    if layout.title not in "".join(lines[:1]):
        raise _refused(path, f"{layout.title!r} in its first line", "".join(lines[:1]).strip())
    starts = [n for n, line in enumerate(lines) if line.startswith(layout.header_starts)]
    if not starts or starts[0] < (layout.date_line or 0):
        expected = f"a line that begins with {layout.header_starts!r}"
        expected += f", below line {layout.date_line}" if layout.date_line else ""
        raise _refused(path, expected, f"{len(lines)} lines")
    table = pl.read_csv("".join(lines[starts[0] :]).encode(), infer_schema=False)
    if layout.date_line is not None:
        (cells,) = csv.reader(lines[layout.date_line - 1 : layout.date_line])
        table = table.with_columns(pl.lit(cells[0] if cells else "").alias(DATE))
    if layout.hour_columns is not None:
        hours = [name for name in table.columns if name.startswith(layout.hour_columns)]
        table = table.unpivot(
            hours,
            index=[name for name in table.columns if name not in hours],
            variable_name=HOUR,
            value_name=VALUE,
        ).with_columns(pl.col(HOUR).str.strip_prefix(layout.hour_columns))
    return table


def _refused(path: Path, expected: str, found: str) -> DataRefusedError:
    return DataRefusedError(
        thing=f"report {path}",
        expected=expected,
        found=found,
        remedy="import it with the profile of this report, or correct [layout]",
    )
