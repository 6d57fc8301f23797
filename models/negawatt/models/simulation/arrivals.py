"""When people submit batch jobs: in working hours, and less at weekends.

Here: the rate of arrivals. Not here: what they submit (negawatt.models.simulation.jobs). The rates
are choices.
"""

import numpy as np
from numpy.typing import NDArray

from negawatt.models.simulation.grid import HOURS_PER_DAY
from negawatt.models.simulation.localtime import local_time
from negawatt.models.simulation.plan import HallPlan

# The hall fills before the first day, so that no array starts from an empty hall.
WARMUP_DAYS = 4
# Arrivals over the mean of their week: people submit in working hours, and less at weekends.
_ARRIVALS_WORKING = 2.6
_ARRIVALS_EVENING = 0.9
_ARRIVALS_NIGHT = 0.35
_ARRIVALS_WEEKEND_FACTOR = 0.25
_WORKING_HOURS = (8, 19)


def arrival_weights(plan: HallPlan) -> NDArray[np.float64]:
    """Return arrivals over their weekly mean for each minute from the warm-up on."""
    local = local_time(
        plan, -WARMUP_DAYS * HOURS_PER_DAY, (WARMUP_DAYS + plan.days) * HOURS_PER_DAY
    )
    morning, evening = _WORKING_HOURS
    weights = np.select(
        [(local.hour >= morning) & (local.hour < evening), local.hour < morning],
        [_ARRIVALS_WORKING, _ARRIVALS_NIGHT],
        _ARRIVALS_EVENING,
    )
    weights = weights * np.where(local.weekend, _ARRIVALS_WEEKEND_FACTOR, 1.0)
    return weights / _mean_of_a_week()


def _mean_of_a_week() -> float:
    morning, evening = _WORKING_HOURS
    day = (
        _ARRIVALS_WORKING * (evening - morning)
        + _ARRIVALS_NIGHT * morning
        + _ARRIVALS_EVENING * (HOURS_PER_DAY - evening)
    ) / HOURS_PER_DAY
    return day * (5 + 2 * _ARRIVALS_WEEKEND_FACTOR) / 7
