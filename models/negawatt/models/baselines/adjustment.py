"""The same-day adjustment: the event day's own level, from a window outside the event.

Here: the window, its missing data, the difference or ratio and its cap. Not here: the baseline that
is adjusted (x_of_y.py).
"""

from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.case import Case, Window
from negawatt.models.baselines.result import Adjustment
from negawatt.models.baselines.rule_windows import AdjustmentRule
from negawatt.models.domain.errors import DataRefusedError, InsufficientHistoryError

PERCENT: Final = 100


def adjustment_starts_utc(case: Case) -> tuple[datetime, ...]:
    """Return the intervals of the adjustment window on the event day, oldest first.

    Only intervals wholly inside the window count, and none that overlaps an event.

    Raises:
        DataRefusedError: The rule counts from the notification, and its time is not known.
    """
    rule = case.rule.adjustment
    if not rule.by_window:
        return ()
    starts_utc: tuple[datetime, ...] = ()
    if rule.pre is not None:
        starts_utc += case.starts_in(rule.pre.around(_anchor_utc(case)))
    if rule.post is not None:
        starts_utc += case.starts_in(rule.post.around(case.event.end_utc))
    return case.undisturbed(starts_utc)


def adjust(
    case: Case,
    starts_utc: tuple[datetime, ...],
    baseline_kwh: NDArray[np.float64],
    window_baseline_kwh: NDArray[np.float64],
) -> tuple[NDArray[np.float64], Adjustment]:
    r"""Return the adjusted baseline, and the adjustment with what it was computed from.

    .. math::

        A_t = B_t + \operatorname{cap}(a - b) \quad\text{or}\quad
        A_t = \operatorname{cap}(a / b) \cdot B_t

    with a the mean metered power and b the mean baseline power over the window.

    Args:
        case: What is computed.
        starts_utc: The window, from ``adjustment_starts_utc``.
        baseline_kwh: Unadjusted baseline of the event [kWh], shape (n,).
        window_baseline_kwh: Unadjusted baseline of the window [kWh], shape (m,).

    Raises:
        InsufficientHistoryError: The window's load is not known, and the rule says ``fail``.
    """
    rule = case.rule.adjustment
    if rule.kind == "none":
        return baseline_kwh, Adjustment(kind="none", note="the rule makes none")
    window = case.on_event_day(starts_utc)
    known = ~np.isnan(window.energy_kwh)
    if not window.is_complete(case.rule.exclusions.incomplete_days.max_missing_fraction):
        _refuse_if_asked(case, window)
        if rule.on_missing == "skip_adjustment" or not known.any():
            note = f"not made: {window.missing_ratio:.2%} of its window was not measured"
            return baseline_kwh, Adjustment(kind="none", note=note)
    per_h = case.per_h
    metered_kw = float(window.energy_kwh[known].mean()) * per_h
    baseline_kw = float(window_baseline_kwh[known].mean()) * per_h
    if rule.kind == "multiplicative" and not baseline_kw > rule.min_denominator_kw:
        note = f"not made: the baseline of its window is {baseline_kw:.6g} kW, too low for a ratio"
        return baseline_kwh, Adjustment(kind="none", note=note)
    if rule.kind == "additive":
        uncapped = metered_kw - baseline_kw
        applied = capped(uncapped, 0.0, rule, _cap_unit_kw(rule, baseline_kwh * per_h))
        adjusted_kwh = baseline_kwh + applied / per_h
    else:
        uncapped = metered_kw / baseline_kw
        applied = capped(uncapped, 1.0, rule)
        adjusted_kwh = baseline_kwh * applied
    return adjusted_kwh, Adjustment(
        kind=rule.kind,
        window_metered_kw=metered_kw,
        window_baseline_kw=baseline_kw,
        uncapped_value=uncapped,
        applied_value=applied,
    )


def capped(value: float, neutral: float, rule: AdjustmentRule, unit: float = 1.0) -> float:
    """Return a difference or ratio within the rule's direction and cap.

    Args:
        value: The difference [kW] or the ratio.
        neutral: What changes nothing: 0 for a difference, 1 for a ratio.
        rule: The adjustment's rule.
        unit: What the cap's limits are counted in.

    Examples:
        >>> from negawatt.models.baselines.rule_windows import Cap, HourWindow
        >>> rule = AdjustmentRule(
        ...     kind="multiplicative",
        ...     pre=HourWindow(start_h=-2, end_h=-1),
        ...     cap=Cap(kind="ratio", lower=0.8, upper=1.2),
        ... )
        >>> capped(1.5, 1.0, rule), capped(0.9, 1.0, rule)
        (1.2, 0.9)
    """
    if rule.direction == "up_only":
        value = max(value, neutral)
    if rule.direction == "down_only":
        value = min(value, neutral)
    if rule.cap.lower is None or rule.cap.upper is None or rule.cap.kind == "none":
        return value
    return min(max(value, rule.cap.lower * unit), rule.cap.upper * unit)


def _cap_unit_kw(rule: AdjustmentRule, baseline_kw: NDArray[np.float64]) -> float:
    """Return what one unit of an additive cap is: 1 kW, or a hundredth of the mean baseline."""
    return float(baseline_kw.mean()) / PERCENT if rule.cap.kind == "percent_of_baseline" else 1.0


def _anchor_utc(case: Case) -> datetime:
    anchor = case.rule.adjustment.anchor
    known = {
        "event_start": case.event.start_utc,
        "notification": case.notified_at_utc,
        "dispatch_instruction": case.site.instructed_at_utc,
        "gate_closure": case.site.gate_closed_at_utc,
    }[anchor]
    if known is None:
        what = anchor.replace("_", " ")
        raise DataRefusedError(
            thing=f"event under rule {case.rule.rule_id!r}",
            expected=f"the time of {what}, from which the adjustment window counts",
            found="none",
            remedy=f"state the time of {what}",
        )
    return known


def _refuse_if_asked(case: Case, window: Window) -> None:
    if case.rule.adjustment.on_missing != "fail":
        return
    raise InsufficientHistoryError(
        rule_id=case.rule.rule_id,
        required_count=max(len(window.energy_kwh), 1),
        found_count=int((~np.isnan(window.energy_kwh)).sum()),
        unit=f"fully measured {case.rule.interval_minutes}-minute intervals in the adjustment "
        "window",
        remedy="supply the event day's load, or elect no adjustment where the program allows it",
    )
