"""What of many windows under one rule is the same for every meter: days, clock times, day types.

Here: which windows and rules tables can compute at all. Not here: any meter's load (meter_days.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.calendar import ClockLabel, ProgramClock, day_type_of, program_clock
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.baselines.rule_days import DayType, Rank
from negawatt.models.domain.interval import Interval
from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE

SEED_DAYS: Final = 30
"""The low-usage seed is the highest load of so many days before the event."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """What is the same for every meter.

    Attributes:
        rule: The rule.
        rank: Its rank.
        clock: Its clock.
        labels: Clock times of the event's intervals, then of the adjustment window's.
        interval_count: How many of them are the event's.
        days: Every day that is looked at, oldest first.
        event_days: Position of each window's day among them.
        in_tables: Windows that tables can compute.
        plain: Days whose clock times meet no event and no change of the clock, shape (n_days,).
    """

    rule: BaselineRule
    rank: Rank
    clock: ProgramClock
    labels: tuple[ClockLabel, ...]
    interval_count: int
    days: tuple[date, ...]
    event_days: NDArray[np.intp]
    in_tables: NDArray[np.bool_]
    plain: NDArray[np.bool_]

    @property
    def per_h(self) -> float:
        """Power per energy of one interval [1/h]."""
        return S_PER_H / (self.rule.interval_minutes * S_PER_MINUTE)

    def candidate_days(self, day_type: DayType) -> NDArray[np.bool_]:
        """Return the days that the calendar lets stand for a day of a type, shape (n_days,)."""
        without = set(self.rule.exclusions.extra_days)
        if self.rule.dst_policy == "exclude_transition_days":
            without |= {day for day in self.days if self.clock.is_transition_day(day)}
        types = (day_type_of(self.rule, day) for day in self.days)
        return np.array(
            [
                found is not None and found.name == day_type.name and day not in without
                for day, found in zip(self.days, types, strict=True)
            ]
        )


def plans_of(
    rule: BaselineRule,
    windows: Sequence[Interval],
    other_event_windows: Sequence[Interval],
    notified_ahead: timedelta | None,
) -> tuple[Plan, ...]:
    """Return what tables need to know, one plan for each clock time of the windows.

    Args:
        rule: The rule.
        windows: Windows of equal length.
        other_event_windows: Events of the sites.
        notified_ahead: How long before each window the sites were notified.

    Returns:
        Plans; none where tables cannot compute the rule.
    """
    by_notification = rule.adjustment.by_window and rule.adjustment.anchor == "notification"
    if not _is_plain(rule) or (by_notification and notified_ahead is None):
        return ()
    clock = program_clock(rule.settlement_clock)
    ahead = notified_ahead if by_notification and notified_ahead else timedelta(0)
    labels = [tuple(_labels(rule, clock, window, ahead)) for window in windows]
    touched = {day for window in other_event_windows for day in clock.days_of(window)}
    return tuple(
        _plan(rule, clock, windows, np.array([found == own for found in labels]), own, touched)
        for own in dict.fromkeys(labels)
    )


def _plan(
    rule: BaselineRule,
    clock: ProgramClock,
    windows: Sequence[Interval],
    is_own: NDArray[np.bool_],
    labels: tuple[ClockLabel, ...],
    touched: set[date],
) -> Plan:
    assert rule.rank is not None  # check_rule refuses such a rule  # noqa: S101
    assert rule.lookback is not None  # check_rule refuses such a rule  # noqa: S101
    event_dates = [clock.local_date(window.start_utc) for window in windows]
    back = timedelta(days=max(rule.lookback.max_calendar_days, SEED_DAYS) + 1)
    first, last = min(event_dates) - back, max(event_dates) + timedelta(1)
    days = tuple(first + timedelta(n) for n in range((last - first).days + 1))
    uneven = {day for day in days if clock.is_transition_day(day)}
    offsets = {0, *(label.day_offset for label in labels)}
    near = {day - timedelta(offset) for day in touched | uneven for offset in offsets}
    fits = [
        len(list(clock.days_of(window))) == 1
        and day not in near
        and day_type_of(rule, day) is not None
        for window, day in zip(windows, event_dates, strict=True)
    ]
    return Plan(
        rule=rule,
        rank=rule.rank,
        clock=clock,
        labels=labels,
        interval_count=len(_starts(rule, windows[0], windows[0])),
        days=days,
        event_days=np.array([(day - first).days for day in event_dates]),
        in_tables=is_own & np.array(fits),
        plain=np.array([day not in near for day in days]),
    )


def _is_plain(rule: BaselineRule) -> bool:
    """Say whether the rule takes the nearest days that are complete, and a mean of some.

    Cells in which a low-usage screen drops a day are left to the engine, so its passes are alike.
    """
    screen = rule.low_usage
    return (
        rule.algorithm == "x_of_y"
        and rule.rank is not None
        and not rule.rank.metric.endswith("_distance")
        and rule.lookback is not None
        and rule.lookback.direction == "past"
        and not rule.lookback.season_bound
        and rule.exclusions.incomplete_days.within == "event_and_adjustment_window"
        and rule.aggregator == "mean"
        and rule.flat == "none"
        and rule.baseline_hours is None
        and rule.adjustment.kind != "weather"
        and rule.adjustment.anchor in ("event_start", "notification")
        and screen.metric == "mean_event_window"
        and screen.reference != "running_mean"
        and not any(step.stage == "baseline" for step in rule.rounding)
    )


def _labels(
    rule: BaselineRule, clock: ProgramClock, window: Interval, ahead: timedelta
) -> Iterator[ClockLabel]:
    """Yield the clock times of a window's intervals and of its adjustment window's."""
    day, adjustment = clock.local_date(window.start_utc), rule.adjustment
    starts_utc = _starts(rule, window, window)
    around = []
    if adjustment.by_window and adjustment.pre is not None:
        around.append(adjustment.pre.around(window.start_utc - ahead))
    if adjustment.by_window and adjustment.post is not None:
        around.append(adjustment.post.around(window.end_utc))
    for span in around:
        starts_utc += [s for s in _starts(rule, span, window) if s not in starts_utc]
    return (clock.label(start_utc, day) for start_utc in starts_utc)


def _starts(rule: BaselineRule, span: Interval, window: Interval) -> list[datetime]:
    """Return the intervals wholly inside a span, on the grid of a window."""
    step, origin_utc = timedelta(minutes=rule.interval_minutes), window.start_utc
    first = -((origin_utc - span.start_utc) // step)
    last = (span.end_utc - origin_utc) // step
    return [origin_utc + step * position for position in range(first, last)]
