"""A meter's readings as a NEM12 file, so that reading it gives the same rows again.

Source: AEMO, Meter Data File Format Specification NEM12 & NEM13 (MDFF). Not here: reading (nem12)
and which readings to write (negawatt.cli.export_meter).
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

import polars as pl

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.units import exact_decimal
from negawatt.warehouse.formats.nem12 import MARKET_TIME_OFFSET, MAX_VALUE_LENGTH, MINUTES_PER_DAY
from negawatt.warehouse.formats.nem12_records import INTERVAL_MINUTES, SOURCE
from negawatt.warehouse.formats.reading_words import NO_READING, OK, quality_code, quality_word

_PARTICIPANT: Final = "NEGAWATT"
_NAME = re.compile(r"([A-Za-z0-9]{1,10})\.([A-Za-z0-9]{2})")
_NULL: Final = ("0", "N")


def write_nem12(
    rows: pl.DataFrame, name: str, written_at_utc: datetime, registers: pl.DataFrame | None = None
) -> bytes:
    """Return readings of one meter as a NEM12 file.

    Days are those of market time. An interval that is missing in a day is written as null data
    (quality N); reading the file gives it as not known.

    Args:
        rows: Rows of raw_meter__readings of one meter, one for each interval.
        name: ``<NMI>.<suffix>``.
        written_at_utc: Goes into the header.
        registers: Rows of raw_node__power_samples of the meter's register; each goes below its day.

    Raises:
        DataRefusedError: The name is none of NEM12, there are no rows, the intervals of a day are
            not of 5, 15 or 30 minutes on the clock, an energy is negative, or a quality is one
            that the format cannot say.

    Examples:
        >>> from datetime import UTC
        >>> start_utc = datetime(2024, 1, 31, 14, tzinfo=UTC)
        >>> rows = pl.DataFrame({"interval_start_utc": [start_utc], "interval_end_utc":
        ...     [start_utc + timedelta(minutes=30)], "energy_kwh": [1.5], "reading_quality": "ok",
        ...     "available_at_utc": start_utc})
        >>> text = write_nem12(rows, "NMI1234567.E1", start_utc).decode()
        >>> [line[:24] for line in text.splitlines()]  # doctest: +NORMALIZE_WHITESPACE
        ['100,NEM12,202402010000,N', '200,NMI1234567,E1,E1,E1,', '300,20240201,1.5,0,0,0,0',
         '400,1,1,A,,', '400,2,48,N,,', '900']
    """
    parts = _NAME.fullmatch(name)
    if parts is None or rows.is_empty():
        raise _refusal(
            f"meter {name!r}",
            "readings, and a name <NMI>.<suffix>",
            f"{name!r} with {rows.height} readings",
            "give the name with --as NMI.SUFFIX, or another span of days",
        )
    nmi, suffix = parts.groups()
    lines = [f"100,NEM12,{_stamp(written_at_utc)[:12]},{_PARTICIPANT},{_PARTICIPANT}"]
    last_minutes = 0
    reads = _register_lines(registers)
    for date, cells in groupby(_cells(rows), key=lambda cell: cell[0].date()):
        of_day = list(cells)
        minutes = _minutes(of_day)
        if minutes != last_minutes:
            lines.append(f"200,{nmi},{suffix},{suffix},{suffix},,,kWh,{minutes},")
            last_minutes = minutes
        lines += [*_day_lines(f"{date:%Y%m%d}", of_day, minutes), *reads.get(f"{date:%Y%m%d}", [])]
    return "\n".join([*lines, "900", ""]).encode()


_Cell = tuple[datetime, int, str, str, datetime]
"""Start in market time, length [s], value, quality with reason and text, when it was known."""


def _cells(rows: pl.DataFrame) -> list[_Cell]:
    columns = (
        "interval_start_utc",
        "interval_end_utc",
        "energy_kwh",
        "reading_quality",
        "available_at_utc",
    )
    return [
        (
            start + MARKET_TIME_OFFSET,
            round((end - start).total_seconds()),
            *_value_and_code(start, energy_kwh, quality),
            known,
        )
        for start, end, energy_kwh, quality, known in rows.sort("interval_start_utc")
        .select(columns)
        .iter_rows()
    ]


def _value_and_code(start: datetime, energy_kwh: float | None, quality: str) -> tuple[str, str]:
    word, code = quality_word(quality), quality_code(quality, SOURCE)
    if code is None and word == OK:
        code = "A"
    if code is None and word == NO_READING:
        code = _NULL[1]
    if code is None or (energy_kwh is None) != (word == NO_READING):
        raise _refusal(
            f"interval {start.isoformat()}",
            "a quality that NEM12 can say, and null data where nothing is known",
            f"{energy_kwh} kWh with quality {quality!r}",
            "export it as csv, parquet or the format that it came in",
        )
    if energy_kwh is None:
        return _NULL[0], code
    text = format(exact_decimal(energy_kwh), "f")
    if text.startswith("-") or len(text) > MAX_VALUE_LENGTH:
        raise _refusal(
            f"interval {start.isoformat()}",
            f"an energy of at most {MAX_VALUE_LENGTH} characters that is not negative",
            f"{text} kWh",
            "give the other direction as a meter of its own, such as suffix B1",
        )
    return text.removesuffix(".0"), code


def _minutes(cells: Sequence[_Cell]) -> int:
    """Return the interval length of a day [min]."""
    lengths_s = {length_s for _, length_s, _, _, _ in cells}
    length_s = min(lengths_s)
    minutes = length_s // 60
    on_the_clock = all(
        (start - start.replace(hour=0, minute=0, second=0, microsecond=0))
        % timedelta(seconds=length_s)
        == timedelta(0)
        for start, *_ in cells
    )
    if len(lengths_s) > 1 or minutes not in INTERVAL_MINUTES or length_s % 60 or not on_the_clock:
        raise _refusal(
            f"day {cells[0][0]:%Y-%m-%d}",
            "intervals of 5, 15 or 30 minutes, all of one length, from midnight of UTC+10",
            f"lengths of {sorted(lengths_s)} s",
            "export it as csv or parquet",
        )
    return minutes


def _day_lines(date: str, cells: Sequence[_Cell], minutes: int) -> list[str]:
    count = MINUTES_PER_DAY // minutes
    slots = [_NULL] * count
    for start, _, value, code, _ in cells:
        slots[(start.hour * 60 + start.minute) // minutes] = (value, code)
    known = _stamp(max(cell[-1] for cell in cells))
    runs = [(code, len(list(run))) for code, run in groupby(slots, key=lambda slot: slot[1])]
    values = ",".join(value for value, _ in slots)
    whole = _three_fields(runs[0][0]) if len(runs) == 1 else "V,,"
    lines = [f"300,{date},{values},{whole},{known},"]
    first = 1
    for code, length in runs if len(runs) > 1 else ():
        lines.append(f"400,{first},{first + length - 1},{_three_fields(code)}")
        first += length
    return lines


def _register_lines(registers: pl.DataFrame | None) -> dict[str, list[str]]:
    """Return 500 records by the day of market time on which a register was read."""
    lines: dict[str, list[str]] = {}
    if registers is not None:
        columns = ("observed_at_utc", "energy_total_kwh")
        for at, energy_kwh in registers.select(columns).drop_nulls().unique().sort(columns).rows():
            stamp = _stamp(at)
            index = format(exact_decimal(energy_kwh), "f").removesuffix(".0")
            lines.setdefault(stamp[:8], []).append(f"500,N,,{stamp},{index}")
    return lines


def _three_fields(code: str) -> str:
    return ",".join([*code.split(","), "", ""][:3])


def _stamp(instant_utc: datetime) -> str:
    return f"{instant_utc + MARKET_TIME_OFFSET:%Y%m%d%H%M%S}"


def _refusal(thing: str, expected: str, found: str, remedy: str) -> DataRefusedError:
    return DataRefusedError(thing=thing, expected=expected, found=found, remedy=remedy)
