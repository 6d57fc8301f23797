"""Days ranked by how like the event day they were."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.registry import load_program
from negawatt.models.baselines.result import BaselineResult, DayUse
from negawatt.models.baselines.site_inputs import SiteInputs, TemperatureSeries
from negawatt.models.domain.errors import InsufficientHistoryError
from negawatt.models.metering.load_series import LoadSeries
from tests.models.baselines.conftest import at, load_of, window

EVENT = window("2026-07-15T17:00", "2026-07-15T19:00")
FIRST, LAST = date(2026, 6, 1), date(2026, 7, 15)
MORNING_KW = {14: 100.0, 13: 131.0, 10: 99.0, 9: 130.0, 8: 129.0}


def load_kw(local: datetime) -> float:
    """Return 130 kW on the event day; in July what the table says; the day's number at 17:00."""
    if local.hour in (17, 18):
        return float(local.day)
    if local.date() == LAST:
        return 130.0
    return MORNING_KW.get(local.day, 0.0) if local.month == 7 else 0.0


LOAD = load_of(load_kw, FIRST, LAST)
MATCH = load_program("pjm_match_day", overrides=('low_usage.reference="none"',))


def kept(result: BaselineResult) -> list[int]:
    return [d.candidate_date.day for d in result.days if d.use is DayUse.SELECTED]


def test_the_days_of_least_squared_difference_are_averaged() -> None:
    """130 kW everywhere: 9 July differs by 0, 13 and 8 July by 1 in each hour; mean of 13, 9, 8."""
    result = compute_baseline(MATCH, LOAD, EVENT)

    assert kept(result) == [13, 9, 8]
    assert result.baseline_kwh.tolist() == [10.0, 10.0]
    (table,) = result.tables
    assert sorted(table.rank_values)[:3] == [0.0, 20.0, 20.0]  # 24 hours less 17 and 18, 16 and 19


def test_a_day_whose_compared_hours_are_not_known_is_no_match() -> None:
    energy_kwh = LOAD.energy_kwh.copy()
    energy_kwh[LOAD.index_of(at("2026-07-09T03:00"))] = np.nan

    result = compute_baseline(MATCH, replace(LOAD, energy_kwh=energy_kwh), EVENT)

    reasons = {d.candidate_date.day: d.reason for d in result.days if d.candidate_date.month == 7}
    assert reasons[9] == "incomplete data (hours or temperatures that days are compared by)"
    assert kept(result) == [14, 13, 8]


def test_an_event_day_whose_own_hours_are_not_known_has_no_match() -> None:
    energy_kwh = LOAD.energy_kwh.copy()
    energy_kwh[LOAD.index_of(at("2026-07-15T03:00"))] = np.nan

    with pytest.raises(InsufficientHistoryError, match="20 known intervals outside the event"):
        compute_baseline(MATCH, replace(LOAD, energy_kwh=energy_kwh), EVENT)


def series_of(highest_c: dict[int, float]) -> TemperatureSeries:
    """Return 10 degrees, and at noon UTC of July days what the table says."""
    hours = load_of(
        lambda local: (
            highest_c.get(local.day, 10.0) if (local.month, local.hour) == (7, 8) else 10.0
        ),
        FIRST,
        LAST,
    )
    return TemperatureSeries(
        start_utc=hours.start_utc, interval_minutes=60, temperature_c=hours.energy_kwh
    )


def by_weather(load: LoadSeries, temperature: TemperatureSeries | None) -> BaselineResult:
    rule = load_program(
        "caiso_weather_match",
        overrides=(
            "adjustment={type='none'}",
            "settlement_clock.tz=America/New_York",
            "lookback.max_calendar_days=14",
            "day_types.weekday.X=2",
        ),
    )
    return compute_baseline(rule, load, EVENT, site=SiteInputs(temperature=temperature))


def test_the_days_of_nearest_highest_temperature_are_averaged_the_newer_of_equal_ones() -> None:
    """30 degrees: 13 July has 31, 10 July 29, 9 July 29: 13 and 10; mean 11.5 kW."""
    result = by_weather(LOAD, series_of({15: 30.0, 14: 20.0, 13: 31.0, 10: 29.0, 9: 29.0}))

    assert kept(result) == [13, 10]
    assert result.baseline_kwh.tolist() == [11.5, 11.5]


def test_without_temperature_there_is_no_match() -> None:
    series = series_of({})
    values_c = series.temperature_c.copy()
    values_c[-30:] = np.nan

    with pytest.raises(InsufficientHistoryError, match="site input 'temperature'"):
        by_weather(LOAD, None)
    with pytest.raises(InsufficientHistoryError, match="temperature of the event day"):
        by_weather(LOAD, replace(series, temperature_c=values_c))
    assert series.start_utc == datetime(2026, 6, 1, 4, tzinfo=UTC)


def test_hours_that_another_event_lowered_are_not_compared() -> None:
    """Events count as ordinary days here, but 03:00 on 9 July lies in one: 14 July instead."""
    rule = load_program(
        "pjm_match_day",
        overrides=('low_usage.reference="none"', "exclusions.own_event_days=none"),
    )
    night = window("2026-07-09T03:00", "2026-07-09T04:00")

    assert kept(compute_baseline(rule, LOAD, EVENT)) == [13, 9, 8]
    assert kept(compute_baseline(rule, LOAD, EVENT, other_event_windows=[night])) == [14, 13, 8]
