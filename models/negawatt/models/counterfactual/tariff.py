"""What a program's baseline says of a fleet's event, from the site's meter alone.

Here: the fleet's meter in the form that baselines read, and back to minutes. Not here: any rule
(negawatt.models.baselines).
"""

from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.counterfactual.control import event_actions
from negawatt.models.counterfactual.fleet import Fleet, FleetEvent
from negawatt.models.domain.interval import Interval
from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE
from negawatt.models.metering.load_series import LoadSeries

_MINUTES_PER_H = S_PER_H // S_PER_MINUTE


def tariff_reduction_kw(rule: BaselineRule, fleet: Fleet, event: FleetEvent) -> NDArray[np.float64]:
    """Return an event's reduction by a program's rule, minute by minute.

    Earlier events are passed over as the rule says. A same-day method looks outside the ramp: from
    the first act of control to the event.

    Args:
        rule: The rule, with the site's time zone and holidays.
        fleet: The fleet; nothing but its meter, its events and the beginning of control is read.
        event: The event.

    Returns:
        The baseline, constant in each interval of the rule, less the meter [kW], shape (n,).

    Raises:
        DataRefusedError: The meter or the event do not fit the rule.
        InsufficientHistoryError: There are too few eligible days.
    """
    load = LoadSeries(
        meter_id="site",
        start_utc=fleet.start_utc,
        interval_minutes=1,
        energy_kwh=fleet.meter_kw / _MINUTES_PER_H,
        coverage_ratio=(~np.isnan(fleet.meter_kw)).astype(float),
    )
    result = compute_baseline(
        rule,
        load,
        _window(fleet, event),
        other_event_windows=[_window(fleet, other) for other in fleet.events if other != event],
        notified_at_utc=None if event.notified_minute is None else fleet.at(event.notified_minute),
        ramp_minutes=_ramp_minutes(fleet, event),
    )
    baseline_kw = result.adjusted_baseline_kwh * (_MINUTES_PER_H / rule.interval_minutes)
    metered_kw = fleet.meter_kw[event.start_minute : event.end_minute]
    expected_kw: NDArray[np.float64] = np.repeat(baseline_kw, rule.interval_minutes)
    return expected_kw - metered_kw


def _window(fleet: Fleet, event: FleetEvent) -> Interval:
    length = timedelta(minutes=event.end_minute - event.start_minute)
    start_utc = fleet.at(event.start_minute)
    return Interval(start_utc, start_utc + length)


def _ramp_minutes(fleet: Fleet, event: FleetEvent) -> float:
    acts_s = [action.at_s for action in event_actions(fleet, event)]
    start_s = event.start_minute * S_PER_MINUTE
    return max([0.0, *((start_s - at_s) / S_PER_MINUTE for at_s in acts_s)])
