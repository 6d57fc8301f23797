"""What registers showed, as 500 records of a NEM12 file say: rows of ``raw_node__power_samples``.

Source: AEMO, Meter Data File Format Specification NEM12 & NEM13 (MDFF), section on the record 500:
IndexRead is the accumulated energy of a data stream at ReadDateTime, in its unit. The node is named
``<NMI>`` and its meter ``<suffix>``. Not here: whole files (nem12).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import polars as pl

from negawatt.warehouse.catalog import schema
from negawatt.warehouse.formats.nem12_records import (
    MAX_VALUE_LENGTH,
    Channel,
    RecordError,
    market_time,
)
from negawatt.warehouse.formats.parsed import REGISTERS
from negawatt.warehouse.formats.reading_words import OK

_FIELD_COUNT: Final = 4
_STAMP_LENGTH: Final = 14
_INDEX = re.compile(r"[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRead:
    """A 500 record.

    Attributes:
        line: Its line in the file.
        channel: The 200 record above it.
        fields: TransCode, RetServiceOrder, ReadDateTime and IndexRead as they stand.
        read_at: When the register was read, in market time; None where the record does not say.
        index: What it showed, in the unit of its channel; None where ``read_at`` is.
    """

    line: int
    channel: Channel
    fields: tuple[str, ...]
    read_at: datetime | None
    index: Decimal | None

    def row(self, read_at: datetime, index: Decimal, offset: timedelta) -> dict[str, object]:
        """Return it as a row; market time is so far ahead of UTC."""
        nmi, suffix = self.channel.meter_id.split(".")
        return {
            "node_id": nmi,
            "meter_id": suffix,
            "observed_at_utc": read_at - offset,
            "power_w": None,
            "energy_total_kwh": float(f"{index:f}e{self.channel.kwh_exponent}"),
            "reading_quality": OK,
        }


def index_of(line: int, text: str, channel: Channel) -> IndexRead:
    """Return what a 500 record says.

    Raises:
        RecordError: It states a reading, and that or its time is none; or it is no record 500.

    Examples:
        >>> channel = Channel(meter_id="NMI1234567.E1", kwh_exponent=0, minutes=30)
        >>> index_of(4, "500,N,,20050108121500,001000.5", channel).index
        Decimal('1000.5')
        >>> index_of(4, "500,C,S10189,20050302101101,", channel).fields
        ('C', 'S10189', '20050302101101', '')
    """
    _, *fields = [*text.split(","), *[""] * _FIELD_COUNT]
    told, more = tuple(fields[:_FIELD_COUNT]), fields[_FIELD_COUNT:]
    if any(more) or not text.isprintable():
        raise RecordError(f"record 500: five printable fields are expected, found {text!r}")
    *_, stamp, index = told
    if not stamp or not index:
        return IndexRead(line=line, channel=channel, fields=told, read_at=None, index=None)
    if not _INDEX.fullmatch(index) or len(index) > MAX_VALUE_LENGTH:
        raise RecordError(f"record 500: a reading in digits is expected, found {index!r}")
    if len(stamp) != _STAMP_LENGTH:
        raise RecordError(f"record 500: a time YYYYMMDDhhmmss is expected, found {stamp!r}")
    try:
        read_at = market_time(stamp)
    except RecordError as error:
        raise RecordError(f"record 500: {error}") from error
    return IndexRead(line=line, channel=channel, fields=told, read_at=read_at, index=Decimal(index))


def register_rows(
    reads: Sequence[IndexRead], offset: timedelta, refuse: Callable[[int, str, str], None]
) -> pl.DataFrame:
    """Return readings of registers as rows; of two of one moment that differ neither is taken.

    Args:
        reads: The readings.
        offset: What market time is ahead of UTC.
        refuse: Takes line, text and reason of each that is not taken.
    """
    told: dict[tuple[str, datetime], set[Decimal]] = {}
    stated = [
        (one, one.read_at, one.index) for one in reads if one.read_at and one.index is not None
    ]
    for one, read_at, index in stated:
        told.setdefault((one.channel.meter_id, read_at), set()).add(index)
    rows = []
    for one, read_at, index in stated:
        if len(told[one.channel.meter_id, read_at]) > 1:
            text = ",".join(("500", *one.fields))
            refuse(one.line, text, "its register has another reading of this time")
        else:
            rows.append(one.row(read_at, index, offset))
    columns: dict[str, pl.DataType] = {**schema(REGISTERS), "observed_at_utc": pl.Datetime("ms")}
    found = pl.DataFrame(rows, schema=columns)
    return found.unique(maintain_order=True).with_columns(
        pl.col("observed_at_utc").dt.replace_time_zone("UTC")
    )
