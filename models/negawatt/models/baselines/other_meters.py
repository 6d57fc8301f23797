"""Baselines from other meters than the site's: a control group, a generator, a schedule.

Here: what becomes of their energy in the event. Not here: the site's own days (earlier_days.py).
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.case import Case
from negawatt.models.baselines.intervals import at_interval
from negawatt.models.baselines.result import Adjustment, Outcome, Step
from negawatt.models.baselines.site_inputs import required
from negawatt.models.domain.errors import DataRefusedError, InsufficientHistoryError
from negawatt.models.metering.load_series import LoadSeries


def control_group(case: Case) -> Outcome:
    r"""Return the mean load of units that were left alone, times the units that were not.

    .. math::

        b_t = \frac{n_{treated}}{n_{control}} \sum_{u \in control} L_{u,t}

    Args:
        case: What is computed.

    Raises:
        InsufficientHistoryError: There is no group, it is too small, or its load is not known.

    Source: CAISO tariff 4.13.4, control group: the mean of the control group in the interval times
    the treated count, as recorded in programs/caiso_control_group.toml.
    """
    rule = case.rule.control_group
    assert rule is not None  # check_rule refuses such a rule  # noqa: S101
    group = required(case.site.control_group, "control_group", case.rule.rule_id)
    if group.control_count < rule.min_units or group.treated_count < 1:
        raise InsufficientHistoryError(
            rule_id=case.rule.rule_id,
            required_count=rule.min_units,
            found_count=group.control_count,
            unit="units in the control group, and one that was dispatched",
            remedy="enlarge the group, or settle the event under another program",
        )
    factor = group.treated_count / group.control_count
    baseline_kwh = _known_kwh(case, group.load, "load of the control group") * factor
    return _outcome(
        baseline_kwh,
        Step(name="units in the control group", value=group.control_count, unit="units"),
        Step(name="units that were dispatched", value=group.treated_count, unit="units"),
    )


def nominated(case: Case) -> Outcome:
    """Return the participant's own schedule, if it was locked in time.

    Raises:
        InsufficientHistoryError: There is no schedule, or it does not cover the event.
        DataRefusedError: It was locked too late, or when it had to be is not known.
    """
    rule = case.rule.nominated
    assert rule is not None  # check_rule refuses such a rule  # noqa: S101
    nomination = required(case.site.nomination, "nomination", case.rule.rule_id)
    by_start = rule.locked_before == "event_start"
    limit_utc = case.event.start_utc if by_start else case.notified_at_utc
    if limit_utc is None or nomination.locked_at_utc >= limit_utc:
        locked = nomination.locked_at_utc.isoformat()
        raise DataRefusedError(
            thing=f"schedule nominated under rule {case.rule.rule_id!r}",
            expected=f"a lock before the {rule.locked_before.replace('_', ' ')} at "
            f"{limit_utc.isoformat() if limit_utc else 'a time that is not stated'}",
            found=f"{locked}",
            remedy="settle the event under another program: a schedule changed afterwards "
            "proves nothing",
        )
    return _outcome(_known_kwh(case, nomination.schedule, "nominated schedule"))


def generator_load(generator: LoadSeries) -> LoadSeries:
    """Return a generator's output as negative load: more output is a reduction.

    Examples:
        >>> from datetime import UTC, datetime
        >>> output = LoadSeries(meter_id="g", start_utc=datetime(2026, 7, 1, tzinfo=UTC),
        ...     interval_minutes=60, energy_kwh=np.array([5.0]), coverage_ratio=np.ones(1))
        >>> generator_load(output).energy_kwh
        array([-5.])
    """
    return replace(generator, energy_kwh=-generator.energy_kwh)


def not_above_site_load(outcome: Outcome, case: Case, site_load: LoadSeries) -> Outcome:
    r"""Return a generator's outcome with no more reduction than the site had load to serve.

    .. math::

        r_t \le L_t + G_t \quad\Rightarrow\quad b_t \le -G_t + (L_t + G_t) = L_t

    with L the load at the site's meter and G the output: what is exported reduces no load.

    Args:
        outcome: The typical output as negative load.
        case: The event on the generator's meter.
        site_load: Load at the site's meter.

    Raises:
        InsufficientHistoryError: The site's load in the event is not known.
    """
    limit_kwh = _known_kwh(case, site_load, "site's load")
    return replace(outcome, adjusted_kwh=np.minimum(outcome.adjusted_kwh, limit_kwh))


def _known_kwh(case: Case, series: LoadSeries, what: str) -> NDArray[np.float64]:
    at_rule = at_interval(series, case.rule.interval_minutes)
    energy_kwh = at_rule.energy_kwh_in(case.part)
    known = ~np.isnan(energy_kwh)
    if not known.all():
        raise InsufficientHistoryError(
            rule_id=case.rule.rule_id,
            required_count=len(energy_kwh),
            found_count=int(known.sum()),
            unit=f"intervals of the event in which the {what} is known",
            remedy="supply it, or settle the event under another program",
        )
    return energy_kwh


def _outcome(baseline_kwh: NDArray[np.float64], *steps: Step) -> Outcome:
    return Outcome(
        baseline_kwh=baseline_kwh,
        adjusted_kwh=baseline_kwh,
        adjustment=Adjustment(kind="none", note="the rule makes none"),
        steps=steps,
    )
