"""The low-usage screen: days on which the site hardly ran are no measure of an event day.

Here: the reference, the bands and the renewal when older days move up. Not here: the other reasons
to drop a day (eligibility.py).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import numpy as np

from negawatt.models.baselines.case import Case
from negawatt.models.baselines.eligibility import Candidate
from negawatt.models.baselines.rule_days import DayType

_SEED_DAYS: Final = 30


def low_usage_reasons(
    case: Case, day_type: DayType, eligible: Sequence[Candidate]
) -> Mapping[date, str]:
    r"""Return the days to drop, each with its reason.

    .. math::

        m_d < \theta \cdot \text{ref} \quad\text{or}\quad m_d > \theta_{up} \cdot \text{ref}

    where m is the day's mean energy per event interval or its daily energy. With the reference
    ``mean_of_candidates``, ref is the mean of the Y nearest days that are still in; ``iterative``
    drops, lets older days move up and renews ref until nothing changes.

    Args:
        case: What is computed.
        day_type: Type of the event day.
        eligible: Eligible days, nearest first.

    Source: Manual 11 of PJM, section 10.4.2 (25 % of the mean of five days); NYISO, CBL window
    (25 % of the highest hourly load of the last 30 days); both as recorded in the program files.
    """
    rule = case.rule.low_usage
    if rule.reference == "none" or not day_type.screened:
        return {}
    of_day = _metric(case)
    if rule.reference == "max_hourly_in_event_window_30d":
        return _outside_band(case, of_day, eligible, _seed_kwh(case))
    dropped: dict[date, str] = {}
    while True:
        kept = [c for c in eligible if c.day not in dropped][: day_type.considered_count]
        if not kept:
            return dropped
        reference_kwh = sum(of_day(candidate) for candidate in kept) / len(kept)
        screened = kept if rule.iterative else eligible
        low = _outside_band(case, of_day, screened, reference_kwh)
        dropped |= low
        if not low or not rule.iterative:
            return dropped


def _metric(case: Case) -> Callable[[Candidate], float]:
    if case.rule.low_usage.metric == "daily_energy":
        return lambda candidate: candidate.daily_kwh
    return lambda candidate: float(candidate.window_kwh.mean())


def _outside_band(
    case: Case,
    of_day: Callable[[Candidate], float],
    screened: Sequence[Candidate],
    reference_kwh: float,
) -> dict[date, str]:
    rule = case.rule.low_usage
    lowest_kwh = rule.threshold * reference_kwh
    highest_kwh = np.inf if rule.upper_threshold is None else rule.upper_threshold * reference_kwh
    dropped = {}
    for candidate in screened:
        value_kwh = of_day(candidate)
        limit = f"of the reference {reference_kwh:.6g} kWh"
        if value_kwh < lowest_kwh:
            dropped[candidate.day] = (
                f"low usage: {value_kwh:.6g} kWh is below {rule.threshold:.0%} {limit}"
            )
        elif value_kwh > highest_kwh:
            dropped[candidate.day] = (
                f"high usage: {value_kwh:.6g} kWh is above {rule.upper_threshold:.0%} {limit}"
            )
    return dropped


def _seed_kwh(case: Case) -> float:
    """Return the highest hourly energy in the event's hours of the 30 days before it [kWh]."""
    days = (case.event_day - timedelta(days) for days in range(1, _SEED_DAYS + 1))
    energy_kwh = np.concatenate([case.on_day(d, case.event_starts_utc).energy_kwh for d in days])
    return float(np.nanmax(energy_kwh)) if not np.isnan(energy_kwh).all() else 0.0
