"""What an auditor should know about a GPU's day: resets, coverage, flagged readings, clocks.

Here: at most one finding of a kind for each GPU, with the count and the worst, never one a minute.
Not here: counter against power (counter_and_power.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.units import MS_PER_S
from negawatt.models.metering.counter_and_power import Compared, disagreement
from negawatt.models.metering.energy_counter import CounterEnergy, reset_finding
from negawatt.models.metering.pieces import instant_text
from negawatt.models.metering.power_samples import SampledEnergy
from negawatt.models.metering.sample_order import Runs, Values

CLOCK_OFFSET_MS = pl.col.observed_at_utc.dt.epoch("ms") - pl.col.monotonic_ms
"""How far the wall clock of a reading is from the monotonic one [ms]."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GpuDay:
    """What was computed of one GPU.

    Attributes:
        gpu_uuid: The GPU.
        node_id: The node it was in at its last reading.
        counter: Energy of each interval, from the energy counter.
        power: Energy and power of each interval, from samples of power.
        missed_j2: What the samples miss, from counter_and_power.squared_misses_j2 [J^2].
    """

    gpu_uuid: str
    node_id: str
    counter: CounterEnergy
    power: SampledEnergy
    missed_j2: NDArray[np.float64]

    @property
    def sampled_energy_j(self) -> NDArray[np.float64]:
        """Integral of the power samples of each interval [J]; NaN where they do not cover it."""
        return np.where(self.power.coverage_ratio == 1, self.power.energy_j, np.nan)

    @property
    def disagreement_ratio(self) -> NDArray[np.float64]:
        """How much more that is than the counter says, as a share; NaN where one does not cover."""
        covered = (self.counter.coverage_ratio == 1) & (self.counter.energy_j > 0)
        counter_j = np.where(covered, self.counter.energy_j, np.nan)
        ratio: NDArray[np.float64] = self.sampled_energy_j / counter_j - 1
        return ratio


def gpu_subject(gpu_uuid: object) -> str:
    """Return how findings name a GPU."""
    return f"GPU {gpu_uuid!r}"


def findings_of_gpu(
    gpu: GpuDay, boundary_ms: NDArray[np.int64], interval_minutes: int
) -> list[Finding]:
    """Return at most one finding of a kind about a GPU's day.

    Args:
        gpu: What was computed.
        boundary_ms: Edges of the day's intervals, since 1970 [ms].
        interval_minutes: Length of the intervals [min].
    """
    subject = gpu_subject(gpu.gpu_uuid)
    findings = list(gpu.power.findings)
    resets = tuple(
        reset
        for reset in gpu.counter.resets
        if reset.after_ms > boundary_ms[0] and reset.before_ms < boundary_ms[-1]
    )
    if resets:
        findings.append(reset_finding(subject, resets))
    findings += _low_coverage(subject, gpu.counter, boundary_ms)
    covered_ratio = np.minimum(gpu.counter.coverage_ratio, gpu.power.coverage_ratio)
    compared = Compared(
        counter_j=gpu.counter.energy_j,
        power_j=gpu.power.energy_j,
        is_covered=covered_ratio == 1,
        missed_j2=gpu.missed_j2,
    )
    findings += disagreement(subject, compared, boundary_ms, interval_minutes)
    return findings


def _low_coverage(
    subject: str, counter: CounterEnergy, boundary_ms: NDArray[np.int64]
) -> list[Finding]:
    is_low = counter.coverage_ratio < 1
    if not is_low.any():
        return []
    unknown_count = int(np.isnan(counter.energy_j).sum())
    first_utc = instant_text(boundary_ms[int(np.argmax(is_low))])
    return [
        Finding(
            code=FindingCode.COVERAGE_LOW,
            severity=Severity.WARNING,
            subject=subject,
            message=f"expected a counter that covers {len(is_low)} intervals, found "
            f"{int(is_low.sum())} covered in part, the first at {first_utc}; the energy of "
            f"{unknown_count} is not known",
            evidence={
                "interval_count": int(is_low.sum()),
                "unknown_count": unknown_count,
                "first_utc": first_utc,
                "coverage_ratio": round(float(counter.coverage_ratio.mean()), 6),
                "gap_count": len(counter.gap_s),
                "longest_gap_s": float(counter.gap_s.max(initial=0.0)),
            },
        )
    ]


