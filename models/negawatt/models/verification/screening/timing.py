"""Tests 6 and 7: load that came back around the event, and load that was absent before it.

Energy that is used an hour later is moved, not saved. A site that was off before it was asked did
nothing. Not here: the other tests.
"""

from datetime import timedelta
from typing import Final

from negawatt.models.domain.findings import FindingCode
from negawatt.models.domain.interval import Interval
from negawatt.models.verification.screening.elsewhere import CLAIM_NEED
from negawatt.models.verification.screening.inputs import Claim, ScreenInputs
from negawatt.models.verification.screening.like_days import Comparison, compare
from negawatt.models.verification.screening.outcome import (
    ScreenResult,
    not_screened,
    question,
    screened,
)
from negawatt.models.verification.screening.thresholds import Thresholds

REBOUND: Final = "rebound and pre-use"
NO_ACTION: Final = "no action"
_HOUR: Final = timedelta(hours=1)


def rebound(inputs: ScreenInputs, limits: Thresholds) -> ScreenResult:
    """Compare the energy of the hours before and after the event with that of like days."""
    claim, limit = inputs.claim(), limits.rebound
    if claim is None:
        return not_screened(REBOUND, inputs.subject, CLAIM_NEED)
    if not claim.is_worth_explaining(limits.like_days.claim_min_ratio):
        return screened(REBOUND, {"claimed_reduction_kwh": claim.reduction_kwh}, None)
    event = inputs.event.interval
    windows = (
        Interval(event.start_utc - limit.before_h * _HOUR, event.start_utc),
        Interval(event.end_utc, event.end_utc + limit.after_h * _HOUR),
    )
    if any(e.overlaps(w) for e in inputs.other_event_windows for w in windows):
        need = f"{limit.before_h} h before and {limit.after_h} h after without another event"
        return not_screened(REBOUND, inputs.subject, need)

    found = compare(inputs, inputs.load, windows, limits.like_days)
    if found is None:
        need = (
            f"load from {limit.before_h} h before to {limit.after_h} h after the event, and the "
            f"same of {limits.like_days.count_min} like days"
        )
        return not_screened(REBOUND, inputs.subject, need)
    extra_kwh = found.excess_kw * (limit.before_h + limit.after_h)
    share = extra_kwh / claim.reduction_kwh
    looked_at = found.evidence() | {
        "claimed_reduction_kwh": claim.reduction_kwh,
        "extra_kwh": extra_kwh,
        "returned_share_ratio": share,
        "share_max_ratio": limit.share_max_ratio,
        "z_max": limit.z_max,
    }
    if found.z <= limit.z_max or share <= limit.share_max_ratio:
        return screened(REBOUND, looked_at, None)
    message = (
        f"from {limit.before_h} h before to {limit.after_h} h after the event, {extra_kwh:.4g} kWh "
        f"more were used than on like days: {share:.0%} of the reduction"
    )
    finding = question(FindingCode.SCREEN_REBOUNDED, inputs.subject, message, looked_at)
    return screened(REBOUND, looked_at, finding)


def no_action(inputs: ScreenInputs, limits: Thresholds) -> ScreenResult:
    """Ask whether the load would have been off, or was low before the site was told."""
    claim = inputs.claim()
    if claim is None:
        return not_screened(NO_ACTION, inputs.subject, CLAIM_NEED)
    if not claim.is_worth_explaining(limits.like_days.claim_min_ratio):
        return screened(NO_ACTION, {"claimed_reduction_kwh": claim.reduction_kwh}, None)
    before = _before_notification(inputs, limits)
    lacked = []
    if inputs.idle_spans is None:
        lacked.append("declared shutdowns, holidays and empty queues")
    if before is None:
        lacked.append("the time of notification with the load of the hour before it on like days")
    if inputs.idle_spans is None and before is None:
        return not_screened(NO_ACTION, inputs.subject, *lacked)
    messages = []
    idle_ratio, reasons = _idle(inputs)
    if idle_ratio > limits.no_action.idle_max_ratio:
        messages.append(f"{idle_ratio:.0%} of the event lay in {', '.join(reasons)}")
    if before is not None and _was_absent(before, claim, limits):
        messages.append(
            f"in the hour before the notification the load was {before.power_kw_mean:.4g} kW, on "
            f"like days {before.like_day_kw_mean:.4g} kW; {claim.reduction_kw:.4g} kW are claimed"
        )
    looked_at: dict[str, object] = {
        "claimed_reduction_kw": claim.reduction_kw,
        "idle_ratio": None if inputs.idle_spans is None else idle_ratio,
        "hour_before_notification": None if before is None else before.evidence(),
    }
    finding = None
    if messages:
        code = FindingCode.SCREEN_NO_ACTION
        finding = question(code, inputs.subject, "; ".join(messages), looked_at)
    return screened(NO_ACTION, looked_at, finding, lacked=tuple(lacked))


def _before_notification(inputs: ScreenInputs, limits: Thresholds) -> Comparison | None:
    notified_utc = inputs.event.notified_at_utc
    if notified_utc is None:
        return None
    asked_utc = min(notified_utc, inputs.event.interval.start_utc)
    return compare(inputs, inputs.load, (Interval(asked_utc - _HOUR, asked_utc),), limits.like_days)


def _was_absent(before: Comparison, claim: Claim, limits: Thresholds) -> bool:
    absent = claim.share(-before.excess_kw) > limits.no_action.absent_max_ratio
    return absent and -before.z > limits.no_action.z_max


def _idle(inputs: ScreenInputs) -> tuple[float, list[str]]:
    """Return the share of the event inside idle spans, and their reasons."""
    event, covered_s, reasons = inputs.event.interval, 0.0, []
    reached_utc = event.start_utc
    for span in sorted(inputs.idle_spans or (), key=lambda span: span.interval):
        first_utc = max(span.interval.start_utc, reached_utc)
        last_utc = min(span.interval.end_utc, event.end_utc)
        if first_utc < last_utc:
            covered_s += (last_utc - first_utc).total_seconds()
            reached_utc = last_utc
            reasons.append(span.reason)
    return covered_s / event.duration_s, reasons
