"""Recovery: whatever a crash left becomes sealed files, and the next run knows where to go on.

It runs before each run of the agent, and by hand. Each step can be done again; nothing is deleted
that is not in a sealed file. Here: all of a spool. Not here: one segment
(negawatt.collectors.spool.sealing), and whether sealed files still are what they were
(negawatt.collectors.spool.audit).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.parquet as pq

from negawatt.collectors.freshness import CounterState, GpuScope
from negawatt.collectors.raw_schema import POWER_SAMPLES, SCHEMAS
from negawatt.collectors.sources.protocol import PowerScope
from negawatt.collectors.spool.block import TargetState
from negawatt.collectors.spool.disk import remove
from negawatt.collectors.spool.log import segments
from negawatt.collectors.spool.manifest import Entry, Manifest, States, read_states
from negawatt.collectors.spool.sealing import (
    SealedSegment,
    follow_segment,
    seal_segment,
    sealed_file,
)
from negawatt.collectors.spool.segment import is_sealed, verify_sealed
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.findings import Finding, FindingCode, Severity

_COLUMNS = [
    "gpu_uuid",
    "power_scope",
    "sequence_number",
    "counter_epoch",
    "energy_total_millijoule",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What a recovery found and did.

    Attributes:
        states: Where the next run goes on.
        sealed_states: Where what is sealed ends; earlier, if the disk is too full to seal.
        segments: What became of each segment that was sealed, by its name.
        adopted: Sealed files that the manifest did not name.
        findings: Damages, and what could not be done.
    """

    states: States
    sealed_states: States
    segments: dict[str, SealedSegment]
    adopted: tuple[Path, ...]
    findings: tuple[Finding, ...]


def recover(root: Path, on_segment: Callable[[int, int], None] | None = None) -> Recovery:
    """Seal every segment of a log that nothing writes to; whoever calls holds the lock.

    Args:
        root: The spool directory.
        on_segment: Told how many segments are done, and how many there are.

    Raises:
        DataRefusedError: A segment was written by another version.
    """
    for temporary in _half_written(root):
        remove(temporary)
    manifest = Manifest(root)
    paths = segments(root)
    sealed: dict[str, SealedSegment] = {}
    findings: list[Finding] = []
    sealed_states = states = read_states(root)
    for n, path in enumerate(paths):
        if on_segment:
            on_segment(n, len(paths))
        if not findings:  # in their order, or not at all
            try:
                sealed[path.name] = seal_segment(path, root=root, manifest=manifest, states=states)
                sealed_states = states = sealed[path.name].states
                continue
            except OSError as error:
                findings.append(not_sealed(path, error))
        states = follow_segment(path, manifest=manifest, states=states)
    adopted, damaged = adopt(root, manifest)
    number = max(states.next_frame_number, manifest.next_frame_number())
    return Recovery(
        states=replace(states, next_frame_number=number),
        sealed_states=sealed_states,
        segments=sealed,
        adopted=adopted,
        findings=(
            *(finding for segment in sealed.values() for finding in segment.findings),
            *findings,
            *damaged,
        ),
    )


def sealed_paths(root: Path) -> Iterator[Path]:
    """Return every file below a spool directory that a collector sealed."""
    for table_name in SCHEMAS:
        found = sorted((root / table_name).glob("site=*/date=*/[!.]*.parquet"))
        yield from (path for path in found if is_sealed(path))


def resume_state(root: Path, states: States, empty: TargetState) -> TargetState | None:
    """Return where a target goes on, or None if nothing of it is known.

    Args:
        root: The spool directory.
        states: Where the spool stands.
        empty: The account of the target's boot as it would begin now. Where the states are lost, it
            goes on behind the last sealed reading.
    """
    known = states.of_node.get(empty.node_id)
    if known:
        return known
    paths = [
        path
        for path in (root / POWER_SAMPLES / f"site={empty.site_id}").glob("date=*/[!.]*.parquet")
        if path.name.rsplit("_", maxsplit=3)[0] == f"{empty.node_id}_{empty.boot_id}_{empty.source}"
    ]
    if not paths:
        return None
    newest = max(paths, key=_last_sequence_number)
    number = _last_sequence_number(newest) + 1
    span = Manifest(root).accounts().get((empty.node_id, empty.boot_id))
    if span:
        number = max(number, span.next_sequence_number)
    return replace(
        empty,
        first_sequence_number=number,
        next_sequence_number=number,
        counters=_counters(newest),
    )


def adopt(root: Path, manifest: Manifest) -> tuple[tuple[Path, ...], list[Finding]]:
    """Enter sealed files into the manifest that it does not name, if they are whole.

    Besides what a crash left, these are the files of tables that have no log: node meters, meter
    files, jobs, what the driver says beside readings.

    Returns:
        The files that were entered, and what is wrong with others.
    """
    known = manifest.files()
    found, findings = [], []
    for path in sealed_paths(root):
        if path.relative_to(root).as_posix() in known:
            continue
        try:
            verify_sealed(path)
        except DataRefusedError as error:
            findings.append(damaged_file(path, str(error)))
        else:
            found.append(path)
    if found:
        files = tuple(sealed_file(root, path) for path in found)
        number = manifest.next_frame_number()
        manifest.append(Entry(segment=None, next_frame_number=number, files=files))
    return tuple(found), findings


def _half_written(root: Path) -> Iterator[Path]:
    """Return what was being written beside its name: its rows still are in the log."""
    yield from root.glob("raw_*__*/site=*/date=*/.*.parquet.tmp")
    yield from (root / "spool").glob(".*.tmp")


def not_sealed(path: Path, error: OSError) -> Finding:
    """Return what is said of a segment that the disk has no room to seal: it waits."""
    return Finding(
        code=FindingCode.SPOOL_DISK_LOW,
        severity=Severity.WARNING,
        subject=f"segment {path.name}",
        message=f"it could not be sealed and waits: {error}",
        evidence={"errno": error.errno},
    )


def damaged_file(path: Path, message: str) -> Finding:
    """Return what is said of a sealed file that no longer is what was sealed."""
    return Finding(
        code=FindingCode.SEALED_FILE_DAMAGED,
        severity=Severity.WARNING,
        subject=path.name,
        message=message,
        evidence={"path": str(path)},
    )


def _last_sequence_number(path: Path) -> int:
    return int(path.stem.split("_")[-2])


def _counters(path: Path) -> dict[GpuScope, CounterState]:
    rows = pq.read_table(path, columns=_COLUMNS, partitioning=None).sort_by("sequence_number")
    counters: dict[GpuScope, CounterState] = {}
    for row in rows.to_pylist():
        key = (row["gpu_uuid"], PowerScope(row["power_scope"]))
        energy_millijoule = row["energy_total_millijoule"]
        if energy_millijoule is None and key in counters:
            energy_millijoule = counters[key].energy_total_millijoule
        counters[key] = CounterState(energy_millijoule, row["counter_epoch"])
    return counters
