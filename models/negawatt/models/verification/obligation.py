"""What a site owed in an event: a reduction, a power not to exceed, or both.

Here: both as power, stated in the event or derived from its target ratio. Not here: whether it
was kept (verdict.py).
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from negawatt.models.domain.event import Event
from negawatt.models.domain.interval import Interval
from negawatt.models.metering.load_series import LoadSeries


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLevel:
    """A power that an event sets.

    Attributes:
        is_set: The event sets one.
        power_kw: The power [kW]; None where none is set, or where it is not known.
        basis: Where it comes from, in words a statement prints.
    """

    is_set: bool
    power_kw: float | None
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """What the site owed.

    Attributes:
        committed: Reduction owed over the window, against the baseline.
        limit: Power not to exceed in the window, against the meter alone.
        pre_event_kw_mean: Mean power in the hour before the event or its ramp [kW], None where
            not known.
    """

    committed: PowerLevel
    limit: PowerLevel
    pre_event_kw_mean: float | None


def pre_event_kw_mean(
    load: LoadSeries, event: Interval, *, ramp_minutes: float = 0
) -> float | None:
    """Return the mean power of the hour before an event [kW], None where any of it is not known.

    Args:
        load: Metered load.
        event: The event window.
        ramp_minutes: How long before the start the load is already being lowered [min]; the hour
            ends there, so that the ramp does not lower the level.
    """
    end_utc = event.start_utc - timedelta(minutes=ramp_minutes)
    energy_kwh = load.energy_kwh_in(Interval(end_utc - timedelta(hours=1), end_utc))
    # Over one hour the energy in kWh is the mean power in kW.
    return None if np.isnan(energy_kwh).any() else float(energy_kwh.sum())


def obligation_of(event: Event, load: LoadSeries, *, ramp_minutes: float = 0) -> Obligation:
    """Return what the event asks for.

    A power that the event states is taken as it is. A target ratio r with a load P in the hour
    before gives, where the event states no other, a commitment of r P and a limit of (1 - r) P.

    Args:
        event: The event.
        load: Metered load around it.
        ramp_minutes: Length of the ramp before the start [min].
    """
    before_kw = pre_event_kw_mean(load, event.interval, ramp_minutes=ramp_minutes)
    ratio = event.target_reduction_ratio
    return Obligation(
        committed=_level(event.committed_kw, "committed_kw", ratio, ratio, before_kw),
        limit=_level(
            event.limit_kw, "limit_kw", None if ratio is None else 1 - ratio, ratio, before_kw
        ),
        pre_event_kw_mean=before_kw,
    )


def _level(
    stated_kw: float | None,
    name: str,
    share_ratio: float | None,
    target_ratio: float | None,
    before_kw: float | None,
) -> PowerLevel:
    if stated_kw is not None:
        return PowerLevel(is_set=True, power_kw=stated_kw, basis=f"{name} of the event")
    if share_ratio is None:
        return PowerLevel(is_set=False, power_kw=None, basis="not set")
    basis = f"derived: target_reduction_ratio {target_ratio} of the hour before the event"
    if before_kw is None:
        return PowerLevel(is_set=True, power_kw=None, basis=f"{basis}, which is not known")
    return PowerLevel(
        is_set=True, power_kw=share_ratio * before_kw, basis=f"{basis}, {before_kw:.3f} kW"
    )
