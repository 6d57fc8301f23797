"""Which days may stand for the event day, and why each other day may not.

Here: the walk through the look-back, nearest day first, with a reason for every day that is
dropped: auditors ask for this list. Not here: low usage (low_usage.py), too few days (fallback.py).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.calendar import day_type_of, holiday_name, program_clock, season_of
from negawatt.models.baselines.case import TOLERANCE, Case, DayRows
from negawatt.models.baselines.ranking import NEAREST, distances
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.baselines.rule_days import DayType
from negawatt.models.baselines.shutdown import shutdown_days
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.interval import Interval

OUTAGE: Final = "outage"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidates:
    """Every day of the look-back, nearest first; one row of each array for each day.

    Attributes:
        days: The days, in the program's clock.
        window_kwh: Energy of each event interval's clock time [kWh], shape (n_days, n).
        adjustment_kwh: The same for the adjustment window [kWh], shape (n_days, m).
        daily_kwh: Energy of each day [kWh], shape (n_days,); NaN where part of it is not known, or
            no rule asks.
        distance: How unlike the event day each is, shape (n_days,); NaN where no rule asks.
        reasons: Why a day is not eligible; empty where it is.
        readmissible: Rows that are not eligible only because of another event.
        outages: Rows that are not eligible only because of an outage.
    """

    days: tuple[date, ...]
    window_kwh: NDArray[np.float64]
    adjustment_kwh: NDArray[np.float64]
    daily_kwh: NDArray[np.float64]
    distance: NDArray[np.float64]
    reasons: tuple[str, ...]
    readmissible: tuple[int, ...]
    outages: tuple[int, ...] = ()

    @property
    def eligible(self) -> list[int]:
        """Rows of the eligible days."""
        return [row for row, reason in enumerate(self.reasons) if not reason]


def event_day_type(case: Case) -> DayType:
    """Return the day type of the event day.

    Raises:
        DataRefusedError: The rule has no day type for it.
    """
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
    case: Case,
    day_type: DayType,
    starts_utc: Sequence[datetime],
    adjustment_starts_utc: Sequence[datetime],
    max_calendar_days: int,
) -> Candidates:
    """Return every day of the look-back, nearest first, eligible or not.

    Args:
        case: What is computed.
        day_type: Type of the event day.
        starts_utc: Intervals of the event day whose clock times are read on every day.
        adjustment_starts_utc: Intervals of the adjustment window on the event day.
        max_calendar_days: How far back the look-back reaches.
    """
    days, by_calendar, like = _days_nearest_first(case.rule, case.event_day, max_calendar_days)
    n = len(starts_utc)
    rows = case.on_days(days, (*starts_utc, *adjustment_starts_utc))
    whole = case.whole_days(days) if _needs_whole_day(case) else None
    by_distance = case.rule.rank is not None and case.rule.rank.order == NEAREST
    distance = np.full(len(days), np.nan)
    if by_distance:
        distance[list(like)] = distances(case, tuple(days[row] for row in like))
    by_event = event_days(case, day_type)
    by_site = site_days(case)
    disturbed: NDArray[np.bool_] = np.any(rows.disturbed[:, n:], axis=1)
    missing_ratio, is_complete = _data(case, rows, whole)
    reasons = list(by_calendar)
    readmissible: list[int] = []
    outages: list[int] = []
    for row in like:
        event, other = by_event.get(days[row], ""), by_site.get(days[row], "")
        data = ""
        if not is_complete[row]:
            data = f"incomplete data ({missing_ratio[row]:.2%} not measured)"
        elif by_distance and np.isnan(distance[row]):
            data = "incomplete data (hours or temperatures that days are compared by)"
        window = "adjustment window in another event" if disturbed[row] else ""
        reasons[row] = other or event or window or data
        if event and not other and not data:
            readmissible.append(row)
        if other == OUTAGE and not data:
            outages.append(row)
    return Candidates(
        days=days,
        window_kwh=rows.energy_kwh[:, :n],
        adjustment_kwh=rows.energy_kwh[:, n:],
        daily_kwh=np.full(len(days), np.nan) if whole is None else whole[0],
        distance=distance,
        reasons=tuple(reasons),
        readmissible=tuple(readmissible),
        outages=tuple(outages),
    )


@lru_cache(maxsize=1024)
def _days_nearest_first(
    rule: BaselineRule, event_day: date, max_calendar_days: int
) -> tuple[tuple[date, ...], tuple[str, ...], tuple[int, ...]]:
    """Return the days of the look-back, what the calendar says against each, and the rows left."""
    assert rule.lookback is not None  # check_rule refuses such a rule  # noqa: S101
    signs = (1, -1) if rule.lookback.direction == "both" else (-1,)
    distances_in_days = range(1, max_calendar_days + 1)
    days = tuple(event_day + timedelta(sign * n) for n in distances_in_days for sign in signs)
    reasons = [_reason_of_calendar(rule, event_day, day) for day in days]
    most = rule.lookback.max_candidate_days
    like = [row for row, reason in enumerate(reasons) if not reason]
    if most is not None and len(like) > most:
        days, reasons, like = days[: like[most - 1] + 1], reasons[: like[most - 1] + 1], like[:most]
    return days, tuple(reasons), tuple(like)


def _reason_of_calendar(rule: BaselineRule, event_day: date, day: date) -> str:
    assert rule.lookback is not None  # check_rule refuses such a rule  # noqa: S101
    if abs((event_day - day).days) < rule.lookback.gap_days:
        return f"gap day: the nearest candidate lies {rule.lookback.gap_days} days away"
    own_type, event_type = day_type_of(rule, day), day_type_of(rule, event_day)
    assert event_type is not None  # event_day_type refuses such a day  # noqa: S101
    if own_type is None or own_type.name != event_type.name:
        holiday = holiday_name(rule, day)
        other = own_type.name if own_type else f"{day:%A}"
        return f"holiday ({holiday})" if holiday else f"other day type ({other})"
    if rule.lookback.season_bound and season_of(rule, day) != season_of(rule, event_day):
        return f"other season ({season_of(rule, day) or 'none'})"
    clock = program_clock(rule.settlement_clock)
    if rule.dst_policy == "exclude_transition_days" and clock.is_transition_day(day):
        return f"clock change: a day of {clock.day(day).duration_h:.0f} hours"
    return "declared exclusion" if day in rule.exclusions.extra_days else ""


def _needs_whole_day(case: Case) -> bool:
    rule = case.rule
    daily_metric = "daily_energy" in (rule.low_usage.metric, rule.rank and rule.rank.metric)
    return daily_metric or rule.exclusions.incomplete_days.within == "whole_day"


def event_days(case: Case, day_type: DayType) -> dict[date, str]:
    """Return the days of other events that a rule drops, each with its reason."""
    own = case.rule.exclusions.own_event_days
    if not day_type.screened or own == "none":
        return {}
    unpaid = case.site.denied_windows if own == "settled_only" else ()
    windows = [window for window in case.other_event_windows if window not in unpaid]
    return dict.fromkeys(_days_of(case, windows), "event day")


def site_days(case: Case) -> dict[date, str]:
    """Return the days that the site's own facts drop, each with its reason."""
    exclusions, site = case.rule.exclusions, case.site
    found: dict[date, str] = {}
    if exclusions.declared_shutdown_days is not None:
        found |= dict.fromkeys(shutdown_days(case.rule, site.shutdown_days), "declared shutdown")
    if exclusions.outage_days:
        found |= dict.fromkeys(site.outage_days, OUTAGE)
    if exclusions.notified_not_dispatched:
        notified = _days_of(case, site.undispatched_windows)
        found |= dict.fromkeys(notified, "notified, not dispatched")
    if exclusions.other_program_event_days:
        elsewhere = _days_of(case, site.other_program_windows)
        found |= dict.fromkeys(elsewhere, "event day of another program")
    return found


def _days_of(case: Case, windows: Iterable[Interval]) -> set[date]:
    return {day for window in windows for day in case.clock.days_of(window)}


def _data(
    case: Case,
    rows: DayRows,
    whole: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return how much of each day was not measured, and whether that is little enough."""
    unknown: NDArray[np.bool_] = np.any(np.isnan(rows.energy_kwh), axis=1)
    missing_ratio = 1.0 - rows.coverage_ratio.mean(axis=1)
    if whole is not None:
        daily_kwh, missing_ratio = whole
        unknown |= np.isnan(daily_kwh)
    limit = case.rule.exclusions.incomplete_days.max_missing_fraction
    return missing_ratio, ~unknown & (missing_ratio <= limit + TOLERANCE)
