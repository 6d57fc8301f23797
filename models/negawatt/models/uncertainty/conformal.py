"""Split conformal bands of one event's reduction, from the errors of its placebo windows.

One score for each event, so that correlation between the intervals of an event needs no model.
Not here: how the placebo errors came about (placebo.py), bands of several sites together.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.units import exact_decimal
from negawatt.models.uncertainty.placebo import PlaceboResult

LEVEL_RATIO: Final = 0.9
"""The confidence that negawatt states everywhere: 90 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReductionBand:
    """What the placebo windows say about one event's reduction.

    The two-sided interval and the one-sided bound are different quantiles: the bound that holds
    with 90 % confidence is an edge of the 80 % interval. Use the bound for anything *verified*.

    Attributes:
        level_ratio: Confidence of each statement, 0 to 1.
        placebo_count: Placebo windows it rests on.
        lower_kwh: Lower edge of the two-sided interval [kWh], None where not calibrated.
        upper_kwh: Upper edge of the two-sided interval [kWh], None where not calibrated.
        one_sided_lower_kwh: The reduction was at least this [kWh], None where not calibrated.
        commitment_met_probability: Probability that the reduction was at least the commitment,
            None without commitment or calibration.
        interval_lower_kwh: Lower edge for each interval [kWh], None where not known, length n.
        interval_upper_kwh: Upper edge for each interval [kWh], None where not known, length n.
        findings: Why a band is missing.
    """

    level_ratio: float
    placebo_count: int
    lower_kwh: float | None
    upper_kwh: float | None
    one_sided_lower_kwh: float | None
    commitment_met_probability: float | None
    interval_lower_kwh: tuple[float | None, ...]
    interval_upper_kwh: tuple[float | None, ...]
    findings: tuple[Finding, ...] = ()


def finite_sample_quantile(scores: Iterable[float], level_ratio: float) -> float | None:
    r"""Return the score that the next one stays at or below with the given probability.

    .. math:: s_{(k)}, \qquad k = \lceil (n + 1) \cdot \mathrm{level} \rceil

    Args:
        scores: Exchangeable scores, any order, length n.
        level_ratio: The probability, above 0 and below 1.

    Returns:
        The k-th smallest score; None where k is larger than n, because no score is large enough.

    Source:
        Vovk, Gammerman, Shafer, Algorithmic Learning in a Random World, 2005; Lei et al.,
        Distribution-free predictive inference for regression, JASA 113, 2018, section 2.2.

    Examples:
        Of nine scores the 9th = ceil(10 x 0.9); of eight it would be the 9th too.

        >>> finite_sample_quantile([1, 2, 3, 4, 5, 6, 7, 8, 9], 0.9)
        9
        >>> finite_sample_quantile([1, 2, 3, 4, 5, 6, 7, 8], 0.9) is None
        True
    """
    if not 0 < level_ratio < 1:
        raise ValueError(f"level_ratio must be above 0 and below 1, got {level_ratio}")
    ordered = sorted(scores)
    # Decimal: 100 * 0.55 is above 55 in binary, and its ceiling would be 56.
    rank = math.ceil((len(ordered) + 1) * exact_decimal(level_ratio))
    return ordered[rank - 1] if rank <= len(ordered) else None


def probability_at_least(
    threshold_kwh: float, reduction_kwh: float, errors_kwh: Iterable[float]
) -> float:
    r"""Return the probability that the true reduction was at least a threshold.

    .. math:: p = \frac{k + 1}{n + 2}, \qquad k = \#\{i : \hat R - e_i \ge C\}

    Laplace's rule of succession: the share of placebos whose error would leave the commitment
    met, with one imagined success and one imagined failure, so that n windows never prove
    certainty.

    Args:
        threshold_kwh: The commitment C [kWh].
        reduction_kwh: The estimate [kWh].
        errors_kwh: Placebo errors, estimate less truth [kWh], length n.

    Examples:
        Errors of -1, 0 and 3 leave 11, 10 and 7 of an estimated 10 kWh: two of three are 8 or
        more, (2 + 1) / (3 + 2).

        >>> probability_at_least(8.0, 10.0, [-1.0, 0.0, 3.0])
        0.6
    """
    left_kwh = [reduction_kwh - error_kwh for error_kwh in errors_kwh]
    met_count = sum(value_kwh >= threshold_kwh for value_kwh in left_kwh)
    return (met_count + 1) / (len(left_kwh) + 2)


