"""A meter's readings as a Green Button file, so that reading it gives the same rows again.

Source: NAESB REQ.21 (ESPI), schema 3.3: elements in the schema's order. Not here: reading (espi),
the clock (espi_clock), and which readings to write (negawatt.cli.export_meter).
"""

import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Final
from urllib.parse import quote
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

import polars as pl

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.units import W_PER_KW, exact_decimal
from negawatt.warehouse.formats.espi_clock import time_configuration
from negawatt.warehouse.formats.espi_codes import (
    ATOM,
    DELTA,
    ELECTRICITY,
    ENERGY,
    ESPI,
    MAX_INT48,
    MULTIPLIERS,
    SOURCE,
    WH,
    Flow,
)
from negawatt.warehouse.formats.reading_words import NO_READING, OK, quality_code, quality_word

_ROOT: Final = "/espi/1_1/resource"


@dataclass(frozen=True, slots=True, kw_only=True)
class GreenButton:
    """A file and what was rounded in it.

    Attributes:
        content: The file.
        rounded_count: Energies that were rounded.
        largest_kwh: The largest difference [kWh].
    """

    content: bytes
    rounded_count: int
    largest_kwh: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    start: datetime
    duration_s: int
    energy_wh: Decimal | None
    codes: tuple[str, ...]


def write_espi(
    rows: pl.DataFrame,
    name: str,
    zone: ZoneInfo,
    written_at_utc: datetime,
    *,
    may_round: bool,
    flow: Flow = Flow.DELIVERED,
) -> GreenButton:
    """Return readings of one meter as a Green Button file; one IntervalBlock for each local day.

    Values are integers of 48 bits times one power of ten of Wh for the whole file. Where that
    cannot say each energy exactly, the file is refused, or rounded if that is asked for.

    Args:
        rows: Rows of raw_meter__readings of one meter, one for each interval.
        name: ``<UsagePoint>.<MeterReading>``.
        zone: The site's clock.
        written_at_utc: Goes into the feed.
        may_round: Round half to even where an energy has more digits than fit.
        flow: Which way of energy the meter reads.

    Raises:
        DataRefusedError: There are no rows, the name has no two parts, an interval is no whole
            number of seconds, energies do not fit, or a quality is one that ESPI cannot say.
    """
    usage_point, _, meter_reading = name.rpartition(".")
    if rows.is_empty() or not usage_point or not meter_reading or not name.isprintable():
        raise _refusal(
            f"meter {name!r}",
            "readings, and a name <UsagePoint>.<MeterReading>",
            f"{name!r} with {rows.height} readings",
            f"give the name with --as, such as --as {name or 'meter'}.1",
        )
    cells = _cells(rows)
    power, values, rounded = _values([cell.energy_wh for cell in cells], may_round=may_round)
    point = f"{_ROOT}/RetailCustomer/1/UsagePoint/{quote(usage_point, safe='')}"
    meter = f"{point}/MeterReading/{quote(meter_reading, safe='')}"
    lengths_s = {cell.duration_s for cell in cells}
    stamp = f"{written_at_utc:%Y-%m-%dT%H:%M:%SZ}"
    entries = [
        _Entry(own=point, title=name, resource=_USAGE_POINT, related=_CLOCK),
        _Entry(own=_CLOCK, title="clock", resource=_clock(zone, cells[0].start)),
        _Entry(own=meter, title=name, resource="<MeterReading/>", related=_TYPE),
        _Entry(
            own=_TYPE,
            title=f"energy {flow}",
            resource=_type(power, lengths_s, flow),
        ),
    ]
    days = groupby(
        zip(cells, values, strict=True), lambda pair: pair[0].start.astimezone(zone).date()
    )
    entries += [
        _Entry(
            own=f"{meter}/IntervalBlock/{number}",
            title=day.isoformat(),
            resource=_block(list(pairs)),
        )
        for number, (day, pairs) in enumerate(days, start=1)
    ]
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="{ATOM}">\n'
        f"<id>{_urn(f'{meter} {stamp}')}</id><title>{escape(name)}</title>"
        f"<updated>{stamp}</updated>\n"
        + "\n".join(entry.text(stamp) for entry in entries)
        + "\n</feed>\n"
    )
    differences = [difference for difference in rounded if difference]
    return GreenButton(
        content=text.encode(),
        rounded_count=len(differences),
        largest_kwh=max(differences, default=Decimal(0)) / W_PER_KW,
    )


