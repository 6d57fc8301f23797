"""One baseline to compute: rule, load at the rule's interval, event, checked against each other.

Here: reading windows of the event day and of other days, and hiding the event window, so that no
method can read what the site did during the event. Not here: the methods, and bringing the load to
the rule's interval (intervals.py).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.calendar import ProgramClock, program_clock
from negawatt.models.baselines.clocked import (
    labels_of,
    positions_on_days,
    values_at,
    whole_days_kwh,
)
from negawatt.models.baselines.intervals import at_interval
from negawatt.models.baselines.reach import within_reach
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.baselines.site_inputs import SiteInputs
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.interval import Interval
from negawatt.models.domain.units import S_PER_H
from negawatt.models.metering.load_series import LoadSeries

TOLERANCE: Final = 1e-9
"""Slack of a share that is summed from floats."""


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """What the meter says about some intervals.

    Attributes:
        energy_kwh: Energy of each interval [kWh], shape (n,); NaN where it is not known.
        missing_ratio: Share of the window that was not measured, 0 to 1; 1 for no interval.
    """

    energy_kwh: NDArray[np.float64]
    missing_ratio: float

    def is_complete(self, max_missing_fraction: float) -> bool:
        """Say whether no more is missing than a rule allows."""
        return self.missing_ratio <= max_missing_fraction + TOLERANCE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayRows:
    """What the meter says about the same clock times of several days.

    Attributes:
        energy_kwh: Energy [kWh], shape (n_days, n); NaN where it is not known.
        coverage_ratio: Measured share, 0 to 1, shape (n_days, n); 0 where nothing is known.
        disturbed: Whether an event, this or another, lies in the interval, shape (n_days, n).
    """

    energy_kwh: NDArray[np.float64]
    coverage_ratio: NDArray[np.float64]
    disturbed: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """One event under one rule on one load.

    Attributes:
        rule: The rule.
        clock: The rule's clock.
        history: Load at the rule's interval, not known inside the event window.
        event: The event window; the same-day windows count from its edges.
        part: The part of it whose baseline is computed: all of it, or one local day's.
        metered_kwh: Energy of the part's intervals [kWh], for the result only.
        other_event_windows: Other events of the site, oldest first.
        notified_at_utc: When the site was told, if known.
        ramp_minutes: How long before the event the load was being lowered already [min].
        site: What else is known of the site.
        event_span: Positions of the event in the history, the end outside.
        other_spans: The same for other events that are near enough to matter.
    """

    rule: BaselineRule
    clock: ProgramClock
    history: LoadSeries
    event: Interval
    part: Interval
    metered_kwh: NDArray[np.float64]
    other_event_windows: tuple[Interval, ...]
    notified_at_utc: datetime | None
    ramp_minutes: float
    site: SiteInputs
    event_span: tuple[int, int]
    other_spans: tuple[tuple[int, int], ...]

    @property
    def event_day(self) -> date:
        """The local day on which the part starts."""
        return self.clock.local_date(self.part.start_utc)

    @property
    def per_h(self) -> float:
        """Power per energy of one interval [1/h]."""
        return S_PER_H / self.history.interval.total_seconds()

    @property
    def event_starts_utc(self) -> tuple[datetime, ...]:
        """Start of each interval of the part."""
        return self.starts_in(self.part)

    def starts_in(self, window: Interval) -> tuple[datetime, ...]:
        """Return the start of each interval that lies wholly inside a window."""
        step, origin_utc = self.history.interval, self.history.start_utc
        first = -((origin_utc - window.start_utc) // step)
        last = (window.end_utc - origin_utc) // step
        return tuple(origin_utc + step * position for position in range(first, last))

    def undisturbed(
        self, starts_utc: Iterable[datetime], *, visible: timedelta = timedelta(0)
    ) -> tuple[datetime, ...]:
        """Return the intervals that overlap neither this event, but its first part, nor another."""
        starts_utc = tuple(starts_utc)
        disturbed = self._disturbed(self._positions(starts_utc), visible)
        return tuple(s for s, gone in zip(starts_utc, disturbed, strict=True) if not gone)

    def on_event_day(self, starts_utc: Sequence[datetime]) -> Window:
        """Return what is known of some intervals."""
        energy_kwh, coverage_ratio = values_at(self.history, self._positions(starts_utc))
        missing_ratio = 1.0 - float(coverage_ratio.mean()) if len(starts_utc) else 1.0
        return Window(energy_kwh, missing_ratio)

    def on_days(self, days: tuple[date, ...], starts_utc: Sequence[datetime]) -> DayRows:
        """Return other days' load at the clock times at which intervals of the event day start.

        A clock time that does not exist on a day is not known; of one that occurs twice the mean
        is taken.
        """
        labels = labels_of(self.clock, tuple(starts_utc), self.event_day)
        positions, irregular = positions_on_days(self.clock, self.history, days, labels)
        energy_kwh, coverage_ratio = values_at(self.history, positions)
        disturbed = self._disturbed(positions)
        for row in irregular:
            for column, label in enumerate(labels):
                twice = self._positions(self.clock.instants_utc(days[row], label))
                energy, coverage = values_at(self.history, twice)
                known = bool(len(twice)) and not np.isnan(energy).any()
                energy_kwh[row, column] = energy.mean() if known else np.nan
                coverage_ratio[row, column] = coverage.mean() if known else 0.0
                disturbed[row, column] = self._disturbed(twice).any()
        return DayRows(energy_kwh=energy_kwh, coverage_ratio=coverage_ratio, disturbed=disturbed)

    def whole_days(self, days: tuple[date, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the energy of local days [kWh] and the share of each that was not measured."""
        return whole_days_kwh(self.clock, self.history, days)

    def _positions(self, starts_utc: Sequence[datetime]) -> NDArray[np.int64]:
        origin_s, step_s = int(self.history.start_utc.timestamp()), self.history.interval.seconds
        starts_s = np.array([int(start_utc.timestamp()) for start_utc in starts_utc], np.int64)
        return (starts_s - origin_s) // step_s

    def _disturbed(
        self, positions: NDArray[np.int64], visible: timedelta = timedelta(0)
    ) -> NDArray[np.bool_]:
        first, last = self.event_span
        visible_count = visible // self.history.interval
        disturbed = (positions >= first + visible_count) & (positions < last)
        for first, last in self.other_spans:
            disturbed |= (positions >= first) & (positions < last)
        return disturbed


