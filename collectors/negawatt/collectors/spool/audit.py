"""The audit of a spool: are sealed files what was sealed, and does the ledger sum to zero?

Both are answered from the files as they lie, not from what the agent remembers. Here: reading. Not
here: mending anything.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from negawatt.collectors.raw_schema import GAPS, POWER_SAMPLES
from negawatt.collectors.spool.frames import scan
from negawatt.collectors.spool.gaps import EVERY_GPU
from negawatt.collectors.spool.log import segments
from negawatt.collectors.spool.manifest import Manifest, SealedFile
from negawatt.collectors.spool.recovery import damaged_file
from negawatt.collectors.spool.sealing import sealed_file
from negawatt.collectors.spool.shipping import Shipped
from negawatt.models.domain.findings import Finding, FindingCode, Severity

_OWNER = ["node_id", "boot_id", "gpu_uuid"]
_Owner = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The ledger of one GPU in one boot.

    Attributes:
        node_id: The node.
        boot_id: The boot.
        gpu_uuid: The GPU.
        expected_count: Ticks that were due.
        received_count: Ticks of which a reading is in a sealed file.
        missing_count: Ticks that gap records name.
    """

    node_id: str
    boot_id: str
    gpu_uuid: str
    expected_count: int
    received_count: int
    missing_count: int

    @property
    def unaccounted_count(self) -> int:
        """Expected less received less missing: 0, or something was lost in silence."""
        return self.expected_count - self.received_count - self.missing_count


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSketch:
    """What a recovery would find in a segment.

    Attributes:
        frame_count: Whole frames.
        damaged_bytes: Bytes that are no frame, other than space set aside.
    """

    frame_count: int
    damaged_bytes: int


def verify_files(
    root: Path, on_file: Callable[[int, int], None] | None = None
) -> tuple[list[Path], list[Finding]]:
    """Compare sealed files with their hash in the manifest, but those that were shipped and left.

    Args:
        root: The spool directory.
        on_file: Told how many files are done, and how many there are.

    Returns:
        Those that are whole, and what is wrong with the others.
    """
    shipped = Shipped(root).paths
    files = {
        path: file
        for path, file in Manifest(root).files().items()
        if path not in shipped or (root / path).exists()
    }
    whole, findings = [], []
    for n, file in enumerate(files.values()):
        if on_file:
            on_file(n, len(files))
        found = _file_finding(root, file)
        if found:
            findings.append(found)
        else:
            whole.append(root / file.path)
    return whole, findings


def balances(root: Path, paths: Sequence[Path]) -> list[Balance]:
    """Return the ledger of each GPU and boot whose account the manifest has.

    Args:
        root: The spool directory.
        paths: Its sealed files, as far as they are whole: what others held is unaccounted.
            A boot of which files were shipped and removed is left out.
    """
    received = _received(paths)
    missing = _missing(paths)
    manifest = Manifest(root)
    gone = [path for path in Shipped(root).paths if not (root / path).exists()]
    spans = {
        (node_id, boot_id): span
        for (node_id, boot_id), span in manifest.accounts().items()
        if not any(f"/{node_id}_{boot_id}_" in path for path in gone)
    }
    owners = sorted(
        owner
        for owner in received.keys() | missing.keys()
        if owner[:2] in spans and owner[2] != EVERY_GPU
    )
    return [
        Balance(
            node_id=node_id,
            boot_id=boot_id,
            gpu_uuid=gpu_uuid,
            expected_count=spans[node_id, boot_id].next_sequence_number
            - spans[node_id, boot_id].first_sequence_number,
            received_count=received.get((node_id, boot_id, gpu_uuid), 0),
            missing_count=missing.get((node_id, boot_id, gpu_uuid), 0)
            + missing.get((node_id, boot_id, EVERY_GPU), 0),
        )
        for node_id, boot_id, gpu_uuid in owners
    ]


def unsealed(root: Path) -> dict[str, SegmentSketch]:
    """Return what each segment of the log holds, by its name; nothing is changed."""
    sketches = {}
    for path in segments(root):
        found = scan(path.read_bytes())
        sketches[path.name] = SegmentSketch(
            frame_count=len(found.frames),
            damaged_bytes=sum(damage.length for damage in found.damages),
        )
    return sketches


def _file_finding(root: Path, file: SealedFile) -> Finding | None:
    path = root / file.path
    if not path.exists():
        return Finding(
            code=FindingCode.SEALED_FILE_MISSING,
            severity=Severity.WARNING,
            subject=path.name,
            message=f"sealed with SHA-256 {file.sha256}, and not at {path}",
            evidence={"path": str(path)},
        )
    found = sealed_file(root, path).sha256
    if found == file.sha256:
        return None
    return damaged_file(path, f"sealed with SHA-256 {file.sha256}, found {found}")


def _received(paths: Sequence[Path]) -> dict[_Owner, int]:
    ticks = _read(paths, POWER_SAMPLES, "sequence_number")
    counts = ticks.group_by(_OWNER).aggregate([("sequence_number", "count_distinct")])
    return _by_owner(counts, "sequence_number_count_distinct")


def _missing(paths: Sequence[Path]) -> dict[_Owner, int]:
    gaps = _read(paths, GAPS, "expected_count")
    return _by_owner(
        gaps.group_by(_OWNER).aggregate([("expected_count", "sum")]), "expected_count_sum"
    )


def _read(paths: Sequence[Path], table_name: str, column: str) -> pa.Table:
    schema = pa.schema([*((name, pa.string()) for name in _OWNER), (column, pa.int64())])
    tables = [
        pq.read_table(path, columns=[*_OWNER, column], partitioning=None).cast(schema)
        for path in paths
        if table_name in path.parts
    ]
    return pa.concat_tables([schema.empty_table(), *tables])


def _by_owner(counts: pa.Table, column: str) -> dict[_Owner, int]:
    return {
        (row["node_id"], row["boot_id"], row["gpu_uuid"]): row[column] for row in counts.to_pylist()
    }
