"""The other site of the same operator, whose load rises with the work that moves there.

Here: its load. Not here: which jobs move (negawatt.models.simulation.course).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.units import S_PER_MINUTE, W_PER_KW
from negawatt.models.simulation.actions import PAUSED
from negawatt.models.simulation.grid import HOURS_PER_DAY
from negawatt.models.simulation.job_power import profile_power_ratio
from negawatt.models.simulation.jobs import Job
from negawatt.models.simulation.localtime import local_time
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.randomness import Stream, generator
from negawatt.models.simulation.world import World

_DAILY_SHARE = 0.06
_PEAK_HOUR = 15.0
_NOISE_SD = 0.004


def second_site_kw(plan: HallPlan, jobs: Sequence[Job], world: World) -> NDArray[np.float64] | None:
    """Return the other site's load [kW], one-minute means, shape (n_minutes,); None without one.

    Its own load is a daily wave with noise, the same in every world; work that came to it draws
    there what it drew here, with that site's hosts and cooling on top.
    """
    site = plan.second_site
    if site is None:
        return None
    random = generator(plan.seed, Stream.SECOND_SITE)
    hour = local_time(plan, 0, plan.days * HOURS_PER_DAY).hour
    wave = np.cos((hour - _PEAK_HOUR) * (2 * np.pi / HOURS_PER_DAY))
    noise = _NOISE_SD * random.standard_normal(len(hour))
    load_kw: NDArray[np.float64] = site.base_kw * (1 + _DAILY_SHARE * wave + noise)
    for stretch in world.stretches:
        if stretch.cap_ratio == PAUSED and stretch.speed_ratio > 0:
            job = jobs[stretch.job_index]
            gpu_w = plan.gpu.limit_w * profile_power_ratio(job) * job.gpu_count
            first, last = stretch.start_s // S_PER_MINUTE, stretch.end_s // S_PER_MINUTE
            load_kw[first:last] += site.site_per_gpu_ratio * gpu_w / W_PER_KW
    return load_kw
