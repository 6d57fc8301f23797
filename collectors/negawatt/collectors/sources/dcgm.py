"""NVIDIA's DCGM exporter: which lines of its page are power and energy, and of which GPU.

Names of fields are a table, old and new. Not here: the text format (exposition), fetching (fetch),
and what needs the page before (negawatt.collectors.freshness).
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

import aiohttp

from negawatt.collectors.sources.exposition import (
    LineReason,
    Page,
    PageParser,
    RejectedLine,
    Sample,
    TruncatedPageError,
)
from negawatt.collectors.sources.fetch import Refusal, fetch_page
from negawatt.collectors.sources.protocol import (
    Batch,
    GapReason,
    GpuIdentity,
    Reading,
    Stamp,
    StopWatch,
)
from negawatt.models.domain.clock import Clock
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.units import MILLIWATT_PER_W

_POWER, _ENERGY, _POWER_INSTANT, _POWER_LIMIT = 155, 156, 157, 164

# Metric name to numeric field, dcgm_fields.h. DCGM 4.6 renamed the macros; exporters before 2.0
# wrote lower case; Prometheus clients add `_total` to a counter that is read back.
_FIELD_OF_NAME: Final[Mapping[str, int]] = {
    "DCGM_FI_DEV_POWER_USAGE": _POWER,
    "DCGM_FI_DEV_BOARD_POWER_WATTS": _POWER,
    "dcgm_power_usage": _POWER,
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": _ENERGY,
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION_total": _ENERGY,
    "dcgm_total_energy_consumption": _ENERGY,
    "DCGM_FI_DEV_POWER_USAGE_INSTANT": _POWER_INSTANT,
    "DCGM_FI_DEV_BOARD_POWER_RAW_WATTS": _POWER_INSTANT,
    "DCGM_FI_DEV_ENFORCED_POWER_LIMIT": _POWER_LIMIT,
    "DCGM_FI_DEV_BOARD_POWER_LIMIT_ENFORCED_WATTS": _POWER_LIMIT,
}
_LARGEST: Final[Mapping[int, int]] = defaultdict(lambda: 2**31 - 1, {_ENERGY: 2**63 - 1})
_REJECTED_SHOWN = 3  # lines quoted in a finding; `negawatt collect inspect` shows all


@dataclass(slots=True)
class _Gpu:
    """What the lines of one GPU say: more than one value where lines repeat it."""

    identity: GpuIdentity
    values: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))


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
    gpus: dict[str, _Gpu] = {}
    rejected = list(page.rejected)
    for sample in page.samples:
        problem = _take(sample, gpus)
        if problem:
            rejected.append(RejectedLine(sample.line_number, problem, sample.line))
    rejected.sort(key=lambda line: line.line_number)
    readings = tuple(_reading(gpu, stamp) for gpu in gpus.values() if _has_power(gpu))
    batch = Batch(
        readings=readings,
        missing={
            uuid: GapReason.NO_POWER_READING for uuid, gpu in gpus.items() if not _has_power(gpu)
        },
        findings=(
            *_rejected_findings(rejected, subject),
            *([] if readings else [_no_power_finding(gpus, subject)]),
        ),
    )
    return batch, tuple(rejected)


def _take(sample: Sample, gpus: dict[str, _Gpu]) -> LineReason | None:
    labels = sample.series.labels
    field_id = _FIELD_OF_NAME.get(sample.series.name)
    uuid = labels.get("UUID") or labels.get("uuid")
    if not uuid:
        return LineReason.NO_GPU_UUID if field_id else None
    if uuid.startswith("MIG-"):  # not a physical GPU, and its parent is not named
        return LineReason.MIG_UUID if field_id else None
    gpu = gpus.get(uuid)
    if gpu is None:
        gpu = gpus[uuid] = _Gpu(_identity(uuid, labels))
    if field_id is None:
        return None
    value = Decimal(sample.value_text) * (1 if field_id == _ENERGY else MILLIWATT_PER_W)
    if not 0 <= value <= _LARGEST[field_id]:
        return LineReason.VALUE_OUT_OF_RANGE
    gpu.values[field_id].append(int(value.to_integral_value(ROUND_HALF_EVEN)))
    return None


def _identity(uuid: str, labels: Mapping[str, str]) -> GpuIdentity:
    return GpuIdentity(
        gpu_uuid=uuid,
        model_name=labels.get("modelName"),
        driver_version=labels.get("DCGM_FI_DRIVER_VERSION"),
        host_name=labels.get("Hostname") or labels.get("hostname"),
    )


def _has_power(gpu: _Gpu) -> bool:
    return not gpu.values.keys().isdisjoint((_POWER, _POWER_INSTANT, _ENERGY))


def _reading(gpu: _Gpu, stamp: Stamp) -> Reading:
    energies = gpu.values.get(_ENERGY)
    return Reading(
        identity=gpu.identity,
        stamp=stamp,
        power_milliwatt=_lower_median(gpu.values.get(_POWER)),
        power_instant_milliwatt=_lower_median(gpu.values.get(_POWER_INSTANT)),
        energy_total_millijoule=max(energies) if energies else None,
        power_limit_milliwatt=_lower_median(gpu.values.get(_POWER_LIMIT)),
    )


def _lower_median(values: list[int] | None) -> int | None:
    return sorted(values)[(len(values) - 1) // 2] if values else None


def _no_power_finding(gpus: Mapping[str, _Gpu], subject: str) -> Finding:
    models = sorted({gpu.identity.model_name or "unknown model" for gpu in gpus.values()})
    named = ", ".join(models) or "no GPU"
    return Finding(
        code=FindingCode.EXPORTER_PAGE_WITHOUT_POWER,
        severity=Severity.WARNING,
        subject=subject,
        message=f"expected a power or energy line for each GPU, found none for {named}; virtual "
        "GPUs have none, and an exporter's counter file can leave them out",
        evidence={"gpu_uuids": sorted(gpus), "model_names": models},
    )


def _rejected_findings(rejected: list[RejectedLine], subject: str) -> list[Finding]:
    sentinels = [line for line in rejected if line.reason == LineReason.SENTINEL]
    others = [line for line in rejected if line.reason != LineReason.SENTINEL]
    return [
        Finding(
            code=code,
            severity=Severity.WARNING,
            subject=subject,
            message=f"{len(lines)} lines of the page were not read",
            evidence={
                "count_by_reason": Page((), tuple(lines)).count_by_reason(),
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


class DcgmSource:
    """Reads one exporter over HTTP; many of them share a session.

    Args:
        session: From ``negawatt.collectors.sources.fetch.exporter_session``; not closed here.
        url: The page's address.
        subject: Which exporter, for findings: its node.
        size_limit_bytes: Largest page that is read [bytes].
    """

    def __init__(
        self, session: aiohttp.ClientSession, url: str, *, subject: str, size_limit_bytes: int
    ) -> None:
        self._session = session
        self._url = url
        self._subject = subject
        self._size_limit_bytes = size_limit_bytes
        self._parser = PageParser()

    async def read(self, clock: Clock) -> Batch:
        """Fetch and read one page, stamped with the middle of the fetch."""
        watch = StopWatch(clock)
        body = await fetch_page(self._session, self._url, size_limit_bytes=self._size_limit_bytes)
        stamp = watch.stamp()
        if isinstance(body, Refusal):
            return self._failed(body.reason, body.detail)
        try:
            page = self._parser.parse(body, page_name=self._url)
        except TruncatedPageError as error:
            return self._failed(GapReason.PAGE_TRUNCATED, f"{error.found}, not in a newline")
        return interpret(page, stamp, subject=self._subject)[0]

    async def close(self) -> None:
        """Hold nothing back: the session belongs to whoever made it."""

    def _failed(self, reason: GapReason, detail: str) -> Batch:
        finding = Finding(
            code=FindingCode.SAMPLE_GAP,
            severity=Severity.WARNING,
            subject=self._subject,
            message=f"expected a page of {self._url}, found {reason}: {detail}",
            evidence={"gap_reason": reason, "url": self._url},
        )
        return Batch.failed(reason, finding)
