"""Tests 2 and 3: the days that carry the baseline, and the days that could have renewed it.

Who is told that tomorrow may be an event day can raise tomorrow's load, which stays a baseline day
if no event comes. Who has an event every day keeps the baseline of long ago. Not here: the other
tests.
"""

from datetime import date, timedelta
from itertools import groupby
from typing import Final

import numpy as np

from negawatt.models.baselines.result import DayUse
from negawatt.models.domain.findings import FindingCode
from negawatt.models.domain.interval import Interval
from negawatt.models.verification.screening.inputs import ScreenInputs
from negawatt.models.verification.screening.outcome import (
    ScreenResult,
    not_screened,
    question,
    screened,
)
from negawatt.models.verification.screening.thresholds import Thresholds

DAY_SET: Final = "day-set exploitation"
FROZEN: Final = "frozen baseline"


def day_set_exploitation(inputs: ScreenInputs, limits: Thresholds) -> ScreenResult:
    """Ask whether the days that lift the baseline are days that had been announced."""
    limit, notified = limits.day_set, inputs.notified_dates
    power_kw = {
        day.candidate_date: day.window_power_kw_mean
        for day in inputs.result.days
        if day.use is not DayUse.DROPPED and day.window_power_kw_mean is not None
    }
    selected = [day.candidate_date for day in inputs.result.days if day.use is DayUse.SELECTED]
    if notified is None:
        need = "the days of which the site was told that they might be event days"
        return not_screened(DAY_SET, inputs.subject, need)
    quiet_kw = [value_kw for day, value_kw in power_kw.items() if day not in notified]
    if len(quiet_kw) < 2 or not set(selected) <= power_kw.keys():  # noqa: PLR2004 - a median of two
        need = "a baseline from earlier days, at least two of them not announced"
        return not_screened(DAY_SET, inputs.subject, need)
    level_kw = float(np.median(quiet_kw))
    high = [day for day in power_kw if power_kw[day] > limit.high_ratio * level_kw]
    followed = [day for day in high if day in notified]
    selected_kw = float(np.mean([power_kw[day] for day in selected]))
    looked_at: dict[str, object] = {
        "selected_kw_mean": selected_kw,
        "candidate_kw_mean": float(np.mean(list(power_kw.values()))),
        "not_announced_kw_median": level_kw,
        "high_dates": sorted(day.isoformat() for day in high),
        "high_and_announced_dates": sorted(day.isoformat() for day in followed),
        "announced_count": sum(day in notified for day in power_kw),
    }
    lifted = selected_kw > (1 + limit.lift_min_ratio) * level_kw
    enough = len(followed) >= limit.followed_count_min
    if not (lifted and enough and len(followed) >= limit.followed_share_min_ratio * len(high)):
        return screened(DAY_SET, looked_at, None)
    message = (
        f"the averaged days had {selected_kw:.4g} kW, days that were not announced "
        f"{level_kw:.4g} kW; {len(followed)} of {len(high)} days of high load had been announced"
    )
    finding = question(FindingCode.SCREEN_DAY_SET_EXPLOITED, inputs.subject, message, looked_at)
    return screened(DAY_SET, looked_at, finding)


def frozen_baseline(inputs: ScreenInputs, limits: Thresholds) -> ScreenResult:
    """Count the like days before the event that were event days, and the longest run of them."""
    limit = limits.frozen_baseline
    days = [inputs.event_date - timedelta(days=n) for n in range(1, limit.lookback_days + 1)]
    like_days = [day for day in days if inputs.is_like_day(day)]
    if not like_days:
        return not_screened(FROZEN, inputs.subject, "days that are like the event's")
    taken = _event_dates(inputs)
    is_event = [day in taken for day in like_days]
    run_count = max((len(list(run)) for hit, run in groupby(is_event) if hit), default=0)
    event_ratio = sum(is_event) / len(is_event)
    looked_at: dict[str, object] = {
        "like_day_count": len(like_days),
        "event_day_ratio": event_ratio,
        "longest_run_count": run_count,
        "event_day_max_ratio": limit.event_day_max_ratio,
        "run_max_count": limit.run_max_count,
    }
    if event_ratio <= limit.event_day_max_ratio and run_count < limit.run_max_count:
        return screened(FROZEN, looked_at, None)
    message = (
        f"{sum(is_event)} of the {len(like_days)} like days before the event were event days, "
        f"{run_count} in a row: the baseline is that of older days"
    )
    finding = question(FindingCode.SCREEN_FROZEN_BASELINE, inputs.subject, message, looked_at)
    return screened(FROZEN, looked_at, finding)


def _event_dates(inputs: ScreenInputs) -> set[date]:
    return {day for window in inputs.other_event_windows for day in _dates(window, inputs)}


def _dates(window: Interval, inputs: ScreenInputs) -> list[date]:
    first = window.start_utc.astimezone(inputs.time_zone).date()
    last = (window.end_utc - timedelta(microseconds=1)).astimezone(inputs.time_zone).date()
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
