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
from negawatt.models.simulation.incidents import Span
from negawatt.models.simulation.localtime import LocalTime, local_time
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.randomness import Stream, generator

_PEAK_HOUR = 14.5
_WEEKEND_FACTOR = 0.72
_DAY_LOG_SD = 0.03
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
    traffic = plan.traffic
    shape = traffic.night_load + (traffic.peak_load - traffic.night_load) * wave
    shape = np.where(local.weekend, _WEEKEND_FACTOR, 1.0) * shape
    day_factor = np.exp(_DAY_LOG_SD * random.standard_normal((n_services, plan.days + 2)))
    noise = random.standard_normal((len(shape), n_services))
    load = shape * day_factor[:, local.date_index] * (1 + _wander(noise, traffic.wander_sd))
    return np.clip(load * _incident_factor(plan), 0.0, 1.0)


def _incident_factor(plan: HallPlan) -> NDArray[np.float64]:
    """Return what a change of traffic or an inflation does to every service, shape (n_minutes,)."""
    factor = busier_factor(plan)
    change = plan.incidents.traffic
    if change is not None:
        factor[minutes_of(plan, change)] *= change.factor
    return factor


def busier_factor(plan: HallPlan) -> NDArray[np.float64]:
    """Return the busyness of all work over what it would have been, shape (n_minutes,)."""
    factor = np.ones(plan.days * HOURS_PER_DAY * (S_PER_H // S_PER_MINUTE))
    inflation = plan.incidents.inflation
    if inflation is not None:
        factor[minutes_of(plan, inflation)] += inflation.busier_ratio
    return factor


def minutes_of(plan: HallPlan, span: Span) -> slice:
    """Return the minutes of a span."""
    first_s, until_s = map(plan.second_of, (span.interval.start_utc, span.interval.end_utc))
    return slice(first_s // S_PER_MINUTE, until_s // S_PER_MINUTE)


def _wander(noise: NDArray[np.float64], wander_sd: float) -> NDArray[np.float64]:
    """Make first-order autoregressive noise of white noise, shape (n_services, n_minutes)."""
    keep = np.exp(-1 / _WANDER_MINUTES)
    steps = wander_sd * np.sqrt(1 - keep**2) * noise
    value = np.zeros(steps.shape[1])
    for minute in range(len(steps)):
        value = keep * value + steps[minute]
        steps[minute] = value
    wander: NDArray[np.float64] = steps.T
    return wander


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
