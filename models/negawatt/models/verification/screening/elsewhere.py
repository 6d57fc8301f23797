"""Tests 4 and 5: load that was not reduced but served by other means, or moved to another meter.

A program buys less use. Generation that was held back while the baseline was measured is no less
use, nor are jobs that run in another hall. Not here: the other tests.
"""

import math
from collections.abc import Mapping
from datetime import date
from typing import Final

import numpy as np

from negawatt.models.baselines.result import DayUse
from negawatt.models.domain.findings import FindingCode
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.verification.screening.inputs import ScreenInputs
from negawatt.models.verification.screening.like_days import compare, mean_kw_on_days
from negawatt.models.verification.screening.outcome import (
    ScreenResult,
    not_screened,
    question,
    screened,
)
from negawatt.models.verification.screening.thresholds import Thresholds

GENERATION_SWAP: Final = "generation swap"
DISPLACEMENT: Final = "displacement"
CLAIM_NEED: Final = "known baseline and metered energy of the event"


def generation_swap(inputs: ScreenInputs, limits: Thresholds) -> ScreenResult:
    """Compare generation behind the meter in the event with that on the baseline's days."""
    claim, generation = inputs.claim(), inputs.generation
    if claim is None:
        return not_screened(GENERATION_SWAP, inputs.subject, CLAIM_NEED)
    if generation is None:
        need = "output of generation behind the meter, or the statement that there is none"
        return not_screened(GENERATION_SWAP, inputs.subject, need)
    if not claim.is_worth_explaining(limits.like_days.claim_min_ratio):
        return _nothing_claimed(GENERATION_SWAP, claim.reduction_kwh)
    days = tuple(d.candidate_date for d in inputs.result.days if d.use is DayUse.SELECTED)
    event_kw = _generation_kw(inputs, generation, (inputs.event_date,))
    baseline_kw = _generation_kw(inputs, generation, days)
    if np.isnan(event_kw) or np.isnan(baseline_kw):
        need = "generation in the event and on every averaged day"
        return not_screened(GENERATION_SWAP, inputs.subject, need)
    share = claim.share(event_kw - baseline_kw)
    ordinary = [
        compare(inputs, one, (inputs.event.interval,), limits.like_days)
        for one in generation.values()
    ]
    looked_at: dict[str, object] = {
        "net_reduction_kw": claim.reduction_kw,
        "gross_reduction_kw": claim.reduction_kw - (event_kw - baseline_kw),
        "event_generation_kw": event_kw,
        "baseline_days_generation_kw": baseline_kw,
        "ordinary_generation_kw": [one and one.like_day_kw_mean for one in ordinary],
        "generation_share_ratio": share,
        "share_max_ratio": limits.generation_swap.share_max_ratio,
    }
    if share <= limits.generation_swap.share_max_ratio:
        return screened(GENERATION_SWAP, looked_at, None)
    message = (
        f"generation was {baseline_kw:.4g} kW on the baseline's days and {event_kw:.4g} kW in the "
        f"event: {share:.0%} of the reduction of {claim.reduction_kw:.4g} kW"
    )
    finding = question(FindingCode.SCREEN_GENERATION_SWAPPED, inputs.subject, message, looked_at)
    return screened(GENERATION_SWAP, looked_at, finding)


def _generation_kw(
    inputs: ScreenInputs, generation: Mapping[str, LoadSeries], days: tuple[date, ...]
) -> float:
    """Return the mean generation in the event's hours over days [kW]; NaN where not all known."""
    window = inputs.event.interval
    return math.fsum(mean_kw_on_days(one, window, inputs, days) for one in generation.values())


def displacement(inputs: ScreenInputs, limits: Thresholds) -> ScreenResult:
    """Add up the load that rose at the operator's other meters in the event."""
    claim, siblings = inputs.claim(), inputs.siblings
    if claim is None:
        return not_screened(DISPLACEMENT, inputs.subject, CLAIM_NEED)
    if siblings is None:
        need = "load of the operator's other meters, or the statement that there are none"
        return not_screened(DISPLACEMENT, inputs.subject, need)
    if not claim.is_worth_explaining(limits.like_days.claim_min_ratio):
        return _nothing_claimed(DISPLACEMENT, claim.reduction_kwh)
    window = (inputs.event.interval,)
    found = {
        name: compare(inputs, load, window, limits.like_days)
        for name, load in sorted(siblings.items())
    }
    unknown = tuple(f"load of {name!r} on like days" for name, one in found.items() if one is None)
    if siblings and len(unknown) == len(siblings):
        return not_screened(DISPLACEMENT, inputs.subject, *unknown)
    risen_kw = {
        name: one.excess_kw
        for name, one in found.items()
        if one is not None and one.z > limits.displacement.z_max
    }
    share = claim.share(math.fsum(risen_kw.values()))
    looked_at: dict[str, object] = {
        "sibling_count": len(siblings),
        "excess_kw": {name: one.excess_kw for name, one in found.items() if one is not None},
        "z": {name: one.z for name, one in found.items() if one is not None},
        "displaced_share_ratio": share,
        "share_max_ratio": limits.displacement.share_max_ratio,
        "z_max": limits.displacement.z_max,
    }
    if share <= limits.displacement.share_max_ratio:
        return screened(DISPLACEMENT, looked_at, None, lacked=unknown)
    message = (
        f"in the event, load of {', '.join(map(repr, risen_kw))} rose by "
        f"{math.fsum(risen_kw.values()):.4g} kW above like days: {share:.0%} of the reduction"
    )
    finding = question(FindingCode.SCREEN_DISPLACED, inputs.subject, message, looked_at)
    return screened(DISPLACEMENT, looked_at, finding, lacked=unknown)


def _nothing_claimed(screen_id: str, reduction_kwh: float) -> ScreenResult:
    return screened(screen_id, {"claimed_reduction_kwh": reduction_kwh}, None)
