"""A fleet's totals, minute by minute: all GPUs, the GPUs that are held, and the meter's view.

Here: sums over the fleet with lost telemetry filled, and the history that the site's response is
learned from. Not here: the response (site_gain.py).
"""

import numpy as np
from numpy.typing import NDArray

from negawatt.models.counterfactual.fleet import Fleet
from negawatt.models.counterfactual.job_power import minute_span
from negawatt.models.counterfactual.site_gain import SiteMinutes
from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE, W_PER_KW

_MINUTES_PER_DAY = 24 * S_PER_H // S_PER_MINUTE


def total_gpu_kw(fleet: Fleet) -> NDArray[np.float64]:
    """Return the power of all GPUs [kW], (n_minutes,); NaN where most of them are silent.

    A GPU that is silent for a while is counted at the mean of the others of its node: they do the
    same work more often than not.
    """
    power_w = fleet.gpu_power_w
    known_w: NDArray[np.float64] = np.add.reduce(power_w, axis=0, dtype=np.float64)
    lost = np.isnan(known_w)
    if lost.any():
        known_w[lost] = _filled_sum(fleet, power_w[:, lost])
    return known_w / W_PER_KW


def _filled_sum(fleet: Fleet, power_w: NDArray[np.float32]) -> NDArray[np.float64]:
    known = ~np.isnan(power_w)
    value_w = np.where(known, power_w, 0).astype(np.float64)
    sums, counts, sizes = (np.zeros((fleet.n_nodes, power_w.shape[1])) for _ in range(3))
    np.add.at(sums, fleet.gpu_node, value_w)
    np.add.at(counts, fleet.gpu_node, known)
    np.add.at(sizes, fleet.gpu_node, 1.0)
    mean_w = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)
    total_w: NDArray[np.float64] = (mean_w * sizes).sum(axis=0)
    total_w[known.sum(axis=0) < len(known) / 2] = np.nan
    return total_w


def busy_gpus(fleet: Fleet) -> NDArray[np.float64]:
    """Return how many GPUs were held by jobs in each minute, (n_minutes,)."""
    change = np.zeros(fleet.n_minutes + 1)
    for run in fleet.runs:
        start, end = minute_span(run.start_s, run.end_s, 0, fleet.n_minutes)
        change[start] += len(run.gpus)
        change[end] -= len(run.gpus)
    return np.cumsum(change[:-1])


def site_minutes(fleet: Fleet, gpu_kw: NDArray[np.float64]) -> SiteMinutes:
    """Return the history that the meter's response to the GPUs is learned from."""
    start = fleet.start_utc
    clock = start.hour * S_PER_MINUTE + start.minute + np.arange(fleet.n_minutes)
    storage_kw = fleet.storage_kw
    return SiteMinutes(
        minute_of_day=clock % _MINUTES_PER_DAY,
        day=clock // _MINUTES_PER_DAY,
        meter_kw=fleet.meter_kw,
        gpu_kw=gpu_kw,
        busy_gpus=busy_gpus(fleet),
        temp_c=fleet.temp_c,
        storage_kw=np.zeros(fleet.n_minutes) if storage_kw is None else storage_kw,
    )