_USAGE_POINT: Final = "<UsagePoint><ServiceCategory><kind>0</kind></ServiceCategory></UsagePoint>"
_CLOCK: Final = f"{_ROOT}/LocalTimeParameters/1"
_TYPE: Final = f"{_ROOT}/ReadingType/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """An entry of the feed; its ``up`` is ``own`` without the last part."""

    own: str
    title: str
    resource: str
    related: str | None = None

    def text(self, stamp: str) -> str:
        links = {"self": self.own, "up": self.own.rpartition("/")[0], "related": self.related}
        linked = "".join(
            f'<link rel="{rel}" href="{href}"/>' for rel, href in links.items() if href
        )
        name = re.match(r"<\w+", self.resource)
        inside = self.resource.replace(name[0], f'{name[0]} xmlns="{ESPI}"', 1) if name else ""
        return (
            f"<entry><id>{_urn(self.own)}</id>{linked}<title>{escape(self.title)}</title>"
            f"<content>{inside}</content>"
            f"<published>{stamp}</published><updated>{stamp}</updated></entry>"
        )


def _cells(rows: pl.DataFrame) -> list[_Cell]:
    columns = ("interval_start_utc", "interval_end_utc", "energy_kwh", "reading_quality")
    return [
        _cell(start, end, energy_kwh, quality)
        for start, end, energy_kwh, quality in rows.sort("interval_start_utc")
        .select(columns)
        .iter_rows()
    ]


def _cell(start: datetime, end: datetime, energy_kwh: float | None, quality: str) -> _Cell:
    word, code = quality_word(quality), quality_code(quality, SOURCE)
    duration_s = (end - start).total_seconds()
    if (
        start.microsecond
        or duration_s % 1
        or (code is None and word not in {OK, NO_READING})
        or (energy_kwh is None) != (word == NO_READING)
    ):
        raise _refusal(
            f"interval {start.isoformat()}",
            "whole seconds, a quality that ESPI can say, and no value where nothing is known",
            f"{duration_s} s, {energy_kwh} kWh with quality {quality!r}",
            "export it as csv, parquet or the format that it came in",
        )
    return _Cell(
        start=start,
        duration_s=int(duration_s),
        energy_wh=None if energy_kwh is None else exact_decimal(energy_kwh) * W_PER_KW,
        codes=tuple(code.split(",")) if code else (),
    )


def _values(
    energy_wh: Sequence[Decimal | None], *, may_round: bool
) -> tuple[int, list[int | None], list[Decimal]]:
    """Return a power of ten, each energy as an integer of it, and what rounding changed [Wh]."""
    known = [value for value in energy_wh if value is not None]
    needed = min((_exponent(value) for value in known if value), default=0)
    largest = max(map(abs, known), default=Decimal(0))
    fitting = [power for power in MULTIPLIERS if largest.scaleb(-power) <= MAX_INT48]
    exact = [power for power in fitting if power <= needed]
    if not fitting or not (exact or may_round):
        raise _refusal(
            "the energies",
            "numbers that an integer of 48 bits times one power of ten of Wh says exactly",
            f"up to {largest} Wh with digits down to 10^{needed} Wh",
            "let them be rounded with --round",
        )
    power = max([one for one in exact if one <= 0] or exact[:1] or fitting[:1])
    values = [
        None if value is None else int(value.scaleb(-power).to_integral_value())
        for value in energy_wh
    ]
    rounded = [
        abs(Decimal(value).scaleb(power) - energy)
        for value, energy in zip(values, energy_wh, strict=True)
        if value is not None and energy is not None
    ]
    return power, values, rounded


def _exponent(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _clock(zone: ZoneInfo, start: datetime) -> str:
    clock = time_configuration(zone, start.year)
    return (
        f"<LocalTimeParameters><dstEndRule>{clock.dst_end_rule}</dstEndRule>"
        f"<dstOffset>{clock.dst_offset_s}</dstOffset>"
        f"<dstStartRule>{clock.dst_start_rule}</dstStartRule>"
        f"<tzOffset>{clock.offset_s}</tzOffset></LocalTimeParameters>"
    )


def _type(power: int, lengths_s: Iterable[int], flow: Flow) -> str:
    lengths = list(lengths_s)
    length = f"<intervalLength>{lengths[0]}</intervalLength>" if len(lengths) == 1 else ""
    return (
        f"<ReadingType><accumulationBehaviour>{DELTA}</accumulationBehaviour>"
        f"<commodity>{ELECTRICITY[0]}</commodity><flowDirection>{flow.code}</flowDirection>"
        f"{length}<kind>{ENERGY}</kind>"
        f"<powerOfTenMultiplier>{power}</powerOfTenMultiplier><uom>{WH}</uom></ReadingType>"
    )


def _block(pairs: Sequence[tuple[_Cell, int | None]]) -> str:
    first, last = pairs[0][0], pairs[-1][0]
    start_s = round(first.start.timestamp())
    duration_s = round(last.start.timestamp()) + last.duration_s - start_s
    readings = "".join(_reading(cell, value) for cell, value in pairs)
    return (
        f"<IntervalBlock><interval><duration>{duration_s}</duration><start>{start_s}</start>"
        f"</interval>{readings}</IntervalBlock>"
    )


def _reading(cell: _Cell, value: int | None) -> str:
    qualities = "".join(
        f"<ReadingQuality><quality>{code}</quality></ReadingQuality>" for code in cell.codes
    )
    known = "" if value is None else f"<value>{value}</value>"
    return (
        f"\n<IntervalReading>{qualities}<timePeriod><duration>{cell.duration_s}</duration>"
        f"<start>{round(cell.start.timestamp())}</start></timePeriod>{known}</IntervalReading>"
    )


def _urn(name: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_URL, name).urn


def _refusal(thing: str, expected: str, found: str, remedy: str) -> DataRefusedError:
    return DataRefusedError(thing=thing, expected=expected, found=found, remedy=remedy)
