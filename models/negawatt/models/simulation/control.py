"""What the operator does in an event: caps on tiers 1 and 2, pauses of tier 3.

Here: the decision, from the load the operator calculates (as a dispatcher does, from the jobs'
profiles, not from a meter). Not here: carrying it out (negawatt.models.simulation.world). The
verifier has no part in this: it is the operator's side of the story.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.units import S_PER_MINUTE
from negawatt.models.simulation.actions import PAUSED, UNCAPPED
from negawatt.models.simulation.cap_response import power_ceiling_ratio
from negawatt.models.simulation.demand import Demand
from negawatt.models.simulation.hall_event import HallEvent, TargetOf
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.site import gpu_w_for_site, settled_site_w
from negawatt.models.simulation.workloads import DEEPEST_CAP_RATIO, PAUSE_TIER

# Caps move in tenths of their range, so that a steady load is not re-capped every minute.
_DEPTHS: Final = tuple(tenth / 10 for tenth in range(11))


@dataclass(slots=True)
class Controller:
    """The operator during one event; remembers its reference and whom it paused.

    Attributes:
        plan: The hall.
        event: The event.
        temp_c: Outdoor temperature of each minute [°C].
        reference_w: Calculated load when the ramp began [W], of the site or of the GPUs as the
            event's target says; None before.
        paused: Jobs that are paused.
    """

    plan: HallPlan
    event: HallEvent
    temp_c: NDArray[np.float64]
    reference_w: float | None = None
    paused: set[int] = field(default_factory=set)

    def caps(self, now_s: int, demands: Sequence[Demand]) -> dict[int, float]:
        """Return the cap of every running job, over the limit; 0 is a pause.

        The target falls in a straight line over the ramp, holds, and rises again. All caps of
        tiers 1 and 2 deepen together; when they do not reach, tier 3 is paused job by job, the
        largest saving first. Where there is a second site, tier 3 moves there before any cap. On
        the way up the smallest is released first.
        """
        if self.reference_w is None:
            self.reference_w = self._reference_w(now_s, demands)
        share = self._share(now_s)
        if share == 0:
            self.paused.clear()
            return {demand.index: UNCAPPED for demand in demands}
        target_w = self._target_gpu_w(now_s, share)
        if now_s >= self.plan.second_of(self.event.window.end_utc):
            self._release(demands, target_w)
        self._pause(demands, target_w)
        depth = next(
            (depth for depth in _DEPTHS if self._gpu_w(demands, depth=depth) <= target_w), 1.0
        )
        return {demand.index: self._cap_ratio(demand, depth) for demand in demands}

    def _reference_w(self, now_s: int, demands: Sequence[Demand]) -> float:
        calculated_w = self._gpu_w(demands, depth=0.0)
        if self.event.target_of is TargetOf.GPUS:
            return calculated_w
        return settled_site_w(self.plan, calculated_w, self._temp_c_at(now_s))

    def _target_gpu_w(self, now_s: int, share: float) -> float:
        """Return the GPU power that meets the target at a share of the full reduction [W]."""
        target_w = (self.reference_w or 0.0) * (1 - share * self.event.target_reduction_ratio)
        if self.event.target_of is TargetOf.GPUS:
            return target_w
        return gpu_w_for_site(self.plan, target_w, self._temp_c_at(now_s))

    def _temp_c_at(self, now_s: int) -> float:
        return float(self.temp_c[now_s // S_PER_MINUTE])

    def _share(self, now_s: int) -> float:
        """Return the share of the full reduction that is asked for now, 0 to 1."""
        times_s = [
            self.plan.second_of(moment_utc)
            for moment_utc in (
                self.event.controlled.start_utc,
                self.event.window.start_utc,
                self.event.window.end_utc,
                self.event.controlled.end_utc,
            )
        ]
        # The first minute of the ramp already acts, and the last one releases everything.
        return float(np.interp(now_s + S_PER_MINUTE, times_s, [0.0, 1.0, 1.0, 0.0]))

    @property
    def _depth_before_pauses(self) -> float:
        """Depth of the caps up to which nobody is paused; work that can move goes before caps."""
        return 1.0 if self.plan.second_site is None else 0.0

    def _pause(self, demands: Sequence[Demand], target_w: float) -> None:
        calculated_w = self._gpu_w(demands, depth=self._depth_before_pauses)
        for demand in sorted(demands, key=self._saving_w, reverse=True):
            if calculated_w <= target_w:
                return
            if demand.tier == PAUSE_TIER and demand.index not in self.paused:
                self.paused.add(demand.index)
                calculated_w -= self.plan.gpu.limit_w * self._saving_w(demand)

    def _release(self, demands: Sequence[Demand], target_w: float) -> None:
        for demand in sorted(demands, key=self._saving_w):
            if demand.index in self.paused:
                self.paused.remove(demand.index)
                if self._gpu_w(demands, depth=self._depth_before_pauses) > target_w:
                    self.paused.add(demand.index)
                    return

    def _saving_w(self, demand: Demand) -> float:
        idle_ratio = self.plan.gpu.idle_w / self.plan.gpu.limit_w
        return demand.gpu_count * (demand.uncapped_ratio - idle_ratio)

    def _cap_ratio(self, demand: Demand, depth: float) -> float:
        if demand.index in self.paused:
            return PAUSED
        return UNCAPPED - depth * (UNCAPPED - DEEPEST_CAP_RATIO.get(demand.tier, UNCAPPED))

    def _gpu_w(self, demands: Sequence[Demand], *, depth: float) -> float:
        """Return the calculated power of all GPUs [W] with all caps at one depth, 0 to 1."""
        gpu = self.plan.gpu
        idle_count = self.plan.gpu_count - sum(demand.gpu_count for demand in demands)
        busy_w = sum(
            demand.gpu_count * self._per_gpu_w(demand, self._cap_ratio(demand, depth))
            for demand in demands
        )
        return idle_count * gpu.idle_w + busy_w

    def _per_gpu_w(self, demand: Demand, cap_ratio: float) -> float:
        gpu = self.plan.gpu
        if cap_ratio == PAUSED:
            return gpu.idle_w
        ceiling_ratio = power_ceiling_ratio(demand.job_class, cap_ratio)
        return gpu.limit_w * min(demand.uncapped_ratio, ceiling_ratio)
