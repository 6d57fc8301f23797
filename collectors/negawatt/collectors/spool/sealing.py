"""Sealing: a segment of the log becomes Parquet files, and is let go of.

The order is: files appear, the manifest names them, the states move on, the segment goes. Whatever
of it was done when a crash came, doing all of it again gives the same files with the same bytes,
because a segment is sealed on its own and files are named by their content. Here: one segment. Not
here: which ones (negawatt.collectors.spool.recovery).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from negawatt.collectors.raw_schema import POWER_SAMPLES, SCHEMA_VERSION, SCHEMAS
from negawatt.collectors.sources.protocol import GapReason
from negawatt.collectors.spool.block import Block, Part, TargetState, decode_block
from negawatt.collectors.spool.disk import make_folder, publish, remove
from negawatt.collectors.spool.frames import Frame, Scan, scan
from negawatt.collectors.spool.gaps import EVERY_GPU, GpuOfBoot, gap_batch, gap_values, merged
from negawatt.collectors.spool.manifest import (
    AccountSpan,
    Entry,
    Manifest,
    SealedFile,
    States,
    write_states,
)
from negawatt.collectors.spool.segment import seal, seal_gaps
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.findings import Finding, FindingCode, Severity

QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedSegment:
    """What a segment became.

    Attributes:
        states: Where the accounts stand behind it.
        files: Its sealed files; none are new if it had been sealed before.
        frame_count: Whole frames in it.
        row_count: Readings in them.
        lost_count: Ticks of a target that were in damaged frames, and are gaps now.
        findings: Its damages.
    """

    states: States
    files: tuple[Path, ...]
    frame_count: int
    row_count: int
    lost_count: int
    findings: tuple[Finding, ...]


def seal_segment(path: Path, *, root: Path, manifest: Manifest, states: States) -> SealedSegment:
    """Seal a segment that nothing writes to any more.

    Args:
        path: The segment.
        root: The spool directory.
        manifest: Where it is entered.
        states: Where the accounts stand before it.

    Raises:
        DataRefusedError: A frame was written with other columns than this version knows.
        OSError: The disk did not take the files; the segment stays as it was.
    """
    data = path.read_bytes()
    found = scan(data)
    blocks = [
        decode_block(_of_this_version(frame, path).body)
        for frame in found.frames
        if frame.number >= states.next_frame_number
    ]
    holes, after = _followed(states, blocks, found, manifest)
    findings = _quarantined(path, data, found)
    files: tuple[Path, ...] = ()
    # A segment without a whole frame is not entered: the next one has its number, and its name.
    if blocks and path.name not in manifest.segments():
        files = _publish(root, blocks, holes)
        manifest.append(
            Entry(
                segment=path.name,
                next_frame_number=after.next_frame_number,
                files=tuple(sealed_file(root, file) for file in files),
                accounts=_spans(blocks),
            )
        )
    write_states(root, after)
    remove(path)
    return SealedSegment(
        states=after,
        files=files,
        frame_count=len(found.frames),
        row_count=sum(block.rows.num_rows for block in blocks),
        lost_count=sum(row["expected_count"] for row in holes),
        findings=tuple(findings),
    )


def follow_segment(path: Path, *, manifest: Manifest, states: States) -> States:
    """Return where the accounts stand behind a segment that cannot be sealed now."""
    found = scan(path.read_bytes())
    blocks = [
        decode_block(_of_this_version(frame, path).body)
        for frame in found.frames
        if frame.number >= states.next_frame_number
    ]
    return _followed(states, blocks, found, manifest)[1]


def sealed_file(root: Path, path: Path) -> SealedFile:
    """Return what the manifest says of a file: the hash of the bytes as they lie."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return SealedFile(path=path.relative_to(root).as_posix(), sha256=digest)


def _of_this_version(frame: Frame, path: Path) -> Frame:
    if frame.schema_version != SCHEMA_VERSION:
        raise DataRefusedError(
            thing=f"frame {frame.number} of {path}",
            expected=f"columns of version {SCHEMA_VERSION}",
            found=f"version {frame.schema_version}",
            remedy="recover the spool with the version of negawatt that wrote it",
        )
    return frame


def _followed(
    states: States, blocks: Sequence[Block], found: Scan, manifest: Manifest
) -> tuple[list[dict[str, Any]], States]:
    """Go through the accounts: return what is missing between blocks, and where they end."""
    of_node = dict(states.of_node)
    sealed = manifest.accounts()
    holes: list[dict[str, Any]] = []
    for block in blocks:
        for part in block.parts:
            state = part.state
            before = of_node.get(state.node_id)
            if before is None or before.boot_id != state.boot_id:
                before = _beginning(state, sealed.get((state.node_id, state.boot_id)))
            if part.first_sequence_number > before.next_sequence_number:
                holes += _hole(before, part, block)
            of_node[state.node_id] = state
    number = max((frame.number + 1 for frame in found.frames), default=0)
    return holes, States(next_frame_number=max(states.next_frame_number, number), of_node=of_node)


