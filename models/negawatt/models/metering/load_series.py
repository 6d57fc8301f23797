"""Interval energy of one meter on a regular UTC grid: what every baseline is computed from.

Not here: how the energy was measured, and local calendars.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.interval import Interval
from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoadSeries:
    """Energy per interval, oldest first, without holes in the grid.

    Attributes:
        meter_id: The meter it was measured with.
        start_utc: Start of the first interval, a whole number of intervals after midnight UTC.
        interval_minutes: Length of each interval [min].
        energy_kwh: Energy of each interval [kWh], shape (n,); NaN where it is not known.
        coverage_ratio: Measured share of each interval, 0 to 1, shape (n,).

    Raises:
        ValueError: The two arrays are not of one shape (n,), or the start is not on the grid.

    Examples:
        >>> hour = LoadSeries(meter_id="m", start_utc=datetime(2026, 7, 1, tzinfo=UTC),
        ...     interval_minutes=30, energy_kwh=np.array([10.0, 20.0]),
        ...     coverage_ratio=np.array([1.0, 1.0]))
        >>> hour.power_kw
        array([20., 40.])
        >>> hour.end_utc
        datetime.datetime(2026, 7, 1, 1, 0, tzinfo=datetime.timezone.utc)
    """

    meter_id: str
    start_utc: datetime
    interval_minutes: int
    energy_kwh: NDArray[np.float64]
    coverage_ratio: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.energy_kwh.ndim != 1 or self.energy_kwh.shape != self.coverage_ratio.shape:
            raise ValueError(
                "energy_kwh and coverage_ratio must both have shape (n,), got "
                f"{self.energy_kwh.shape} and {self.coverage_ratio.shape}"
            )
        midnight_utc = datetime.combine(self.start_utc.date(), datetime.min.time(), UTC)
        if (self.start_utc - midnight_utc) % self.interval != timedelta(0):
            raise ValueError(
                f"start_utc must be a whole number of {self.interval_minutes}-minute intervals "
                f"after midnight UTC, got {self.start_utc.isoformat()}"
            )

    @property
    def interval(self) -> timedelta:
        """Length of one interval."""
        return timedelta(minutes=self.interval_minutes)

    @property
    def end_utc(self) -> datetime:
        """First instant after the last interval."""
        return self.start_utc + self.interval * len(self.energy_kwh)

    @property
    def power_kw(self) -> NDArray[np.float64]:
        """Mean power of each interval [kW], shape (n,)."""
        return self.energy_kwh * (S_PER_H / (self.interval_minutes * S_PER_MINUTE))

    def index_of(self, moment_utc: datetime) -> int:
        """Return the position of the interval that starts at an instant, maybe outside the series.

        Raises:
            ValueError: The instant is not the start of an interval of this grid.
        """
        position, rest = divmod(moment_utc - self.start_utc, self.interval)
        if rest:
            raise ValueError(
                f"{moment_utc.isoformat()} is not the start of a {self.interval_minutes}-minute "
                f"interval counted from {self.start_utc.isoformat()}"
            )
        return position

    def enclosing(self, window: Interval) -> Interval:
        """Return the shortest window on this grid that holds another one.

        Examples:
            >>> start_utc = datetime(2026, 7, 1, tzinfo=UTC)
            >>> quarters = LoadSeries(meter_id="m", start_utc=start_utc, interval_minutes=15,
            ...     energy_kwh=np.ones(8), coverage_ratio=np.ones(8))
            >>> wide = quarters.enclosing(Interval(start_utc + timedelta(minutes=25),
            ...     start_utc + timedelta(minutes=50)))
            >>> f"{wide.start_utc:%H:%M} {wide.end_utc:%H:%M}"
            '00:15 01:00'
        """
        first = (window.start_utc - self.start_utc) // self.interval
        last = -((self.start_utc - window.end_utc) // self.interval)
        return Interval(
            self.start_utc + first * self.interval, self.start_utc + last * self.interval
        )

    def energy_kwh_in(self, window: Interval) -> NDArray[np.float64]:
        """Return the energy of the intervals in a window [kWh]; NaN outside the series.

        Raises:
            ValueError: An edge of the window is not on the grid.
        """
        first, last = self.index_of(window.start_utc), self.index_of(window.end_utc)
        energy_kwh = np.full(last - first, np.nan)
        inside = slice(max(first, 0), max(min(last, len(self.energy_kwh)), 0))
        if inside.start < inside.stop:
            energy_kwh[inside.start - first : inside.stop - first] = self.energy_kwh[inside]
        return energy_kwh
