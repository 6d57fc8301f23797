"""Placebo events: the same clock hours on days without an event, settled by the code that pays.

Here: which days, and what each rule makes of them. Not here: the baselines
(negawatt.models.baselines.many, which equals the engine), accuracy and gates (accuracy.py,
gates.py).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from negawatt.models.backtest.accuracy import Accuracy, accuracy
from negawatt.models.backtest.bands import Coverage, coverage, half_widths
from negawatt.models.baselines.calendar import ProgramClock, holidays_of
from negawatt.models.baselines.many import many_baselines
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.baselines.site_inputs import SiteInputs
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.uncertainty.conformal import LEVEL_RATIO, finite_sample_quantile

Array = NDArray[np.float64]

_SATURDAY = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MethodTest:
    """One rule or model on the placebo events of one meter.

    Attributes:
        name: The program, or what the model is called.
        rule: The rule; None for a model.
        baseline_kwh: Adjusted baseline [kWh], shape (n_events, n_intervals); NaN where the rule
            gives none.
        metered_kwh: What was metered [kWh], same shape.
        refused: Why an event has no baseline, by its place among the events.
        accuracy: How far it was off; None where no event has a baseline.
        band_ratio: Half-width of the 90 % band of the next event over its energy; None where the
            events are too few.
        coverage: How often such bands, made from earlier events only, held; None likewise.
    """

    name: str
    rule: BaselineRule | None
    baseline_kwh: Array
    metered_kwh: Array
    refused: dict[int, str]
    accuracy: Accuracy | None
    band_ratio: float | None
    coverage: Coverage | None


def is_business_day(day: date, calendar: str) -> bool:
    """Say whether a day is Monday to Friday and no holiday of a calendar.

    Examples:
        >>> [is_business_day(date(2026, 5, d), "nerc") for d in (22, 23, 25)]
        [True, False, False]
    """
    return day.weekday() < _SATURDAY and day not in holidays_of(calendar, day.year)


def recent_windows(
    load: LoadSeries,
    clock: ProgramClock,
    hours: tuple[time, time],
    *,
    is_like: Callable[[date], bool],
    count: int,
) -> tuple[Interval, ...]:
    """Return the same clock hours of the most recent ordinary days that a load holds, oldest first.

    Days on which the clock is set are left out.

    Args:
        load: The load; the last windows end inside it.
        clock: Whose days and hours.
        hours: First and last instant of the window; an end at or before the start is on the day
            after.
        is_like: Says whether a day is like those on which events are called, and no event
            touched it.
        count: How many at most.

    Raises:
        DataRefusedError: The load holds no such day.
    """
    windows = (
        _window(clock, day, hours)
        for day in _days_back(clock, load)
        if is_like(day) and not clock.is_transition_day(day)
    )
    held = (w for w in windows if load.start_utc <= w.start_utc and w.end_utc <= load.end_utc)
    found = tuple(islice(held, count))[::-1]
    if not found:
        raise DataRefusedError(
            thing=f"load of meter {load.meter_id!r}",
            expected="at least one day without an event, as long as the window",
            found="none",
            remedy="supply a longer load, or choose other hours or days",
        )
    return found


def back_test(
    rules: Iterable[BaselineRule],
    load: LoadSeries,
    windows: Sequence[Interval],
    *,
    events: Sequence[Interval] = (),
    site: SiteInputs | None = None,
) -> Iterator[MethodTest]:
    """Yield what each rule makes of the placebo events, one rule after the other.

    Args:
        rules: Rules of programs.
        load: The meter's load.
        windows: The placebo events, of equal length, oldest first.
        events: Real events of the site, which no rule may look at.
        site: What else is known of the site.
    """
    sites = [SiteInputs() if site is None else site]
    for rule in rules:
        found = many_baselines(rule, [load], windows, other_event_windows=events, sites=sites)
        baseline_kwh, metered_kwh = found.adjusted_baseline_kwh[0], found.metered_kwh[0]
        refused = {j: why for (_, j), why in found.refused.items()}
        yield judged(rule.program_id, baseline_kwh, metered_kwh, refused=refused, rule=rule)


def judged(
    name: str,
    baseline_kwh: Array,
    metered_kwh: Array,
    *,
    refused: dict[int, str],
    rule: BaselineRule | None = None,
) -> MethodTest:
    """Return accuracy, band and coverage of a method on placebo events, oldest first."""
    error_kwh = (baseline_kwh - metered_kwh).sum(axis=1)
    metered_sum_kwh = metered_kwh.sum(axis=1)
    known = np.isfinite(error_kwh) & (metered_sum_kwh > 0)
    error_ratio = error_kwh[known] / metered_sum_kwh[known]
    widths = half_widths(error_ratio)
    has_bands = bool(np.isfinite(widths).any())
    return MethodTest(
        name=name,
        rule=rule,
        baseline_kwh=baseline_kwh,
        metered_kwh=metered_kwh,
        refused=refused,
        accuracy=accuracy(baseline_kwh, metered_kwh) if known.any() else None,
        band_ratio=finite_sample_quantile(np.abs(error_ratio).tolist(), LEVEL_RATIO),
        coverage=coverage(error_ratio, widths, np.ones_like(widths)) if has_bands else None,
    )


def _days_back(clock: ProgramClock, load: LoadSeries) -> Iterator[date]:
    day, first = clock.local_date(load.end_utc), clock.local_date(load.start_utc)
    while day >= first:
        yield day
        day -= timedelta(1)


def _window(clock: ProgramClock, day: date, hours: tuple[time, time]) -> Interval:
    start, end = hours
    last_day = day if end > start else day + timedelta(1)
    return Interval(
        clock.day(day).start_utc + _since_midnight(start),
        clock.day(last_day).start_utc + _since_midnight(end),
    )


def _since_midnight(wall: time) -> timedelta:
    return datetime.combine(date.min, wall) - datetime.combine(date.min, time())
