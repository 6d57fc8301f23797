"""From sweeps to readings: what the fast loop kept, taken apart.

Here: answers to readings, return codes to reasons, ticks that were left out. Not here: reading
(nvml_sweep), and what a reading is worth beside the one before (negawatt.collectors.freshness).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from negawatt.collectors.sources.nvml import SUCCESS, error_text, gap_reason
from negawatt.collectors.sources.nvml_fields import (
    ASKED,
    MEASURED,
    NOT_ANSWERED,
    SCOPES,
    decoded,
)
from negawatt.collectors.sources.nvml_gpus import Gpu
from negawatt.collectors.sources.nvml_sweep import NOT_ASKED
from negawatt.collectors.sources.protocol import (
    Batch,
    GapReason,
    Reading,
    ReadingQuality,
    Stamp,
)
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.units import NS_PER_MS

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PLACES: Final = {
    scope: [(place, asked.column) for place, asked in enumerate(ASKED) if asked.scope is scope]
    for scope in SCOPES
}


def instant(wall_ns: int) -> datetime:
    """Return a wall clock's time [ns since 1970] as an instant, to the microsecond."""
    return _EPOCH + timedelta(milliseconds=wall_ns / NS_PER_MS)


def batches(sweeps: NDArray[Any], gpus: Sequence[Gpu], hung: frozenset[int]) -> Iterator[Batch]:
    """Give the batch of each sweep; a GPU's own memory of what it answered is brought up to date.

    Args:
        sweeps: What was read, rows of ``sweep_row``.
        gpus: All GPUs, by position.
        hung: Those that are left out because a call hangs.
    """
    values, known = decoded(sweeps["answers"])
    objects = values.astype(object)
    objects[~known] = None
    whole = objects.tolist()
    was_asked = (sweeps["answers"]["result"] != NOT_ANSWERED).tolist()
    codes, stamps_ns = sweeps["code"].tolist(), stamps(sweeps).tolist()
    for n, wall_ns in enumerate(sweeps["wall_ns"].tolist()):
        readings: list[Reading] = []
        missing: dict[str, GapReason] = {}
        findings: list[Finding] = []
        for gpu in gpus:
            code = codes[n][gpu.index]
            if code == SUCCESS:
                before_ns, after_ns = stamps_ns[n][gpu.index : gpu.index + 2]
                stamp = _stamp(wall_ns - stamps_ns[n][0], before_ns, after_ns)
                found = _readings(gpu, stamp, whole[n][gpu.index], was_asked[n][gpu.index])
                readings += found
                reason = None if found else GapReason.NO_POWER_READING
            else:
                is_in = gpu.is_asked and stamps_ns[n][0] >= gpu.asked_since_ns
                reason, detail = _why(gpu, code, was_asked=is_in or gpu.index in hung)
                findings.append(_finding(gpu, detail))
            if reason and gpu.identity:
                missing[gpu.identity.gpu_uuid] = reason
        yield Batch(
            readings=tuple(readings),
            missing=missing,
            gap_reason=GapReason.DRIVER_ERROR,
            findings=tuple(findings),
        )


def stamps(sweeps: NDArray[Any]) -> NDArray[np.int64]:
    """Return when each sweep began and each call ended [ns], shape (n, gpus + 1).

    A GPU that was not asked has the stamp of the one before.
    """
    return np.maximum.accumulate(sweeps["stamp_ns"], axis=1)


def _stamp(wall_less_monotonic_ns: int, before_ns: int, after_ns: int) -> Stamp:
    middle_ns = (before_ns + after_ns) // 2
    return Stamp(
        observed_at_utc=instant(wall_less_monotonic_ns + middle_ns),
        monotonic_ns=middle_ns,
        read_latency_ns=after_ns - before_ns,
    )


def _readings(
    gpu: Gpu, stamp: Stamp, values: list[int | None], was_asked: list[bool]
) -> list[Reading]:
    """Return one reading for each scope in which the GPU states power or energy."""
    if gpu.identity is None:
        return []
    readings = []
    for scope, places in _PLACES.items():
        row = {column: values[place] for place, column in places}
        answered = {(scope, column) for column, value in row.items() if value is not None}
        if not any(column in MEASURED for _, column in answered):
            continue
        asked = {(scope, column) for place, column in places if was_asked[place]}
        lost = gpu.answered & asked - answered
        gpu.answered |= answered
        is_new = scope in gpu.counter_is_new and (scope, "energy_total_millijoule") in answered
        if is_new:
            gpu.counter_is_new.discard(scope)
        readings.append(
            Reading(
                identity=gpu.identity,
                stamp=stamp,
                power_scope=scope,
                reading_quality=ReadingQuality.FIELD_ERROR if lost else ReadingQuality.OK,
                counter_is_new=is_new,
                **row,
            )
        )
    return readings


def _why(gpu: Gpu, code: int, *, was_asked: bool) -> tuple[GapReason, str]:
    if code != NOT_ASKED:
        return gap_reason(code), error_text(code)
    if was_asked:
        return GapReason.TIMEOUT, "a call did not return in time"
    return gpu.reason, gpu.detail


def _finding(gpu: Gpu, found: str) -> Finding:
    return Finding(
        code=FindingCode.SAMPLE_GAP,
        severity=Severity.WARNING,
        subject=gpu.identity.gpu_uuid if gpu.identity else f"GPU {gpu.index}",
        message=f"expected readings from the driver, found: {found}",
        evidence={"found": found},
    )
