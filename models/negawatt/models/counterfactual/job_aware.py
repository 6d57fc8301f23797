"""The job-aware counterfactual of one event, from a fleet to a number with its band.

Here: the order of the steps. Not here: any of the steps.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.counterfactual.control import assumed_actions, event_actions, touches_during
from negawatt.models.counterfactual.fleet import Action, Fleet, FleetEvent
from negawatt.models.counterfactual.gpu_change import GpuChange, Mechanism, Prepared, gpu_change
from negawatt.models.counterfactual.inflation import Inflation, inflation
from negawatt.models.counterfactual.job_errors import job_half_widths_kw
from negawatt.models.counterfactual.job_level import Reference
from negawatt.models.counterfactual.node_service import infer_node_down
from negawatt.models.counterfactual.placebo import Placebo, RunSums, placebo
from negawatt.models.counterfactual.policy import PolicyFit, infer_policy
from negawatt.models.counterfactual.quiet_windows import quiet_windows
from negawatt.models.counterfactual.schedule import QueueCase
from negawatt.models.counterfactual.site_gain import SiteResponse, fit_site_response
from negawatt.models.counterfactual.site_series import site_minutes, total_gpu_kw
from negawatt.models.domain.errors import DataRefusedError, InsufficientHistoryError
from negawatt.models.domain.units import S_PER_MINUTE
from negawatt.models.uncertainty.fleet_band import ErrorScale, FleetBand, fleet_band

METHOD_ID: Final = "job_aware@1"
"""Rises with every change that moves an estimate."""
MAX_PLACEBOS: Final = 60
ASSUMED_CONTROL_ERROR_RATIO: Final = 0.15
"""Assumed standard error of a reduction whose control was not logged, as a share of it."""
UNLOGGED_HOLD_MINUTES: Final = 30
"""Where holds are not logged, the queue is replayed from this long before the first cap."""
_POLICY_WINDOWS: Final = 40
_AFTER_EVENT_MINUTES: Final = 360


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counterfactual:
    """What a fleet would have drawn in an event, and what that rests on.

    Attributes:
        event: The event.
        first_minute: The first minute of control; arrays begin here and end with the event.
        gpu_kw: Power of all GPUs as it was seen [kW], (n,).
        gpu_change: What the GPUs would have drawn more, job by job.
        site_change_kw: What the meter would have shown more [kW], (n,); None without a meter.
        meter_kw: What the meter showed, gaps filled [kW], (n,); None without a meter.
        storage_change_kw: What storage gave more than before the event [kW], (n,).
        policy: How the scheduler was taken to choose.
        inflation: How the load before the event compares with the same jobs' otherwise; None
            where nothing was touched.
        response: How the meter follows the GPUs; None without a meter.
        gpu_band: Error of the mean change over the event at the GPUs.
        site_band: The same at the meter; None without a meter.
        job_half_widths_kw: Half width of each job's mean part at the GPUs [kW], (n_jobs,); together
            they give the fleet's.
        findings: What was missing or assumed, in plain words.
    """

    event: FleetEvent
    first_minute: int
    gpu_kw: NDArray[np.float64]
    gpu_change: GpuChange
    site_change_kw: NDArray[np.float64] | None
    meter_kw: NDArray[np.float64] | None
    storage_change_kw: NDArray[np.float64]
    policy: PolicyFit
    inflation: Inflation | None
    response: SiteResponse | None
    gpu_band: FleetBand
    site_band: FleetBand | None
    job_half_widths_kw: NDArray[np.float64]
    findings: tuple[str, ...]

    @property
    def in_event(self) -> slice:
        """The event's minutes in the arrays."""
        return slice(self.event.start_minute - self.first_minute, None)


