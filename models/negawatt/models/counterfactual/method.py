"""What every method of a counterfactual is given, and what it returns.

Here: the interface, the span of minutes, and totals over the fleet in any stretch. Not here: any
method (simple_methods.py, donors.py, ensemble.py, job_aware.py).
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from negawatt.models.counterfactual.control import event_actions
from negawatt.models.counterfactual.fleet import Fleet, FleetEvent
from negawatt.models.counterfactual.job_power import minute_span
from negawatt.models.counterfactual.node_service import infer_node_down
from negawatt.models.counterfactual.prepared import Prepared
from negawatt.models.counterfactual.site_series import total_gpu_kw
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.units import S_PER_MINUTE

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GpuEstimate:
    """How much more the GPUs would have drawn; arrays end with the event.

    Attributes:
        first: First minute: of control, or of the event where control began later.
        change_kw: Power of the GPUs that would have been drawn more [kW], shape (n,).
        busy_change: GPUs that would have been held more, shape (n,).
        findings: What was left out and why, in plain words.
    """

    first: int
    change_kw: Array
    busy_change: Array
    findings: tuple[str, ...] = ()


class Method(Protocol):
    """A way to say what the GPUs would have drawn; pure, and it never sees the truth."""

    def __call__(self, prepared: Prepared, event: FleetEvent) -> GpuEstimate:
        """Return the change of the GPUs.

        Raises:
            DataRefusedError: The fleet does not hold what the method needs.
        """


def prepare(fleet: Fleet) -> Prepared:
    """Return a fleet with what is worked out of it once; nodes out of service are inferred."""
    if fleet.node_down is None:
        fleet = replace(fleet, node_down=infer_node_down(fleet))
    return Prepared(fleet)


def event_span(fleet: Fleet, event: FleetEvent) -> tuple[int, int]:
    """Return the first minute of control, or of the event, and the minute after the event."""
    acts_s = [action.at_s for action in event_actions(fleet, event)]
    first = min([event.start_minute, *(int(at_s // S_PER_MINUTE) for at_s in acts_s)])
    return first, event.end_minute


def power_kw(fleet: Fleet, first: int, last: int) -> Array:
    """Return the power of all GPUs in minutes [kW], shape (last - first,); NaN where not known.

    Raises:
        DataRefusedError: The minutes reach beyond the fleet's, or none of them is known.
    """
    if first < 0 or last > fleet.n_minutes:
        raise DataRefusedError(
            thing="GPU power",
            expected=f"minutes {first} to {last}",
            found=f"minutes 0 to {fleet.n_minutes}",
            remedy="give the hours before and after the event too, or choose another method",
        )
    total_kw = total_gpu_kw(replace(fleet, gpu_power_w=fleet.gpu_power_w[:, first:last]))
    if np.isnan(total_kw).all():
        raise DataRefusedError(
            thing="GPU power",
            expected=f"readings in minutes {first} to {last}",
            found="none",
            remedy="choose another method",
        )
    return total_kw


def held_gpus(prepared: Prepared, first: int, last: int) -> Array:
    """Return how many GPUs jobs held in each minute, shape (last - first,)."""
    times = prepared.timetable
    near = (times.run_start_s < last * S_PER_MINUTE) & (times.run_end_s > first * S_PER_MINUTE)
    held = np.zeros(last - first)
    for run in np.flatnonzero(near).tolist():
        its = prepared.fleet.runs[run]
        start, end = minute_span(its.start_s, its.end_s, first, last)
        held[start - first : end - first] += len(its.gpus)
    return held