def conformal_band(
    reduction_kwh: NDArray[np.float64],
    placebo: PlaceboResult,
    *,
    committed_kwh: float | None = None,
    level_ratio: float = LEVEL_RATIO,
    subject: str = "the event",
) -> ReductionBand:
    r"""Return the bands of an event's reduction.

    .. math::

        \hat R \pm s_{(k)}(|e|), \qquad R \ge \hat R - s_{(k)}(e),
        \qquad k = \lceil (n + 1) \cdot \mathrm{level} \rceil

    The chart's bands take each interval's own placebo scores, not a share of the event's band:
    errors of neighboring intervals partly cancel in the sum, so a share would be too narrow for
    any single interval. Their edges therefore do not add up to the edges of the event's band.

    The scores are in kWh, not relative to the load, and the bias of the baseline is not removed:
    the interval widens by it, the one-sided bound moves by it.

    Args:
        reduction_kwh: Estimated reduction of each interval [kWh], shape (n_intervals,); with NaN
            in it the event's reduction is not known, and has no band.
        placebo: Errors of the same baseline on ordinary days.
        committed_kwh: Energy that was promised over the event [kWh], if any.
        level_ratio: Confidence, above 0 and below 1.
        subject: What the findings are about.

    Source:
        Event blocks as one score, and the rank: Chernozhukov et al., Exact and robust conformal
        inference, COLT 2018; exchangeability of placebo days is assumed, drift is not corrected.
    """
    if placebo.dates and placebo.interval_errors_kwh.shape[1] != len(reduction_kwh):
        raise ValueError(
            f"placebo windows have {placebo.interval_errors_kwh.shape[1]} intervals, the event "
            f"has {len(reduction_kwh)}"
        )
    event_kwh = math.fsum(reduction_kwh)
    known = not math.isnan(event_kwh)
    half_width_kwh = finite_sample_quantile(map(abs, placebo.errors_kwh), level_ratio)
    overstated_kwh = finite_sample_quantile(placebo.errors_kwh, level_ratio)
    lower_kwh, upper_kwh = _edges(event_kwh, half_width_kwh)
    one_sided_lower_kwh, _ = _edges(event_kwh, overstated_kwh)
    interval_edges = _interval_edges(reduction_kwh, placebo, level_ratio)
    return ReductionBand(
        level_ratio=level_ratio,
        placebo_count=len(placebo.dates),
        lower_kwh=lower_kwh,
        upper_kwh=upper_kwh,
        one_sided_lower_kwh=one_sided_lower_kwh,
        commitment_met_probability=None
        if committed_kwh is None or half_width_kwh is None or not known
        else probability_at_least(committed_kwh, event_kwh, placebo.errors_kwh),
        interval_lower_kwh=tuple(lower for lower, _ in interval_edges),
        interval_upper_kwh=tuple(upper for _, upper in interval_edges),
        findings=() if half_width_kwh is not None else (_not_calibrated(subject, placebo),),
    )


def _edges(center_kwh: float, half_width_kwh: float | None) -> tuple[float | None, float | None]:
    if half_width_kwh is None or math.isnan(center_kwh):
        return None, None
    return float(center_kwh - half_width_kwh), float(center_kwh + half_width_kwh)


def _interval_edges(
    reduction_kwh: NDArray[np.float64], placebo: PlaceboResult, level_ratio: float
) -> list[tuple[float | None, float | None]]:
    if not placebo.dates:
        return [(None, None)] * len(reduction_kwh)
    return [
        _edges(center_kwh, finite_sample_quantile(np.abs(errors_kwh), level_ratio))
        for center_kwh, errors_kwh in zip(reduction_kwh, placebo.interval_errors_kwh.T, strict=True)
    ]


def _not_calibrated(subject: str, placebo: PlaceboResult) -> Finding:
    return Finding(
        code=FindingCode.UNCERTAINTY_NOT_CALIBRATED,
        severity=Severity.WARNING,
        subject=subject,
        message=f"{len(placebo.dates)} placebo windows are too few for a band; none is stated",
        evidence={"placebo_count": len(placebo.dates), "refused_count": len(placebo.refused)},
    )
