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
from negawatt.warehouse.formats.nem12_records import Channel, RecordError
from negawatt.warehouse.formats.parsed import REGISTERS
from negawatt.warehouse.formats.reading_words import OK

_STAMP = re.compile(r"[0-9]{14}")
_STAMP_FORMAT: Final = "%Y%m%d%H%M%S"
_INDEX = re.compile(r"[0-9]{1,15}(\.[0-9]{1,13})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRead:
    """A 500 record with a reading.

    Attributes:
        line: Its line in the file.
        channel: The 200 record above it.
        read_at: When the register was read, in market time.
        index: What it showed, in the unit of its channel.
    """

    line: int
    channel: Channel
    read_at: datetime
    index: Decimal

    def row(self, offset: timedelta) -> dict[str, object]:
        """Return it as a row; market time is so far ahead of UTC."""
        nmi, suffix = self.channel.meter_id.split(".")
        return {
            "node_id": nmi,
            "meter_id": suffix,
            "observed_at_utc": self.read_at - offset,
            "power_w": None,
            "energy_total_kwh": float(self.index.scaleb(self.channel.kwh_exponent)),
            "reading_quality": OK,
        }


def index_of(line: int, text: str, channel: Channel) -> IndexRead | None:
    """Return what a 500 record says; None where it states no reading, or not when.

    Raises:
        RecordError: Its time or its reading is none.

    Examples:
        >>> channel = Channel(meter_id="NMI1234567.E1", kwh_exponent=0, minutes=30)
        >>> index_of(4, "500,N,,20050108121500,001000.5", channel).index
        Decimal('1000.5')
        >>> index_of(4, "500,C,S10189,20050302101101,", channel) is None
        True
    """
    stamp, index = [*text.split(","), *[""] * 5][3:5]
    if not stamp or not index:
        return None
    if not _STAMP.fullmatch(stamp) or not _INDEX.fullmatch(index):
        raise RecordError(
            f"record 500: YYYYMMDDhhmmss and a reading in digits are expected, found {stamp!r} and "
            f"{index!r}"
        )
    try:
        read_at = datetime.strptime(stamp, _STAMP_FORMAT)  # noqa: DTZ007 - market time has no zone of its own
    except ValueError as error:
        raise RecordError(f"record 500: a time is expected, found {stamp!r}") from error
    return IndexRead(line=line, channel=channel, read_at=read_at, index=Decimal(index))


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
    for one in reads:
        told.setdefault((one.channel.meter_id, one.read_at), set()).add(one.index)
    rows = []
    for one in reads:
        if len(told[one.channel.meter_id, one.read_at]) > 1:
            refuse(one.line, f"500,,,,{one.index}", "its register has another reading of this time")
        else:
            rows.append(one.row(offset))
    columns: dict[str, pl.DataType] = {**schema(REGISTERS), "observed_at_utc": pl.Datetime("ms")}
    found = pl.DataFrame(rows, schema=columns)
    return found.unique(maintain_order=True).with_columns(
        pl.col("observed_at_utc").dt.replace_time_zone("UTC")
    )
