"""Pretend events of one fleet one after the other, each with the band that those before it give.

Here: the honest test of a band: no window helps to calibrate its own. Not here: one pretend event
(placebo.py), the band (negawatt.models.uncertainty.fleet_band).
"""

from dataclasses import dataclass
from typing import Final

from negawatt.models.counterfactual.fleet import FleetEvent
from negawatt.models.counterfactual.job_level import Reference
from negawatt.models.counterfactual.placebo import Placebo, RunSums, placebo
from negawatt.models.counterfactual.policy import PolicyFit
from negawatt.models.counterfactual.prepared import Prepared
from negawatt.models.counterfactual.quiet_windows import quiet_windows
from negawatt.models.domain.units import S_PER_MINUTE
from negawatt.models.uncertainty.fleet_band import ErrorScale, fleet_band

CALIBRATION_COUNT: Final = 60
MIN_BEFORE: Final = 20
"""With fewer windows before it the finite-sample rank alone lifts coverage above 91 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A pretend event with the band of those before it; errors are estimate less truth.

    Attributes:
        start_minute: Its first minute.
        error_kw: Error of the mean [kW].
        half_width_kw: Half of the two-sided 90 % band [kW].
        one_sided_kw: The one-sided bound is the estimate less this [kW].
        load_kw: What was estimated [kW].
    """

    start_minute: int
    error_kw: float
    half_width_kw: float
    one_sided_kw: float
    load_kw: float

    @property
    def is_covered(self) -> bool:
        """Whether the band holds the truth."""
        return abs(self.error_kw) <= self.half_width_kw

    @property
    def is_bounded(self) -> bool:
        """Whether the one-sided bound holds."""
        return self.error_kw <= self.one_sided_kw


def quiet_placebos(
    prepared: Prepared, event: FleetEvent, policy: PolicyFit, *, length_minutes: int
) -> list[Placebo]:
    """Return a pretend event in every quiet window before an event, oldest first.

    Args:
        prepared: The fleet.
        event: The event.
        policy: How the fleet's scheduler chooses.
        length_minutes: Length of a window: of the event and the control before it [min].
    """
    reference = Reference()
    starts = quiet_windows(
        prepared.fleet,
        event,
        length_minutes=length_minutes,
        margin_minutes=reference.reach_minutes,
    )
    sums = RunSums(prepared)
    found = []
    for start in sorted(starts):
        span = (start, start + length_minutes)
        span_s = (float(span[0] * S_PER_MINUTE), float(span[1] * S_PER_MINUTE))
        cases = {pool: prepared.timetable.case(pool, {}, span_s) for pool in prepared.queued_pools}
        found.append(placebo(prepared, sums, cases, policy.policy, span, reference=reference))
    return found


def trailing_bands(placebos: list[Placebo]) -> list[Tried]:
    """Return every pretend event that has ``MIN_BEFORE`` before it, with the band of those.

    Args:
        placebos: Pretend events, oldest first; the last ``CALIBRATION_COUNT`` before each count.
    """
    tried = []
    for place in range(MIN_BEFORE, len(placebos)):
        before, now = placebos[max(0, place - CALIBRATION_COUNT) : place], placebos[place]
        band = fleet_band(
            [(its.level_error_kw, its.queue_error_kw) for its in before],
            [ErrorScale(level_kw=its.level_kw, queue_kw=its.queue_kw) for its in before],
            ErrorScale(level_kw=now.level_kw, queue_kw=now.queue_kw),
            held_kw=0.0,
            other_error_kw=0.0,
        )
        tried.append(
            Tried(
                start_minute=now.start_minute,
                error_kw=now.level_error_kw + now.queue_error_kw,
                half_width_kw=band.half_width_kw,
                one_sided_kw=band.one_sided_kw,
                load_kw=now.level_kw + now.queue_kw,
            )
        )
    return tried
