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
        limit_reached_after_notice_minutes: From the notification to the start of the run of
            intervals at or below the limit that the first of the event's belongs to [min]; 0 where
            the load was that low when the site was told. None where ``limit_reached_minutes`` is,
            or without a time of notification.
        ramp_down_kw_per_minute: Steepest fall between neighboring intervals from an hour before the
            start until the limit is reached, or the end of the event where it is not [kW/min].
        ramp_up_kw_per_minute: Steepest rise between neighboring intervals after the release, the
            last one before it among them [kW/min].
        recovery_minutes: From the release to the start of the first interval within a tenth of the
            drop of the level again [min].
        shed_kwh: Energy below less energy above the level, from the dispatch to the release [kWh].
        net_shed_kwh: Shed less recovered energy [kWh].
        rebound_kw_max: Largest power above the level afterwards [kW]; negative where it stayed
            below it.
        recovered_kwh: Energy above the level afterwards [kWh], 0 where it stayed below it.
        net_after_kwh: Energy above less energy below the level afterwards [kWh].
    """

    limit_reached_minutes: float | None
    limit_reached_after_notice_minutes: float | None
    ramp_before_minutes: float | None
    ramp_down_kw_per_minute: float | None
    ramp_up_kw_per_minute: float | None
    recovery_minutes: float | None
    shed_kwh: float | None
    rebound_kw_max: float | None
    recovered_kwh: float | None
    net_shed_kwh: float | None
    net_after_kwh: float | None


def response_of(
    load: LoadSeries,
    event: Interval,
    *,
    level_kw: float | None,
    limit_kw: float | None,
    notified_at_utc: datetime | None = None,
    dispatch: Interval | None = None,
    after: timedelta = timedelta(hours=2),
) -> Response:
    r"""Describe how the load moved around an event.

    With the level L and the power P of each interval of length h,

    .. math::
        S = \sum_{\text{dispatch}} (L - P_t) h, \quad
        B = \sum_{\text{after}} \max(P_t - L, 0) h, \quad N = S - B

    are the shed, the recovered and the net energy.

    Args:
        load: Metered load.
        event: The event window.
        level_kw: Level that the load left and returns to: its mean before the event, or its
            baseline [kW]; None where not known.
        limit_kw: Power not to exceed [kW], None where there is none.
        notified_at_utc: When the site was told, if known.
        dispatch: From when the site was asked until it was left alone again, if that is more than
            the event: a later step of the same dispatch is no recovery.
        after: How far after that a rebound is looked for.
    """
    dispatch = dispatch or event
    released = Interval(dispatch.end_utc, dispatch.end_utc + after)
    rebound_kw_max, recovered_kwh, net_after_kwh = _after(load, released, level_kw)
    shed_kwh = _shed_kwh(load, dispatch, level_kw)
    reached_minutes = _limit_reached_minutes(load, event, limit_kw)
    return Response(
        limit_reached_minutes=reached_minutes,
        limit_reached_after_notice_minutes=_after_notice_minutes(
            load, event, limit_kw, reached_minutes, notified_at_utc
        ),
        ramp_before_minutes=_ramp_before_minutes(load, event, level_kw),
        ramp_down_kw_per_minute=_ramp_down_kw_per_minute(load, event, reached_minutes),
        ramp_up_kw_per_minute=_steepest_kw_per_minute(
            load, Interval(released.start_utc - load.interval, released.end_utc)
        ),
        recovery_minutes=_recovery_minutes(load, event, released, level_kw),
        shed_kwh=shed_kwh,
        rebound_kw_max=rebound_kw_max,
        recovered_kwh=recovered_kwh,
        net_shed_kwh=None
        if shed_kwh is None or recovered_kwh is None
        else shed_kwh - recovered_kwh,
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


def _after_notice_minutes(
    load: LoadSeries,
    event: Interval,
    limit_kw: float | None,
    reached_minutes: float | None,
    notified_at_utc: datetime | None,
) -> float | None:
    """Walk back from where the limit was reached while the load was within it, to the notice."""
    if reached_minutes is None or limit_kw is None or notified_at_utc is None:
        return None
    reached_utc = event.start_utc + timedelta(minutes=reached_minutes)
    if notified_at_utc >= reached_utc:
        return 0.0
    before_kw = power_kw_in(load, load.enclosing(Interval(notified_at_utc, reached_utc)))
    # Written so that NaN is not within the limit.
    outside = np.flatnonzero(~(before_kw <= limit_kw))
    within_count = len(before_kw) - (int(outside[-1]) + 1 if outside.size else 0)
    first_utc = max(reached_utc - within_count * load.interval, notified_at_utc)
    return (first_utc - notified_at_utc) / timedelta(minutes=1)


def _ramp_down_kw_per_minute(
    load: LoadSeries, event: Interval, reached_minutes: float | None
) -> float | None:
    end_utc = event.end_utc
    if reached_minutes is not None:
        end_utc = event.start_utc + timedelta(minutes=reached_minutes) + load.interval
    return _steepest_kw_per_minute(
        load, Interval(event.start_utc - RAMP_SEARCH, end_utc), falling=True
    )


def _steepest_kw_per_minute(
    load: LoadSeries, window: Interval, *, falling: bool = False
) -> float | None:
    """Return the largest step between neighbors over their distance, None where one is unknown."""
    steps_kw = np.diff(power_kw_in(load, window))
    if not steps_kw.size or np.isnan(steps_kw).any():
        return None
    return float((-steps_kw if falling else steps_kw).max()) / load.interval_minutes


def _recovery_minutes(
    load: LoadSeries, event: Interval, released: Interval, level_kw: float | None
) -> float | None:
    after_kw, held_kw = power_kw_in(load, released), float(power_kw_in(load, event).mean())
    # Written so that NaN, too, ends here.
    if level_kw is None or not held_kw < level_kw:
        return None
    edge_kw = level_kw - RAMP_EDGE_RATIO * (level_kw - held_kw)
    for position, value_kw in enumerate(after_kw):
        if np.isnan(value_kw):
            return None
        if value_kw >= edge_kw:
            return float(position * load.interval_minutes)
    return None


def _shed_kwh(load: LoadSeries, dispatch: Interval, level_kw: float | None) -> float | None:
    power_kw = power_kw_in(load, load.enclosing(dispatch))
    if level_kw is None or np.isnan(power_kw).any():
        return None
    return math.fsum(level_kw - power_kw) * (load.interval_minutes * S_PER_MINUTE / S_PER_H)


def _after(
    load: LoadSeries, released: Interval, level_kw: float | None
) -> tuple[float | None, float | None, float | None]:
    after_kw = power_kw_in(load, released)
    if level_kw is None or np.isnan(after_kw).any():
        return None, None, None
    above_kw = after_kw - level_kw
    interval_h = load.interval_minutes * S_PER_MINUTE / S_PER_H
    return (
        float(above_kw.max()),
        math.fsum(above_kw.clip(min=0)) * interval_h,
        math.fsum(above_kw) * interval_h,
    )
