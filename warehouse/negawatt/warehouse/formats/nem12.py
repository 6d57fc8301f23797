"""NEM12 files of the Australian market: interval energy with a quality for each interval.

Source: AEMO, Meter Data File Format Specification NEM12 & NEM13 (MDFF): records 100, 200, 300,
400, 500 and 900. Times are market time, UTC+10 all year. A file is refused whole where it has no
beginning or no end; otherwise each day of a channel is taken or refused as a whole. Here: bytes to
rows of ``raw_meter__readings``, the meter named ``<NMI>.<suffix>``. Not here: records one by one
(nem12_records, nem12_registers), what they say beside energies (nem12_days), writing (nem12_export)
and NEM13, which has no intervals.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby

import polars as pl

from negawatt.models.domain.errors import DataRefusedError
from negawatt.warehouse.formats.nem12_days import Day, day_rows
from negawatt.warehouse.formats.nem12_records import (
    FIRST_YEAR,
    MAX_VALUE_LENGTH,
    Channel,
    LeftOutError,
    RecordError,
    channel_of,
    event_of,
    events_cover,
    is_mark,
    market_time,
    quality_of,
)
from negawatt.warehouse.formats.nem12_registers import IndexRead, index_of, register_rows
from negawatt.warehouse.formats.parsed import NotTaken, Parsed, empty_readings, not_taken
from negawatt.warehouse.formats.reading_words import NO_READING

MARKET_TIME_OFFSET = timedelta(hours=10)
MINUTES_PER_DAY = 1440
_DAYS_AT_ONCE = 4000


@dataclass(slots=True)
class _Found:
    """What was found so far."""

    days: list[Day] = field(default_factory=list)
    registers: list[IndexRead] = field(default_factory=list)
    refused: list[tuple[int, NotTaken]] = field(default_factory=list)
    left_out: list[NotTaken] = field(default_factory=list)

    def refuse(self, line: int, text: str, reason: str) -> None:
        self.refused.append((line, not_taken(f"line {line}", text, reason)))


def read_nem12(content: bytes) -> Parsed:
    r"""Return the interval energy of a NEM12 file.

    Each energy is the float nearest to the decimal in the file, scaled to kWh; under quality N it
    is NULL. ``reading_quality`` is ``ok`` for A; otherwise a word and the file's own code.

    Args:
        content: The file.

    Returns:
        Rows in the file's order; refused records; channels that are no energy.

    Raises:
        DataRefusedError: The file is empty, is no text, does not begin with one 100 record of
            NEM12, or does not end with one 900 record.

    Examples:
        A day of 30-minute intervals from midnight of market time: 14:00 UTC of the day before.

        >>> day = "300,20240201," + "1.5," * 48 + "A,,,20240202120025,"
        >>> text = f"100,NEM12,202402030000,M,R\n200,NMI1234567,E1,1,E1,N1,S1,kWh,30,\n{day}\n900"
        >>> rows = read_nem12(text.encode()).rows
        >>> rows.height, rows.row(0)[0], rows["interval_start_utc"][0].isoformat()
        (48, 'NMI1234567.E1', '2024-01-31T14:00:00+00:00')
    """
    found = _Found()
    for group in _channels(_lines(content)):
        _take_channel(group, found)
    days = _apart(found)
    parts = [empty_readings()]
    for minutes in sorted({day.channel.minutes for day in days}):
        alike = [day for day in days if day.channel.minutes == minutes]
        parts += [
            _rows(alike[first : first + _DAYS_AT_ONCE], minutes, found)
            for first in range(0, len(alike), _DAYS_AT_ONCE)
        ]
    registers = register_rows(found.registers, MARKET_TIME_OFFSET, found.refuse)
    refused_lines = {line for line, _ in found.refused}
    refused = tuple(one for _, one in sorted(found.refused, key=lambda one: one[0]))
    return Parsed(
        rows=pl.concat(parts),
        refused=refused,
        left_out=tuple(found.left_out),
        registers=registers,
        days=day_rows(days, MARKET_TIME_OFFSET, refused_lines),
    )


def _lines(content: bytes) -> list[tuple[int, str]]:
    """Return the lines between 100 and 900 with their numbers; refuse a file without either."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _no_file("text in UTF-8", f"byte {content[error.start]} at {error.start}") from error
    stripped = ((n, line.strip("\r \t")) for n, line in enumerate(text.split("\n"), start=1))
    lines = [(n, line) for n, line in stripped if line]
    if not lines:
        raise _no_file("a record 100 in the first line", "an empty file")
    (first, head), (last, end) = lines[0], lines[-1]
    fields = head.split(",")
    if fields[0] != "100" or len(fields) < 2 or fields[1].upper() != "NEM12":  # noqa: PLR2004 - names
        raise _no_file("a first record 100,NEM12", f"line {first}: {head[:40]!r}")
    if not is_mark(end, "900"):
        raise _no_file("a last record 900: the file is cut off", f"line {last}: {end[:40]!r}")
    inner = lines[1:-1]
    for n, line in inner:
        if line.startswith(("100,", "900")):
            raise _no_file("one record 100 and one record 900", f"line {n}: {line[:40]!r}")
    return inner