def job_aware(
    fleet: Fleet, event: FleetEvent, *, on_step: Callable[[str], object] = lambda _: None
) -> Counterfactual:
    """Return what a fleet would have drawn in an event.

    What control touched gets its own level and its own work, held starts are replayed, and
    everything else keeps its actual power. Without a single act of control the counterfactual is
    what was seen.

    Args:
        fleet: The fleet.
        event: One of its events.
        on_step: Called with the name of each step before it begins.
    """
    findings = list(fleet.missing)
    if len({job.priority for job in fleet.jobs}) == 1:
        findings.append("no job priorities: waiting jobs are taken to start by age")
    if fleet.node_down is None:
        fleet = replace(fleet, node_down=infer_node_down(fleet))
    if not fleet.has_dispatch:
        fleet = replace(fleet, actions=assumed_actions(fleet))
    prepared = Prepared(fleet)
    on_step("scheduler")
    windows = _Windows(prepared, event)
    policy = infer_policy(
        case for start in windows.starts[:_POLICY_WINDOWS] for case in windows.cases(start).values()
    )
    on_step("jobs")
    change, inflated = _gpu_change(prepared, event, windows, policy)
    if inflated is None:
        findings.append("no act of control was logged: nothing is credited")
    elif inflated.is_inflated:
        findings.append(
            f"in the hours before the event the touched jobs drew {inflated.ratio:.1%} more than "
            f"earlier and afterwards (quiet times: standard deviation "
            f"{inflated.placebo_sd_ratio:.1%}); their level is taken from the other hours"
        )
    on_step("placebos")
    reference = Reference()
    placebos = _placebos(prepared, windows, policy, reference)
    on_step("site")
    gpu_kw = total_gpu_kw(fleet)
    response, why_not = _response(fleet, event, gpu_kw)
    findings += [*why_not, *(response.findings if response else ())]
    learned = _Learned(
        gpu_kw=gpu_kw, policy=policy, inflation=inflated, response=response, placebos=placebos
    )
    return _assembled(fleet, event, change, learned, findings)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Learned:
    gpu_kw: NDArray[np.float64]
    policy: PolicyFit
    inflation: Inflation | None
    response: SiteResponse | None
    placebos: list[Placebo]


class _Windows:
    """The quiet stretches of a fleet that are as long as the event, and their queues."""

    def __init__(self, prepared: Prepared, event: FleetEvent) -> None:
        self._prepared = prepared
        self.span = _span(prepared.fleet, event)
        self.length = self.span[1] - self.span[0]
        self.starts = quiet_windows(
            prepared.fleet,
            event,
            length_minutes=self.length,
            margin_minutes=Reference().reach_minutes,
        )
        self._cases: dict[int, dict[str, QueueCase]] = {}

    def cases(self, start: int) -> dict[str, QueueCase]:
        """Return each partition's queue at the beginning of a stretch."""
        if start not in self._cases:
            span_s = (float(start * S_PER_MINUTE), float((start + self.length) * S_PER_MINUTE))
            self._cases[start] = {
                pool: self._prepared.timetable.case(pool, {}, span_s)
                for pool in self._prepared.queued_pools
            }
        return self._cases[start]


