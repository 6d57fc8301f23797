"""Several methods as one, each with the weight that its errors on quiet windows earn.

Here: the weights and the weighted sum. Not here: the methods.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Final

import numpy as np

from negawatt.models.counterfactual.donors import difference_in_differences
from negawatt.models.counterfactual.fleet import FleetEvent
from negawatt.models.counterfactual.job_aware import Counterfactual
from negawatt.models.counterfactual.method import Array, GpuEstimate, Method
from negawatt.models.counterfactual.placebo import Placebo
from negawatt.models.counterfactual.prepared import Prepared
from negawatt.models.counterfactual.simple_methods import (
    before_and_after,
    job_composition,
    pre_event_level,
)
from negawatt.models.domain.errors import DataRefusedError

MEMBERS: Final[Mapping[str, Method]] = {
    "pre_event_level": pre_event_level,
    "before_and_after": before_and_after,
    "job_composition": job_composition,
    "difference_in_differences": difference_in_differences,
}
"""Methods beside the job-aware one whose estimate in a quiet window is their error.

``job_ends`` is none: where control touched nothing it cannot err.
"""
_WINDOWS: Final = 24
_MIN_WINDOWS: Final = 9


def best_weights(errors: Array) -> Array:
    r"""Return the weights of least mean square error: none below zero, together one.

    .. math:: \min_w w^T M w, \qquad M = \frac{1}{n} E^T E, \qquad w \ge 0, \quad \sum w = 1

    The best of all sets of methods whose unrestricted weights are not below zero.

    Args:
        errors: Error of each method in each window, shape (n_windows, n_methods).

    Source:
        Bates, Granger, The combination of forecasts, Operational Research Quarterly 20, 1969.

    Examples:
        Errors of 1 and 2 that do not go together: weights as 1 / 1 to 1 / 4.

        >>> best_weights(np.array([[1.0, 2.0], [1.0, -2.0], [-1.0, 2.0], [-1.0, -2.0]])).round(9)
        array([0.8, 0.2])
    """
    moment = errors.T @ errors / len(errors)
    moment += 1e-9 * np.trace(moment) / len(moment) * np.eye(len(moment))
    best, least = np.zeros(len(moment)), np.inf
    for kept in _subsets(len(moment)):
        part = np.linalg.solve(moment[np.ix_(kept, kept)], np.ones(len(kept)))
        part /= part.sum()
        square = float(part @ moment[np.ix_(kept, kept)] @ part)
        if (part >= 0).all() and square < least:
            best, least = np.zeros(len(moment)), square
            best[kept] = part
    return best


def _subsets(count: int) -> Iterator[list[int]]:
    """Yield the places of every subset of a few things, but for the empty one."""
    for size in range(1, count + 1):
        yield from map(list, combinations(range(count), size))


def ensemble(
    prepared: Prepared, event: FleetEvent, job_aware: Counterfactual, placebos: list[Placebo]
) -> GpuEstimate:
    """Return the weighted sum of the job-aware method and the ``MEMBERS``.

    Args:
        prepared: The fleet.
        event: The event.
        job_aware: What the job-aware method says of it.
        placebos: The job-aware method's errors in quiet windows of the event's length.

    Raises:
        DataRefusedError: Fewer than nine quiet windows tell the weights.
    """
    first, last = job_aware.gpu_change.first, job_aware.gpu_change.last
    estimates = {"job_aware": _job_aware(job_aware)}
    tried = placebos[-_WINDOWS:]
    errors = {"job_aware": [its.level_error_kw + its.queue_error_kw for its in tried]}
    for name, method in MEMBERS.items():
        try:
            estimates[name] = method(prepared, event)
            errors[name] = [_error_kw(method, prepared, its, last - first) for its in tried]
        except DataRefusedError:
            estimates.pop(name, None)
    if len(tried) < _MIN_WINDOWS:
        raise DataRefusedError(
            thing="weights of the ensemble",
            expected=f"{_MIN_WINDOWS} quiet windows",
            found=f"{len(tried)}",
            remedy="give a longer history, or choose the job-aware method",
        )
    weights = best_weights(np.array([errors[name] for name in estimates]).T)
    said = ", ".join(f"{name} {w:.0%}" for name, w in zip(estimates, weights, strict=True))
    parts = list(zip(weights.tolist(), estimates.values(), strict=True))
    return GpuEstimate(
        first=first,
        change_kw=sum(weight * _padded(its.change_kw, last - first) for weight, its in parts),
        busy_change=sum(weight * _padded(its.busy_change, last - first) for weight, its in parts),
        findings=(f"weights by {len(tried)} quiet windows: {said}",),
    )


def _job_aware(found: Counterfactual) -> GpuEstimate:
    change = found.gpu_change
    return GpuEstimate(
        first=change.first, change_kw=change.change_kw, busy_change=change.busy_change
    )


def _padded(change: Array, length: int) -> Array:
    """Return a change with zeros before it: a method may know of nothing so early."""
    return np.pad(change, (length - len(change), 0))


def _error_kw(method: Method, prepared: Prepared, its: Placebo, length: int) -> float:
    """Return what a method says of a quiet window, where nothing was reduced [kW]."""
    pretended = FleetEvent(start_minute=its.start_minute, end_minute=its.start_minute + length)
    return float(method(prepared, pretended).change_kw.mean())
