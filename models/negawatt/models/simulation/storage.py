"""A battery behind the site meter: what it gives in events and takes back afterwards.

Here: its power. Not here: the site's load, which it does not change
(negawatt.models.simulation.site), and the meter, which sees the difference of both.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE
from negawatt.models.simulation.grid import S_PER_DAY
from negawatt.models.simulation.hall_event import HallEvent
from negawatt.models.simulation.incidents import Battery
from negawatt.models.simulation.plan import HallPlan


def storage_kw(plan: HallPlan, events: Iterable[HallEvent]) -> NDArray[np.float64]:
    """Return what the battery gives to the site [kW], negative while charged, shape (n_minutes,).

    Args:
        plan: The hall; one without a battery gives zeros.
        events: The events that the operator acts on.
    """
    power_kw = np.zeros(plan.days * S_PER_DAY // S_PER_MINUTE)
    if plan.battery is not None:
        for event in events:
            if event.carried_out:
                _add_event(plan, plan.battery, event, power_kw)
    return power_kw


def _add_event(
    plan: HallPlan, battery: Battery, event: HallEvent, power_kw: NDArray[np.float64]
) -> None:
    start, end = (
        plan.second_of(moment_utc) // S_PER_MINUTE
        for moment_utc in (event.window.start_utc, event.window.end_utc)
    )
    minutes_per_h = S_PER_H // S_PER_MINUTE
    charge_from = end + round(battery.recharge_delay_h * minutes_per_h)
    charge_minutes = round(battery.recharge_h * minutes_per_h)
    taken = (end - start) * battery.discharge_kw / battery.efficiency_ratio
    power_kw[start:end] += battery.discharge_kw
    power_kw[charge_from : charge_from + charge_minutes] -= taken / charge_minutes
