"""What a rule may ask of a site beside its load and its events.

Here: the named inputs, each None or empty where it is not known. Not here: which rule asks for
which (rule_inputs.py), and what is computed from them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.errors import InsufficientHistoryError
from negawatt.models.domain.interval import Interval
from negawatt.models.domain.units import S_PER_MINUTE
from negawatt.models.metering.load_series import LoadSeries

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TemperatureSeries:
    """Outdoor temperature at the site on a regular UTC grid.

    Attributes:
        start_utc: Start of the first interval.
        interval_minutes: Length of each interval [min].
        temperature_c: Mean temperature of each interval [degree Celsius], shape (n,); NaN where
            it is not known.
    """

    start_utc: datetime
    interval_minutes: int
    temperature_c: NDArray[np.float64]

    def at(self, starts_s: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the temperature at instants [s since 1970]; NaN outside the series."""
        step_s = self.interval_minutes * S_PER_MINUTE
        positions = (starts_s - int(self.start_utc.timestamp())) // step_s
        inside = (positions >= 0) & (positions < len(self.temperature_c))
        return np.where(inside, self.temperature_c[np.where(inside, positions, 0)], np.nan)

    def within(self, window: Interval) -> NDArray[np.float64]:
        """Return the temperatures of the intervals that start in a window; NaN outside.

        Examples:
            >>> from datetime import UTC
            >>> start_utc = datetime(2026, 7, 1, tzinfo=UTC)
            >>> series = TemperatureSeries(
            ...     start_utc=start_utc, interval_minutes=60, temperature_c=np.array([20.0, 22.0])
            ... )
            >>> hour = timedelta(hours=1)
            >>> series.within(Interval(start_utc + hour, start_utc + 3 * hour))
            array([22., nan])
        """
        step = timedelta(minutes=self.interval_minutes)
        first = -((self.start_utc - window.start_utc) // step)
        last = -((self.start_utc - window.end_utc) // step)
        positions = np.arange(first, last)
        known = (positions >= 0) & (positions < len(self.temperature_c))
        found = np.full(len(positions), np.nan)
        found[known] = self.temperature_c[positions[known]]
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ControlGroup:
    """Units that were left alone while others were dispatched.

    Attributes:
        load: Load of all units of the group together.
        control_count: Units in the group.
        treated_count: Units that were dispatched, whose load the event's meter holds.
    """

    load: LoadSeries
    control_count: int
    treated_count: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Nomination:
    """The participant's own schedule.

    Attributes:
        schedule: Energy that the participant says it would use.
        locked_at_utc: When the schedule could no longer be changed.
    """

    schedule: LoadSeries
    locked_at_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SiteInputs:
    """Facts about a site that some rules ask for; None or empty where they are not known.

    Attributes:
        temperature: Outdoor temperature.
        loss_factor: Energy at the transmission grid per energy at the meter.
        peak_load_contribution_kw: Load at the system's peaks, losses included [kW].
        winter_peak_load_kw: The same for winter [kW].
        firm_service_level_kw: Load that the site promised not to exceed [kW].
        declared_maximum_base_load_kw: Load that the site declared as its highest [kW].
        average_peak_demand_kw: Mean load of the tariff's peak hours [kW].
        system_peak_starts_utc: Starts of the hours of highest system load.
        control_group: Units that were left alone.
        generator: Output of a generator behind the meter, as positive energy.
        nomination: The participant's own schedule.
        outage_days: Days of outages, in the program's clock.
        shutdown_days: Days of shutdown that the site declared, in the program's clock.
        other_program_windows: Events of the site's other programs.
        undispatched_windows: Windows of notifications without a dispatch.
        denied_windows: Events whose payment was denied or never asked for.
        instructed_at_utc: When the dispatch was instructed.
        gate_closed_at_utc: When the market's gate closed before the event.
    """

    temperature: TemperatureSeries | None = None
    loss_factor: float | None = None
    peak_load_contribution_kw: float | None = None
    winter_peak_load_kw: float | None = None
    firm_service_level_kw: float | None = None
    declared_maximum_base_load_kw: float | None = None
    average_peak_demand_kw: float | None = None
    system_peak_starts_utc: Sequence[datetime] = ()
    control_group: ControlGroup | None = None
    generator: LoadSeries | None = None
    nomination: Nomination | None = None
    outage_days: frozenset[date] = field(default_factory=frozenset)
    shutdown_days: frozenset[date] = field(default_factory=frozenset)
    other_program_windows: Sequence[Interval] = ()
    undispatched_windows: Sequence[Interval] = ()
    denied_windows: Sequence[Interval] = ()
    instructed_at_utc: datetime | None = None
    gate_closed_at_utc: datetime | None = None


def required(value: _T | None, name: str, rule_id: str) -> _T:
    """Return an input, or refuse by its name.

    Raises:
        InsufficientHistoryError: It is not known.
    """
    if value is None:
        raise InsufficientHistoryError(
            rule_id=rule_id,
            required_count=1,
            found_count=0,
            unit=f"site input {name!r}",
            remedy=f"state {name}, or settle the event under a program that does not ask for it",
        )
    return value
