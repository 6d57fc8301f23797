"""How sure each job's part is: its own share of the fleet's error.

Here: the error that a job's part would have by itself. Not here: how such errors are made to agree
with the fleet's (negawatt.models.uncertainty.job_bands).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from negawatt.models.counterfactual.gpu_change import GpuChange, Mechanism
from negawatt.models.counterfactual.placebo import Placebo
from negawatt.models.uncertainty.fleet_band import (
    HELD_ERROR_RATIO,
    MIN_PLACEBOS,
    SHORT_LEVEL_RATIO,
    SHORT_QUEUE_RATIO,
    FleetBand,
)
from negawatt.models.uncertainty.job_bands import error_correlation, job_half_widths


def job_half_widths_kw(
    change: GpuChange, in_event: slice, placebos: Sequence[Placebo], band: FleetBand
) -> NDArray[np.float64]:
    r"""Return the half width of each job's mean part in the event's change at the GPUs [kW].

    .. math:: h_j \propto \sqrt{(r\, G_j)^2 + (c_j\, G_j)^2 + (f\, |Q_j|)^2}

    with the part G of the job's power that rests on a level, the root mean square r of the relative
    errors of jobs in the placebos, the spread c of its class where the level is its class's, and
    what starts and ends make of its change, Q.

    Args:
        change: The event's change.
        in_event: The event's minutes in it.
        placebos: Pretend events of the same fleet.
        band: The fleet's band at the GPUs, which the jobs' bands give together.
    """
    short = len(placebos) < MIN_PLACEBOS
    level_ratio = SHORT_LEVEL_RATIO if short else _relative_error(placebos)
    queue_ratio = SHORT_QUEUE_RATIO if short else max(HELD_ERROR_RATIO, _queue_error(placebos))
    own_kw = np.zeros(len(change.jobs))
    for index, job in enumerate(change.jobs):
        guessed_kw = float(job.guessed_kw[in_event].mean())
        queue_kw = sum(
            float(kw[in_event].mean())
            for mechanism, kw in job.change_kw.items()
            if mechanism in {Mechanism.HELD, Mechanism.ENDED, Mechanism.DISPLACED}
        )
        ratio = job.guess_error_ratio or level_ratio
        own_kw[index] = np.hypot(ratio * guessed_kw, queue_ratio * queue_kw)
    return job_half_widths(
        own_kw,
        fleet_half_width=band.half_width_kw,
        correlation=error_correlation([its.jobs for its in placebos]),
    )


def _relative_error(placebos: Sequence[Placebo]) -> float:
    """Return the root mean square error of a job's level over the root mean square level."""
    jobs = np.array([job for placebo in placebos for job in placebo.jobs]).reshape(-1, 2)
    power_kw = float(np.sqrt(np.mean(jobs[:, 1] ** 2))) if len(jobs) else 0.0
    return float(np.sqrt(np.mean(jobs[:, 0] ** 2))) / power_kw if power_kw > 0 else 0.0


def _queue_error(placebos: Sequence[Placebo]) -> float:
    """Return the root mean square error of starts over their mean power."""
    mean_kw = float(np.mean([its.queue_kw for its in placebos]))
    error_kw = float(np.sqrt(np.mean([its.queue_error_kw**2 for its in placebos])))
    return error_kw / mean_kw if mean_kw > 0 else 0.0
