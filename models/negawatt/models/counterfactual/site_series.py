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
    same work more often than not. A whole node that is silent, and not known to be down, is counted
    at a line between what it drew before and after.
    """
    power_w = fleet.gpu_power_w
    known_w: NDArray[np.float64] = np.add.reduce(power_w, axis=0, dtype=np.float64)
    lost = np.isnan(known_w)
    if lost.any():
        known_w[lost] = _filled_sum(fleet, np.flatnonzero(lost))
    return known_w / W_PER_KW


def _filled_sum(fleet: Fleet, minutes: NDArray[np.int64]) -> NDArray[np.float64]:
    power_w = fleet.gpu_power_w[:, minutes]
    known = ~np.isnan(power_w)
    value_w = np.where(known, power_w, 0).astype(np.float64)
    sums, counts = (np.zeros((fleet.n_nodes, len(minutes))) for _ in range(2))
    np.add.at(sums, fleet.gpu_node, value_w)
    np.add.at(counts, fleet.gpu_node, known)
    mean_w = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)
    silent = counts == 0
    if fleet.node_down is not None:
        silent &= ~fleet.node_down[:, minutes]
    for node in np.flatnonzero(silent.any(axis=1)).tolist():
        mean_w[node, silent[node]] = _between(fleet, node, minutes[silent[node]])
    total_w: NDArray[np.float64] = np.bincount(fleet.gpu_node).astype(np.float64) @ mean_w
    total_w[known.sum(axis=0) < len(known) / 2] = np.nan
    return total_w


def _between(fleet: Fleet, node: int, minutes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean power of a node's GPUs on a line across silent minutes [W]."""
    power_w = fleet.gpu_power_w[fleet.gpu_node == node]
    heard = np.flatnonzero(~np.isnan(power_w).any(axis=0))
    if len(heard) == 0:
        return np.zeros(len(minutes))
    line_w: NDArray[np.float64] = np.interp(minutes, heard, power_w[:, heard].mean(axis=0))
    return line_w


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
