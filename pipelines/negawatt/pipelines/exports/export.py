"""Tables to files: which statement, in which format, to which place.

CSV and Parquet are a folder with a file for each table; XLSX and JSON are one file. Each file
appears whole. Not here: what the tables hold (exported.py), how a format is written (tables.py,
xlsx.py, json_tables.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.canonical import from_json
from negawatt.models.settlement.statement import Statement
from negawatt.pipelines.exports.exported import export_tables
from negawatt.pipelines.exports.formats import Format
from negawatt.pipelines.exports.json_tables import to_json
from negawatt.pipelines.exports.tables import to_csv, to_parquet
from negawatt.pipelines.exports.xlsx import to_xlsx, utc_text
from negawatt.warehouse.event_tables import find_event
from negawatt.warehouse.layout import Layout, appearing_file
from negawatt.warehouse.sites import read_site
from negawatt.warehouse.statement_tables import statement_versions

EVENT_FORMAT: Final = "negawatt-event"


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Tables with what a reader must know of them.

    Attributes:
        format_name: What a JSON document of them is called.
        tables: Rows by name.
        time_zone: IANA name of the clock of local times; UTC where several sites are together.
        about: What they are, as pairs.
        created_utc: When what they show was made.
    """

    format_name: str
    tables: Mapping[str, pl.DataFrame]
    time_zone: str
    about: tuple[tuple[str, str], ...]
    created_utc: datetime


def read_statement(layout: Layout, event_id: str, version: int | None = None) -> Statement:
    """Return a published version of an event's statement, the newest unless one is named.

    Raises:
        ConfigurationError: There is no such event.
        DataRefusedError: It has no statement yet, or no such version.
    """
    event = find_event(layout, event_id)
    rows = statement_versions(layout, event.statement_id)
    published = dict(zip(rows["statement_version"], rows["statement_json"], strict=True))
    if not published:
        raise DataRefusedError(
            thing=f"event {event_id!r}",
            expected="a published statement",
            found="none",
            remedy=f"settle it first: `negawatt settle {event_id}`",
        )
    wanted = max(published) if version is None else version
    if wanted not in published:
        raise DataRefusedError(
            thing=f"event {event_id!r}, version {wanted}",
            expected=f"a published version, 1 to {max(published)}",
            found="none of this number",
            remedy="name another --version, or none for the newest",
        )
    return from_json(published[wanted].encode())


def event_export(layout: Layout, statement: Statement) -> Export:
    """Return the tables of a statement, ready to be written.

    Raises:
        ConfigurationError: The statement's site is not registered any more.
    """
    body, issued_at_utc = statement.body, statement.provenance.issued_at_utc
    site = read_site(layout, body.event.site_id)
    return Export(
        format_name=EVENT_FORMAT,
        tables=export_tables(statement),
        time_zone=site.time_zone,
        about=(
            ("Event", body.event.event_id),
            ("Site", body.event.site_id),
            ("Statement", f"{body.statement_id}, version {statement.statement_version}"),
            ("Stage", statement.stage.value),
            ("Digest of the statement", statement.statement_digest),
            ("Issued", utc_text(issued_at_utc)),
            ("Local time", site.time_zone),
            (
                "Meter",
                "accepted for payment"
                if body.revenue_grade
                else "NOT accepted for payment: money must not follow these figures",
            ),
            ("Empty cell", "not known; 0 means zero"),
            (
                "Proof",
                f"none by itself: `negawatt bundle {body.event.event_id}` writes what recomputes",
            ),
        ),
        created_utc=issued_at_utc,
    )


def write_export(export: Export, kind: Format, path: Path) -> list[Path]:
    """Write an export and return its files.

    Args:
        export: The tables.
        kind: The format.
        path: A file for XLSX and JSON, a folder for CSV and Parquet.
    """
    files = {
        path / name if name else path: content for name, content in contents(export, kind).items()
    }
    for file, content in files.items():
        with appearing_file(file) as temporary:
            temporary.write_bytes(content)
    return list(files)


def contents(export: Export, kind: Format) -> dict[str, bytes]:
    """Return the content of each file by its name in the folder; the name of the one file is ''."""
    if kind is Format.XLSX:
        return {"": to_xlsx(export.tables, export.time_zone, export.about, export.created_utc)}
    if kind is Format.JSON:
        return {"": to_json(export.format_name, export.tables, export.time_zone)}
    if kind is Format.CSV:
        return {f"{n}.csv": to_csv(rows, export.time_zone) for n, rows in export.tables.items()}
    return {f"{name}.parquet": to_parquet(rows) for name, rows in export.tables.items()}
