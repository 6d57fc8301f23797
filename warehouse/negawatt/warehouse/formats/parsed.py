"""What a reader of a format returns: rows, and each thing that it did not take, with the reason.

Not here: any one format.
"""

from dataclasses import dataclass, field
from typing import Final

import polars as pl

from negawatt.warehouse.catalog import schema

REGISTERS: Final = "raw_node__power_samples"
_SHOWN = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTaken:
    """A part of a file that became no row.

    Attributes:
        place: Line or element of the file.
        found: What stands there, cut short.
        reason: Why it is not taken.
    """

    place: str
    found: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A file, read.

    Attributes:
        rows: Columns of the raw table, without ``available_at_utc``.
        refused: Parts that break the format, in the file's order.
        left_out: Parts that are as they should be and are nothing for the table, such as reactive
            energy.
        registers: Columns of raw_node__power_samples: what registers of the meters showed.
        days: Columns of raw_meter__nem12_days, without ``available_at_utc``; None where the format
            is another.
    """

    rows: pl.DataFrame
    refused: tuple[NotTaken, ...] = ()
    left_out: tuple[NotTaken, ...] = ()
    registers: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=schema(REGISTERS)))
    days: pl.DataFrame | None = None


def not_taken(place: str, found: str, reason: str) -> NotTaken:
    """Return one part that is not taken; what stands there is cut to 120 characters.

    Examples:
        >>> not_taken("line 3", "300," + "1," * 100, "48 values expected").found[-4:]
        '1...'
    """
    shown = found if len(found) <= _SHOWN else f"{found[: _SHOWN - 3]}..."
    return NotTaken(place=place, found=shown, reason=reason)


def empty_readings() -> pl.DataFrame:
    """Return no readings of meters, with the columns that a reader gives."""
    return pl.DataFrame(schema=schema("raw_meter__readings")).drop("available_at_utc")
