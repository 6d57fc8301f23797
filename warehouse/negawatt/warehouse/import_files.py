"""A file that somebody imports, as rows of the raw table it is for, with what was not taken.

Here: whether a file needs a profile, and which format it has where it needs none. Not here: one
format (formats), one profile (profiles), and sealing (raw_files).
"""

import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.warehouse.formats.accounting import ACCOUNTING, NAMES
from negawatt.warehouse.formats.espi import read_espi
from negawatt.warehouse.formats.espi_codes import Flow
from negawatt.warehouse.formats.kubernetes import read_kubernetes
from negawatt.warehouse.formats.nem12 import read_nem12
from negawatt.warehouse.formats.parsed import NotTaken, Parsed
from negawatt.warehouse.formats.sacct import is_sacct, read_sacct
from negawatt.warehouse.job_files import JobFactsProfile
from negawatt.warehouse.job_tiers import Tier, with_tiers
from negawatt.warehouse.log_lines import read_log
from negawatt.warehouse.profiles import read_profile, read_source, translate

_MAX_BYTES = 1_000_000_000  # fourteen times a year of 5-minute readings of 100 meters
_XML = (b"<", b"\xff\xfe", b"\xfe\xff")
_NEM12 = tuple(f"{kind},".encode() for kind in (100, 200, 300))


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A file, read for one raw table.

    Attributes:
        table: The raw table.
        rows: Rows with the table's columns.
        refused: Parts of the file that break its format.
        left_out: Parts that are nothing for the table.
        registers: What registers of meters showed: rows of raw_node__power_samples.
        days: What a NEM12 file says of days beside energies: rows of raw_meter__nem12_days.
    """

    table: str
    rows: pl.DataFrame
    refused: tuple[NotTaken, ...] = ()
    left_out: tuple[NotTaken, ...] = ()
    registers: pl.DataFrame | None = None
    days: pl.DataFrame | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a file does not say and its reader needs.

    Attributes:
        zone: Clock of the site.
        tiers: Which jobs are how flexible.
        with_job_energy: Take the energy that a scheduler states of a job.
        flow: Which way of energy to take of a Green Button file.
    """

    zone: ZoneInfo
    tiers: tuple[Tier, ...] = ()
    with_job_energy: bool = False
    flow: Flow = Flow.DELIVERED


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format with a standard of its own.

    Attributes:
        table: The raw table it feeds.
        is_one: Says by the first bytes, without white space, whether a file has the format.
        read: Its reader.
    """

    table: str
    is_one: Callable[[bytes], bool]
    read: Callable[[bytes, Context], Parsed]


_UTC = Context(zone=ZoneInfo("UTC"))
FORMATS: dict[str, Format] = {
    "NEM12": Format(
        table="raw_meter__readings",
        is_one=lambda head: head.startswith(_NEM12),
        read=lambda content, _: read_nem12(content),
    ),
    "Green Button": Format(
        table="raw_meter__readings",
        is_one=lambda head: head.startswith(_XML),
        read=lambda content, context: read_espi(content, context.flow),
    ),
    "sacct": Format(
        table=ACCOUNTING,
        is_one=is_sacct,
        read=lambda content, context: read_sacct(
            content, context.zone, with_energy=context.with_job_energy
        ),
    ),
    "Kueue or Volcano": Format(
        table=ACCOUNTING,
        is_one=lambda head: head.startswith(b"{"),
        read=lambda content, _: read_kubernetes(content),
    ),
}


def read_incoming(
    path: Path,
    tables: Sequence[str],
    profile: Path | None,
    now_utc: datetime,
    context: Context = _UTC,
) -> Incoming:
    """Read a file for one of some raw tables.

    With a profile, the profile names the table. Without one, a file of a known format is read by
    its standard, also inside a ZIP file of one member; a Parquet file has the columns of the first
    table.

    Args:
        path: The file.
        tables: Raw tables that the command feeds.
        profile: TOML file that says what the columns mean.
        now_utc: When the rows reached the warehouse's door.
        context: What the file does not say.

    Raises:
        ConfigurationError: The file is missing, needs a profile, or the profile is for another
            table.
        DataRefusedError: The file as a whole is refused.
    """
    if profile is not None:
        said = read_profile(profile)
        if said.table not in tables:
            raise ConfigurationError(
                thing=f"profile {profile}",
                expected=" or ".join(f"table = {table!r}" for table in tables),
                found=repr(said.table),
                remedy="use the import command of that table, or another profile",
            )
        left_out: tuple[NotTaken, ...] = ()
        if isinstance(said, JobFactsProfile) and said.line_pattern:
            source, left_out = read_log(path, said.line_pattern)
        else:
            source = read_source(path, said)
        rows = _named(translate(said, source, now_utc), context)
        return Incoming(table=said.table, rows=rows, left_out=left_out)
    if path.suffix == ".parquet":
        rows = read_source(path)
        return Incoming(table=tables[0], rows=_arrived(rows, now_utc))
    content = _unzipped(path, _content(path))
    head = content[:1000].removeprefix(b"\xef\xbb\xbf").lstrip()
    for one in FORMATS.values():
        if one.table in tables and one.is_one(head):
            parsed = one.read(content, context)
            return Incoming(
                table=one.table,
                rows=_arrived(_named(parsed.rows, context), now_utc),
                refused=parsed.refused,
                left_out=parsed.left_out,
                registers=parsed.registers,
                days=None if parsed.days is None else _arrived(parsed.days, now_utc),
            )
    known = ", ".join(name for name, one in FORMATS.items() if one.table in tables)
    raise ConfigurationError(
        thing=f"file {path}",
        expected="--profile FILE with a CSV file: it says what the columns mean"
        + (f"; or a file of a known format ({known})" if known else ""),
        found="an empty file" if not head else "none",
        remedy="write a profile; those in docs/phoenix are examples",
    )


def with_meter_name(path: Path, incoming: Incoming, name: str | None) -> Incoming:
    """Return readings of meters under the names they have here.

    Args:
        path: The file they came from.
        incoming: Rows of raw_meter__readings.
        name: What the one meter of the file is called here; None keeps the file's names.

    Raises:
        ConfigurationError: The file names no meter and nobody else does, or it has several and one
            name is given.
    """
    names = incoming.rows["meter_id"].unique().to_list() if "meter_id" in incoming.rows else []
    if not names:
        return incoming
    if name is None and None not in names:
        return incoming
    if name is None or len(names) > 1:
        raise ConfigurationError(
            thing=f"file {path}",
            expected="--meter NAME with a file that names no meter, and one meter in it",
            found=f"{len(names)} meters: {', '.join(sorted(map(str, names)))[:200]}",
            remedy="give --meter NAME" if name is None else "leave out --meter",
        )
    renamed = pl.lit(name).alias("meter_id")
    days = None if incoming.days is None else incoming.days.with_columns(renamed)
    return replace(incoming, rows=incoming.rows.with_columns(renamed), days=days)


def _named(rows: pl.DataFrame, context: Context) -> pl.DataFrame:
    """Return jobs with their tiers, and without the names that decide them."""
    if context.tiers:
        rows = with_tiers(rows, context.tiers)
    return rows.drop(NAMES, strict=False)


def _arrived(rows: pl.DataFrame, now_utc: datetime) -> pl.DataFrame:
    return rows.with_columns(pl.lit(now_utc).alias("available_at_utc"))


def _content(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size <= _MAX_BYTES:
            return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            thing=f"file {path}",
            expected="a readable file",
            found=str(error),
            remedy="give the path of such a file",
        ) from error
    raise DataRefusedError(
        thing=f"file {path}",
        expected=f"at most {_MAX_BYTES} bytes",
        found=f"{size} bytes",
        remedy="divide it and import the parts one by one",
    )


def _unzipped(path: Path, content: bytes) -> bytes:
    """Return the one member of a ZIP file, or the content itself."""
    if not content.startswith(b"PK\x03\x04"):
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if len(members) == 1 and members[0].file_size <= _MAX_BYTES:
                return archive.read(members[0])
            found = f"{len(members)} files of {sum(one.file_size for one in members)} bytes"
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        found = str(error)
    raise DataRefusedError(
        thing=f"ZIP file {path}",
        expected=f"one file of at most {_MAX_BYTES} bytes in it",
        found=found,
        remedy="unpack it and import the files one by one",
    )
