"""Test 1: load raised in the adjustment window, once the site knew of the event.

A same-day adjustment lifts the whole baseline by what the site used just before; who is told before
it is measured can raise it. Not here: the other tests.
"""

from typing import Final

from negawatt.models.baselines.rule_windows import AdjustmentRule
from negawatt.models.domain.event import Event
from negawatt.models.domain.findings import FindingCode
from negawatt.models.domain.interval import Interval
from negawatt.models.verification.screening.inputs import ScreenInputs
from negawatt.models.verification.screening.like_days import compare
from negawatt.models.verification.screening.outcome import (
    ScreenResult,
    not_screened,
    question,
    screened,
)
from negawatt.models.verification.screening.thresholds import Thresholds

WINDOW_INFLATION: Final = "window inflation"


def adjustment_window_of(rule: AdjustmentRule, event: Event) -> Interval | None:
    """Return the window before an event that its rule's adjustment looks at.

    None where the rule has no such window, or counts from an instant that the event does not state.
    """
    anchors = {"event_start": event.interval.start_utc, "notification": event.notified_at_utc}
    anchor_utc = anchors.get(rule.anchor)
    return None if rule.pre is None or anchor_utc is None else rule.pre.around(anchor_utc)


def window_inflation(inputs: ScreenInputs, limits: Thresholds) -> ScreenResult:
    """Compare the adjustment window after the notification with the same hours of like days."""
    window, notified_utc = inputs.adjustment_window, inputs.event.notified_at_utc
    lacked = []
    if window is None:
        lacked.append("the adjustment window of the rule")
    if notified_utc is None:
        lacked.append("the time of notification")
    if window is None or notified_utc is None:
        return not_screened(WINDOW_INFLATION, inputs.subject, *lacked)
    if notified_utc >= window.end_utc:
        looked_at: dict[str, object] = {"notified_at_utc": notified_utc.isoformat()}
        return screened(WINDOW_INFLATION, looked_at | {"told_before_its_end": False}, None)
    told = Interval(max(window.start_utc, notified_utc), window.end_utc)
    found = compare(inputs, inputs.load, (told,), limits.like_days)
    if found is None:
        need = f"load in the window, of the event day and of {limits.like_days.count_min} like days"
        return not_screened(WINDOW_INFLATION, inputs.subject, need)
    looked_at = found.evidence() | {
        "told_before_its_end": True,
        "notified_at_utc": notified_utc.isoformat(),
        "window_start_utc": told.start_utc.isoformat(),
        "z_max": limits.window_inflation.z_max,
        "excess_min_ratio": limits.window_inflation.excess_min_ratio,
    }
    least_kw = limits.window_inflation.excess_min_ratio * abs(found.like_day_kw_mean)
    if found.z <= limits.window_inflation.z_max or found.excess_kw <= least_kw:
        return screened(WINDOW_INFLATION, looked_at, None)
    message = (
        f"after the notification, load in the adjustment window was {found.power_kw_mean:.4g} kW; "
        f"the same hours of {found.like_day_count} like days had {found.like_day_kw_mean:.4g} kW "
        f"(z {found.z:.1f}, limit {limits.window_inflation.z_max})"
    )
    finding = question(FindingCode.SCREEN_WINDOW_INFLATED, inputs.subject, message, looked_at)
    return screened(WINDOW_INFLATION, looked_at, finding)
