"""The low-usage screen: days on which the site hardly ran are no measure of an event day.

Here: the reference, the bands and the renewal when older days move up. Not here: the other reasons
to drop a day (eligibility.py).
"""

import math
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.case import TOLERANCE, Case
from negawatt.models.baselines.eligibility import Candidates
from negawatt.models.baselines.rule_days import DayType, LowUsage

_SEED_DAYS: Final = 30


def low_usage_reasons(
    case: Case, day_type: DayType, looked_at: Candidates, starts_utc: tuple[datetime, ...]
) -> dict[int, str]:
    r"""Return the rows of the days to drop, each with its reason.

    .. math::

        m_d < \theta \cdot \text{ref} \quad\text{or}\quad m_d > \theta_{up} \cdot \text{ref}

    where m is the day's mean energy per event interval or its daily energy. With the reference
    ``mean_of_candidates``, ref is the mean of the nearest days that are still in; ``iterative``
    drops, lets older days move up and renews ref until nothing changes. ``running_mean`` walks
    back from the nearest day, and ref is the mean of the seed and of the days kept so far.

    Args:
        case: What is computed.
        day_type: Type of the event day.
        looked_at: The days, nearest first.
        starts_utc: Intervals of the event day whose clock times stand for the event.

    Source: Manual 11 of PJM, section 10.4.2 (25 % of the mean of five days); NYISO, CBL window
    (25 % of the highest hourly load of the last 30 days); Korea, days below 75 % and above 125 %
    of a reference span; all as recorded in the program files.
    """
    rule = case.rule.low_usage
    if rule.reference == "none" or not day_type.screened:
        return {}
    daily = rule.metric == "daily_energy"
    of_day = looked_at.daily_kwh if daily else looked_at.window_kwh.mean(axis=1)
    eligible = looked_at.eligible
    if rule.reference == "max_hourly_in_event_window_30d":
        return _outside_band(rule, of_day, eligible, _seed_kwh(case, starts_utc))
    if rule.reference == "running_mean":
        return _below_running_mean(rule, of_day, eligible, _seed_kwh(case, starts_utc))
    dropped: dict[int, str] = {}
    count = rule.reference_count or day_type.considered_count
    passes = ("low", "high") if rule.upper_in_second_pass else ("both",)
    for bands in passes:
        while kept := [row for row in eligible if row not in dropped][:count]:
            reference_kwh = math.fsum(of_day[row] for row in kept) / len(kept)
            within = [row for row in eligible if row not in dropped]
            screened = kept if rule.iterative else within
            found = _outside_band(rule, of_day, screened, reference_kwh, bands)
            dropped |= found
            if not found or not rule.iterative:
                break
    return dropped


def _below_running_mean(
    rule: LowUsage, of_day: NDArray[np.float64], eligible: list[int], seed_kwh: float
) -> dict[int, str]:
    dropped: dict[int, str] = {}
    values_kwh = [seed_kwh]
    for row in eligible:
        reference_kwh = math.fsum(values_kwh) / len(values_kwh)
        found = _outside_band(rule, of_day, [row], reference_kwh)
        dropped |= found
        if not found:
            values_kwh.append(float(of_day[row]))
    return dropped


def _outside_band(
    rule: LowUsage,
    of_day: NDArray[np.float64],
    screened: list[int],
    reference_kwh: float,
    bands: str = "both",
) -> dict[int, str]:
    lowest_kwh = rule.threshold * reference_kwh if bands != "high" else -np.inf
    upper = rule.upper_threshold if bands != "low" else None
    highest_kwh = np.inf if upper is None else upper * reference_kwh
    slack_kwh = TOLERANCE * abs(reference_kwh)  # a day on the limit stays, whatever sums round to
    dropped = {}
    for row in screened:
        value_kwh = of_day[row]
        limit = f"of the reference {reference_kwh:.6g} kWh"
        if value_kwh < lowest_kwh - slack_kwh:
            dropped[row] = f"low usage: {value_kwh:.6g} kWh is below {rule.threshold:.0%} {limit}"
        elif value_kwh > highest_kwh + slack_kwh:
            dropped[row] = f"high usage: {value_kwh:.6g} kWh is above {upper:.0%} {limit}"
    return dropped


def _seed_kwh(case: Case, starts_utc: tuple[datetime, ...]) -> float:
    """Return the highest hourly energy in the event's hours of the 30 days before it [kWh]."""
    days = tuple(case.event_day - timedelta(days) for days in range(1, _SEED_DAYS + 1))
    energy_kwh = case.on_days(days, starts_utc).energy_kwh
    return float(np.nanmax(energy_kwh)) if not np.isnan(energy_kwh).all() else 0.0
