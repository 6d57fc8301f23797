"""What a DCGM exporter's page says: readings of physical GPUs, and the jobs that hold them.

Pure: a parsed page in, a batch out. Not here: names (dcgm_fields), the text format (exposition),
fetching (dcgm), and what needs the page before (negawatt.collectors.freshness).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Final

from negawatt.collectors.sources.dcgm_fields import (
    ENERGY,
    FIELD_OF_NAME,
    POWER,
    POWER_INSTANT,
    POWER_LIMIT,
    gpu_uuid_of,
    identity_of,
    job_of,
)
from negawatt.collectors.sources.exposition import Page, RejectedLine, count_by_reason
from negawatt.collectors.sources.line_value import LineReason
from negawatt.collectors.sources.page_layout import PageLayout, Series
from negawatt.collectors.sources.protocol import Batch, GapReason, GpuIdentity, Reading, Stamp
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.units import MILLIWATT_PER_W

# Into the driver's unit, and the largest value that its column holds.
_ZERO: Final = Decimal(0)
_MILLI: Final = Decimal(MILLIWATT_PER_W)
_LARGEST_MILLIWATT: Final = Decimal(2**31 - 1)
_LARGEST_MILLIJOULE: Final = Decimal(2**63 - 1)
_REJECTED_SHOWN = 3  # lines quoted in a finding; `negawatt collect inspect` shows all


def interpret(page: Page, stamp: Stamp, *, subject: str) -> tuple[Batch, tuple[RejectedLine, ...]]:
    """Return the readings of a page, one for each physical GPU, and every rejected line.

    A MIG instance, a pod and a Slurm job each repeat the whole GPU's power, read at slightly
    different moments: copies are collapsed on the UUID, never added. Of several powers the lower
    median is kept, a value that was really printed, and of several energies the largest, which
    was read last.

    Args:
        page: The parsed page.
        stamp: When it was fetched.
        subject: Which exporter, for findings.
    """
    return PagePlan(page.layout).interpret(page, stamp, subject=subject)


class PagePlan:
    """Which lines of a layout say what of which GPU; it serves all pages of that layout.

    Attributes:
        layout: The layout.
    """

    def __init__(self, layout: PageLayout) -> None:
        self.layout = layout
        self._identities: dict[str, GpuIdentity] = {}
        self._lines: dict[str, dict[int, list[int]]] = {}
        self._refused: dict[int, LineReason] = {}
        jobs: dict[str, set[str]] = defaultdict(set)
        for n, series in enumerate(layout.series):
            if isinstance(series, Series):
                self._add(n, series, jobs)
        self._jobs = {uuid: frozenset(jobs[uuid]) for uuid in self._identities}

    def _add(self, line_index: int, series: Series, jobs: dict[str, set[str]]) -> None:
        field_id = FIELD_OF_NAME.get(series.name)
        uuid = gpu_uuid_of(series.labels)
        if not uuid or uuid.startswith("MIG-"):  # a MIG instance that does not name its GPU
            if field_id:
                reason = LineReason.MIG_UUID if uuid else LineReason.NO_GPU_UUID
                self._refused[line_index] = reason
            return
        if uuid not in self._identities:
            self._identities[uuid] = identity_of(uuid, series.labels)
            self._lines[uuid] = defaultdict(list)
        if job := job_of(series.labels):
            jobs[uuid].add(job)
        if field_id:
            self._lines[uuid][field_id].append(line_index)

    def interpret(
        self, page: Page, stamp: Stamp, *, subject: str
    ) -> tuple[Batch, tuple[RejectedLine, ...]]:
        """Read a page of this layout, as the function ``interpret`` does."""
        refused = {n: reason for n, reason in self._refused.items() if page.is_read(n)}
        readings = []
        missing = {}
        for uuid, lines in self._lines.items():
            values = {
                field_id: _values(page, field_id, lines[field_id], refused) for field_id in lines
            }
            if values.get(POWER) or values.get(POWER_INSTANT) or values.get(ENERGY):
                readings.append(_reading(self._identities[uuid], stamp, values))
            else:
                missing[uuid] = GapReason.NO_POWER_READING
        rejected = page.rejected
        if refused:
            more = [page.rejection(n, reason) for n, reason in refused.items()]
            rejected = tuple(sorted((*rejected, *more), key=lambda line: line.line_number))
        findings = _rejected_findings(rejected, subject) if rejected else []
        if not readings:
            findings.append(_no_power_finding(self._identities, subject))
        batch = Batch(
            readings=tuple(readings), missing=missing, jobs=self._jobs, findings=tuple(findings)
        )
        return batch, rejected


def _values(
    page: Page, field_id: int, lines: Iterable[int], refused: dict[int, LineReason]
) -> list[int]:
    """Return the values of a field in the driver's unit; what is out of range joins ``refused``."""
    found = []
    largest = _LARGEST_MILLIJOULE if field_id == ENERGY else _LARGEST_MILLIWATT
    for n in lines:
        if page.is_read(n):
            try:
                value = Decimal(page.value_text(n))
            except InvalidOperation:  # an exponent of twenty digits: a float took it for 0
                refused[n] = LineReason.VALUE_OUT_OF_RANGE
                continue
            if field_id != ENERGY:
                value *= _MILLI
            if _ZERO <= value <= largest:
                found.append(int(value.to_integral_value(ROUND_HALF_EVEN)))
            else:
                refused[n] = LineReason.VALUE_OUT_OF_RANGE
    return found


def _reading(identity: GpuIdentity, stamp: Stamp, values: Mapping[int, list[int]]) -> Reading:
    energies = values.get(ENERGY)
    return Reading(
        identity=identity,
        stamp=stamp,
        power_milliwatt=_lower_median(values.get(POWER)),
        power_instant_milliwatt=_lower_median(values.get(POWER_INSTANT)),
        energy_total_millijoule=max(energies) if energies else None,
        power_limit_milliwatt=_lower_median(values.get(POWER_LIMIT)),
    )


def _lower_median(values: list[int] | None) -> int | None:
    return sorted(values)[(len(values) - 1) // 2] if values else None


def _no_power_finding(gpus: Mapping[str, GpuIdentity], subject: str) -> Finding:
    models = sorted({gpu.model_name or "unknown model" for gpu in gpus.values()})
    named = ", ".join(models) or "no GPU"
    return Finding(
        code=FindingCode.EXPORTER_PAGE_WITHOUT_POWER,
        severity=Severity.WARNING,
        subject=subject,
        message=f"expected a power or energy line for each GPU, found none for {named}; virtual "
        "GPUs have none, and an exporter's counter file can leave them out",
        evidence={"gpu_uuids": sorted(gpus), "model_names": models},
    )


def _rejected_findings(rejected: Sequence[RejectedLine], subject: str) -> list[Finding]:
    sentinels = [line for line in rejected if line.reason == LineReason.SENTINEL]
    others = [line for line in rejected if line.reason != LineReason.SENTINEL]
    return [
        Finding(
            code=code,
            severity=Severity.WARNING,
            subject=subject,
            message=f"{len(lines)} lines of the page were not read",
            evidence={
                "count_by_reason": count_by_reason(lines),
                "first_lines": [
                    {"line_number": line.line_number, "reason": line.reason, "text": line.text}
                    for line in lines[:_REJECTED_SHOWN]
                ],
            },
        )
        for code, lines in (
            (FindingCode.READING_SENTINEL, sentinels),
            (FindingCode.EXPORTER_LINE_REJECTED, others),
        )
        if lines
    ]