def make_case(
    rule: BaselineRule,
    load: LoadSeries,
    event: Interval,
    *,
    other_event_windows: Sequence[Interval],
    notified_at_utc: datetime | None,
    ramp_minutes: float = 0.0,
    site: SiteInputs | None = None,
) -> Case:
    """Check that rule, load and event fit, and hide the event window from the methods.

    Raises:
        DataRefusedError: The load's interval or the edges of the event do not fit the rule's
            interval.
    """
    others = tuple(sorted(set(other_event_windows)))
    near = within_reach(rule, load, event, others)
    at_rule = at_interval(near, rule.interval_minutes, flat_profile=rule.coarser_data != "refuse")
    _refuse_off_grid(rule, at_rule, event)
    hidden_kwh = at_rule.energy_kwh.copy()
    first, last = at_rule.index_of(event.start_utc), at_rule.index_of(event.end_utc)
    if rule.same_day is not None:
        first += rule.same_day.into_event_minutes // rule.interval_minutes
    hidden_kwh[max(first, 0) : max(last, 0)] = np.nan
    return Case(
        rule=rule,
        clock=program_clock(rule.settlement_clock),
        history=replace(at_rule, energy_kwh=hidden_kwh),
        event=event,
        part=event,
        metered_kwh=at_rule.energy_kwh_in(event),
        other_event_windows=others,
        notified_at_utc=notified_at_utc,
        ramp_minutes=ramp_minutes,
        site=site or SiteInputs(),
        event_span=_span(at_rule, event),
        other_spans=tuple(_span(at_rule, window) for window in others),
    )


def _span(load: LoadSeries, window: Interval) -> tuple[int, int]:
    """Return the positions of the intervals that a window touches, the end outside."""
    step_s, origin_s = load.interval.seconds, load.start_utc.timestamp()
    first = (window.start_utc.timestamp() - origin_s) // step_s
    return int(first), -int((origin_s - window.end_utc.timestamp()) // step_s)


def _refuse_off_grid(rule: BaselineRule, at_rule: LoadSeries, event: Interval) -> None:
    for name, edge_utc in (("start", event.start_utc), ("end", event.end_utc)):
        if (edge_utc - at_rule.start_utc) % at_rule.interval:
            raise DataRefusedError(
                thing=f"event {name} under rule {rule.rule_id!r}",
                expected=f"a whole number of {rule.interval_minutes}-minute intervals after "
                "midnight UTC",
                found=edge_utc.isoformat(),
                remedy="choose a program of shorter interval, or the window that the program "
                "settled",
            )
