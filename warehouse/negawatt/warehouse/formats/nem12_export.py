"""A meter's readings as a NEM12 file, so that reading it gives the same rows again.

Source: AEMO, Meter Data File Format Specification NEM12 & NEM13 (MDFF). Not here: reading (nem12)
and which readings to write (negawatt.cli.export_meter).
"""

import json
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

import polars as pl

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.units import exact_decimal
from negawatt.warehouse.formats.nem12 import MARKET_TIME_OFFSET, MINUTES_PER_DAY
from negawatt.warehouse.formats.nem12_records import (
    INTERVAL_MINUTES,
    MAX_VALUE_LENGTH,
    SOURCE,
    STREAM_FIELDS,
    UNIT_PLACE,
    kwh_exponent,
)
from negawatt.warehouse.formats.reading_words import NO_READING, OK, quality_code, quality_word

_PARTICIPANT: Final = "NEGAWATT"
_NAME = re.compile(r"([A-Za-z0-9]{1,10})\.([A-Za-z0-9]{2})")
_NULL: Final = ("0", "N")
_UNIT: Final = "kWh"
_Told = Mapping[str, Any]
"""A row of raw_meter__nem12_days."""


def write_nem12(
    rows: pl.DataFrame,
    name: str,
    written_at_utc: datetime,
    registers: pl.DataFrame | None = None,
    days: pl.DataFrame | None = None,
) -> bytes:
    """Return readings of one meter as a NEM12 file.

    Days are those of market time. An interval that is missing in a day is written as null data
    (quality N); reading the file gives it as not known.

    Args:
        rows: Rows of raw_meter__readings of one meter, one for each interval.
        name: ``<NMI>.<suffix>``.
        written_at_utc: Goes into the header.
        registers: Rows of raw_node__power_samples of the meter's register; each goes below its day,
            or, where that has no intervals, below the last one before it.
        days: Rows of raw_meter__nem12_days of the meter: the newest of each day is written back.
            What a 200 record said of a stream stands only below the name that it came under, and
            when a day was updated only where no reading of it is newer.

    Raises:
        DataRefusedError: The name is none of NEM12, there are no rows, the intervals of a day are
            not of 5, 15 or 30 minutes on the clock, an energy or a register is negative or too
            long, or a quality is one that the format cannot say.

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
    lines = [f"100,NEM12,{_stamp(written_at_utc)[:12]},{_PARTICIPANT},{_PARTICIPANT}"]
    versions = _versions(days)
    told = {day: rows_of_day[-1] for day, rows_of_day in versions.items()}
    of_days = {day: list(cells) for day, cells in groupby(_cells(rows), lambda one: one[0].date())}
    channels = {
        day: _channel(name, _minutes(cells), told.get(day)) for day, cells in of_days.items()
    }
    units = {day: channel.split(",")[UNIT_PLACE] for day, channel in channels.items()}
    reads = _read_lines(units, versions, registers)
    for channel, days_of_channel in groupby(of_days, lambda day: channels[day]):
        lines.append(channel)
        for day in days_of_channel:
            lines += [*_day_lines(day, of_days[day], units[day], told.get(day)), *reads[day]]
    return "\n".join([*lines, "900", ""]).encode()


def _versions(days: pl.DataFrame | None) -> dict[date, list[_Told]]:
    """Return what was told of each day, the newest last."""
    versions: dict[date, list[_Told]] = defaultdict(list)
    if days is not None:
        for row in days.sort("available_at_utc").iter_rows(named=True):
            versions[row["market_date"]].append(row)
    return versions


def _channel(name: str, minutes: int, told: _Told | None) -> str:
    """Return the 200 record above a day."""
    nmi, suffix = name.split(".")
    fields = ["200", nmi, suffix, suffix, suffix, "", "", _UNIT, str(minutes), ""]
    if told is not None and told["channel_id"] == name:
        for field, place in STREAM_FIELDS.items():
            value = told[field]
            fields[place] = f"{value:%Y%m%d}" if isinstance(value, date) else value or ""
    return ",".join(fields)


_Cell = tuple[datetime, int, Decimal | None, str, datetime]
"""Start in market time, length [s], energy [kWh], quality with reason and text, when known."""


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


def _value_and_code(
    start: datetime, energy_kwh: float | None, quality: str
) -> tuple[Decimal | None, str]:
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
        return None, code
    return exact_decimal(energy_kwh), code


def _digits(thing: str, energy_kwh: Decimal, unit: str) -> str:
    """Return an energy in a unit as the format writes it."""
    text = f"{energy_kwh.scaleb(-kwh_exponent(unit)).normalize():f}"
    if text.startswith("-") or len(text) > MAX_VALUE_LENGTH:
        raise _refusal(
            thing,
            f"an energy of at most {MAX_VALUE_LENGTH} characters that is not negative",
            f"{text} {unit}",
            "give the other direction as a meter of its own, such as suffix B1",
        )
    return text


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


def _day_lines(day: date, cells: Sequence[_Cell], unit: str, told: _Told | None) -> list[str]:
    minutes = cells[0][1] // 60
    slots = [_NULL] * (MINUTES_PER_DAY // minutes)
    for start, _, energy_kwh, code, _ in cells:
        value = _NULL[0]
        if energy_kwh is not None:
            value = _digits(f"interval {start - MARKET_TIME_OFFSET}", energy_kwh, unit)
        slots[(start.hour * 60 + start.minute) // minutes] = (value, code)
    runs = [(code, len(list(run))) for code, run in groupby(slots, key=lambda slot: slot[1])]
    values = ",".join(value for value, _ in slots)
    whole = _three_fields(runs[0][0]) if len(runs) == 1 else "V,,"
    known = _known(max(cell[-1] for cell in cells), told)
    lines = [f"300,{day:%Y%m%d},{values},{whole},{known}"]
    first = 1
    for code, length in runs if len(runs) > 1 else ():
        lines.append(f"400,{first},{first + length - 1},{_three_fields(code)}")
        first += length
    return lines


def _known(newest_utc: datetime, told: _Told | None) -> str:
    """Return UpdateDateTime and MSATSLoadDateTime of a day."""
    if told is None or told["available_at_utc"] < newest_utc:
        return f"{_stamp(newest_utc)},"
    stamps = (told["supplier_updated_at_utc"], told["msats_loaded_at_utc"])
    return ",".join(_stamp(stamp) if stamp else "" for stamp in stamps)


def _read_lines(
    units: Mapping[date, str],
    versions: Mapping[date, Sequence[_Told]],
    registers: pl.DataFrame | None,
) -> dict[date, list[str]]:
    """Return the 500 records below each day: those told of it, and what else registers showed.

    What an older version told of a day and the newest does not is told no more.
    """
    days = list(units)
    lines: dict[date, list[str]] = defaultdict(list)
    stamps = set()
    for day in days:
        for told in versions.get(day, ()):
            reads = json.loads(told["index_reads_json"])
            lines[day] = [",".join(("500", *fields)) for fields in reads]
            stamps |= {stamp for _, _, stamp, _ in reads}
    if registers is not None:
        columns = ("observed_at_utc", "energy_total_kwh")
        for at, energy_kwh in registers.select(columns).drop_nulls().unique().sort(columns).rows():
            stamp = _stamp(at)
            if stamp not in stamps:
                day = days[max(bisect_right(days, (at + MARKET_TIME_OFFSET).date()) - 1, 0)]
                index = _digits(f"register at {stamp}", exact_decimal(energy_kwh), units[day])
                lines[day].append(f"500,N,,{stamp},{index}")
    return lines


def _three_fields(code: str) -> str:
    return ",".join([*code.split(","), "", ""][:3])


def _stamp(instant_utc: datetime) -> str:
    return f"{instant_utc + MARKET_TIME_OFFSET:%Y%m%d%H%M%S}"


def _refusal(thing: str, expected: str, found: str, remedy: str) -> DataRefusedError:
    return DataRefusedError(thing=thing, expected=expected, found=found, remedy=remedy)
