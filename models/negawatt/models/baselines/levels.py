"""Baselines that are one level: agreed with the site, or measured at the system's peaks.

Here: firm service level, declared maximum, guaranteed drop against a level, average coincident
load. Not here: levels from the site's recent days (earlier_days.py, flat).
"""

import math
from dataclasses import replace
from datetime import timedelta

import numpy as np

from negawatt.models.baselines.case import Case
from negawatt.models.baselines.intervals import at_interval
from negawatt.models.baselines.result import Adjustment, Outcome, Step
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.baselines.rule_inputs import Level
from negawatt.models.baselines.site_inputs import SiteInputs, required
from negawatt.models.domain.errors import InsufficientHistoryError
from negawatt.models.domain.interval import Interval
from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE
from negawatt.models.metering.load_series import LoadSeries

_MINUTES_PER_H = S_PER_H // S_PER_MINUTE


def level_steps(rule: BaselineRule, level: Level, site: SiteInputs) -> tuple[Step, ...]:
    r"""Return the level at the meter, last, and what it was computed from.

    .. math::

        b = \frac{P}{\lambda}

    so that the reduction at the transmission grid, P less load times loss factor, is the loss
    factor times the reduction at the meter.

    Args:
        rule: The rule.
        level: Which level it takes.
        site: Where it is looked up.

    Raises:
        InsufficientHistoryError: The level, or the loss factor, is not known.

    Examples:
        >>> from negawatt.models.baselines.registry import load_program
        >>> rule = load_program("pjm_economic_3day")
        >>> level = Level(source="peak_load_contribution_kw", divided_by_loss_factor=True)
        >>> site = SiteInputs(peak_load_contribution_kw=1050.0, loss_factor=1.05)
        >>> [step.value for step in level_steps(rule, level, site)]
        [1050.0, 1.05, 1000.0]

    Source: PJM Manual 18, firm service level: reduction is peak load contribution less load times
    loss factor, as recorded in programs/pjm_capacity_fsl.toml.
    """
    stated_kw: float = required(getattr(site, level.source), level.source, rule.rule_id)
    words = level.source.removesuffix("_kw").replace("_", " ")
    stated = Step(name=words, value=stated_kw, unit="kW")
    if not level.divided_by_loss_factor:
        return (stated,)
    loss_factor = required(site.loss_factor, "loss_factor", rule.rule_id)
    at_meter_kw = stated_kw / loss_factor
    return (
        stated,
        Step(name="loss factor", value=loss_factor, unit="ratio"),
        Step(name=f"{words} at the meter", value=at_meter_kw, unit="kW"),
    )


def firm_service_level(case: Case) -> Outcome:
    """Return a level that was agreed or declared, in every interval of the event.

    Raises:
        InsufficientHistoryError: The level is not known.
    """
    assert case.rule.level is not None  # check_rule refuses such a rule  # noqa: S101
    steps = level_steps(case.rule, case.rule.level, case.site)
    return _flat(case, steps)


def average_coincident_load(case: Case, load: LoadSeries) -> Outcome:
    r"""Return the mean of the site's highest loads in the hours of highest system load.

    .. math::

        b = \frac{1}{n} \sum_{h \in H_n} L_h

    with H the n of the N hours in which the site's own load was highest.

    Args:
        case: What is computed.
        load: The site's load, back to those hours.

    Raises:
        InsufficientHistoryError: The hours are not stated, or the load in one is not known.

    Source: NYISO Special Case Resources: 20 highest of the 40 hours of highest system load of the
    prior like season, as recorded in programs/nyiso_scr_acl.toml.
    """
    rule = case.rule.coincident_load
    assert rule is not None  # check_rule refuses such a rule  # noqa: S101
    hourly = at_interval(load, _MINUTES_PER_H)
    starts_utc = sorted(set(case.site.system_peak_starts_utc))
    hours_kwh = [
        float(hourly.energy_kwh_in(Interval(start_utc, start_utc + timedelta(hours=1)))[0])
        for start_utc in starts_utc
    ]
    known_kwh = sorted((value for value in hours_kwh if not np.isnan(value)), reverse=True)
    if len(starts_utc) != rule.system_hours or len(known_kwh) < rule.system_hours:
        raise InsufficientHistoryError(
            rule_id=case.rule.rule_id,
            required_count=rule.system_hours,
            found_count=min(len(known_kwh), len(starts_utc)),
            unit="hours of highest system load in which the site's load is known "
            "(site input 'system_peak_starts_utc')",
            remedy="state the hours and supply the load of that season, or use a provisional one",
        )
    kept_kwh = known_kwh[: rule.highest_count]
    # Over one hour the energy in kWh is the mean power in kW.
    steps = (
        Step(name="lowest load averaged", value=kept_kwh[-1], unit="kW"),
        Step(name="highest load averaged", value=kept_kwh[0], unit="kW"),
        Step(
            name=f"mean of the {rule.highest_count} highest of {rule.system_hours}",
            value=math.fsum(kept_kwh) / len(kept_kwh),
            unit="kW",
        ),
    )
    return _flat(case, steps)


def not_above_level(outcome: Outcome, case: Case) -> Outcome:
    """Return a comparison load that nowhere exceeds the level: a guaranteed load drop.

    Args:
        outcome: The comparison load, by the rule that the program names.
        case: The event under the guaranteed drop's own rule.

    Raises:
        InsufficientHistoryError: The level is not known.

    Source: PJM Manual 18, guaranteed load drop: the lesser of the drop from the comparison load
    and of peak load contribution less load times loss factor, as recorded in
    programs/pjm_capacity_gld.toml.
    """
    assert case.rule.level is not None  # check_rule refuses such a rule  # noqa: S101
    steps = level_steps(case.rule, case.rule.level, case.site)
    lesser_kwh = np.minimum(outcome.adjusted_kwh, steps[-1].value / case.per_h)
    return replace(outcome, adjusted_kwh=lesser_kwh, steps=(*outcome.steps, *steps))


def _flat(case: Case, steps: tuple[Step, ...]) -> Outcome:
    baseline_kwh = np.full(len(case.event_starts_utc), steps[-1].value / case.per_h)
    return Outcome(
        baseline_kwh=baseline_kwh,
        adjusted_kwh=baseline_kwh,
        adjustment=Adjustment(kind="none", note="the rule makes none"),
        steps=steps,
    )
