"""Columns of instants in somebody else's file, read as UTC.

Here: stamps with and without an offset, and what is refused about them. Not here: which column
means what (profiles.py, price_files.py).
"""

from collections.abc import Iterable
from datetime import datetime

import polars as pl

from negawatt.models.domain.errors import DataRefusedError


def instants_of(
    source: pl.DataFrame, column: str, time_zone: str | None, time_format: str | None = None
) -> pl.Expr:
    """Read a column of instants; text may state an offset or be local to ``time_zone``.

    An empty cell is "not known".

    Args:
        source: The file's rows.
        column: The column.
        time_zone: Zone of stamps that state no offset; without one such stamps are refused.
        time_format: How text writes a stamp, in strptime's signs; ISO 8601 without it.
    """
    if column not in source.columns:
        raise pl.exceptions.ColumnNotFoundError(column)
    kind = source.schema[column]
    if kind == pl.String:
        stamps = [_stamp(column, text, time_format) for text in source[column]]
        if time_zone is None:
            _refuse_local(column, stamps)
        aware = [stamp if stamp and stamp.tzinfo else None for stamp in stamps]
        local = [stamp if stamp and not stamp.tzinfo else None for stamp in stamps]
        instants = pl.coalesce(
            pl.lit(pl.Series(column, aware, dtype=pl.Datetime("ms", "UTC"))),
            pl.lit(pl.Series(column, local, dtype=pl.Datetime("ms")))
            .dt.replace_time_zone(time_zone or "UTC")
            .dt.convert_time_zone("UTC"),
        )
    elif isinstance(kind, pl.Datetime) and kind.time_zone is None:
        if time_zone is None:
            _refuse_local(column, [source[column].drop_nulls().first()])
        instants = pl.col(column).dt.replace_time_zone(time_zone)
    else:
        instants = pl.col(column)
    return instants.dt.convert_time_zone("UTC").dt.cast_time_unit("ms")


def _refuse_local(column: str, stamps: Iterable[object]) -> None:
    """Refuse stamps that state no offset where no zone says what they mean."""
    for stamp in stamps:
        if isinstance(stamp, datetime) and stamp.tzinfo is None:
            raise DataRefusedError(
                thing=f"column {column!r}",
                expected="stamps with an offset, or the key time_zone in the profile",
                found=stamp.isoformat(),
                remedy='add for example time_zone = "America/New_York" to the profile',
            )


def _stamp(column: str, text: str | None, time_format: str | None) -> datetime | None:
    if text is None or not text.strip():
        return None
    try:
        if time_format is not None:
            return datetime.strptime(text.strip(), time_format)  # noqa: DTZ007 - the zone comes after
        return datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise DataRefusedError(
            thing=f"column {column!r}",
            expected=f"stamps as {time_format}"
            if time_format
            else "stamps such as 2026-07-01T16:30:00, with or without an offset",
            found=repr(text),
            remedy="correct the file, or time_format in the profile",
        ) from error
