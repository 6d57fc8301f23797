"""Which nodes were out of service, where the operator's log does not say.

Here: the inference. A node is taken to be down while all its GPUs are silent and nobody holds
them. Not here: what follows for the queue (schedule.py).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.counterfactual.fleet import Fleet
from negawatt.models.counterfactual.job_power import minute_span

SILENT_BELOW_W: Final = 1.0
"""A powered GPU draws more than this even when idle; less is a sensor that does not answer."""
MIN_SILENT_MINUTES: Final = 10


def infer_node_down(fleet: Fleet) -> NDArray[np.bool_]:
    """Return when each node is taken to have been out of service.

    Args:
        fleet: The fleet.

    Returns:
        Whether a node was silent and jobless for ``MIN_SILENT_MINUTES`` around a minute,
        (n_nodes, n_minutes).
    """
    silent = ~(fleet.gpu_power_w >= SILENT_BELOW_W)
    down = np.ones((fleet.n_nodes, fleet.n_minutes), dtype=bool)
    for gpu, node in enumerate(fleet.gpu_node.tolist()):
        down[node] &= silent[gpu]
    for node in np.flatnonzero(down.any(axis=1)).tolist():
        down[node] &= ~_held(fleet, node)
        down[node] = _long_stretches(down[node])
    return down


def _held(fleet: Fleet, node: int) -> NDArray[np.bool_]:
    held = np.zeros(fleet.n_minutes, dtype=bool)
    for run in fleet.runs:
        if (fleet.gpu_node[run.gpus] == node).any():
            start, end = minute_span(run.start_s, run.end_s, 0, fleet.n_minutes)
            held[start:end] = True
    return held


def _long_stretches(down: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep stretches of at least ``MIN_SILENT_MINUTES``."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], down, [False]]).astype(np.int8)))
    kept = np.zeros_like(down)
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if end - start >= MIN_SILENT_MINUTES:
            kept[start:end] = True
    return kept
