"""A window of the event day beside the same clock hours of earlier ordinary days like it.

Here: which days, and how unusual the event day is among them. Not here: what that means.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.verification.power import power_kw_in
from negawatt.models.verification.screening.inputs import ScreenInputs
from negawatt.models.verification.screening.thresholds import LikeDayLimits

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A window beside the same clock hours of like days.

    Attributes:
        power_kw_mean: Mean power of the window [kW].
        like_day_kw_mean: Mean over the like days [kW].
        spread_kw: Standard deviation of one more such day: of the days, not below the least that is
            taken for real, and of their mean [kW].
        like_day_count: Like days.
    """

    power_kw_mean: float
    like_day_kw_mean: float
    spread_kw: float
    like_day_count: int

    @property
    def excess_kw(self) -> float:
        """Power above the like days [kW]."""
        return self.power_kw_mean - self.like_day_kw_mean

    @property
    def z(self) -> float:
        """The excess in spreads; 0 where there is neither load nor spread."""
        return self.excess_kw / self.spread_kw if self.spread_kw else 0.0

    def evidence(self) -> dict[str, object]:
        """Return the values that show it."""
        return {
            "power_kw_mean": self.power_kw_mean,
            "like_day_kw_mean": self.like_day_kw_mean,
            "like_day_count": self.like_day_count,
            "z": self.z,
        }


def compare(
    inputs: ScreenInputs,
    load: LoadSeries,
    windows: tuple[Interval, ...],
    limits: LikeDayLimits,
) -> Comparison | None:
    r"""Compare windows of the event day with the same clock hours of the last like days.

    .. math:: z = \frac{x - \bar x_d}{s \sqrt{1 + 1/n}}

    Where a window reaches into other days, those must be like the neighbors of the event's day too:
    the day after a Friday is no workday.

    Args:
        inputs: The event, its clock and the other events.
        load: The load that is compared.
        windows: Windows around the event, taken together.
        limits: How many days, and the least spread.

    Returns:
        The comparison; None where the windows are not all measured, or too few days are.
    """
    fitting = tuple(load.enclosing(window) for window in windows)
    power_kw = _mean_kw(load, fitting)
    not_ordinary = (*inputs.other_event_windows, *fitting)
    like_kw = []
    for day in _days_before(inputs, load, _neighbors(inputs, fitting)):
        of_day = tuple(on_day(window, inputs, day) for window in fitting)
        if any(taken.overlaps(window) for taken in not_ordinary for window in of_day):
            continue
        value_kw = _mean_kw(load, of_day)
        like_kw += [] if np.isnan(value_kw) else [value_kw]
        if len(like_kw) == limits.count:
            break
    count = len(like_kw)
    if np.isnan(power_kw) or count < limits.count_min:
        return None
    mean_kw = float(np.mean(like_kw))
    least_kw = limits.spread_min_ratio * abs(mean_kw)
    spread_kw = max(float(np.std(like_kw, ddof=1)), least_kw) * (1 + 1 / count) ** 0.5
    return Comparison(
        power_kw_mean=power_kw,
        like_day_kw_mean=mean_kw,
        spread_kw=spread_kw,
        like_day_count=count,
    )


def on_day(window: Interval, inputs: ScreenInputs, day: date) -> Interval:
    """Return a window around the event at the same clock time around another day."""
    start_local = window.start_utc.astimezone(inputs.time_zone)
    moved = start_local.date() + (day - inputs.event_date)
    start_utc = datetime.combine(moved, start_local.time(), inputs.time_zone).astimezone(UTC)
    return Interval(start_utc, start_utc + (window.end_utc - window.start_utc))


def mean_kw_on_days(
    load: LoadSeries, window: Interval, inputs: ScreenInputs, days: tuple[date, ...]
) -> float:
    """Return the mean power of a window's clock hours over days [kW]; NaN where not all known."""
    fitting = load.enclosing(window)
    return _mean_kw(load, tuple(on_day(fitting, inputs, day) for day in days))


def _mean_kw(load: LoadSeries, windows: tuple[Interval, ...]) -> float:
    if not windows:
        return float("nan")
    return float(np.concatenate([power_kw_in(load, window) for window in windows]).mean())


def _neighbors(inputs: ScreenInputs, windows: tuple[Interval, ...]) -> set[timedelta]:
    """Return how far the local days that the windows touch lie from the event's day."""
    found = set()
    for window in windows:
        first = window.start_utc.astimezone(inputs.time_zone).date() - inputs.event_date
        last_utc = window.end_utc - timedelta(microseconds=1)
        last = last_utc.astimezone(inputs.time_zone).date() - inputs.event_date
        found |= {first + n * _ONE_DAY for n in range((last - first).days + 1)}
    return found - {timedelta(0)}


def _days_before(
    inputs: ScreenInputs, load: LoadSeries, neighbors: set[timedelta]
) -> Iterator[date]:
    """Yield the like days before the event's, most recent first."""
    first = load.start_utc.astimezone(inputs.time_zone).date()
    own = {apart: inputs.is_like_day(inputs.event_date + apart) for apart in neighbors}
    day = inputs.event_date - _ONE_DAY
    while day >= first:
        if inputs.is_like_day(day) and all(
            inputs.is_like_day(day + apart) == is_like for apart, is_like in own.items()
        ):
            yield day
        day -= _ONE_DAY
