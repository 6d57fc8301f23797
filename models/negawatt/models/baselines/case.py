"""One baseline to compute: rule, load at the rule's interval, event, checked against each other.

Here: bringing finer load to the rule's interval, reading windows, and hiding the event window, so
that no method can read what the site did during the event. Not here: the methods.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.calendar import ProgramClock, program_clock
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries

_EPSILON = 1e-9  # a share summed from floats


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
        return self.missing_ratio <= max_missing_fraction + _EPSILON


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """One event under one rule on one load.

    Attributes:
        rule: The rule.
        clock: The rule's clock.
        history: Load at the rule's interval, not known inside the event window.
        event: The event window.
        metered_kwh: Energy of the event's intervals [kWh], for the result only.
        other_event_windows: Other events of the site, oldest first.
        notified_at_utc: When the site was told, if known.
        ramp_minutes: How long before the event the load was being lowered already [min].
    """

    rule: BaselineRule
    clock: ProgramClock
    history: LoadSeries
    event: Interval
    metered_kwh: NDArray[np.float64]
    other_event_windows: tuple[Interval, ...]
    notified_at_utc: datetime | None
    ramp_minutes: float

    @property
    def event_day(self) -> date:
        """The local day on which the event starts."""
        return self.clock.local_date(self.event.start_utc)

    @property
    def event_starts_utc(self) -> tuple[datetime, ...]:
        """Start of each interval of the event."""
        return self.starts_in(self.event)

    def starts_in(self, window: Interval) -> tuple[datetime, ...]:
        """Return the start of each interval that lies wholly inside a window."""
        step, origin_utc = self.history.interval, self.history.start_utc
        first = -((origin_utc - window.start_utc) // step)
        last = (window.end_utc - origin_utc) // step
        return tuple(origin_utc + step * position for position in range(first, last))

    def undisturbed(self, starts_utc: Iterable[datetime]) -> tuple[datetime, ...]:
        """Return the intervals that overlap neither this event nor another."""
        disturbing = (self.event, *self.other_event_windows)
        step = self.history.interval
        return tuple(
            start_utc
            for start_utc in starts_utc
            if not any(w.overlaps(Interval(start_utc, start_utc + step)) for w in disturbing)
        )

    def on_event_day(self, starts_utc: Sequence[datetime]) -> Window:
        """Return what is known of some intervals."""
        return self._window([(start_utc,) for start_utc in starts_utc])

    def on_day(self, day: date, starts_utc: Sequence[datetime]) -> Window:
        """Return another day's load at the clock times at which intervals start.

        A clock time that does not exist on that day is not known; of one that occurs twice the
        mean is taken.
        """
        labels = [self.clock.label(start_utc, self.event_day) for start_utc in starts_utc]
        return self._window([self.clock.instants_utc(day, label) for label in labels])

    def whole_day(self, day: date) -> Window:
        """Return a local day from midnight to midnight."""
        return self.on_event_day(self.starts_in(self.clock.day(day)))

    def _window(self, instants_utc: Sequence[tuple[datetime, ...]]) -> Window:
        energy_kwh = np.array([self._mean_kwh(moments) for moments in instants_utc])
        coverage = [self._coverage_ratio(moments) for moments in instants_utc]
        missing_ratio = 1.0 - sum(coverage) / len(coverage) if coverage else 1.0
        return Window(energy_kwh, missing_ratio)

    def _positions(self, moments_utc: tuple[datetime, ...]) -> list[int]:
        positions = [self.history.index_of(moment_utc) for moment_utc in moments_utc]
        inside = all(0 <= position < len(self.history.energy_kwh) for position in positions)
        return positions if inside else []

    def _mean_kwh(self, moments_utc: tuple[datetime, ...]) -> float:
        positions = self._positions(moments_utc)
        return float(self.history.energy_kwh[positions].mean()) if positions else float("nan")

    def _coverage_ratio(self, moments_utc: tuple[datetime, ...]) -> float:
        positions = self._positions(moments_utc)
        if not positions or np.isnan(self.history.energy_kwh[positions]).any():
            return 0.0
        return float(self.history.coverage_ratio[positions].mean())


def at_interval(load: LoadSeries, interval_minutes: int) -> LoadSeries:
    """Sum a load to a longer interval; a part that is not known makes the whole not known.

    Hours that the series covers only in part, at its two ends, are left out.

    Args:
        load: Load whose interval divides the longer one.
        interval_minutes: The longer interval [min].

    Raises:
        DataRefusedError: The interval does not divide it, or no whole interval is covered.

    Examples:
        >>> halves = LoadSeries(meter_id="m", start_utc=datetime(2026, 7, 1, tzinfo=UTC),
        ...     interval_minutes=30, energy_kwh=np.array([1.0, 2.0, 3.0, np.nan]),
        ...     coverage_ratio=np.ones(4))
        >>> at_interval(halves, 60).energy_kwh
        array([ 3., nan])
    """
    if interval_minutes % load.interval_minutes:
        raise DataRefusedError(
            thing=f"load of meter {load.meter_id!r}",
            expected=f"an interval that divides the rule's {interval_minutes} minutes",
            found=f"{load.interval_minutes} minutes",
            remedy="give finer data or choose a program of longer interval",
        )
    midnight_utc = datetime.combine(load.start_utc.date(), datetime.min.time(), UTC)
    late = (load.start_utc - midnight_utc) % timedelta(minutes=interval_minutes)
    parts = interval_minutes // load.interval_minutes
    skipped = -(late // load.interval) % parts
    kept = (len(load.energy_kwh) - skipped) // parts * parts
    if kept <= 0:
        raise DataRefusedError(
            thing=f"load of meter {load.meter_id!r}",
            expected=f"at least one whole interval of {interval_minutes} minutes",
            found=f"{len(load.energy_kwh)} intervals of {load.interval_minutes} minutes",
            remedy="give more data",
        )
    span = slice(skipped, skipped + kept)
    return LoadSeries(
        meter_id=load.meter_id,
        start_utc=load.start_utc + load.interval * skipped,
        interval_minutes=interval_minutes,
        energy_kwh=load.energy_kwh[span].reshape(-1, parts).sum(axis=1),
        coverage_ratio=load.coverage_ratio[span].reshape(-1, parts).mean(axis=1),
    )


def make_case(
    rule: BaselineRule,
    load: LoadSeries,
    event: Interval,
    *,
    other_event_windows: Sequence[Interval],
    notified_at_utc: datetime | None,
    ramp_minutes: float = 0.0,
) -> Case:
    """Check that rule, load and event fit, and hide the event window from the methods.

    Raises:
        DataRefusedError: The load's interval or the edges of the event do not fit the rule's
            interval.
    """
    at_rule = at_interval(load, rule.interval_minutes)
    _refuse_off_grid(rule, at_rule, event)
    metered_kwh = at_rule.energy_kwh_in(event)
    hidden_kwh = at_rule.energy_kwh.copy()
    first, last = at_rule.index_of(event.start_utc), at_rule.index_of(event.end_utc)
    hidden_kwh[max(first, 0) : max(last, 0)] = np.nan
    return Case(
        rule=rule,
        clock=program_clock(rule.settlement_clock),
        history=LoadSeries(
            meter_id=at_rule.meter_id,
            start_utc=at_rule.start_utc,
            interval_minutes=at_rule.interval_minutes,
            energy_kwh=hidden_kwh,
            coverage_ratio=at_rule.coverage_ratio,
        ),
        event=event,
        metered_kwh=metered_kwh,
        other_event_windows=tuple(sorted(set(other_event_windows))),
        notified_at_utc=notified_at_utc,
        ramp_minutes=ramp_minutes,
    )


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