def _beginning(state: TargetState, sealed: AccountSpan | None) -> TargetState:
    """Return an account as it began, or as the manifest last saw it."""
    first = state.first_sequence_number
    return replace(
        state,
        next_sequence_number=sealed.next_sequence_number if sealed else first,
        every_gpu_count=0,
        due_utc=state.since_utc,
        gpus=(),
    )


def _hole(before: TargetState, part: Part, block: Block) -> list[dict[str, Any]]:
    """Return what damaged frames between two blocks of a target had, as gaps.

    For each GPU that is what was due since the state before, less what this block accounts for. A
    GPU that was not named before was due at every tick at which some GPU was.
    """
    after = part.state
    known = {gpu.gpu_uuid for gpu in before.gpus}
    since_before = after.next_sequence_number - before.next_sequence_number
    since_first = after.next_sequence_number - after.first_sequence_number - after.every_gpu_count
    due = {gpu.gpu_uuid: since_first for gpu in after.gpus}
    due |= dict.fromkeys(known, since_before)
    due[EVERY_GPU] = after.every_gpu_count - before.every_gpu_count
    return [
        row
        for uuid, count in due.items()
        for row in gap_values(
            GpuOfBoot(after.node_id, after.boot_id, uuid),
            start_utc=before.due_utc,
            end_utc=part.start_utc,
            missing_count=max(0, count - _booked(block, after, uuid)),
            reason=GapReason.LOG_DAMAGED,
        )
    ]


def _booked(block: Block, state: TargetState, gpu_uuid: str) -> int:
    """Return the ticks of a GPU that a block accounts for."""
    rows, gaps = (
        _of_target(pa.Table.from_batches([batch]), state) for batch in (block.rows, block.gaps)
    )
    numbers = rows.filter(pc.equal(rows["gpu_uuid"], gpu_uuid))["sequence_number"]
    missing = gaps.filter(pc.equal(gaps["gpu_uuid"], gpu_uuid))["expected_count"]
    return int(pc.count_distinct(numbers).as_py()) + int(pc.sum(missing).as_py() or 0)


def _quarantined(path: Path, data: bytes, found: Scan) -> list[Finding]:
    """Keep what is no frame beside the log, and say so."""
    findings = []
    for damage in found.damages:
        kept = path.parent / QUARANTINE / f"{path.stem}-{damage.offset}.bin"
        make_folder(kept.parent)
        if not kept.exists():
            publish(kept, data[damage.offset : damage.offset + damage.length])
        findings.append(
            Finding(
                code=FindingCode.SPOOL_LOG_TORN
                if damage.is_tail
                else FindingCode.SPOOL_LOG_DAMAGED,
                severity=Severity.INFO if damage.is_tail else Severity.WARNING,
                subject=f"segment {path.name}",
                message=f"{damage.length} bytes at {damage.offset} are no frame; kept as {kept}",
                evidence={"offset_bytes": damage.offset, "length_bytes": damage.length},
            )
        )
    return findings


def _publish(root: Path, blocks: Sequence[Block], holes: list[dict[str, Any]]) -> tuple[Path, ...]:
    rows = pa.Table.from_batches([block.rows for block in blocks], SCHEMAS[POWER_SAMPLES])
    gaps = merged([*(block.gaps for block in blocks), gap_batch(holes)])
    last_parts = {
        (state.node_id, state.boot_id): state
        for block in blocks
        for part in block.parts
        for state in (part.ended, part.state)
        if state
    }
    files: list[Path] = []
    for state in last_parts.values():
        own_rows, own_gaps = _of_target(rows, state), _of_target(gaps, state)
        named = set(pc.unique(own_rows["gpu_uuid"]).to_pylist())
        files += seal(
            own_rows,
            root=root,
            site_id=state.site_id,
            source=state.source,
            identities=[gpu for gpu in state.gpus if gpu.gpu_uuid in named],
        )
        files += seal_gaps(own_gaps, root=root, site_id=state.site_id, source=state.source)
    return tuple(files)


def _of_target(table: pa.Table, state: TargetState) -> pa.Table:
    of_node = pc.equal(table["node_id"], state.node_id)
    return table.filter(pc.and_(of_node, pc.equal(table["boot_id"], state.boot_id)))


def _spans(blocks: Sequence[Block]) -> tuple[AccountSpan, ...]:
    """Return the accounts of all targets and boots as they stand at the end."""
    spans = {
        (state.node_id, state.boot_id): AccountSpan(
            node_id=state.node_id,
            boot_id=state.boot_id,
            first_sequence_number=state.first_sequence_number,
            next_sequence_number=state.next_sequence_number,
        )
        for block in blocks
        for part in block.parts
        for state in (part.ended, part.state)
        if state
    }
    return tuple(spans.values())
