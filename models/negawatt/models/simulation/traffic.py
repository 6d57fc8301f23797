"""What people do: requests to the services, and sessions on development GPUs.

Here: both as shares of full activity, minute by minute, drawn before anything runs and never
moved by an event. Not here: the power they make (negawatt.models.simulation.gpu_power).

The shapes are choices: a daily wave that peaks in the afternoon, quieter weekends, a factor for
each day and a slow wander. No public trace of a service is longer than hours.
"""

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE
from negawatt.models.simulation.grid import HOURS_PER_DAY
from negawatt.models.simulation.localtime import LocalTime, local_time
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.randomness import Stream, generator

_NIGHT_LOAD = 0.35
_PEAK_LOAD = 0.9
_PEAK_HOUR = 14.5
_WEEKEND_FACTOR = 0.72
_DAY_LOG_SD = 0.03
_WANDER_SD = 0.02
_WANDER_MINUTES = 45.0

_SESSIONS_PER_WEEKDAY = 2.5
_SESSIONS_PER_WEEKEND_DAY = 0.4
_SESSION_START_MEAN_HOUR = 12.5
_SESSION_START_SD_H = 3.0
_SESSION_MEDIAN_MINUTES = 80.0
_SESSION_LOG_SD = 0.7
_SESSION_ACTIVITY = (0.35, 0.8)


def service_load(plan: HallPlan, n_services: int) -> NDArray[np.float64]:
    """Return the load of each service, 0 to 1, shape (n_services, n_minutes)."""
    random = generator(plan.seed, Stream.TRAFFIC)
    local = local_time(plan, 0, plan.days * HOURS_PER_DAY)
    wave = 0.5 + 0.5 * np.cos((local.hour - _PEAK_HOUR) * (2 * np.pi / HOURS_PER_DAY))
    shape = _NIGHT_LOAD + (_PEAK_LOAD - _NIGHT_LOAD) * wave
    shape = np.where(local.weekend, _WEEKEND_FACTOR, 1.0) * shape
    day_factor = np.exp(_DAY_LOG_SD * random.standard_normal((n_services, plan.days + 2)))
    wander = _wander(random, n_services, len(shape))
    load = shape * day_factor[:, local.date_index] * (1 + wander)
    return np.clip(load, 0.0, 1.0)


def _wander(random: np.random.Generator, n_services: int, n_minutes: int) -> NDArray[np.float64]:
    """Return first-order autoregressive noise, shape (n_services, n_minutes)."""
    keep = np.exp(-1 / _WANDER_MINUTES)
    steps = _WANDER_SD * np.sqrt(1 - keep**2) * random.standard_normal((n_minutes, n_services))
    value = np.zeros(n_services)
    for minute in range(n_minutes):
        value = keep * value + steps[minute]
        steps[minute] = value
    noise: NDArray[np.float64] = steps.T
    return noise


def seat_activity(plan: HallPlan, n_seats: int) -> NDArray[np.float64]:
    """Return how busy each development seat is, 0 to 1, shape (n_seats, n_minutes)."""
    random = generator(plan.seed, Stream.SEATS)
    local = local_time(plan, 0, plan.days * HOURS_PER_DAY)
    activity = np.zeros((n_seats, len(local.hour)))
    for date in range(int(local.date_index[-1]) + 1):
        of_date = np.flatnonzero(local.date_index == date)
        for seat in range(n_seats):
            _add_sessions(random, local, of_date, activity[seat])
    return activity


def _add_sessions(
    random: np.random.Generator,
    local: LocalTime,
    of_date: NDArray[np.int64],
    activity: NDArray[np.float64],
) -> None:
    """Draw one seat's sessions of one local date into its activity."""
    weekend = bool(local.weekend[of_date[0]])
    mean_count = _SESSIONS_PER_WEEKEND_DAY if weekend else _SESSIONS_PER_WEEKDAY
    for _ in range(random.poisson(mean_count)):
        hour = random.normal(_SESSION_START_MEAN_HOUR, _SESSION_START_SD_H)
        minutes = _SESSION_MEDIAN_MINUTES * np.exp(_SESSION_LOG_SD * random.standard_normal())
        level = random.uniform(*_SESSION_ACTIVITY)
        offset = (hour - local.hour[of_date[0]]) * (S_PER_H / S_PER_MINUTE)
        first = max(int(of_date[0]) + int(offset), 0)
        until = max(int(of_date[0]) + int(offset + minutes), 0)
        activity[first:until] = np.maximum(activity[first:until], level)
