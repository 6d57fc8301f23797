"""The weather adjustment, on a line that is known."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from negawatt.models.baselines.engine import compute_baseline
from negawatt.models.baselines.registry import load_program
from negawatt.models.baselines.result import BaselineResult
from negawatt.models.baselines.site_inputs import SiteInputs, TemperatureSeries
from negawatt.models.domain.errors import InsufficientHistoryError
from tests.models.baselines.conftest import daily, load_of, window

EVENT = window("2026-07-15T17:00", "2026-07-15T19:00")
FIRST, LAST = date(2026, 6, 1), date(2026, 7, 15)
HIGHEST_C = {"2026-07-15": 35.0} | {f"2026-07-{day:02}": 20.0 + day for day in (14, 13, 10, 9, 8)}
LOADS_KW = {f"2026-07-{day:02}": 100.0 + 2 * (20 + day) for day in (14, 13, 10, 9, 8)}
GRID = load_of(daily(HIGHEST_C, 10.0), FIRST, LAST)
WARMTH = TemperatureSeries(
    start_utc=GRID.start_utc, interval_minutes=60, temperature_c=GRID.energy_kwh
)


def result_of(*overrides: str, warmth: TemperatureSeries | None = WARMTH) -> BaselineResult:
    rule = load_program("pjm_economic_weather", overrides=overrides)
    load = load_of(daily(LOADS_KW), FIRST, LAST)
    return compute_baseline(rule, load, EVENT, site=SiteInputs(temperature=warmth))


def test_the_baseline_is_multiplied_by_the_ratio_of_expected_loads() -> None:
    """Load 100 + 2 T on every day. Highest: 14, 13, 10, 9 July, 34, 33, 30, 29 degrees: 163 kW.

    Expected at 35 degrees 170 kW, on the days averaged 163 kW: 163 x 170 / 163 = 170 kW.
    """
    result = result_of()

    assert result.baseline_kwh.tolist() == [163.0, 163.0]
    assert result.adjusted_baseline_kwh == pytest.approx([170.0, 170.0])
    assert result.adjustment.kind == "weather"
    assert result.adjustment.uncapped_value == pytest.approx(170 / 163)
    assert [step.value for step in result.steps] == pytest.approx([100.0, 2.0, 35.0])


def test_the_ratio_has_the_rules_cap() -> None:
    result = result_of("adjustment.cap={kind='ratio', lower=0.99, upper=1.01}")

    assert result.adjustment.applied_value == 1.01
    assert result.adjusted_baseline_kwh == pytest.approx([163 * 1.01] * 2)


def test_no_ratio_is_formed_of_too_low_an_expectation() -> None:
    result = result_of("adjustment.min_denominator_kw=163")

    assert result.adjustment.kind == "none"
    assert result.adjusted_baseline_kwh.tolist() == [163.0, 163.0]


def test_equal_temperatures_leave_the_baseline() -> None:
    even = replace(WARMTH, temperature_c=np.full_like(WARMTH.temperature_c, 20.0))

    assert result_of(warmth=even).adjustment.applied_value == pytest.approx(1.0)


def test_a_temperature_that_is_not_known_is_refused() -> None:
    unknown = WARMTH.temperature_c.copy()
    unknown[-30] = np.nan

    with pytest.raises(
        InsufficientHistoryError, match="6 days whose temperatures are known, found"
    ):
        result_of(warmth=replace(WARMTH, temperature_c=unknown))
    with pytest.raises(InsufficientHistoryError, match="site input 'temperature'"):
        result_of(warmth=None)
