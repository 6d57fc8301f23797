"""Green Button files (ESPI): interval energy of usage points, as an Atom feed.

Source: NAESB REQ.21 (ESPI), schema 3.3. A meter is named ``<UsagePoint>.<MeterReading>`` by the
links of the feed. Starts are seconds since 1970 UTC, so that no clock change matters. A file is
refused whole where it is no well-formed XML, has a document type (with it entities), or a text
larger than the parser takes; otherwise each reading is taken or refused alone. Here: bytes to rows
of ``raw_meter__readings``. Not here: codes (espi_codes), elements (espi_elements), writing
(espi_export).
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

import polars as pl
from lxml import etree

from negawatt.models.domain.errors import DataRefusedError
from negawatt.warehouse.formats.espi_codes import ATOM, ESPI, Flow, espi_name
from negawatt.warehouse.formats.espi_elements import (
    ElementError,
    Reading,
    ReadingType,
    readings_of,
    type_of,
)
from negawatt.warehouse.formats.parsed import NotTaken, Parsed, empty_readings, not_taken

_BLOCK, _TYPE = f"{{{ESPI}}}IntervalBlock", f"{{{ESPI}}}ReadingType"
_ENTRY, _LINK, _CONTENT = f"{{{ATOM}}}entry", f"{{{ATOM}}}link", f"{{{ATOM}}}content"
_METER_READING = re.compile(r"(?:UsagePoint/([^/]+)/)?MeterReading/([^/]+)$")
_TYPE_LINK = re.compile(r"(?:^|/)ReadingType/[^/]+$")
_USED = {"IntervalBlock", "ReadingType", "MeterReading", "UsagePoint", "LocalTimeParameters"}


@dataclass(slots=True)
class _Entry:
    """What an entry of the feed holds that matters here."""

    readings: list[Reading] = field(default_factory=list)
    types: list[ReadingType] = field(default_factory=list)
    up: str = ""
    own: str = ""
    related: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Feed:
    """What was found so far."""

    entries: list[_Entry] = field(default_factory=list)
    refused: list[NotTaken] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=dict)


def read_espi(content: bytes, flow: Flow = Flow.DELIVERED) -> Parsed:
    r"""Return the interval energy of a Green Button file.

    Each energy is the float nearest to value x 10^powerOfTenMultiplier Wh in kWh, or of as many W,
    which must be a mean, over the reading's period. A reading without a value is NULL.
    ``reading_quality`` has the codes of the reading, else the default of its type.

    Args:
        content: The file.
        flow: Which way of energy to take.

    Returns:
        Rows in the file's order, ``meter_id`` NULL where the feed has no links; refused readings
        and types; types that are no energy in that direction, and entries that are no readings.

    Raises:
        DataRefusedError: The file is no well-formed XML, has a document type, or is too large in
            one text.

    Examples:
        >>> text = (f'<feed xmlns="{ATOM}"><entry><content><ReadingType xmlns="{ESPI}">'
        ...     '<commodity>1</commodity><powerOfTenMultiplier>-3</powerOfTenMultiplier>'
        ...     '<uom>72</uom></ReadingType></content></entry><entry><content>'
        ...     f'<IntervalBlock xmlns="{ESPI}"><IntervalReading><timePeriod>'
        ...     '<duration>900</duration><start>1751328000</start></timePeriod>'
        ...     '<value>1250500</value></IntervalReading></IntervalBlock></content></entry></feed>')
        >>> row = read_espi(text.encode()).rows.row(0, named=True)
        >>> row["energy_kwh"], row["interval_start_utc"].isoformat(), row["reading_quality"]
        (1.2505, '2025-07-01T00:00:00+00:00', 'ok')
    """
    feed = _Feed()
    try:
        for entry in _entries(content, feed, flow):
            feed.entries.append(entry)
    except etree.XMLSyntaxError as error:
        raise _no_file(str(error)) from error
    rows, left_out = _rows(feed)
    left_out += [
        not_taken("feed", kind, f"{count} such elements are no readings")
        for kind, count in feed.others.items()
    ]
    return Parsed(rows=rows, refused=tuple(feed.refused), left_out=tuple(left_out))


def _no_file(found: str) -> DataRefusedError:
    return DataRefusedError(
        thing="Green Button file",
        expected="well-formed XML without a document type",
        found=found,
        remedy="ask the utility for the whole file; entities are never expanded",
    )


def _entries(content: bytes, feed: _Feed, flow: Flow) -> Iterator[_Entry]:
    """Yield each entry; what was read of the document is thrown away at once."""
    parser = etree.iterparse(
        io.BytesIO(content),
        events=("start", "end"),
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    entry = _Entry()
    for number, (event, element) in enumerate(parser):
        if number == 0 and element.getroottree().docinfo.doctype:
            raise _no_file("a document type")
        if event == "start":
            continue
        if element.tag == _BLOCK:
            entry.readings += readings_of(element, feed.refused)
            element.clear()
        elif element.tag == _TYPE:
            entry.types.append(type_of(element, flow))
        elif element.tag == _ENTRY:
            _close(entry, element, feed)
            yield entry
            entry = _Entry()
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]


def _close(entry: _Entry, element: etree._Element, feed: _Feed) -> None:
    for link in element.iterchildren(_LINK):
        href = link.get("href", "").rstrip("/")
        if link.get("rel") == "self":
            entry.own = href
        elif link.get("rel") == "up":
            entry.up = href.removesuffix("/IntervalBlock")
        elif link.get("rel") == "related":
            entry.related.append(href)
    for resource in element.iterfind(f"{_CONTENT}/*"):
        if espi_name(resource.tag) not in _USED:
            name = resource.tag.rpartition("}")[2]
            feed.others[name] = feed.others.get(name, 0) + 1


def _rows(feed: _Feed) -> tuple[pl.DataFrame, list[NotTaken]]:
    """Return the rows, and the types of energy that are not taken."""
    types = [(entry, one) for entry in feed.entries for one in entry.types]
    left_out = [
        not_taken(one.place, "ReadingType", one.left_out) for _, one in types if one.left_out
    ]
    feed.refused += [
        not_taken(one.place, "ReadingType", one.wrong) for _, one in types if one.wrong
    ]
    readings_by_own = {entry.own: entry for entry in feed.entries if entry.own}
    found: list[tuple[str | None, Reading, float | None, str]] = []
    for entry in feed.entries:
        if not entry.readings:
            continue
        meter_reading = readings_by_own.get(entry.up, _Entry())
        linked = [one for owner, one in types if owner.own and owner.own in meter_reading.related]
        wanted = [href for href in meter_reading.related if _TYPE_LINK.search(href)]
        if not linked and not wanted and len(types) == 1:  # nothing to tell it by, nor from
            linked = [types[0][1]]
        if len(linked) != 1:
            first = entry.readings[0]
            expected = "one ReadingType is expected"
            if wanted and not linked:
                expected = f"{wanted[0]} is expected in the file, to which its meter links"
            reason = f"{expected}, found {len(linked)}; with it all its readings"
            feed.refused.append(not_taken(first.place, "IntervalBlock", reason))
            continue
        kind = linked[0]
        if kind.left_out or kind.wrong:
            continue
        name = _name(entry.up)
        for reading in entry.readings:
            try:
                found.append((name, reading, *reading.energy_and_quality(kind)))
            except ElementError as error:
                feed.refused.append(not_taken(reading.place, "IntervalReading", str(error)))
    return _apart(found, feed), left_out


def _name(href: str) -> str | None:
    match = _METER_READING.search(href)
    name = ".".join(unquote(part) for part in match.groups() if part) if match else ""
    return name if name and name.isprintable() else None


def _apart(found: list[tuple[str | None, Reading, float | None, str]], feed: _Feed) -> pl.DataFrame:
    """Return readings as rows; where two have one meter and start, neither is taken."""
    if not found:
        return empty_readings()
    seconds = pl.Series([reading.start_s for _, reading, _, _ in found], dtype=pl.Int64)
    lengths = pl.Series([reading.duration_s for _, reading, _, _ in found], dtype=pl.Int64)
    rows = pl.DataFrame(
        {
            "meter_id": pl.Series([name for name, *_ in found], dtype=pl.String),
            "interval_start_utc": pl.from_epoch(seconds, "s"),
            "interval_end_utc": pl.from_epoch(seconds + lengths, "s"),
            "energy_kwh": pl.Series([energy for _, _, energy, _ in found], dtype=pl.Float64),
            "reading_quality": [quality for *_, quality in found],
        }
    ).with_columns(
        pl.col("interval_start_utc", "interval_end_utc")
        .dt.cast_time_unit("ms")
        .dt.replace_time_zone("UTC")
    )
    doubled = rows.select(pl.struct("meter_id", "interval_start_utc").is_duplicated()).to_series()
    for index in doubled.arg_true():
        _, reading, *_ = found[index]
        reason = f"start {reading.start_s} stands more than once"
        feed.refused.append(not_taken(reading.place, "IntervalReading", reason))
    return rows.filter(~doubled)
