"""What was delivered in each program interval, beside what was promised.

Not here: the baseline, the verdict over the whole event (verdict.py), payments.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from negawatt.models.baselines.result import BaselineResult
from negawatt.models.domain.interval import Interval
from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE
from negawatt.models.uncertainty.conformal import ReductionBand
from negawatt.models.verification.reduction import POWER_DECIMALS


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredInterval:
    """One settled interval.

    Attributes:
        interval: The interval.
        delivered_kwh: Adjusted baseline less metered energy [kWh]; negative where it used more.
        delivered_kw: The same as mean power [kW].
        lower_kwh: Lower edge of its band [kWh], None where not calibrated.
        upper_kwh: Upper edge of its band [kWh], None where not calibrated.
        beyond_commitment_kwh: Delivered less committed [kWh]; None without a commitment.
        within_tolerance: It fell short by no more than is tolerated; None without a commitment.
    """

    interval: Interval
    delivered_kwh: float
    delivered_kw: float
    lower_kwh: float | None
    upper_kwh: float | None
    beyond_commitment_kwh: float | None
    within_tolerance: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """All settled intervals; the figures below are None without a commitment.

    Attributes:
        intervals: The intervals, oldest first.
        tolerance_kw: Shortfall that the program tolerates [kW].
        over_kwh: Energy above the commitment, over the intervals that were above it [kWh].
        under_kwh: Energy below the commitment, over the intervals that were below it [kWh].
        within_tolerance_ratio: Share of intervals within tolerance, 0 to 1: the hold.
        worst_shortfall_kw: Largest shortfall of an interval [kW]; negative where all were above.
        worst_interval_start_utc: Start of that interval, the first of equals.
    """

    intervals: tuple[DeliveredInterval, ...]
    tolerance_kw: float
    over_kwh: float | None
    under_kwh: float | None
    within_tolerance_ratio: float | None
    worst_shortfall_kw: float | None
    worst_interval_start_utc: datetime | None


def delivery_of(
    result: BaselineResult,
    band: ReductionBand,
    *,
    committed_kw: float | None,
    tolerance_kw: float = 0.0,
) -> Delivery | None:
    r"""Say what each settled interval delivered, and how far from the commitment it was.

    .. math:: o = \sum_t \max(R_t - C h, 0), \qquad u = \sum_t \max(C h - R_t, 0)

    so that over less under is the event's reduction less its commitment. The band of an interval
    holds for that interval alone: the bands of all of them do not add up to that of the event.

    Args:
        result: The settled baseline, intervals of length h.
        band: How sure its reductions are.
        committed_kw: The commitment C [kW], None where there is none or it is not known.
        tolerance_kw: Shortfall that the program tolerates [kW].

    Returns:
        The delivery; None where energy or baseline of an interval is not known.
    """
    if np.isnan(result.reduction_kwh).any():
        return None
    length = timedelta(minutes=result.interval_minutes)
    interval_h = result.interval_minutes * S_PER_MINUTE / S_PER_H
    intervals = tuple(
        _delivered(
            Interval(start_utc, start_utc + length), float(kwh), edges, committed_kw, tolerance_kw
        )
        for start_utc, kwh, edges in zip(
            result.interval_start_utc,
            result.reduction_kwh,
            zip(band.interval_lower_kwh, band.interval_upper_kwh, strict=True),
            strict=True,
        )
    )
    if committed_kw is None:
        return Delivery(
            intervals=intervals,
            tolerance_kw=tolerance_kw,
            over_kwh=None,
            under_kwh=None,
            within_tolerance_ratio=None,
            worst_shortfall_kw=None,
            worst_interval_start_utc=None,
        )
    beyond_kwh = result.reduction_kwh - committed_kw * interval_h
    worst = int(np.argmin(beyond_kwh))
    return Delivery(
        intervals=intervals,
        tolerance_kw=tolerance_kw,
        over_kwh=math.fsum(beyond_kwh.clip(min=0)),
        under_kwh=math.fsum((-beyond_kwh).clip(min=0)),
        within_tolerance_ratio=float(np.mean([one.within_tolerance for one in intervals])),
        worst_shortfall_kw=float(-beyond_kwh[worst] / interval_h),
        worst_interval_start_utc=intervals[worst].interval.start_utc,
    )


def _delivered(
    interval: Interval,
    delivered_kwh: float,
    edges: tuple[float | None, float | None],
    committed_kw: float | None,
    tolerance_kw: float,
) -> DeliveredInterval:
    delivered_kw = delivered_kwh / interval.duration_h
    return DeliveredInterval(
        interval=interval,
        delivered_kwh=delivered_kwh,
        delivered_kw=delivered_kw,
        lower_kwh=edges[0],
        upper_kwh=edges[1],
        beyond_commitment_kwh=None
        if committed_kw is None
        else delivered_kwh - committed_kw * interval.duration_h,
        within_tolerance=None
        if committed_kw is None
        else round(delivered_kw - committed_kw + tolerance_kw, POWER_DECIMALS) >= 0,
    )
