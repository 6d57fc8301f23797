"""A baseline from a model fitted on the site's own days: time of week and temperature.

Here: which days are fitted, and what the model expects in the event. Not here: the model
(towt.py), the same-day adjustment (adjustment.py).
"""

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.adjustment import adjust, adjustment_starts_utc
from negawatt.models.baselines.calendar import day_type_of, program_clock
from negawatt.models.baselines.case import Case
from negawatt.models.baselines.clocked import values_at
from negawatt.models.baselines.eligibility import event_day_type, event_days, site_days
from negawatt.models.baselines.intervals import at_interval
from negawatt.models.baselines.result import CandidateDay, DayUse, Outcome, Step
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.baselines.site_inputs import TemperatureSeries, required
from negawatt.models.baselines.towt import TowtModel, fit_towt
from negawatt.models.domain.errors import InsufficientHistoryError
from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE
from negawatt.models.metering.load_series import LoadSeries

_ONE_DAY: Final = timedelta(days=1)
_H_PER_DAY: Final = 24


def regression(case: Case, load: LoadSeries) -> Outcome:
    r"""Return what a model of the site's earlier days expects in the event.

    .. math::

        b_t = \alpha_{w(t)} + \sum_k \beta_k T_{k,t}

    with a level for each hour of the week and a line of temperature segments (towt.py); shorter
    intervals have their share of the hour's energy.

    Args:
        case: What is computed.
        load: The site's load; days that the rule's look-back does not reach change nothing.

    Raises:
        InsufficientHistoryError: Temperatures are not known, or there are too few days.

    Source: ERCOT's default baseline by regression uses weather, calendar and daylight; this model
    stands for it, as recorded in programs/ercot_ers_regression.toml.
    """
    rule = case.rule.regression
    assert rule is not None  # check_rule refuses such a rule  # noqa: S101
    day_type = event_day_type(case)
    temperature = required(case.site.temperature, "temperature", case.rule.rule_id)
    rows = _days(case)
    fitted = tuple(row.candidate_date for row in rows if row.use is DayUse.SELECTED)
    if len(fitted) < rule.min_days:
        raise _too_few(case, rule.min_days, len(fitted), "days to fit a model on")
    model, used_count = _model(case.rule, load, temperature, fitted)
    if used_count < rule.min_days:
        raise _too_few(case, rule.min_days, used_count, "days whose load and temperature are known")
    adjustment_utc = adjustment_starts_utc(case)
    baseline_kwh = _expected_kwh(case, model, temperature, case.event_starts_utc)
    window_kwh = _expected_kwh(case, model, temperature, adjustment_utc)
    adjusted_kwh, made = adjust(case, adjustment_utc, baseline_kwh, window_kwh)
    return Outcome(
        baseline_kwh=baseline_kwh,
        adjusted_kwh=adjusted_kwh,
        adjustment=made,
        days=rows,
        day_type=day_type.name,
        steps=(
            Step(name="days that were fitted", value=used_count, unit="days"),
            Step(name="coefficients", value=model.parameter_count, unit="coefficients"),
        ),
    )


def _days(case: Case) -> tuple[CandidateDay, ...]:
    """Return every day of the look-back, most recent first, and whether it may be fitted."""
    rule, lookback = case.rule, case.rule.lookback
    assert rule.regression is not None  # check_rule refuses such a rule  # noqa: S101
    assert lookback is not None  # check_rule refuses such a rule  # noqa: S101
    by_month = rule.regression.fitted_until == "month_start"
    end = case.event_day.replace(day=1) if by_month else case.event_day
    oldest = end - timedelta(lookback.max_calendar_days)
    dropped = event_days(case, event_day_type(case)) | site_days(case)
    dropped |= dict.fromkeys(rule.exclusions.extra_days, "declared exclusion")
    rows = []
    for distance in range(lookback.gap_days if not by_month else 1, (end - oldest).days + 1):
        day = end - distance * _ONE_DAY
        reason = dropped.get(day, "")
        if day_type_of(rule, day) is None:
            reason = "other day type"
        elif case.clock.is_transition_day(day):
            reason = f"clock change: a day of {case.clock.day(day).duration_h:.0f} hours"
        rows.append(
            CandidateDay(
                candidate_date=day,
                use=DayUse.DROPPED if reason else DayUse.SELECTED,
                reason=reason or "fitted where load and temperature are known",
                window_power_kw_mean=None,
            )
        )
    return tuple(rows)


@lru_cache(maxsize=128)
def _model(
    rule: BaselineRule,
    load: LoadSeries,
    temperature: TemperatureSeries,
    days: tuple[date, ...],
) -> tuple[TowtModel, int]:
    """Return the model of some days, and how many of them are known in part at least."""
    clock = program_clock(rule.settlement_clock)
    hourly = at_interval(load, S_PER_H // S_PER_MINUTE)
    midnights_s = np.array([int(clock.day(day).start_utc.timestamp()) for day in days], np.int64)
    starts_s = midnights_s[:, np.newaxis] + np.arange(_H_PER_DAY) * S_PER_H
    energy_kwh, _ = values_at(hourly, (starts_s - int(hourly.start_utc.timestamp())) // S_PER_H)
    temperature_c = temperature.at(starts_s)
    known = ~np.isnan(energy_kwh) & ~np.isnan(temperature_c)
    weekday = np.array([day.weekday() for day in days])[:, np.newaxis]
    week_interval = np.broadcast_to(weekday * _H_PER_DAY + np.arange(_H_PER_DAY), known.shape)
    model = fit_towt(energy_kwh[known], temperature_c[known], week_interval[known])
    return model, int(known.any(axis=1).sum())


def _expected_kwh(
    case: Case,
    model: TowtModel,
    temperature: TemperatureSeries,
    starts_utc: tuple[datetime, ...],
) -> NDArray[np.float64]:
    """Return what the model expects [kWh]; every interval's level and temperature is known."""
    local = [start_utc.astimezone(case.clock.zone) for start_utc in starts_utc]
    labels = [at.weekday() * _H_PER_DAY + at.hour for at in local]
    starts_s = np.array([int(start_utc.timestamp()) for start_utc in starts_utc], np.int64)
    temperature_c = temperature.at(starts_s)
    known = ~np.isnan(temperature_c)
    expected_kwh = np.full(len(labels), np.nan)
    if known.any():
        week_interval = np.array(labels, np.int64)[known]
        of_hour_kwh = model.predict(week_interval, temperature_c[known])
        expected_kwh[known] = of_hour_kwh / case.per_h
    found = int((~np.isnan(expected_kwh)).sum())
    if found < len(labels):
        raise _too_few(case, len(labels), found, "intervals whose temperature and level are known")
    return expected_kwh


def _too_few(case: Case, required_count: int, found: int, unit: str) -> InsufficientHistoryError:
    return InsufficientHistoryError(
        rule_id=case.rule.rule_id,
        required_count=required_count,
        found_count=found,
        unit=unit,
        remedy="supply more load and temperature, or choose a program that fits no model",
    )
