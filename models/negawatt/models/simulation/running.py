"""A job on its GPUs: its cap, its speed, its work, and the stretches that they make.

Here: one job between a start and an end or failure. Not here: what happens to it and when
(negawatt.models.simulation.course).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from negawatt.models.simulation.actions import PAUSED, UNCAPPED
from negawatt.models.simulation.cap_response import speed_ratio
from negawatt.models.simulation.incidents import SecondSite
from negawatt.models.simulation.jobs import Job
from negawatt.models.simulation.workloads import RESTART_S
from negawatt.models.simulation.world import Stretch


@dataclass(slots=True, kw_only=True)
class Running:
    """A job that holds GPUs.

    Attributes:
        index: Its place among the jobs.
        job: The job.
        second_site: Where it goes on while it is paused here, if there is such a site.
        gpus: Its GPUs.
        since_s: Start of the stretch that is open [s].
        loaded_s: Its work goes on from here: it loads or moves until then [s].
        work_s: Work done when the open stretch started [s].
        cap_ratio: What the operator commands: 1 is no cap, 0 a pause.
        version: Number of its last planned end; an end with another number is out of date.
    """

    index: int
    job: Job
    second_site: SecondSite | None
    gpus: tuple[int, ...]
    since_s: int
    loaded_s: int
    work_s: float
    cap_ratio: float = UNCAPPED
    version: int = 0

    @property
    def cap_in_force(self) -> float:
        """The cap as the job feels it: some take no notice of one, but all can be paused."""
        complies = self.job.complies or self.cap_ratio == PAUSED
        return self.cap_ratio if complies else UNCAPPED

    @property
    def speed(self) -> float:
        """Work per second, over full speed."""
        if self.cap_in_force == PAUSED:
            return 0.0 if self.second_site is None else 1.0
        return speed_ratio(self.job.job_class, self.cap_in_force)

    def end_s(self, now_s: int) -> int | None:
        """Return when it will end if nothing changes [s], None if never."""
        if self.job.work_s is None or self.speed == 0:
            return None
        needed_s = math.ceil((self.job.work_s - self.work_s) / self.speed)
        return max(now_s, self.loaded_s) + needed_s

    def estimated_end_s(self, started_s: int) -> float:
        """Return when its user says that it ends, from its start on these GPUs [s]."""
        return started_s + (self.job.est_runtime_s or math.inf)

    def close(self, now_s: int) -> Iterator[Stretch]:
        """Book the time since the last change, and go on from now."""
        loaded_s = min(max(self.loaded_s, self.since_s), now_s)
        for start_s, end_s, its_speed in (
            (self.since_s, loaded_s, 0.0),
            (loaded_s, now_s, self.speed),
        ):
            if end_s > start_s:
                stretch = Stretch(
                    job_index=self.index,
                    gpus=self.gpus,
                    start_s=start_s,
                    end_s=end_s,
                    cap_ratio=self.cap_in_force,
                    speed_ratio=its_speed,
                    work_start_s=self.work_s,
                )
                self.work_s += stretch.work_s
                yield stretch
        self.since_s = now_s

    def command(self, now_s: int, cap_ratio: float) -> None:
        """Set its cap from now on; the stretch before is closed already."""
        self.loaded_s = max(self.loaded_s, now_s + self._loading_s(cap_ratio))
        self.cap_ratio = cap_ratio

    def _loading_s(self, cap_ratio: float) -> int:
        """Return the time without progress that a change of the cap costs [s]."""
        if self.second_site is not None:
            moves = PAUSED in {self.cap_ratio, cap_ratio}
            return self.second_site.transfer_s if moves else 0
        return RESTART_S if self.cap_ratio == PAUSED else 0