def _span(fleet: Fleet, event: FleetEvent) -> tuple[int, int]:
    """Return the first minute of control and the minute after the event.

    A scheduler that holds starts without a log may do so before the first cap.
    """
    acts = event_actions(fleet, event)
    first = min([event.start_minute, *(int(act.at_s // S_PER_MINUTE) for act in acts)])
    if acts and not any(act.action is Action.HOLD for act in acts):
        first -= UNLOGGED_HOLD_MINUTES
    return max(0, first), event.end_minute


def _gpu_change(
    prepared: Prepared, event: FleetEvent, windows: _Windows, policy: PolicyFit
) -> tuple[GpuChange, Inflation | None]:
    first, last = windows.span
    acts = event_actions(prepared.fleet, event)
    if not acts:
        return GpuChange(first=first, last=last, jobs=()), None
    span_s = (float(first * S_PER_MINUTE), float(last * S_PER_MINUTE))
    touched = touches_during(prepared.touches, *span_s)
    inflated = inflation(prepared, touched, windows.span, windows.starts[:_POLICY_WINDOWS])
    reference = Reference(is_inflated=inflated.is_inflated, inflation_ratio=inflated.likely_ratio)
    policies = dict.fromkeys(prepared.queued_pools, policy.policy)
    return gpu_change(prepared, touched, policies, span_s, reference=reference), inflated


def _placebos(
    prepared: Prepared, windows: _Windows, policy: PolicyFit, reference: Reference
) -> list[Placebo]:
    sums = RunSums(prepared)
    return [
        placebo(
            prepared,
            sums,
            windows.cases(start),
            policy.policy,
            (start, start + windows.length),
            reference=reference,
        )
        for start in windows.starts[:MAX_PLACEBOS]
    ]


def _response(
    fleet: Fleet, event: FleetEvent, gpu_kw: NDArray[np.float64]
) -> tuple[SiteResponse | None, list[str]]:
    """Return how the meter follows the GPUs, or why that is not known."""
    if np.isnan(fleet.meter_kw).all():
        return None, []
    usable = np.ones(fleet.n_minutes, dtype=bool)
    before = max(0, event.start_minute - _AFTER_EVENT_MINUTES // 2)
    usable[before : event.end_minute + _AFTER_EVENT_MINUTES] = False
    try:
        return fit_site_response(site_minutes(fleet, gpu_kw), usable=usable), []
    except (DataRefusedError, InsufficientHistoryError) as error:
        return None, [f"the meter's response to the GPUs is not known: {error}"]


def _assembled(
    fleet: Fleet,
    event: FleetEvent,
    change: GpuChange,
    learned: _Learned,
    findings: list[str],
) -> Counterfactual:
    response, placebos = learned.response, learned.placebos
    span = slice(change.first, change.last)
    in_event = slice(event.start_minute - change.first, None)
    storage_kw = _storage_change_kw(fleet, change.first, change.last)
    site_change_kw = site_band = meter_kw = None
    assumed_kw = 0.0
    if not fleet.has_dispatch:
        assumed_kw = ASSUMED_CONTROL_ERROR_RATIO * abs(float(change.change_kw[in_event].mean()))
    gpu_band = _band(change, in_event, placebos, gain=1.0, other_error_kw=assumed_kw)
    if response is not None:
        temp_c = fleet.temp_c[span]
        site_change_kw = (
            response.site_change_kw(change.change_kw, change.busy_change, temp_c) + storage_kw
        )
        error_kw = response.standard_error_kw(
            change.change_kw, change.busy_change, temp_c, in_event
        )
        gain = response.gain_ratio(
            float(np.nanmean(temp_c)) if not np.isnan(temp_c).all() else response.mean_temp_c
        )
        error_kw = float(np.hypot(error_kw, gain * assumed_kw))
        site_band = _band(change, in_event, placebos, gain=gain, other_error_kw=error_kw)
        meter_kw = _filled(fleet.meter_kw[span])
    return Counterfactual(
        event=event,
        first_minute=change.first,
        gpu_kw=learned.gpu_kw[span],
        gpu_change=change,
        site_change_kw=site_change_kw,
        meter_kw=meter_kw,
        storage_change_kw=storage_kw,
        policy=learned.policy,
        inflation=learned.inflation,
        response=response,
        gpu_band=gpu_band,
        site_band=site_band,
        job_half_widths_kw=job_half_widths_kw(change, in_event, placebos, gpu_band),
        findings=tuple(findings),
    )


def _band(
    change: GpuChange,
    in_event: slice,
    placebos: list[Placebo],
    *,
    gain: float,
    other_error_kw: float,
) -> FleetBand:
    by_mechanism = {
        mechanism: gain * float(kw[in_event].mean())
        for mechanism, kw in change.by_mechanism_kw().items()
    }
    held_kw = by_mechanism.get(Mechanism.HELD, 0.0)
    guessed_kw = [
        (gain * float(job.guessed_kw[in_event].mean()), job.guess_error_ratio)
        for job in change.jobs
    ]
    class_error_kw = float(np.hypot.reduce([kw * ratio for kw, ratio in guessed_kw] or [0.0]))
    return fleet_band(
        [(gain * its.level_error_kw, gain * its.queue_error_kw) for its in placebos],
        [
            ErrorScale(level_kw=gain * its.level_kw, queue_kw=gain * its.queue_kw)
            for its in placebos
        ],
        ErrorScale(
            level_kw=sum(kw for kw, ratio in guessed_kw if ratio == 0), queue_kw=max(held_kw, 0.0)
        ),
        held_kw=held_kw,
        other_error_kw=float(np.hypot(other_error_kw, class_error_kw)),
    )


def _storage_change_kw(fleet: Fleet, first: int, last: int) -> NDArray[np.float64]:
    """Return what storage gave more than in the hour before control [kW]."""
    if fleet.storage_kw is None:
        return np.zeros(last - first)
    before_kw = fleet.storage_kw[max(0, first - S_PER_MINUTE) : first]
    return fleet.storage_kw[first:last] - (before_kw.mean() if len(before_kw) else 0.0)


def _filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    known = ~np.isnan(values)
    if known.all() or not known.any():
        return values
    minutes = np.arange(len(values))
    return np.interp(minutes, minutes[known], values[known])
