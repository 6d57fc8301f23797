"""What a capped job would have drawn, from what the cap let through.

A cap cuts off what is above it and leaves what is below: in a checkpoint a capped job draws what it
would have drawn anyway, and a cap above a job's power changes nothing. Here: which minutes of a
capped job were cut. Not here: what it would have drawn in those (job_level.py).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.counterfactual.fleet import Action, ControlAction
from negawatt.models.counterfactual.job_power import JobMinutes
from negawatt.models.domain.units import S_PER_MINUTE

_STEP_RATIO: Final = 0.05
_MIN_MINUTES: Final = 5
_AT_THE_CAP_RATIO: Final = 0.88
"""A minute that draws less than this share of what the cap lets through was not cut by it."""
_NOT_BINDING_RATIO: Final = 0.97


def cap_ratios(actions: Sequence[ControlAction], first: int, n_minutes: int) -> NDArray[np.float64]:
    """Return the cap in force in each minute as a share of full power: 1 is none, 0 a pause.

    Args:
        actions: One job's lines of the dispatch log, oldest first.
        first: First minute.
        n_minutes: Number of minutes.
    """
    ratios = np.ones(n_minutes)
    for action in actions:
        if action.action is Action.HOLD:
            continue
        ratio = {Action.RELEASE: 1.0, Action.CAP: action.power_ratio}.get(action.action, 0.0)
        start = min(max(0, int(action.at_s // S_PER_MINUTE) - first), n_minutes)
        ratios[start:] = 1.0 if np.isnan(ratio) else ratio
    return ratios


def cut_levels(
    minutes: JobMinutes, ratios: NDArray[np.float64], settled: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return where a cap cut a job's power, and at what power.

    Args:
        minutes: What the job drew.
        ratios: The cap in each minute.
        settled: Minutes in which it worked undisturbed, like ``minutes``.

    Returns:
        In minutes that were cut, the power from which on the cap cut [W]; 0 in capped minutes that
        were not; NaN where there was no cap, or too little of it to tell, (n,).
    """
    cut = np.full(len(ratios), np.nan)
    power_w = minutes.per_gpu_w
    known = (minutes.gpus_on > 0) & ~np.isnan(power_w)
    capped = known & (ratios > 0) & (ratios < 1) & ~settled
    if settled.sum() < _MIN_MINUTES:
        return cut
    usual_w = float(np.quantile(power_w[settled], 0.9))
    steps = np.round(ratios / _STEP_RATIO).astype(int)
    for step in np.unique(steps[capped]).tolist():
        here = capped & (steps == step)
        if here.sum() < _MIN_MINUTES:
            continue
        through_w = float(np.quantile(power_w[here], 0.9))
        from_w = _AT_THE_CAP_RATIO * through_w
        is_cut = power_w[here] >= from_w
        cut[here] = (
            np.where(is_cut, from_w, 0.0) if through_w < _NOT_BINDING_RATIO * usual_w else 0.0
        )
    return cut
