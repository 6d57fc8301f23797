"""One case under every method: estimates are made without the truth, then set against it.

Here: which name is which method, and what a refusal becomes. Not here: making a case
(score_cases.py), the arithmetic of a score (negawatt.models.counterfactual.scoring).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from negawatt.cli.score_cases import CaseName, ScoredCase, make_case
from negawatt.models.baselines.registry import load_program
from negawatt.models.counterfactual.donors import difference_in_differences, synthetic_control
from negawatt.models.counterfactual.ensemble import ensemble
from negawatt.models.counterfactual.fleet import Fleet, FleetEvent
from negawatt.models.counterfactual.gpu_change import Mechanism
from negawatt.models.counterfactual.job_aware import Counterfactual, job_aware
from negawatt.models.counterfactual.method import GpuEstimate, Method, prepare
from negawatt.models.counterfactual.placebo import Placebo
from negawatt.models.counterfactual.prepared import Prepared
from negawatt.models.counterfactual.scoring import (
    NO_BAND,
    Estimated,
    Score,
    rrmse_ratio,
)
from negawatt.models.counterfactual.simple_methods import (
    before_and_after,
    job_composition,
    job_ends,
    pre_event_level,
)
from negawatt.models.counterfactual.tariff import tariff_reduction_kw
from negawatt.models.counterfactual.trailing import Tried, quiet_placebos, trailing_bands
from negawatt.models.domain.errors import DataRefusedError, InsufficientHistoryError

BEST: Final = "job_aware"
PLACEBOS: Final = "placebos"
"""Not a method: every quiet window of the history, with the band of the windows before it."""
GPU_METHODS: Final[Mapping[str, Method]] = {
    "pre_event_level": pre_event_level,
    "before_and_after": before_and_after,
    "job_composition": job_composition,
    "job_ends": job_ends,
    "difference_in_differences": difference_in_differences,
    "synthetic_control": synthetic_control,
}
ENSEMBLE: Final = "ensemble"
TARIFFS: Final = (
    "pjm_economic_3day",
    "caiso_10_in_10",
    "pjm_same_day_3_plus_2",
    "pre_event_hour",
)
METHODS: Final = (BEST, ENSEMBLE, *GPU_METHODS, *TARIFFS, PLACEBOS)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Known:
    """A fleet with what several methods share, worked out when it is first asked for."""

    fleet: Fleet
    event: FleetEvent
    time_zone: str

    @cached_property
    def best(self) -> Counterfactual:
        return job_aware(self.fleet, self.event)

    @cached_property
    def prepared(self) -> Prepared:
        return prepare(self.fleet)

    @cached_property
    def placebos(self) -> list[Placebo]:
        change = self.best.gpu_change
        return quiet_placebos(
            self.prepared,
            self.event,
            self.best.policy,
            length_minutes=change.last - change.first,
        )


def score_case(name: CaseName, methods: Sequence[str]) -> list[Score]:
    """Make a case and score methods on it.

    Args:
        name: The case.
        methods: Names of ``METHODS``.

    Returns:
        One score for each method, and one for each tried quiet window for ``PLACEBOS``.
    """
    case = make_case(name)
    known = _Known(fleet=case.fleet, event=case.event, time_zone=name.time_zone)
    scores = [_score(name, case, method, known) for method in methods if method != PLACEBOS]
    if PLACEBOS in methods:
        scores += [_tried(name, tried) for tried in trailing_bands(known.placebos)]
    return scores


def _score(name: CaseName, case: ScoredCase, method: str, known: _Known) -> Score:
    truth = case.truth
    found, note = Estimated(reduction_kw=np.full(len(truth.reduction_kw), np.nan)), ""
    try:
        found = _estimated(method, known)
    except (DataRefusedError, InsufficientHistoryError) as error:
        note = str(error)
    return Score(
        scenario=name.scenario,
        seed=name.seed,
        nodes=name.nodes,
        days=name.days,
        method=method,
        true_kw=float(truth.reduction_kw.mean()),
        site_kw=truth.site_kw,
        estimate_kw=float(found.reduction_kw.mean()),
        rrmse_ratio=rrmse_ratio(found.reduction_kw, truth.reduction_kw, truth.site_kw),
        half_width_kw=found.band.half_width_kw if found.band else NO_BAND,
        one_sided_kw=found.band.one_sided_kw if found.band else NO_BAND,
        true_gpu_kw=truth.gpu_kw,
        gpu_kw=found.gpu_kw,
        true_held_kw=truth.held_kw,
        held_kw=found.held_kw,
        note=note,
    )


def _tried(name: CaseName, tried: Tried) -> Score:
    """Return a quiet window as a score of the load that was estimated in it."""
    unknown = float("nan")
    return Score(
        scenario=name.scenario,
        seed=name.seed,
        nodes=name.nodes,
        days=name.days,
        method=PLACEBOS,
        true_kw=tried.load_kw,
        site_kw=unknown,
        estimate_kw=tried.load_kw + tried.error_kw,
        rrmse_ratio=unknown,
        half_width_kw=tried.half_width_kw,
        one_sided_kw=tried.one_sided_kw,
        true_gpu_kw=unknown,
        gpu_kw=unknown,
        true_held_kw=unknown,
        held_kw=unknown,
        note=f"minute {tried.start_minute}",
    )


def _estimated(method: str, known: _Known) -> Estimated:
    fleet, event = known.fleet, known.event
    if method in TARIFFS:
        at_home = (f"settlement_clock.tz={known.time_zone}", "holiday_calendar=none")
        rule = load_program(method, overrides=at_home)
        return Estimated(reduction_kw=tariff_reduction_kw(rule, fleet, event))
    if method == BEST:
        return _of_best(known.best)
    if method == ENSEMBLE:
        estimate = ensemble(known.prepared, event, known.best, known.placebos)
    else:
        estimate = GPU_METHODS[method](known.prepared, event)
    return _at_meter(estimate, known)


def _of_best(best: Counterfactual) -> Estimated:
    if best.site_change_kw is None:
        raise _no_response(best)
    in_event = best.in_event
    parts_kw = best.gpu_change.by_mechanism_kw()
    held_kw = parts_kw.get(Mechanism.HELD, np.zeros(len(best.gpu_kw)))
    return Estimated(
        reduction_kw=best.site_change_kw[in_event],
        gpu_kw=float(best.gpu_change.change_kw[in_event].mean()),
        held_kw=float(held_kw[in_event].mean()),
        band=best.site_band,
    )


def _at_meter(estimate: GpuEstimate, known: _Known) -> Estimated:
    """Bring a change of the GPUs to the meter by the site's own response; storage is seen."""
    best = known.best
    if best.response is None:
        raise _no_response(best)
    change_kw = best.response.site_change_kw(
        estimate.change_kw,
        estimate.busy_change,
        known.fleet.temp_c[estimate.first : known.event.end_minute],
    )
    in_event = slice(known.event.start_minute - estimate.first, None)
    return Estimated(
        reduction_kw=change_kw[in_event] + best.storage_change_kw[best.in_event],
        gpu_kw=float(estimate.change_kw[in_event].mean()),
    )


def _no_response(best: Counterfactual) -> DataRefusedError:
    return DataRefusedError(
        thing="the site's meter",
        expected="a response to the GPUs that is known",
        found="; ".join(best.findings) or "none",
        remedy="give site_meter with at least three days of history",
    )
