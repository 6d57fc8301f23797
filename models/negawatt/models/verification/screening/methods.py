"""Tests 8 and 9: what the method pays on ordinary days, and what the choice of method is worth.

A method that pays where nothing was reduced pays too much in events as well. Not here: the placebos
(negawatt.models.uncertainty.placebo) and the other methods (sensitivity.py) themselves.
"""

from statistics import fmean, median, stdev
from typing import Final

from negawatt.models.domain.findings import FindingCode
from negawatt.models.verification.screening.elsewhere import CLAIM_NEED
from negawatt.models.verification.screening.inputs import ScreenInputs
from negawatt.models.verification.screening.outcome import (
    ScreenResult,
    not_screened,
    question,
    screened,
)
from negawatt.models.verification.screening.thresholds import Thresholds

PLACEBO: Final = "placebo payments"
METHOD_SHOPPING: Final = "method shopping"


def placebo_payments(inputs: ScreenInputs, limits: Thresholds) -> ScreenResult:
    """Ask whether the mean reduction on ordinary days is zero, but for its standard error."""
    placebo, limit = inputs.placebo, limits.placebo
    if placebo is None or len(placebo.errors_kwh) < limit.count_min or placebo.bias_ratio is None:
        need = f"the method's reduction on at least {limit.count_min} ordinary days"
        return not_screened(PLACEBO, inputs.subject, need)
    errors_kwh = placebo.errors_kwh
    mean_kwh = fmean(errors_kwh)
    standard_error_kwh = stdev(errors_kwh) / len(errors_kwh) ** 0.5
    looked_at: dict[str, object] = {
        "placebo_count": len(errors_kwh),
        "mean_kwh": mean_kwh,
        "standard_error_kwh": standard_error_kwh,
        "mean_if_never_below_zero_kwh": fmean(max(error, 0.0) for error in errors_kwh),
        "bias_ratio": placebo.bias_ratio,
        "bias_max_ratio": limit.bias_max_ratio,
        "z_max": limit.z_max,
    }
    by_chance = mean_kwh <= limit.z_max * standard_error_kwh
    if by_chance or placebo.bias_ratio <= limit.bias_max_ratio:
        return screened(PLACEBO, looked_at, None)
    message = (
        f"on {len(errors_kwh)} ordinary days the method claims {mean_kwh:.4g} kWh on average, "
        f"{placebo.bias_ratio:.1%} of the load, where nothing was reduced"
    )
    finding = question(FindingCode.SCREEN_PLACEBO_PAID, inputs.subject, message, looked_at)
    return screened(PLACEBO, looked_at, finding)


def method_shopping(inputs: ScreenInputs, limits: Thresholds) -> ScreenResult:
    """Compare the settled reduction with that of every other method that could be elected."""
    claim, sensitivity = inputs.claim(), inputs.sensitivity
    limit = limits.method_shopping
    if claim is None:
        return not_screened(METHOD_SHOPPING, inputs.subject, CLAIM_NEED)
    if sensitivity is None or len(sensitivity.computed) < limit.method_count_min:
        need = f"the reduction under at least {limit.method_count_min} methods"
        return not_screened(METHOD_SHOPPING, inputs.subject, need)
    others_kwh = [
        one.reduction_kwh for one in sensitivity.computed if one.method_id != inputs.result.rule_id
    ]
    advantage_kwh = claim.reduction_kwh - median(others_kwh)
    looked_at: dict[str, object] = {
        "reduction_kwh": {one.method_id: one.reduction_kwh for one in sensitivity.computed},
        "spread_kwh": sensitivity.spread_kwh,
        "advantage_over_median_kwh": advantage_kwh,
        "baseline_kwh": claim.baseline_kwh,
        "advantage_max_ratio": limit.advantage_max_ratio,
    }
    within = advantage_kwh <= limit.advantage_max_ratio * abs(claim.baseline_kwh)
    if within or claim.reduction_kwh < max(others_kwh):
        return screened(METHOD_SHOPPING, looked_at, None)
    message = (
        f"the settled method gives {claim.reduction_kwh:.4g} kWh, the largest of "
        f"{len(sensitivity.computed)} that could be elected; the median of the others is "
        f"{median(others_kwh):.4g} kWh"
    )
    finding = question(FindingCode.SCREEN_METHOD_SHOPPED, inputs.subject, message, looked_at)
    return screened(METHOD_SHOPPING, looked_at, finding)
