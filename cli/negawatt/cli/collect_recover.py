"""``negawatt collect recover``: what a crash left becomes sealed files; all are checked.

Not here: how (negawatt.collectors.spool).
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from negawatt.cli.options import JsonOption
from negawatt.cli.progress import bar_shown
from negawatt.collectors.spool.audit import (
    Balance,
    SegmentSketch,
    balances,
    unsealed,
    verify_files,
)
from negawatt.collectors.spool.lock import spool_lock
from negawatt.collectors.spool.log import segments
from negawatt.collectors.spool.manifest import Manifest
from negawatt.collectors.spool.recovery import Recovery
from negawatt.collectors.spool.recovery import recover as recover_spool
from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.models.domain.findings import Finding, FindingCode

_UNSOUND = {
    FindingCode.SEALED_FILE_DAMAGED,
    FindingCode.SEALED_FILE_MISSING,
    FindingCode.SPOOL_DISK_LOW,
}


def recover(
    directory: Annotated[Path, typer.Argument(help="A spool directory.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what there is to do; change nothing.")
    ] = False,
    json_output: JsonOption = False,
) -> None:
    """Seal what a crashed agent left, check every sealed file, and add up the ledger.

    An agent does the first by itself when it starts.

    Example: negawatt collect recover spool --dry-run
    """
    if not directory.is_dir():
        raise ConfigurationError(
            thing=f"spool directory {directory}",
            expected="a folder",
            found="none",
            remedy="give the spool_directory of the agent's configuration",
        )
    recovery = None if dry_run else _recovered(directory)
    left = unsealed(directory)
    with _steps(len(Manifest(directory).files())) as advance:
        whole, damaged = verify_files(directory, advance)
    ledger = balances(directory, whole)
    findings = [*(recovery.findings if recovery else ()), *damaged]
    if json_output:
        typer.echo(json.dumps(_values(recovery, left, len(whole), ledger, findings), indent=2))
    else:
        _print(recovery, left, len(whole), ledger, findings)
    _refuse_unsound(directory, ledger, findings)


def _recovered(directory: Path) -> Recovery:
    with spool_lock(directory), _steps(len(segments(directory))) as advance:
        return recover_spool(directory, advance)


@contextmanager
def _steps(length: int) -> Iterator[Callable[[int, int], None]]:
    with bar_shown(length) as advance:
        yield lambda _done, _of: advance()


def _values(
    recovery: Recovery | None,
    left: dict[str, SegmentSketch],
    whole_count: int,
    ledger: list[Balance],
    findings: list[Finding],
) -> dict[str, object]:
    sealed = recovery.segments if recovery else {}
    return {
        "sealed_segments": {
            name: {
                "frame_count": segment.frame_count,
                "row_count": segment.row_count,
                "lost_count": segment.lost_count,
                "files": [str(path) for path in segment.files],
            }
            for name, segment in sealed.items()
        },
        "unsealed_segments": {name: asdict(sketch) for name, sketch in left.items()},
        "adopted": [str(path) for path in recovery.adopted] if recovery else [],
        "whole_file_count": whole_count,
        "ledger": [
            {**asdict(balance), "unaccounted_count": balance.unaccounted_count}
            for balance in ledger
        ],
        "findings": [
            {**asdict(finding), "description": finding.code.description} for finding in findings
        ],
    }


def _print(
    recovery: Recovery | None,
    left: dict[str, SegmentSketch],
    whole_count: int,
    ledger: list[Balance],
    findings: list[Finding],
) -> None:
    for name, segment in (recovery.segments if recovery else {}).items():
        typer.echo(
            f"{name}: {segment.frame_count} frames, {segment.row_count} readings sealed into "
            f"{len(segment.files)} files, {segment.lost_count} lost"
        )
    for name, sketch in left.items():
        typer.echo(
            f"{name}: {sketch.frame_count} frames to seal, {sketch.damaged_bytes} bytes damaged"
        )
    typer.echo(f"{whole_count} sealed files are what was sealed")
    for balance in ledger:
        typer.echo(
            f"{balance.gpu_uuid} in boot {balance.boot_id}: {balance.expected_count} expected, "
            f"{balance.received_count} received, {balance.missing_count} in gaps, "
            f"{balance.unaccounted_count} unaccounted"
        )
    for finding in findings:
        typer.echo(f"{finding.severity}: {finding.code}: {finding.subject}: {finding.message}")


def _refuse_unsound(directory: Path, ledger: list[Balance], findings: list[Finding]) -> None:
    """End with an error where the spool does not hold what it says."""
    unsound = [finding for finding in findings if finding.code in _UNSOUND]
    unaccounted_count = sum(abs(balance.unaccounted_count) for balance in ledger)
    if unsound or unaccounted_count:
        raise DataRefusedError(
            thing=f"spool {directory}",
            expected="every sealed file as it was sealed, and expected = received + gaps",
            found=f"{len(unsound)} findings, {unaccounted_count} readings unaccounted",
            remedy="keep the folder as it is; fetch damaged files from where they were shipped to",
        )
