"""What days are ranked by: their load, their nearness, or how like the event day they were.

Here: one number for each day. Not here: which days are kept by it (x_of_y.py).
"""

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.case import Case
from negawatt.models.baselines.rule_days import Shape
from negawatt.models.baselines.site_inputs import TemperatureSeries, required
from negawatt.models.domain.errors import InsufficientHistoryError
from negawatt.models.domain.interval import Interval

NEAREST: Final = "nearest"


def distances(case: Case, days: tuple[date, ...]) -> NDArray[np.float64]:
    r"""Return how unlike the event day each day was, by the rule's metric.

    .. math::

        d = \sum_h (e_{day,h} - e_{event\,day,h})^2 \quad\text{or}\quad
        d = |T_{max,day} - T_{max,event\,day}|

    Args:
        case: What is computed.
        days: Days to compare.

    Returns:
        Distance [kWh squared, or kelvin], shape (n_days,); NaN where it is not known, and
        everywhere if the rule ranks by something else.

    Raises:
        InsufficientHistoryError: The event day's own hours or temperatures are not known.

    Source: Manual 11 of PJM, match-day baseline; weather matching of CAISO; as recorded in the
    program files.
    """
    rank = case.rule.rank
    if rank is not None and rank.shape is not None:
        return _shape_distances(case, days, rank.shape)
    if rank is not None and rank.metric == "temperature_distance":
        series = required(case.site.temperature, "temperature", case.rule.rule_id)
        own_c = highest_c(case, series, case.event_day)
        if np.isnan(own_c):
            raise _unknown(case, 1, 0, "temperature of the event day")
        return np.array([abs(highest_c(case, series, day) - own_c) for day in days])
    return np.full(len(days), np.nan)


def _shape_distances(case: Case, days: tuple[date, ...], shape: Shape) -> NDArray[np.float64]:
    starts_utc = _compared_starts_utc(case, shape)
    own = case.on_event_day(starts_utc)
    if np.isnan(own.energy_kwh).any() or not starts_utc:
        known = int((~np.isnan(own.energy_kwh)).sum())
        raise _unknown(case, max(len(starts_utc), 1), known, "intervals outside the event")
    rows = case.on_days(days, starts_utc)
    other_kwh = np.where(rows.disturbed, np.nan, rows.energy_kwh)
    return np.asarray(((other_kwh - own.energy_kwh) ** 2).sum(axis=1), dtype=np.float64)


def _compared_starts_utc(case: Case, shape: Shape) -> tuple[datetime, ...]:
    """Return the intervals of the event day, and of days before it, that are compared."""
    buffer = timedelta(hours=shape.buffer_h)
    first_utc = case.clock.day(case.event_day - timedelta(shape.days_before)).start_utc
    spans = [(first_utc, case.event.start_utc - buffer)]
    if shape.after_event:
        spans.append((case.event.end_utc + buffer, case.clock.day(case.event_day).end_utc))
    starts = [case.starts_in(Interval(a, b)) for a, b in spans if a < b]
    return case.undisturbed(start_utc for part in starts for start_utc in part)


def highest_c(case: Case, series: TemperatureSeries, day: date) -> float:
    """Return the highest temperature of a local day [degree Celsius]; NaN where part is unknown."""
    return _highest_c(series, case.clock.day(day))


@lru_cache(maxsize=4096)
def _highest_c(series: TemperatureSeries, hours: Interval) -> float:
    values_c = series.within(hours)
    return float("nan") if np.isnan(values_c).any() else float(values_c.max())


def _unknown(
    case: Case, required_count: int, found_count: int, unit: str
) -> InsufficientHistoryError:
    return InsufficientHistoryError(
        rule_id=case.rule.rule_id,
        required_count=required_count,
        found_count=found_count,
        unit=f"known {unit}",
        remedy="supply it, or choose a program that does not compare days by it",
    )


def rank_values(
    metric: str,
    window_kwh: NDArray[np.float64],
    daily_kwh: NDArray[np.float64],
    distance: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return what days are ranked by, shape (n_days,).

    Args:
        metric: ``mean_event_window``, ``max_event_window``, ``daily_energy``, ``recency``, or a
            distance.
        window_kwh: Energy of the days in the event's hours [kWh], nearest first, shape (n_days, n).
        daily_kwh: Energy of the days [kWh], shape (n_days,).
        distance: How unlike the event day they are, shape (n_days,).

    Examples:
        >>> rank_values("max_event_window", np.array([[1.0, 4.0]]), np.zeros(1), np.zeros(1))
        array([4.])
    """
    if metric.endswith("_distance"):
        return distance
    if metric == "daily_energy":
        return daily_kwh
    if metric == "max_event_window":
        return np.asarray(window_kwh.max(axis=1), dtype=np.float64)
    return np.asarray(window_kwh.mean(axis=1), dtype=np.float64)
