import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.baselines.change_point import fit_bent_line, fit_line
from negawatt.models.baselines.fit_statistics import fit_statistics, savings_uncertainty_ratio
from negawatt.models.baselines.towt import (
    fit_towt,
    occupied_intervals,
    segments,
    temperature_knots_c,
)
from negawatt.models.domain.errors import InsufficientHistoryError


def year(seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return energy, temperature and day of the week of 364 days; days 0 to 4 use 40 kWh more."""
    random = np.random.default_rng(seed)
    temperature_c = random.uniform(-5, 35, 364)
    weekday = np.arange(364) % 7
    energy_kwh = 100.0 + 40 * (weekday < 5) + 3 * np.maximum(temperature_c - 18, 0)
    return energy_kwh + random.normal(0, 0.5, 364), temperature_c, weekday


def test_a_building_of_two_levels_and_a_cooling_slope_is_found_again() -> None:
    """On a working day of 28 C: 100 + 40 + 3 x (28 - 18) = 170 kWh; on a day off of 5 C: 100."""
    energy_kwh, temperature_c, weekday = year()

    model = fit_towt(energy_kwh, temperature_c, weekday)

    assert model.occupied.tolist() == [0, 1, 2, 3, 4]
    predicted_kwh = model.predict(np.array([2, 6]), np.array([28.0, 5.0]))
    assert predicted_kwh == pytest.approx([170, 100], abs=2.5)


def test_an_interval_that_is_not_known_is_left_out_and_is_no_zero() -> None:
    energy_kwh, temperature_c, weekday = year()
    holed_kwh = energy_kwh.copy()
    holed_kwh[10:13] = np.nan

    model = fit_towt(holed_kwh, temperature_c, weekday)

    errors_kwh = model.predict(weekday, temperature_c) - energy_kwh
    assert abs(errors_kwh).max() < 10


def test_a_time_of_week_that_was_never_seen_is_not_known() -> None:
    energy_kwh, temperature_c, weekday = year()

    model = fit_towt(energy_kwh, temperature_c, weekday)

    assert np.isnan(model.predict(np.array([9]), np.array([10.0]))).all()


def test_an_additional_variable_takes_up_what_it_explains() -> None:
    """Every tenth day runs a machine of 25 kWh; with the variable the error is the noise's."""
    energy_kwh, temperature_c, weekday = year()
    machine = (np.arange(364) % 10 == 0).astype(np.float64)[:, np.newaxis]
    energy_kwh += 25 * machine[:, 0]

    model = fit_towt(energy_kwh, temperature_c, weekday, additional=machine)

    errors_kwh = model.predict(weekday, temperature_c, machine) - energy_kwh
    assert np.sqrt((errors_kwh**2).mean()) < 2.5


@given(
    temperatures_c=st.lists(st.floats(-40, 50), min_size=1, max_size=20),
    knots_c=st.lists(st.integers(-30, 40), min_size=1, max_size=5, unique=True),
)
@settings(max_examples=20)
def test_the_segments_of_a_temperature_add_up_to_it(
    temperatures_c: list[float], knots_c: list[int]
) -> None:
    parts_c = segments(np.array(temperatures_c), np.array(sorted(knots_c), dtype=np.float64))

    assert parts_c.sum(axis=1) == pytest.approx(temperatures_c, abs=1e-9)


def test_two_occupied_times_of_week_count_as_none() -> None:
    """Only days 0 and 1 use more: two, and fewer than three are not told apart."""
    weekday = np.arange(364) % 7
    temperature_c = np.random.default_rng(2).uniform(0, 30, 364)

    two_kwh = np.where(weekday < 2, 109.0, 100.0)
    three_kwh = np.where(weekday < 3, 109.0, 100.0)

    assert not len(occupied_intervals(two_kwh, temperature_c, weekday))
    assert len(occupied_intervals(three_kwh, temperature_c, weekday)) == 3


def test_the_last_knot_stays_though_little_lies_beyond_it() -> None:
    knots_c = temperature_knots_c(np.arange(12.0), np.ones(12, dtype=bool), 6)

    assert len(knots_c) == 1


@pytest.mark.parametrize("fit", [fit_line, fit_bent_line])
def test_a_line_through_too_few_days_is_refused(fit: object) -> None:
    assert callable(fit)
    with pytest.raises(InsufficientHistoryError, match="supply older load"):
        fit(np.array([1.0, 2.0]), np.array([5.0, 6.0]))


def test_a_model_without_more_days_than_coefficients_is_refused() -> None:
    with pytest.raises(InsufficientHistoryError, match="known intervals"):
        fit_towt(np.arange(8.0), np.arange(8.0), np.arange(8) % 7)


def test_a_temperature_that_is_not_known_is_refused() -> None:
    energy_kwh, temperature_c, weekday = year()
    temperature_c[3] = np.nan

    with pytest.raises(ValueError, match="must all be known"):
        fit_towt(energy_kwh, temperature_c, weekday)


def test_errors_that_repeat_each_other_leave_nothing_to_be_sure_of() -> None:
    """Ten errors in two runs of five correlate by 0.8: 10 x 0.2 / 1.8 = 1.1 days for 2 slopes."""
    energy_kwh = 100.0 + np.repeat([1.0, -1.0], 5)
    fit = fit_statistics(energy_kwh, np.full(10, 100.0), parameter_count=3, slope_count=2)

    with pytest.raises(ValueError, match="no degrees of freedom"):
        savings_uncertainty_ratio(fit, savings_ratio=0.1, reporting_count=10, factor=1.26)