def _no_file(expected: str, found: str) -> DataRefusedError:
    return DataRefusedError(
        thing="NEM12 file",
        expected=expected,
        found=found,
        remedy="ask the metering data provider for the whole file",
    )


def _channels(lines: list[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """Yield each 200 record with the lines below it; lines above the first come alone."""
    number = 0

    def below(line: tuple[int, str]) -> int:
        nonlocal number
        number += line[1].startswith("200,")
        return number

    for _, group in groupby(lines, key=below):
        yield list(group)


def _take_channel(group: list[tuple[int, str]], found: _Found) -> None:
    (line, text), *rest = group
    if not text.startswith("200,"):
        for number, stray in group:
            found.refuse(number, stray, "no record 200 stands above it")
        return
    days = sum(record.startswith("300,") for _, record in rest)
    try:
        channel = channel_of(text)
    except LeftOutError as error:
        reason = f"{error}; with it {days} days"
        found.left_out.append(not_taken(f"line {line}", text, reason))
        return
    except RecordError as error:
        found.refuse(line, text, f"{error}; with it {days} days")
        return
    for day in _split_days(rest, found):
        _take_day(day, channel, found)


def _split_days(
    records: list[tuple[int, str]], found: _Found
) -> Iterator[tuple[tuple[int, str], list[tuple[int, str]]]]:
    """Yield each 300 record with the 400 and 500 records below it.

    Below a line that is none of them nothing is taken: it may have been another channel's 200.
    """
    day: tuple[int, str] | None = None
    below: list[tuple[int, str]] = []
    broken = 0
    for line, text in records:
        kind = text[:4]
        if broken:
            found.refuse(line, text, f"line {broken} above it may have been another channel")
        elif kind == "300,":
            if day:
                yield day, below
            day, below = (line, text), []
        elif kind in {"400,", "500,"} and day:
            below.append((line, text))
        elif kind == "500,":
            found.refuse(line, text, "a record 300 is expected above it")
        else:
            broken = line
            found.refuse(line, text, "a record 300, or 400 or 500 below one, is expected here")
    if day:
        yield day, below


def _take_reads(records: list[tuple[int, str]], channel: Channel, found: _Found) -> list[IndexRead]:
    reads = []
    for line, text in records:
        try:
            reads.append(index_of(line, text, channel))
        except RecordError as error:
            found.refuse(line, text, str(error))
    found.registers += reads
    return reads


def _take_day(
    day: tuple[tuple[int, str], list[tuple[int, str]]], channel: Channel, found: _Found
) -> None:
    (line, text), below = day
    count = MINUTES_PER_DAY // channel.minutes
    reads = _take_reads([one for one in below if one[1].startswith("500,")], channel, found)
    try:
        date, quality, stamps = _head_and_tail(text, count)
        events = tuple(event_of(record) for _, record in below if record.startswith("400,"))
        updated_at, loaded_at = (market_time(stamp) if stamp else None for stamp in stamps)
        if quality is None:
            events_cover(events, count)
        elif events:
            raise RecordError("records 400 stand below a day whose quality is not V")  # noqa: TRY301 - as the others
    except RecordError as error:
        found.refuse(line, text, str(error))
        return
    found.days.append(
        Day(
            line=line,
            text=text,
            channel=channel,
            date=date,
            quality=quality,
            updated_at=updated_at,
            loaded_at=loaded_at,
            events=events,
            reads=tuple(reads),
        )
    )


def _head_and_tail(text: str, count: int) -> tuple[str, str | None, list[str]]:
    """Return date, quality and two stamps of a 300 record; None where its 400 records say it."""
    fields = text.split(",", 2)
    date = fields[1]
    tail = fields[-1].split(",")[count:]
    if len(date) != 8 or not (date.isascii() and date.isdigit()):  # noqa: PLR2004 - YYYYMMDD
        raise RecordError(f"a date YYYYMMDD is expected, found {date!r}")
    if date < FIRST_YEAR:
        raise RecordError(f"a day from {FIRST_YEAR} on is expected, found {date!r}")
    if not tail or not tail[0][:1].isalpha():
        shown = repr(tail[0]) if tail else "no more fields"
        raise RecordError(f"{count} values and then a quality are expected, found {shown}")
    if any(tail[5:]):
        raise RecordError(f"five fields are expected behind the values, found {len(tail)}")
    method, reason, description, *stamps = [*tail, *[""] * 5][:5]
    if method == "V":
        return date, None, stamps
    return date, quality_of(method, reason, description), stamps


def _apart(found: _Found) -> list[Day]:
    """Return the days that stand once in the file; the same day of a channel twice is refused."""
    counts = Counter((day.channel.meter_id, day.date) for day in found.days)
    for day in found.days:
        if counts[day.channel.meter_id, day.date] > 1:
            found.refuse(
                day.line,
                day.text,
                f"{day.channel.meter_id} on {day.date} stands more than once in the file",
            )
    return [day for day in found.days if counts[day.channel.meter_id, day.date] == 1]


def _rows(days: list[Day], minutes: int, found: _Found) -> pl.DataFrame:
    """Return the rows of days of one interval length; a day with a wrong value is refused."""
    count = MINUTES_PER_DAY // minutes
    frame = pl.DataFrame(
        {
            "day": range(len(days)),
            "meter_id": [day.channel.meter_id for day in days],
            "exponent": [f"e{day.channel.kwh_exponent}" for day in days],
            "midnight": pl.Series([day.date for day in days]).str.to_datetime(
                "%Y%m%d", time_unit="ms", time_zone="UTC", strict=False
            ),
            "quality": pl.Series([day.quality for day in days], dtype=pl.String),
            "value": pl.Series([day.text for day in days]).str.split(",").list.slice(2, count),
        }
    )
    cells = frame.explode("value", empty_as_null=False).with_columns(
        (pl.int_range(pl.len()) % count).alias("position")
    )
    if any(day.events for day in days):
        qualities = _event_qualities(days)
        cells = cells.join(qualities, on=["day", "position"], how="left", maintain_order="left")
        cells = cells.with_columns(pl.coalesce("quality", "event_quality"))
    value = pl.col("value")
    is_known = ~pl.col("quality").str.starts_with(NO_READING)
    energy = pl.when(is_known).then((value + pl.col("exponent")).cast(pl.Float64, strict=False))
    cells = cells.with_columns(
        energy.alias("energy_kwh"),
        (
            pl.when(is_known | (value != ""))
            .then(
                value.cast(pl.Float64, strict=False).is_null()
                | value.str.contains("[^0-9.]")
                | (value.str.len_bytes() > MAX_VALUE_LENGTH)
            )
            .otherwise(pl.lit(value=False))
            | pl.col("midnight").is_null()
        ).alias("is_wrong"),
    )
    wrong = cells.filter("is_wrong").unique("day", keep="first", maintain_order=True)
    for row in wrong.iter_rows(named=True):
        day = days[row["day"]]
        reason = f"value {row['position'] + 1}: digits are expected, found {row['value']!r}"
        if row["midnight"] is None:
            reason = f"a day of the calendar is expected, found {day.date!r}"
        found.refuse(day.line, day.text, reason)
    if not wrong.is_empty():
        cells = cells.filter(~pl.col("day").is_in(wrong["day"].implode()))
    length = timedelta(minutes=minutes)
    start = pl.col("midnight") - MARKET_TIME_OFFSET + pl.col("position") * length
    return cells.select(
        "meter_id",
        start.alias("interval_start_utc"),
        (start + length).alias("interval_end_utc"),
        "energy_kwh",
        pl.col("quality").alias("reading_quality"),
    )


def _event_qualities(days: list[Day]) -> pl.DataFrame:
    """Return the quality of each interval of the days that 400 records describe."""
    found = [
        (number, event.first - 1, event.last, event.quality)
        for number, day in enumerate(days)
        for event in day.events
    ]
    spans = pl.DataFrame(found, schema=["day", "first", "last", "event_quality"], orient="row")
    return spans.select(
        "day", pl.int_ranges("first", "last").alias("position"), "event_quality"
    ).explode("position", empty_as_null=False)
