"""Meter files that grow, or that others join: followed without losing or doubling a row.

What is about to be stored is written down first (``FollowState``): after a crash the same bytes are
read again, with the same time of arrival, and seal to the same file. A CSV file may be renamed, not
rewritten; a Parquet file is read once, when it is whole. Not here: what a row means (meter_profile)
and sealing (negawatt.collectors.facility).
"""

import asyncio
import csv
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from negawatt.collectors.sources.follow_state import FollowState, Part
from negawatt.collectors.sources.meter_profile import MeterProfile
from negawatt.collectors.sources.protocol import Batch, MeterReading
from negawatt.models.domain.clock import Clock
from negawatt.models.domain.findings import Finding, FindingCode, Severity

_PART_BYTES: Final = 4_194_304  # read at once; the rest follows in the next read
_IDENTITY_BYTES: Final = 4_096
_HASH_DIGITS: Final = 16
_SHOWN = 3  # rejected rows that a finding quotes


class MeterFiles:
    """Follows the files of a pattern.

    Args:
        pattern: Path whose last part may hold ``*``; every file is CSV, or ends in ``.parquet``.
        profile: What their columns mean.
        state_path: Where it is kept what was read.
        subject: Which files, for findings.

    Raises:
        DataRefusedError: The state cannot be read.
    """

    def __init__(
        self, pattern: Path, profile: MeterProfile, *, state_path: Path, subject: str
    ) -> None:
        self._pattern = pattern
        self._profile = profile
        self._state = FollowState(state_path)
        self._subject = subject

    async def read(self, clock: Clock) -> Batch:
        """Return the rows that are new, or those that an earlier run did not store."""
        return await asyncio.to_thread(self._read, clock.now_utc())

    async def stored(self) -> None:
        """Go on behind the rows of the last read: they are stored."""
        await asyncio.to_thread(self._state.commit)

    async def close(self) -> None:
        """Hold nothing back: no file stays open."""

    def _read(self, now_utc: datetime) -> Batch:
        findings: list[Finding] = []
        if not self._state.parts:
            parts, findings = self._new_parts()
            if not parts:
                return Batch(findings=tuple(findings))
            self._state.announce(parts, now_utc)
        readings: list[MeterReading] = []
        rejected: list[_Rejected] = []
        for part in self._state.parts:
            for place, row in _rows(self._pattern, part):
                try:
                    readings.append(self._profile.reading(row, self._state.announced_utc))
                except ValueError as error:
                    rejected.append(_Rejected(place, str(error)))
        if rejected:
            findings.append(self._rejected_finding(rejected))
        return Batch(meter_readings=tuple(readings), findings=tuple(findings))

    def _new_parts(self) -> tuple[list[Part], list[Finding]]:
        parts, findings = [], []
        for path in sorted(self._pattern.parent.glob(self._pattern.name)):
            identity = _identity(path)
            if identity is None:  # not whole yet
                continue
            start, size = self._state.position(identity), path.stat().st_size
            end = size if path.suffix == ".parquet" else _end_of_lines(path, start)
            if size < start:
                findings.append(self._shrunk_finding(path, start, size))
            elif end > start:
                parts.append(Part(path.name, identity, start, end))
        return parts, findings

    def _shrunk_finding(self, path: Path, start: int, size: int) -> Finding:
        return Finding(
            code=FindingCode.METER_FILE_REWRITTEN,
            severity=Severity.WARNING,
            subject=self._subject,
            message=f"expected {path.name} to grow from {start} bytes, found {size}; it is not "
            "read on: write new rows to a new file",
            evidence={"file": path.name, "read_bytes": start, "found_bytes": size},
        )

    def _rejected_finding(self, rejected: "list[_Rejected]") -> Finding:
        return Finding(
            code=FindingCode.METER_ROW_REJECTED,
            severity=Severity.WARNING,
            subject=self._subject,
            message=f"{len(rejected)} rows were not read, the first at {rejected[0].place}: "
            f"{rejected[0].problem}",
            evidence={
                "count": len(rejected),
                "first_rows": [[row.place, row.problem] for row in rejected[:_SHOWN]],
            },
        )


@dataclass(frozen=True, slots=True)
class _Rejected:
    """A row that was not read, and why."""

    place: str
    problem: str


def _identity(path: Path) -> str | None:
    """Return what stays of a file that grows or is renamed; None while it is not whole.

    It is the inode, with the first two lines of a CSV file or the end of a Parquet file.
    """
    with path.open("rb") as file:
        if path.suffix == ".parquet":
            try:
                pq.read_metadata(file)
            except (pa.ArrowException, OSError):
                return None
            file.seek(-min(_IDENTITY_BYTES, path.stat().st_size), 2)
            mark = file.read()
        else:
            mark = file.readline() + file.readline()
            if mark.count(b"\n") < 2:  # noqa: PLR2004 - the header and a row
                return None
    return f"{path.stat().st_ino}-{hashlib.sha256(mark).hexdigest()[:_HASH_DIGITS]}"


def _end_of_lines(path: Path, start: int) -> int:
    """Return where the last whole line ends of what is read next."""
    with path.open("rb") as file:
        file.seek(start)
        return start + file.read(_PART_BYTES).rfind(b"\n") + 1


def _rows(pattern: Path, part: Part) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Give the rows of a part with their places; the file may have been renamed since."""
    names = [part.file_name, *(path.name for path in pattern.parent.glob(pattern.name))]
    paths = [pattern.with_name(name) for name in dict.fromkeys(names)]
    path = next((p for p in paths if p.exists() and _identity(p) == part.identity), None)
    if path is None:
        raise FileNotFoundError(f"{part.file_name} was announced, and is gone before it was stored")
    if path.suffix == ".parquet":
        rows: Iterable[Mapping[str, object]] = pq.read_table(path, partitioning=None).to_pylist()
        yield from ((f"{path.name} row {n}", row) for n, row in enumerate(rows, start=1))
        return
    with path.open("rb") as file:
        columns = _fields(file.readline())
        if part.start > 0:
            file.seek(part.start)
        place = file.tell()
        for line in file.read(part.end - place).splitlines():
            cells = _fields(line)
            row = dict(zip(columns, cells, strict=False)) if len(cells) == len(columns) else {}
            if line.strip():
                yield f"{path.name} byte {place}", row
            place += len(line) + 1


def _fields(line: bytes) -> list[str]:
    return next(csv.reader([line.decode("utf-8-sig", errors="replace").rstrip("\r\n")]), [])
