"""From GPU power to the site's power: hosts, losses, and cooling that lags.

Here: the physics of the building, without noise. Not here: the meter that reads it
(negawatt.models.simulation.telemetry).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE, W_PER_KW
from negawatt.models.simulation.equipment import OverheadModel
from negawatt.models.simulation.grid import HOURS_PER_DAY
from negawatt.models.simulation.localtime import local_time
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.randomness import Stream, generator

_WARMEST_HOUR = 16.0
_NOON = 13.0
_NIGHT_SHARE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SiteLoad:
    """The site's power in its parts, minute by minute.

    Attributes:
        gpu_kw: All GPUs [kW], shape (n_minutes,).
        host_kw: The nodes without their GPUs [kW], shape (n_minutes,).
        overhead_kw: Cooling, losses and the fixed part [kW], shape (n_minutes,).
    """

    gpu_kw: NDArray[np.float64]
    host_kw: NDArray[np.float64]
    overhead_kw: NDArray[np.float64]

    @property
    def site_kw(self) -> NDArray[np.float64]:
        """The whole site [kW], shape (n_minutes,)."""
        return self.gpu_kw + self.host_kw + self.overhead_kw


def outdoor_temp_c(plan: HallPlan) -> NDArray[np.float64]:
    """Return the outdoor temperature of each minute [°C], shape (n_minutes,)."""
    random = generator(plan.seed, Stream.WEATHER)
    local = local_time(plan, 0, plan.days * HOURS_PER_DAY)
    noon_minutes = np.arange(-1, plan.days + 2) * (HOURS_PER_DAY * S_PER_H // S_PER_MINUTE)
    daily_mean_c = random.normal(plan.weather.mean_c, plan.weather.day_to_day_c, plan.days + 3)
    wave = np.cos((local.hour - _WARMEST_HOUR) * (2 * np.pi / HOURS_PER_DAY))
    slow_c = np.interp(np.arange(len(wave)), noon_minutes, daily_mean_c)
    return slow_c + plan.weather.daily_amplitude_c * wave


def cooling_ratio(overhead: OverheadModel, temp_c: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the cooling power per watt of IT once it has settled, same shape as ``temp_c``.

    Examples:
        Ten degrees above free cooling: 0.05 + 10 * 0.003.

        >>> cooling_ratio(OverheadModel(), np.array([10.0, 28.0]))
        array([0.05, 0.08])
    """
    warmer_c = np.maximum(temp_c - overhead.free_cooling_c, 0.0)
    return overhead.cooling_ratio + overhead.cooling_ratio_per_c * warmer_c


def site_load(
    plan: HallPlan,
    gpu_w: NDArray[np.float64],
    busy_gpus: NDArray[np.float64],
    temp_c: NDArray[np.float64],
) -> SiteLoad:
    r"""Return the site's load for a GPU load.

    Cooling follows its settled value with a first-order lag:

    .. math:: C_t = C_{t-1} + (1 - e^{-\Delta / \tau}) (c(T_t) P^{IT}_t - C_{t-1})

    Args:
        plan: Hosts and overhead.
        gpu_w: Power of all GPUs [W], one-minute means, shape (n_minutes,).
        busy_gpus: Mean number of GPUs at work, shape (n_minutes,).
        temp_c: Outdoor temperature [°C], shape (n_minutes,).
    """
    host_w = plan.nodes * plan.host.idle_w + plan.host.per_gpu_ratio * gpu_w
    host_w += plan.host.per_busy_gpu_w * busy_gpus
    it_w = gpu_w + host_w
    settled_w = cooling_ratio(plan.overhead, temp_c) * it_w
    overhead_w = plan.overhead.fixed_w + plan.overhead.loss_ratio * it_w
    overhead_w += _lagged(settled_w, lag_s=plan.overhead.lag_s)
    overhead_w += plan.overhead.daily_w * _daily_share(plan)
    return SiteLoad(
        gpu_kw=gpu_w / W_PER_KW, host_kw=host_w / W_PER_KW, overhead_kw=overhead_w / W_PER_KW
    )


def _daily_share(plan: HallPlan) -> NDArray[np.float64]:
    """Return the small loads over their peak: a fifth at night and at weekends, all at noon."""
    local = local_time(plan, 0, plan.days * HOURS_PER_DAY)
    day = np.maximum(np.cos((local.hour - _NOON) * (2 * np.pi / HOURS_PER_DAY)), 0.0)
    share: NDArray[np.float64] = _NIGHT_SHARE + (1 - _NIGHT_SHARE) * np.where(
        local.weekend, 0.0, day
    )
    return share


def _lagged(settled_w: NDArray[np.float64], *, lag_s: float) -> NDArray[np.float64]:
    """Return a first-order lag of one value a minute, settled at the first."""
    share = 1 - float(np.exp(-S_PER_MINUTE / lag_s))
    value = float(settled_w[0])
    lagged = np.empty_like(settled_w)
    for minute, settled in enumerate(settled_w.tolist()):
        value += share * (settled - value)
        lagged[minute] = value
    return lagged


def settled_site_w(plan: HallPlan, gpu_w: float, temp_c: float) -> float:
    """Return the site's power once the cooling has settled [W]: what an operator calculates with.

    Args:
        plan: Hosts and overhead.
        gpu_w: Power of all GPUs [W].
        temp_c: Outdoor temperature [°C].
    """
    it_w = plan.nodes * plan.host.idle_w + (1 + plan.host.per_gpu_ratio) * gpu_w
    return plan.overhead.fixed_w + it_w * _site_per_it(plan, temp_c)


def gpu_w_for_site(plan: HallPlan, site_w: float, temp_c: float) -> float:
    """Return the GPU power that settles at a site power [W]: the inverse of ``settled_site_w``.

    Examples:
        >>> plan = HallPlan(site_id="hall", seed=7, start_utc="2026-06-02T00:00:00Z")
        >>> round(gpu_w_for_site(plan, settled_site_w(plan, 36_000.0, 30.0), 30.0), 6)
        36000.0
    """
    it_w = (site_w - plan.overhead.fixed_w) / _site_per_it(plan, temp_c)
    return (it_w - plan.nodes * plan.host.idle_w) / (1 + plan.host.per_gpu_ratio)


def _site_per_it(plan: HallPlan, temp_c: float) -> float:
    cooling = float(cooling_ratio(plan.overhead, np.array(temp_c)))
    return 1 + plan.overhead.loss_ratio + cooling
