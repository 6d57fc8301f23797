"""The load of several meters as local days of 24 clock hours, and which earlier days are like one.

Not here: what is computed from them (features.py). A day of 23 or 25 hours is not known as a whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.calendar import ClockLabel, ProgramClock
from negawatt.models.baselines.clocked import positions_on_days, values_at
from negawatt.models.baselines.intervals import at_interval
from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE
from negawatt.models.metering.load_series import LoadSeries

Array = NDArray[np.float64]

HOURS: Final = tuple(ClockLabel(0, time(hour)) for hour in range(24))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HourlyDays:
    """Energy of meters on local days.

    Attributes:
        dates: Local days, consecutive, length n_days.
        is_like: Which of them are like the events' days, for example business days, (n_days,).
        energy_kwh: Energy of each clock hour [kWh], shape (n_meters, n_days, 24); NaN where it is
            not known.
    """

    dates: tuple[date, ...]
    is_like: NDArray[np.bool_]
    energy_kwh: Array

    def like_days_before(self, count: int) -> NDArray[np.intp]:
        """Return the most recent like days before each day, nearest first, (n_days, count).

        Where there are fewer, -1 stands.

        Examples:
            >>> days = HourlyDays(dates=(), is_like=np.array([True, False, True, True]),
            ...     energy_kwh=np.empty((0, 4, 24)))
            >>> days.like_days_before(2)
            array([[-1, -1],
                   [ 0, -1],
                   [ 0, -1],
                   [ 2,  0]])
        """
        like = np.flatnonzero(self.is_like)
        before = np.searchsorted(like, np.arange(len(self.is_like)))
        places = before[:, np.newaxis] - 1 - np.arange(count)
        found = np.append(like, -1)[np.maximum(places, -1)]
        return np.asarray(found, np.intp)


def hourly_days(
    loads: Sequence[LoadSeries],
    clock: ProgramClock,
    dates: tuple[date, ...],
    is_like: NDArray[np.bool_],
) -> HourlyDays:
    """Return the loads as local days of 24 clock hours.

    Args:
        loads: Load of each meter, of intervals that divide an hour.
        clock: Whose days and hours.
        dates: The days, consecutive.
        is_like: Which of them are like the events' days, shape (n_days,).

    Raises:
        DataRefusedError: An interval does not divide an hour, or no local hour is on the grid.
    """
    tables = []
    for load in loads:
        hourly = at_interval(load, S_PER_H // S_PER_MINUTE)
        positions, uneven = positions_on_days(clock, hourly, dates, HOURS)
        energy_kwh, _ = values_at(hourly, positions)
        energy_kwh[list(uneven)] = np.nan
        tables.append(energy_kwh)
    return HourlyDays(dates=dates, is_like=is_like, energy_kwh=np.stack(tables))
