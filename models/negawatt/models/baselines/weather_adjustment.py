"""The weather adjustment: what the day's temperature lets expect beside the days averaged.

Here: a straight line of load on temperature, and the ratio of what it expects. Not here: the
adjustment by a window of the event day (adjustment.py); models of whole years (towt.py).
"""

from datetime import date

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.adjustment import capped
from negawatt.models.baselines.case import Case
from negawatt.models.baselines.ranking import highest_c
from negawatt.models.baselines.result import Adjustment, DayTable, Step
from negawatt.models.baselines.site_inputs import required
from negawatt.models.domain.errors import InsufficientHistoryError

_LEAST_DAYS = 3  # a line through two points fits anything


def weather_adjustment(
    case: Case,
    table: DayTable,
    kept_days: tuple[date, ...],
    baseline_kwh: NDArray[np.float64],
) -> tuple[NDArray[np.float64], Adjustment, tuple[Step, ...]]:
    r"""Return the baseline times the ratio of expected loads.

    .. math::

        r = \operatorname{cap}\left(\frac{\alpha + \beta T_{event\,day}}
        {\frac{1}{X} \sum_{d \in H} (\alpha + \beta T_d)}\right)

    with alpha and beta fitted by least squares on the mean load of the event's hours and the
    highest temperature of every day that was ranked.

    Args:
        case: What is computed.
        table: The days that were ranked.
        kept_days: H, the days that were averaged.
        baseline_kwh: Unadjusted baseline of the event [kWh], shape (n,).

    Raises:
        InsufficientHistoryError: The temperature of a day is not known, or there are fewer than
            three days.

    Source: PJM Manual 11, section 10.4, weather sensitive adjustment, as recorded in
    programs/pjm_economic_weather.toml; index and fit are to be checked there.
    """
    series = required(case.site.temperature, "temperature", case.rule.rule_id)
    day_c = {day: highest_c(case, series, day) for day in (case.event_day, *table.days)}
    known = sum(not np.isnan(value_c) for value_c in day_c.values())
    if known < len(day_c) or len(table.days) < _LEAST_DAYS:
        raise InsufficientHistoryError(
            rule_id=case.rule.rule_id,
            required_count=max(len(day_c), _LEAST_DAYS + 1),
            found_count=known,
            unit="days whose temperatures are known",
            remedy="supply the site's temperature, or elect another adjustment",
        )
    temperature_c = np.array([day_c[day] for day in table.days])
    alpha_kw, beta_kw = _line(temperature_c, table.window_kwh.mean(axis=1) * case.per_h)
    expected_kw = alpha_kw + beta_kw * day_c[case.event_day]
    averaged_kw = alpha_kw + beta_kw * float(np.mean([day_c[day] for day in kept_days]))
    if not averaged_kw > case.rule.adjustment.min_denominator_kw:
        note = f"not made: the expected load is {averaged_kw:.6g} kW, too low for a ratio"
        return baseline_kwh, Adjustment(kind="none", note=note), ()
    uncapped = expected_kw / averaged_kw
    applied = capped(uncapped, 1.0, case.rule.adjustment)
    made = Adjustment(
        kind="weather",
        window_metered_kw=expected_kw,
        window_baseline_kw=averaged_kw,
        uncapped_value=uncapped,
        applied_value=applied,
        note="expected by temperature: on the event day, and on the days averaged",
    )
    steps = (
        Step(name="load expected at 0 degrees", value=alpha_kw, unit="kW"),
        Step(name="load per degree of the day's highest temperature", value=beta_kw, unit="kW/K"),
        Step(name="highest temperature of the event day", value=day_c[case.event_day], unit="°C"),
    )
    return baseline_kwh * applied, made, steps


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Return intercept and slope by least squares; slope 0 where x does not vary."""
    deviation = x - x.mean()
    scale = float((deviation**2).sum())
    slope = float((deviation * y).sum()) / scale if scale > 0 else 0.0
    return float(y.mean()) - slope * float(x.mean()), slope
