"""The clock of the people at the site: which local hour and weekday every minute has.

Here: only that. It is the one place of the simulation that knows a time zone.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE
from negawatt.models.simulation.plan import HallPlan

_MINUTES_PER_HOUR = S_PER_H // S_PER_MINUTE
_SATURDAY = 5


@dataclass(frozen=True, slots=True, eq=False)
class LocalTime:
    """Local time of consecutive minutes.

    Attributes:
        hour: Hour of the day with its fraction [h], 0 to 24, shape (n_minutes,).
        weekend: Saturday or Sunday, shape (n_minutes,).
        date_index: Days since the first of these minutes' local date, shape (n_minutes,).
    """

    hour: NDArray[np.float64]
    weekend: NDArray[np.bool_]
    date_index: NDArray[np.int64]


def local_time(plan: HallPlan, first_hour: int, n_hours: int) -> LocalTime:
    """Return the local time of every minute of a span of whole hours.

    Time zones change on whole hours UTC, so one conversion an hour is exact.

    Args:
        plan: Gives the start and the zone.
        first_hour: First hour, counted from the start of the simulation; may be negative.
        n_hours: Number of hours.

    Examples:
        >>> plan = HallPlan(site_id="hall", seed=7, start_utc="2026-06-06T00:00:00Z")
        >>> first = local_time(plan, 0, 24)
        >>> float(first.hour[30]), bool(first.weekend[30]), bool(first.weekend[300])
        (20.5, False, True)
    """
    moments = [
        (plan.start_utc + timedelta(hours=first_hour + hour)).astimezone(plan.zone)
        for hour in range(n_hours)
    ]
    minute_of_hour = np.arange(_MINUTES_PER_HOUR)
    minutes = np.array([_minute_of_day(moment) for moment in moments])
    within_day = minutes[:, None] + minute_of_hour
    ordinal = np.array([moment.toordinal() for moment in moments])
    minutes_per_day = 24 * _MINUTES_PER_HOUR
    dates = (ordinal[:, None] + within_day // minutes_per_day).ravel()
    weekday = (dates - 1) % 7
    return LocalTime(
        hour=(within_day % minutes_per_day).ravel() / _MINUTES_PER_HOUR,
        weekend=weekday >= _SATURDAY,
        date_index=dates - dates[0],
    )


def _minute_of_day(moment: datetime) -> int:
    return moment.hour * _MINUTES_PER_HOUR + moment.minute
