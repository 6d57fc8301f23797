"""How far each job was, at any moment: what a training framework would have logged.

Here: work done, from the stretches. Not here: the jobs' speed under caps
(negawatt.models.simulation.cap_response).
"""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from negawatt.models.simulation.world import Stretch, World


def stretches_of_jobs(world: World) -> Mapping[int, list[Stretch]]:
    """Return the stretches of every job that ran, oldest first, by the job's index."""
    by_job: dict[int, list[Stretch]] = {}
    for stretch in world.stretches:
        by_job.setdefault(stretch.job_index, []).append(stretch)
    return by_job


def work_done_s(stretches: Iterable[Stretch], moment_s: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the work a job has done, in seconds at full speed [s].

    Args:
        stretches: All stretches of the job, oldest first; after a failure the work is less.
        moment_s: Moments, seconds from the start of the simulation [s], shape (n,).

    Examples:
        Ten minutes at full speed, then ten at 80 %: after a quarter of an hour it is 600 + 240.

        >>> def stretch(start_s, speed, work_s):
        ...     return Stretch(job_index=0, gpus=(0,), start_s=start_s, end_s=start_s + 600,
        ...         cap_ratio=1.0, speed_ratio=speed, work_start_s=work_s)
        >>> done = [stretch(0, 1.0, 0.0), stretch(600, 0.8, 600.0)]
        >>> work_done_s(done, np.array([0, 900, 2000]))
        array([   0.,  840., 1080.])
    """
    done_s = np.zeros(len(moment_s))
    for stretch in stretches:
        inside_s = np.clip(moment_s, stretch.start_s, stretch.end_s) - stretch.start_s
        so_far_s = stretch.work_start_s + stretch.speed_ratio * inside_s
        done_s = np.where(moment_s >= stretch.start_s, so_far_s, done_s)
    return done_s
