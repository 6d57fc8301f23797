"""How the load moved: how soon it was under the limit, the ramp before, the rebound after.

Functions of the load alone, as fine as it is measured; every time is as coarse as its interval.
Not here: whether that was good enough (verdict.py), and which jobs did it.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from negawatt.models.domain.interval import Interval
from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.verification.power import power_kw_in

RAMP_EDGE_RATIO: Final = 0.1
"""The ramp begins where the load has left its level by this share of the whole drop."""
RAMP_SEARCH: Final = timedelta(hours=1)
"""How far before the start a ramp is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """How the load moved around one event; None where not known or not defined.

    Attributes:
        limit_reached_minutes: From the event's start to the start of the first interval at or
            below the limit [min]; 0 where the first one is. None without a limit, where it never
            was, or where an earlier interval is not known.
        ramp_before_minutes: How long before the start the load had left its level for good [min].
        rebound_kw_max: Largest power above the level afterwards [kW]; negative where it stayed
            below it.
        recovered_kwh: Energy above the level afterwards [kWh], 0 where it stayed below it.
        net_after_kwh: Energy above less energy below the level afterwards [kWh].
    """

    limit_reached_minutes: float | None
    ramp_before_minutes: float | None
    rebound_kw_max: float | None
    recovered_kwh: float | None
    net_after_kwh: float | None


def response_of(
    load: LoadSeries,
    event: Interval,
    *,
    level_kw: float | None,
    limit_kw: float | None,
    released_at_utc: datetime | None = None,
    after: timedelta = timedelta(hours=2),
) -> Response:
    """Describe how the load moved around an event.

    Args:
        load: Metered load.
        event: The event window.
        level_kw: Level that the load left and returns to: its mean before the event, or its
            baseline [kW]; None where not known.
        limit_kw: Power not to exceed [kW], None where there is none.
        released_at_utc: When the site was left alone again, if that was after the end: a later
            step of the same dispatch is no recovery.
        after: How far after that a rebound is looked for.
    """
    rebound_kw_max, recovered_kwh, net_after_kwh = _after(
        load, released_at_utc or event.end_utc, level_kw, after
    )
    return Response(
        limit_reached_minutes=_limit_reached_minutes(load, event, limit_kw),
        ramp_before_minutes=_ramp_before_minutes(load, event, level_kw),
        rebound_kw_max=rebound_kw_max,
        recovered_kwh=recovered_kwh,
        net_after_kwh=net_after_kwh,
    )


def _limit_reached_minutes(
    load: LoadSeries, event: Interval, limit_kw: float | None
) -> float | None:
    if limit_kw is None:
        return None
    for position, value_kw in enumerate(power_kw_in(load, event)):
        if np.isnan(value_kw):
            return None
        if value_kw <= limit_kw:
            return float(position * load.interval_minutes)
    return None


def _ramp_before_minutes(load: LoadSeries, event: Interval, level_kw: float | None) -> float | None:
    """Walk back from the start while the load is below its level by a tenth of the drop."""
    before_kw = power_kw_in(load, Interval(event.start_utc - RAMP_SEARCH, event.start_utc))
    held_kw = float(power_kw_in(load, event).mean())
    # Written so that NaN, too, ends here.
    if level_kw is None or np.isnan(before_kw).any() or not held_kw < level_kw:
        return None
    edge_kw = level_kw - RAMP_EDGE_RATIO * (level_kw - held_kw)
    at_level = np.flatnonzero(before_kw >= edge_kw)
    ramp_count = len(before_kw) - (int(at_level[-1]) + 1 if at_level.size else 0)
    return float(ramp_count * load.interval_minutes)


def _after(
    load: LoadSeries, released_at_utc: datetime, level_kw: float | None, after: timedelta
) -> tuple[float | None, float | None, float | None]:
    after_kw = power_kw_in(load, Interval(released_at_utc, released_at_utc + after))
    if level_kw is None or np.isnan(after_kw).any():
        return None, None, None
    above_kw = after_kw - level_kw
    interval_h = load.interval_minutes * S_PER_MINUTE / S_PER_H
    return (
        float(above_kw.max()),
        math.fsum(above_kw.clip(min=0)) * interval_h,
        math.fsum(above_kw) * interval_h,
    )
