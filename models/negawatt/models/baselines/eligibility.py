"""Which days may stand for the event day, and why each other day may not.

Here: the walk through the look-back, nearest day first, with a reason for every day that is
dropped: auditors ask for this list. Not here: low usage (low_usage.py), too few days (fallback.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.calendar import day_type_of, holiday_name
from negawatt.models.baselines.case import Case, Window
from negawatt.models.baselines.rule_days import DayType, Lookback
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """One day of the look-back.

    Attributes:
        day: The day, in the program's clock.
        window_kwh: Energy of each event interval's clock time [kWh], shape (n,).
        adjustment_kwh: The same for the adjustment window [kWh], shape (m,).
        daily_kwh: Energy of the day [kWh]; NaN where part of it is not known, or no rule asks.
        reason: Why it is not eligible; empty where it is.
        readmissible: Not eligible only because of another event.
    """

    day: date
    window_kwh: NDArray[np.float64]
    adjustment_kwh: NDArray[np.float64]
    daily_kwh: float
    reason: str
    readmissible: bool

    def window_power_kw_mean(self, interval_minutes: int) -> float:
        """Return the mean power over the event window [kW]; NaN where it is not known."""
        return float(self.window_kwh.mean()) * (S_PER_H / (interval_minutes * S_PER_MINUTE))


def event_day_type(case: Case) -> DayType:
    """Return the day type of the event day.

    Raises:
        DataRefusedError: The rule has no day type for it, or the event spans a local midnight.
    """
    last_day = case.clock.local_date(case.event_starts_utc[-1])
    if last_day != case.event_day:
        raise DataRefusedError(
            thing=f"event under rule {case.rule.rule_id!r}",
            expected="a window inside one day of the program's clock",
            found=f"{case.event_day} to {last_day}",
            remedy="split the event at local midnight and settle each part with its own day type",
        )
    found = day_type_of(case.rule, case.event_day)
    if found is None:
        raise DataRefusedError(
            thing=f"event day {case.event_day} under rule {case.rule.rule_id!r}",
            expected=f"a day of type {', '.join(d.name for d in case.rule.day_types)}",
            found=holiday_name(case.rule, case.event_day) or f"a {case.event_day:%A}",
            remedy="settle the event under a program that covers this day",
        )
    return found


def candidates(
    case: Case, day_type: DayType, adjustment_starts_utc: Sequence[datetime]
) -> tuple[Candidate, ...]:
    """Return every day of the look-back, nearest first, eligible or not.

    Args:
        case: What is computed.
        day_type: Type of the event day.
        adjustment_starts_utc: Intervals of the adjustment window on the event day.
    """
    assert case.rule.lookback is not None  # RuleFile refuses such a rule  # noqa: S101
    days = _days_nearest_first(case.event_day, case.rule.lookback)
    return tuple(_candidate(case, day_type, day, adjustment_starts_utc) for day in days)


def _days_nearest_first(event_day: date, lookback: Lookback) -> list[date]:
    signs = (1, -1) if lookback.direction == "both" else (-1,)
    distances = range(1, lookback.max_calendar_days + 1)
    return [event_day + timedelta(sign * days) for days in distances for sign in signs]


def _candidate(
    case: Case, day_type: DayType, day: date, adjustment_starts_utc: Sequence[datetime]
) -> Candidate:
    both = case.on_day(day, (*case.event_starts_utc, *adjustment_starts_utc))
    whole_day = case.whole_day(day) if _needs_whole_day(case) else None
    by_calendar = _reason_of_calendar(case, day_type, day)
    by_event = _reason_of_event(case, day_type, day)
    by_adjustment = _reason_of_adjustment(case, day, adjustment_starts_utc)
    by_data = _reason_of_data(case, both, whole_day)
    n_event = len(case.event_starts_utc)
    return Candidate(
        day=day,
        window_kwh=both.energy_kwh[:n_event],
        adjustment_kwh=both.energy_kwh[n_event:],
        daily_kwh=float("nan") if whole_day is None else float(whole_day.energy_kwh.sum()),
        reason=by_calendar or by_event or by_adjustment or by_data,
        readmissible=bool(by_event) and not by_calendar and not by_data,
    )


def _needs_whole_day(case: Case) -> bool:
    rule = case.rule
    daily_metric = "daily_energy" in (rule.low_usage.metric, rule.rank and rule.rank.metric)
    return daily_metric or rule.exclusions.incomplete_days.within == "whole_day"


def _reason_of_calendar(case: Case, day_type: DayType, day: date) -> str:
    rule = case.rule
    assert rule.lookback is not None  # RuleFile refuses such a rule  # noqa: S101
    if abs((case.event_day - day).days) < rule.lookback.gap_days:
        return f"gap day: the nearest candidate lies {rule.lookback.gap_days} days away"
    own_type = day_type_of(rule, day)
    if own_type is None or own_type.name != day_type.name:
        holiday = holiday_name(rule, day)
        other = own_type.name if own_type else f"{day:%A}"
        return f"holiday ({holiday})" if holiday else f"other day type ({other})"
    if rule.dst_policy == "exclude_transition_days" and case.clock.is_transition_day(day):
        return f"clock change: a day of {case.clock.day(day).duration_h:.0f} hours"
    return "declared exclusion" if day in rule.exclusions.extra_days else ""


def _reason_of_event(case: Case, day_type: DayType, day: date) -> str:
    if not day_type.screened or case.rule.exclusions.own_event_days == "none":
        return ""
    hours = case.clock.day(day)
    return "event day" if any(w.overlaps(hours) for w in case.other_event_windows) else ""


def _reason_of_adjustment(case: Case, day: date, adjustment_starts_utc: Sequence[datetime]) -> str:
    """Say whether an event lies in the day's adjustment window, which may reach into another day.

    A level that an event lowered is no level of an ordinary day, so no guard of the event window
    applies here.
    """
    labels = [case.clock.label(start_utc, case.event_day) for start_utc in adjustment_starts_utc]
    starts_utc = [moment for label in labels for moment in case.clock.instants_utc(day, label)]
    disturbed = len(case.undisturbed(starts_utc)) < len(starts_utc)
    return "adjustment window in another event" if disturbed else ""


def _reason_of_data(case: Case, windows: Window, whole_day: Window | None) -> str:
    checked = whole_day or windows
    limit = case.rule.exclusions.incomplete_days.max_missing_fraction
    unknown = np.isnan(windows.energy_kwh).any() or np.isnan(checked.energy_kwh).any()
    if unknown or not checked.is_complete(limit):
        return f"incomplete data ({checked.missing_ratio:.2%} not measured)"
    return ""