def flagged_readings(rows: pl.DataFrame) -> list[Finding]:
    """Report the readings that their own source marked, once for each GPU."""
    counts = rows.group_by("gpu_uuid", "reading_quality").len().sort("gpu_uuid", "reading_quality")
    return [
        Finding(
            code=FindingCode.READING_FLAGGED,
            severity=Severity.WARNING,
            subject=gpu_subject(gpu["gpu_uuid"].first()),
            message="expected readings of quality ok, found "
            f"{gpu['len'].sum()} of another; left out",
            evidence={"count_of_quality": dict(gpu.select("reading_quality", "len").rows())},
        )
        for gpu in counts.partition_by("gpu_uuid", maintain_order=True)
    ]


def gpus_with_clock_steps(runs: Runs, limit_ms: int) -> list[str]:
    """Return the GPUs between whose readings both clocks moved apart by more than a limit."""
    monotonic_ms, found = Values(runs.rows["monotonic_ms"]), []
    for gpu_uuid, places in runs.of_gpus():
        offsets_ms = (runs.time_ms.taken([one]) - monotonic_ms.taken([one]) for one in places)
        ends_ms = [
            end_ms for offset_ms in offsets_ms for end_ms in (offset_ms.min(), offset_ms.max())
        ]
        if max(ends_ms) - min(ends_ms) > limit_ms:
            found.append(gpu_uuid)
    return found


def clock_steps(rows: pl.DataFrame, gpu_uuids: list[str], limit_ms: int) -> list[Finding]:
    """Report steps of a node's wall clock against its monotonic one, once for each node.

    There were as many as the readings of one of its GPUs tell of.

    Args:
        rows: Readings of one boot or several, each with both clocks.
        gpu_uuids: The GPUs to look at.
        limit_ms: How far the two may move apart from one reading to the next [ms].
    """
    if not gpu_uuids:
        return []
    taken = rows.filter(pl.col.gpu_uuid.is_in(gpu_uuids)).sort(
        "node_id", "boot_id", "gpu_uuid", "monotonic_ms", "observed_at_utc"
    )
    steps = taken.with_columns(
        step_ms=CLOCK_OFFSET_MS.diff().over("node_id", "boot_id", "gpu_uuid")
    ).filter(pl.col.step_ms.abs() > limit_ms)
    return [
        _clock_finding(
            f"node {node.item(0, 'node_id')!r}",
            step_count=int(node["gpu_uuid"].value_counts()["count"].to_numpy().max()),
            first_step_s=node.item(0, "step_ms") / MS_PER_S,
            largest_step_s=float(node["step_ms"].abs().to_numpy().max()) / MS_PER_S,
            first_utc=node.item(0, "observed_at_utc").isoformat(),
        )
        for node in steps.sort("node_id", "observed_at_utc", "step_ms").partition_by(
            "node_id", maintain_order=True
        )
    ]


def steps_as_one(parts: Sequence[Finding]) -> Finding:
    """Return what was found of one node's clock in the readings of some of its GPUs each."""
    told: list[Mapping[str, Any]] = [part.evidence for part in parts]
    first = min(told, key=lambda one: (one["first_utc"], one["first_step_s"]))
    return _clock_finding(
        parts[0].subject,
        step_count=max(one["step_count"] for one in told),
        first_step_s=first["first_step_s"],
        largest_step_s=max(one["largest_step_s"] for one in told),
        first_utc=first["first_utc"],
    )


def _clock_finding(
    subject: str, *, step_count: int, first_step_s: float, largest_step_s: float, first_utc: str
) -> Finding:
    return Finding(
        code=FindingCode.CLOCK_STEPPED,
        severity=Severity.WARNING,
        subject=subject,
        message="expected a wall clock that keeps pace with the monotonic one, found "
        f"{step_count} step(s), the first of {first_step_s:+g} s up to {first_utc}; what was used "
        "across a step is not known",
        evidence={
            "step_count": step_count,
            "first_step_s": first_step_s,
            "largest_step_s": largest_step_s,
            "first_utc": first_utc,
        },
    )
