"""How much was reduced over an event: totals of the settled intervals, never clipped.

Not here: whether it was enough (verdict.py), how sure we are (negawatt.models.uncertainty),
rounding and money (negawatt.models.settlement).
"""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from negawatt.models.baselines.result import BaselineResult
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE

POWER_DECIMALS: Final = 6
"""Powers in kW are compared to the milliwatt, so that binary rounding decides no verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventReduction:
    """Totals over the event; all figures None where any part of them is not known.

    Attributes:
        rule_id: The rule of the baseline.
        duration_h: Length of the settled intervals together [h].
        adjusted_baseline_kwh: Adjusted baseline over the event [kWh].
        metered_kwh: Metered energy over the event [kWh].
        reduction_kwh: Baseline less metered energy [kWh]; negative where it used more.
        reduction_kw_mean: The same as mean power [kW].
        meeting_ratio: Share of intervals whose own mean reduction met the commitment, 0 to 1;
            None without a commitment.
        worst_reduction_kw: Smallest mean reduction of an interval [kW].
        worst_interval_start_utc: Start of that interval, the first of equals.
        findings: Why a figure is missing.
    """

    rule_id: str
    duration_h: float
    adjusted_baseline_kwh: float | None
    metered_kwh: float | None
    reduction_kwh: float | None
    reduction_kw_mean: float | None
    meeting_ratio: float | None
    worst_reduction_kw: float | None
    worst_interval_start_utc: datetime | None
    findings: tuple[Finding, ...] = ()


def event_reduction(result: BaselineResult, *, committed_kw: float | None = None) -> EventReduction:
    """Add up a baseline over its event.

    The reduction of an interval is its adjusted baseline less its metered energy. An interval that
    used more than its baseline counts against the others: clipping it would make false credit.

    Args:
        result: The baseline of the event with the metered energy.
        committed_kw: Reduction that was promised over the event [kW], if one was.
    """
    interval_h = result.interval_minutes * S_PER_MINUTE / S_PER_H
    duration_h = interval_h * len(result.interval_start_utc)
    unknown = np.isnan(result.reduction_kwh)
    if unknown.any():
        return EventReduction(
            rule_id=result.rule_id,
            duration_h=duration_h,
            adjusted_baseline_kwh=None,
            metered_kwh=None,
            reduction_kwh=None,
            reduction_kw_mean=None,
            meeting_ratio=None,
            worst_reduction_kw=None,
            worst_interval_start_utc=None,
            findings=(_coverage_low(result),),
        )
    reduction_kw = result.reduction_kwh / interval_h
    reduction_kwh = math.fsum(result.reduction_kwh)
    worst = int(np.argmin(reduction_kw))
    return EventReduction(
        rule_id=result.rule_id,
        duration_h=duration_h,
        adjusted_baseline_kwh=math.fsum(result.adjusted_baseline_kwh),
        metered_kwh=math.fsum(result.metered_kwh),
        reduction_kwh=reduction_kwh,
        reduction_kw_mean=reduction_kwh / duration_h,
        meeting_ratio=None
        if committed_kw is None
        else float(np.mean(np.round(reduction_kw - committed_kw, POWER_DECIMALS) >= 0)),
        worst_reduction_kw=float(reduction_kw[worst]),
        worst_interval_start_utc=result.interval_start_utc[worst],
    )


def _coverage_low(result: BaselineResult) -> Finding:
    unknown = np.isnan(result.reduction_kwh)
    starts = [
        start_utc.isoformat()
        for start_utc, is_unknown in zip(result.interval_start_utc, unknown, strict=True)
        if is_unknown
    ]
    return Finding(
        code=FindingCode.COVERAGE_LOW,
        severity=Severity.BLOCKING,
        subject=f"meter {result.meter_id!r}",
        message=f"energy or baseline of {len(starts)} of {len(unknown)} settled intervals is not "
        "known, expected all; the event's totals are not known",
        evidence={"rule_id": result.rule_id, "unknown_interval_start_utc": starts},
    )
