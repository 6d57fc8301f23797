"""What a NEM12 file says of a meter's day beside its energies: rows of ``raw_meter__nem12_days``.

Source: AEMO, Meter Data File Format Specification NEM12 & NEM13 (MDFF): what a 200 record says of
its data stream, UpdateDateTime and MSATSLoadDateTime of a 300 record, and the 500 records below it.
When the provider updated a day orders nothing here: a version is known from its arrival on
(decision 0028). Not here: energies (nem12) and registers as readings (nem12_registers).
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from negawatt.warehouse.catalog import schema
from negawatt.warehouse.formats.nem12_records import STREAM_FIELDS, Channel, Event
from negawatt.warehouse.formats.nem12_registers import IndexRead

NEM12_DAYS: Final = "raw_meter__nem12_days"


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One 300 record with what belongs to it.

    Attributes:
        line: Its line in the file, from 1.
        text: The record.
        channel: The 200 record above it.
        date: YYYYMMDD.
        quality: Quality of the whole day, None where ``events`` say it.
        updated_at: When the provider updated it, in market time, None where it does not say.
        loaded_at: When it came into MSATS, likewise.
        events: Its 400 records.
        reads: Its 500 records.
    """

    line: int
    text: str
    channel: Channel
    date: str
    quality: str | None
    updated_at: datetime | None
    loaded_at: datetime | None
    events: tuple[Event, ...]
    reads: tuple[IndexRead, ...]


def day_rows(
    days: Sequence[Day], offset: timedelta, refused_lines: Collection[int]
) -> pl.DataFrame:
    """Return days as rows, without ``available_at_utc``.

    Args:
        days: The days.
        offset: What market time is ahead of UTC.
        refused_lines: Lines of the file that are not taken: days, and 500 records.
    """
    taken = [day for day in days if day.line not in refused_lines]
    stamps = {
        "supplier_updated_at_utc": [day.updated_at for day in taken],
        "msats_loaded_at_utc": [day.loaded_at for day in taken],
    }
    texts: dict[str, list[str | None]] = {
        "meter_id": [day.channel.meter_id for day in taken],
        "channel_id": [day.channel.meter_id for day in taken],
        "market_date": [day.date for day in taken],
        "index_reads_json": [
            json.dumps([read.fields for read in day.reads if read.line not in refused_lines])
            for day in taken
        ],
    }
    for place, name in enumerate(STREAM_FIELDS):
        texts[name] = [day.channel.told[place] or None for day in taken]
    frame = pl.DataFrame(
        [pl.Series(name, values, dtype=pl.String) for name, values in texts.items()]
        + [pl.Series(name, values, dtype=pl.Datetime("ms")) for name, values in stamps.items()]
    )
    return frame.select(
        name for name in schema(NEM12_DAYS) if name != "available_at_utc"
    ).with_columns(
        pl.col("market_date", "next_read_date").str.to_date("%Y%m%d"),
        (pl.col(*stamps) - offset).dt.replace_time_zone("UTC"),
    )
