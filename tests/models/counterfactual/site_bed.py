"""Sites with a known truth: jobs, traffic, hosts, cooling that lags, a building, a meter.

Not the project's hall: another, smaller form, written for these tests alone, so that the model is
tried on physics that it was not written beside. Every number is drawn from a range, none is tuned.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from negawatt.models.counterfactual.site_gain import SiteMinutes

Floats = NDArray[np.float64]
MINUTES_PER_DAY = 1440
LOCAL_OFFSET_MINUTES = -420  # events at 16:00 local begin at 23:00 UTC and cross midnight


@dataclass(frozen=True, kw_only=True)
class Site:
    """What the model sees, what it is asked, and the answer.

    Attributes:
        minutes: As measured, with the reduction in it.
        usable: All but the event and two hours after it.
        event: The three hours.
        gpu_change_kw: By how much the sensors saw the GPUs change [kW].
        busy_change: By how many busy GPUs.
        true_change_kw: By how much the meter changed for it, without noise [kW].
    """

    minutes: SiteMinutes
    usable: NDArray[np.bool_]
    event: slice
    gpu_change_kw: Floats
    busy_change: Floats
    true_change_kw: Floats


@dataclass(frozen=True, kw_only=True)
class Physics:
    """One site's way from GPU power to meter.

    Attributes:
        host_ratio: Fans and supplies, per GPU power.
        host_kw_per_busy_gpu: The rest of a host at work [kW].
        loss_ratio: Losses per power of GPUs and hosts.
        cooling_ratio: Cooling per power of GPUs and hosts, in cool weather.
        cooling_ratio_per_c: Rise of that for each degree above ``free_cooling_c``.
        free_cooling_c: Outdoor temperature up to which cooling costs least [°C].
        lag_minutes: Time constant of the cooling [min].
        meter_gain: The meter's own gain.
    """

    host_ratio: float = 0.08
    host_kw_per_busy_gpu: float = 0.04
    loss_ratio: float = 0.04
    cooling_ratio: float = 0.1
    cooling_ratio_per_c: float = 0.004
    free_cooling_c: float = 15.0
    lag_minutes: float = 15.0
    meter_gain: float = 1.0

    def site_kw(self, gpu_kw: Floats, busy_gpus: Floats, temp_c: Floats) -> Floats:
        """Return hosts, losses and cooling with the GPUs, settled at the first minute [kW]."""
        it_kw = gpu_kw * (1 + self.host_ratio) + busy_gpus * self.host_kw_per_busy_gpu
        warmer_c = np.maximum(temp_c - self.free_cooling_c, 0)
        settled_kw = it_kw * (self.cooling_ratio + self.cooling_ratio_per_c * warmer_c)
        keep = np.exp(-1 / self.lag_minutes)
        cooling_kw = np.empty_like(settled_kw)
        value = settled_kw[0]
        for minute, settled in enumerate(settled_kw.tolist()):
            value = keep * value + (1 - keep) * settled
            cooling_kw[minute] = value
        return self.meter_gain * (it_kw * (1 + self.loss_ratio) + cooling_kw)


def drawn_physics(random: np.random.Generator) -> Physics:
    return Physics(
        host_ratio=random.uniform(0.03, 0.13),
        host_kw_per_busy_gpu=random.uniform(0.0, 0.06),
        loss_ratio=random.uniform(0.02, 0.06),
        cooling_ratio=random.uniform(0.06, 0.2),
        cooling_ratio_per_c=random.uniform(0.0, 0.007),
        free_cooling_c=random.uniform(10, 20),
        lag_minutes=random.uniform(5, 30),
        meter_gain=random.uniform(0.995, 1.005),
    )


def autocorrelated(random: np.random.Generator, n: int, *, sd: float, minutes: float) -> Floats:
    """Return first-order autocorrelated noise with a standard deviation and a time constant."""
    keep = np.exp(-1 / minutes)
    values = np.empty(n)
    value = random.normal() * sd
    for minute, shock in enumerate((random.normal(size=n) * sd * np.sqrt(1 - keep**2)).tolist()):
        value = keep * value + shock
        values[minute] = value
    return values


def jobs(random: np.random.Generator, n: int, gpus: int) -> tuple[Floats, Floats, Floats]:
    """Return power [kW], power as the sensors see it [kW] and busy GPUs of back-to-back jobs."""
    power_kw, sensed_kw, busy = np.zeros(n), np.zeros(n), np.zeros(n)
    free = gpus
    while free > 0:
        size = min(free, int(random.choice([4, 8, 16, 32, 64, 128])))
        free -= size
        start = -int(random.exponential(600))
        while start < n:
            end = start + 30 + int(random.exponential(random.choice([120, 600, 2400])))
            where = slice(max(start, 0), min(max(end, 0), n))
            length = where.stop - where.start
            level_kw = size * random.uniform(0.25, 0.68)
            course_kw = level_kw * (1 + 0.04 * random.normal(size=length) / np.sqrt(size))
            course_kw[:: int(random.uniform(40, 240))] *= 0.6  # checkpoints
            power_kw[where] += course_kw
            sensed_kw[where] += course_kw * (1 + 0.02 * random.normal() / np.sqrt(size))
            busy[where] += size
            start = end + int(random.exponential(20) if random.random() < 0.6 else 0)
    idle_kw = 0.075 * (gpus - busy)
    return power_kw + idle_kw, sensed_kw + idle_kw, busy


def lost(random: np.random.Generator, n: int, *, share: float) -> NDArray[np.bool_]:
    """Return minutes lost in bursts of five."""
    starts = random.random(n) < share / 5
    return np.convolve(starts, np.ones(5))[:n] > 0


def random_site(seed: int, *, gpus: int = 512, days: int = 29, drop: float = 0.2) -> Site:
    """Return a site with two earlier events and one three-hour drop on its last day but one."""
    random = np.random.default_rng(seed)
    n = days * MINUTES_PER_DAY
    minute = np.arange(n)
    local_hour = ((minute + LOCAL_OFFSET_MINUTES) / 60) % 24
    weekend = ((minute + LOCAL_OFFSET_MINUTES) // MINUTES_PER_DAY % 7) >= 5
    warm = np.cos((local_hour - 16) * np.pi / 12)
    temp_c = random.uniform(8, 26) + random.uniform(3, 8) * warm
    temp_c = temp_c + autocorrelated(random, n, sd=2.5, minutes=2000)
    traffic = (0.65 + 0.35 * np.cos((local_hour - 15) * np.pi / 12)) * np.where(weekend, 0.8, 1)
    traffic = traffic * (1 + autocorrelated(random, n, sd=0.04, minutes=60))
    services = int(0.2 * gpus)
    job_kw, sensed_job_kw, busy = jobs(random, n, gpus - services)
    would_be_kw = job_kw + services * (0.1 + 0.4 * traffic)
    busy = busy + services

    held = random.uniform(0, 0.7)
    start = (days - 2) * MINUTES_PER_DAY + 23 * 60
    event = slice(start, start + 180)
    gpu_change_kw, busy_change = np.zeros(n), np.zeros(n)
    earlier = [event.start - MINUTES_PER_DAY * back for back in (8, 17) if back < days - 2]
    for first, depth in [(moment, 0.25) for moment in earlier] + [(event.start, drop)]:
        ramp = np.interp(minute - first, [0, 5, 180, 190], [0, 1, 1, 0])
        gpu_change_kw -= depth * ramp * would_be_kw
        busy_change -= held * depth * ramp * busy
    is_last = minute >= event.start
    before_kw = would_be_kw + np.where(is_last, 0, gpu_change_kw)
    before_busy = busy + np.where(is_last, 0, busy_change)
    gpu_kw, busy_gpus = would_be_kw + gpu_change_kw, busy + busy_change

    physics = drawn_physics(random)
    site_kw = physics.site_kw(gpu_kw, busy_gpus, temp_c)
    true_change_kw = site_kw - physics.site_kw(before_kw, before_busy, temp_c)
    scale = gpus / 512
    shape = np.clip(np.sin((local_hour - 6) * np.pi / 12), 0, None) ** random.uniform(0.5, 2)
    day_factor = (
        1 + 0.2 * random.normal(size=days + 1)[(minute + LOCAL_OFFSET_MINUTES + 1440) // 1440]
    )
    building_kw = random.uniform(5, 25) * shape * day_factor * np.where(weekend, 0.5, 1)
    building_kw += random.uniform(0, 0.5) * temp_c + random.uniform(20, 60)
    building_kw += autocorrelated(
        random, n, sd=random.uniform(0.5, 3), minutes=random.uniform(20, 300)
    )
    meter_kw = (site_kw + building_kw * scale) * (1 + 0.003 * random.normal(size=n))
    sensor_gain = 1 + 0.003 * random.normal()
    sensed_kw = (gpu_kw + sensed_job_kw - job_kw) * sensor_gain + 0.2 * scale * random.normal(
        size=n
    )
    return Site(
        minutes=SiteMinutes(
            minute_of_day=minute % MINUTES_PER_DAY,
            day=minute // MINUTES_PER_DAY,
            meter_kw=np.where(lost(random, n, share=0.005), np.nan, meter_kw),
            gpu_kw=np.where(lost(random, n, share=0.005), np.nan, sensed_kw),
            busy_gpus=busy_gpus,
            temp_c=temp_c + 0.3 * random.normal(size=n),
            storage_kw=np.zeros(n),
        ),
        usable=(minute < event.start) | (minute >= event.stop + 120),
        event=event,
        gpu_change_kw=np.where(is_last, gpu_change_kw * sensor_gain, 0),
        busy_change=np.where(is_last, busy_change, 0),
        true_change_kw=true_change_kw,
    )
