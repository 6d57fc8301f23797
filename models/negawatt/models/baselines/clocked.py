"""Where the clock times of local days lie in a load, for many days at once.

Here: positions and values. Not here: which days and clock times matter (case.py, meter_days.py).
"""

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.calendar import ClockLabel, ProgramClock
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.units import S_PER_H
from negawatt.models.metering.load_series import LoadSeries

_S_PER_DAY: Final = 24 * S_PER_H


@lru_cache(maxsize=1024)
def labels_of(
    clock: ProgramClock, starts_utc: tuple[datetime, ...], day: date
) -> tuple[ClockLabel, ...]:
    """Return what the clock shows at instants, relative to a local day."""
    return tuple(clock.label(start_utc, day) for start_utc in starts_utc)


@lru_cache(maxsize=1024)
def _day_starts(
    clock: ProgramClock, days: tuple[date, ...], day_offset: int
) -> tuple[NDArray[np.int64], tuple[int, ...]]:
    """Return when days start [s since 1970], and the rows of those of 23 or 25 hours."""
    hours = [clock.day(day + timedelta(day_offset)) for day in days]
    starts_s = np.array([int(window.start_utc.timestamp()) for window in hours], np.int64)
    uneven = tuple(row for row, day in enumerate(hours) if day.duration_s != _S_PER_DAY)
    return starts_s, uneven


def positions_on_days(
    clock: ProgramClock,
    history: LoadSeries,
    days: tuple[date, ...],
    labels: tuple[ClockLabel, ...],
) -> tuple[NDArray[np.int64], tuple[int, ...]]:
    """Return where clock times of days lie in a load, and the rows for which that does not hold.

    On a day of 24 hours a clock time is that long after midnight; of the other days the rows are
    named, and their positions mean nothing.

    Args:
        clock: The program's clock.
        history: The load.
        days: Local days.
        labels: Clock times, relative to each day.

    Returns:
        Positions in the load, maybe outside it, shape (n_days, n), and rows of uneven days.

    Raises:
        DataRefusedError: Clock times do not fall on the load's grid.
    """
    positions = np.zeros((len(days), len(labels)), np.int64)
    irregular: set[int] = set()
    origin_s, step_s = int(history.start_utc.timestamp()), history.interval.seconds
    for day_offset in {label.day_offset for label in labels}:
        columns = [i for i, label in enumerate(labels) if label.day_offset == day_offset]
        after_s = np.array([_s_after_midnight(labels[i]) for i in columns], np.int64) - origin_s
        starts_s, uneven = _day_starts(clock, days, day_offset)
        found, rest_s = np.divmod(starts_s[:, np.newaxis] + after_s, step_s)
        if rest_s.any():
            raise DataRefusedError(
                thing=f"load of meter {history.meter_id!r}",
                expected=f"clock times {history.interval_minutes} minutes apart on every day",
                found="a zone whose offset from UTC is no whole number of intervals",
                remedy="choose a program of shorter interval",
            )
        positions[:, columns] = found
        irregular.update(uneven)
    return positions, tuple(sorted(irregular))


def _s_after_midnight(label: ClockLabel) -> int:
    wall = label.wall
    return int(timedelta(hours=wall.hour, minutes=wall.minute, seconds=wall.second).total_seconds())


def whole_days_kwh(
    clock: ProgramClock, history: LoadSeries, days: tuple[date, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the energy of local days [kWh] and the share of each that was not measured.

    Args:
        clock: The program's clock.
        history: The load.
        days: Local days.

    Returns:
        Energy, shape (n_days,), NaN where part of it is not known; missing share, shape (n_days,).
    """
    starts_s, uneven = _day_starts(clock, days, 0)
    step_s = history.interval.seconds
    first = -((int(history.start_utc.timestamp()) - starts_s) // step_s)
    positions = first[:, np.newaxis] + np.arange(_S_PER_DAY // step_s)
    energy_kwh, coverage_ratio = values_at(history, positions)
    daily_kwh, missing_ratio = energy_kwh.sum(axis=1), 1.0 - coverage_ratio.mean(axis=1)
    for row in uneven:
        count = int(clock.day(days[row]).duration_s) // step_s
        energy_kwh, coverage_ratio = values_at(history, first[row] + np.arange(count))
        daily_kwh[row], missing_ratio[row] = energy_kwh.sum(), 1.0 - coverage_ratio.mean()
    return daily_kwh, missing_ratio


def values_at(
    history: LoadSeries, positions: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return energy [kWh] and measured share at positions; outside the load NaN and 0.

    Examples:
        >>> from datetime import UTC, datetime
        >>> load = LoadSeries(meter_id="m", start_utc=datetime(2026, 7, 1, tzinfo=UTC),
        ...     interval_minutes=60, energy_kwh=np.array([5.0, 6.0]), coverage_ratio=np.ones(2))
        >>> values_at(load, np.array([1, 2]))
        (array([ 6., nan]), array([1., 0.]))
    """
    inside = (positions >= 0) & (positions < len(history.energy_kwh))
    held = np.where(inside, positions, 0)
    energy_kwh = np.where(inside, history.energy_kwh[held], np.nan)
    return energy_kwh, np.where(np.isnan(energy_kwh), 0.0, history.coverage_ratio[held])
