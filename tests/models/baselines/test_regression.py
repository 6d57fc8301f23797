"""A model of earlier days: what it reproduces, which days it may see, what it refuses."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.registry import load_program
from negawatt.models.baselines.result import DayUse
from negawatt.models.baselines.rule import BaselineRule
from negawatt.models.baselines.site_inputs import SiteInputs, TemperatureSeries
from negawatt.models.domain.errors import InsufficientHistoryError
from negawatt.models.metering.load_series import LoadSeries
from tests.models.baselines.conftest import NEW_YORK, load_of, window

pytestmark = pytest.mark.slow
FIRST, LAST = date(2026, 3, 20), date(2026, 7, 15)
EVENT = window("2026-07-15T17:00", "2026-07-15T19:00")
OTHER = window("2026-06-10T17:00", "2026-06-10T19:00")


def rule(*overrides: str) -> BaselineRule:
    return load_program(
        "ercot_ers_regression",
        overrides=(
            "interval_minutes=60",
            f"settlement_clock.tz={NEW_YORK.key}",
            "lookback.max_calendar_days=90",
            *overrides,
        ),
    )


def hours() -> tuple[LoadSeries, TemperatureSeries]:
    """Return a load of 100 kW, 1 kW per clock hour and 2 kW per degree, and the temperature."""
    grid = load_of(lambda local: float(local.hour), FIRST, LAST)
    celsius = 20.0 + (np.arange(len(grid.energy_kwh)) * 37 % 101) / 10
    series = TemperatureSeries(start_utc=grid.start_utc, interval_minutes=60, temperature_c=celsius)
    return replace(grid, energy_kwh=100.0 + grid.energy_kwh + 2 * celsius), series


LOAD, WARMTH = hours()


def with_event_of(kwh: float) -> LoadSeries:
    """Return the load with another value in the hours of an event in June."""
    energy_kwh = LOAD.energy_kwh.copy()
    first = LOAD.index_of(OTHER.start_utc)
    energy_kwh[first : first + 2] = kwh
    return replace(LOAD, energy_kwh=energy_kwh)


def test_what_the_model_can_explain_is_reproduced() -> None:
    """The event day is as warm as the temperature says, and its adjustment factor is 1."""
    result = compute_baseline(rule(), LOAD, EVENT, site=SiteInputs(temperature=WARMTH))

    first = LOAD.index_of(EVENT.start_utc)
    assert result.adjusted_baseline_kwh == pytest.approx(LOAD.energy_kwh[first : first + 2])
    assert result.adjustment.applied_value == pytest.approx(1.0)


def test_no_day_of_another_event_and_none_of_the_events_month_is_fitted() -> None:
    site = SiteInputs(temperature=WARMTH)

    plain, changed = (
        compute_baseline(rule(), load, EVENT, other_event_windows=[OTHER], site=site)
        for load in (LOAD, with_event_of(1e6))
    )

    fitted = [d.candidate_date for d in plain.days if d.use is DayUse.SELECTED]
    assert plain.baseline_kwh.tobytes() == changed.baseline_kwh.tobytes()
    assert max(fitted) == date(2026, 6, 30)
    assert date(2026, 6, 10) not in fitted
    assert plain.steps[0].value == len(fitted)


def test_up_to_the_event_day_the_day_before_is_fitted() -> None:
    site = SiteInputs(temperature=WARMTH)

    result = compute_baseline(rule("regression.fitted_until=event_day"), LOAD, EVENT, site=site)

    assert result.days[0].candidate_date == date(2026, 7, 14)


def test_temperatures_or_days_that_are_not_known_are_refused() -> None:
    late = replace(WARMTH, temperature_c=np.append(WARMTH.temperature_c[:-10], [np.nan] * 10))
    begun = LOAD.start_utc + timedelta(days=60)
    short = replace(
        LOAD,
        start_utc=begun,
        energy_kwh=LOAD.energy_kwh[60 * 24 :],
        coverage_ratio=LOAD.coverage_ratio[60 * 24 :],
    )

    for load, series, said in (
        (LOAD, None, "site input 'temperature'"),
        (LOAD, late, "2 intervals whose temperature and level are known, found 0"),
        (short, WARMTH, "60 days whose load and temperature are known, found 43"),
    ):
        with pytest.raises(InsufficientHistoryError, match=said):
            compute_baseline(
                rule("adjustment={type='none'}"),
                load,
                EVENT,
                site=SiteInputs(temperature=series),
            )
    with pytest.raises(InsufficientHistoryError, match="80 days to fit a model on, found 60"):
        compute_baseline(
            rule("regression.min_days=80", "lookback.max_calendar_days=60"),
            LOAD,
            EVENT,
            site=SiteInputs(temperature=WARMTH),
        )
