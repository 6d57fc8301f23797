import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.backtest.accuracy import accuracy, portfolio_accuracy
from negawatt.models.backtest.gates import gates, verdict
from negawatt.models.backtest.spread import method_spread
from negawatt.models.domain.errors import DataRefusedError

AEMO, KOREA, PJM = gates()


def test_the_figures_of_three_events_worked_by_hand() -> None:
    """Errors of 2, -1 and 2 kWh on 10 each: RMSE sqrt(9 / 3), bias 3 / 30, mean of 5 / 30."""
    found = accuracy(np.array([[12.0], [9.0], [12.0]]), np.full((3, 1), 10.0))

    assert found.event_count == 3
    assert found.rrmse_ratio == pytest.approx(3**0.5 / 10)
    assert found.bias_ratio == pytest.approx(0.1)
    assert found.mape_ratio == pytest.approx(5 / 30)
    assert found.event_error_ratio_p50 == pytest.approx(0.2)
    assert found.event_error_ratio_worst == pytest.approx(0.2)


def test_hours_of_one_event_may_cancel_in_its_energy_but_not_in_its_error() -> None:
    found = accuracy(np.array([[11.0, 9.0]]), np.array([[10.0, 10.0]]))

    assert found.event_error_ratio_worst == 0
    assert found.rrmse_ratio == pytest.approx(0.1)


def test_an_event_that_is_not_known_is_left_out_and_is_no_zero() -> None:
    baseline_kwh = np.array([[11.0], [np.nan], [11.0]])

    found = accuracy(baseline_kwh, np.array([[10.0], [10.0], [np.nan]]))

    assert found.event_count == 1
    assert found.rrmse_ratio == pytest.approx(0.1)


def test_an_event_of_which_an_hour_is_not_known_is_left_out_whole() -> None:
    baseline_kwh = np.array([[11.0, np.nan], [11.0, 11.0]])

    assert accuracy(baseline_kwh, np.full((2, 2), 10.0)).event_count == 1


@pytest.mark.parametrize("metered_kwh", [0.0, np.nan])
def test_events_that_metered_nothing_are_refused(metered_kwh: float) -> None:
    with pytest.raises(DataRefusedError, match="known load above zero"):
        accuracy(np.ones((2, 1)), np.full((2, 1), metered_kwh))


@given(st.lists(st.floats(1, 1e3), min_size=1, max_size=8), st.integers(-3, 3))
@settings(max_examples=20)
def test_a_site_twice_as_large_is_as_accurate(metered: list[float], power: int) -> None:
    """Powers of two scale exactly."""
    metered_kwh = np.array(metered)[:, np.newaxis]
    baseline_kwh = metered_kwh + 0.5

    assert accuracy(baseline_kwh * 2.0**power, metered_kwh * 2.0**power) == accuracy(
        baseline_kwh, metered_kwh
    )


def test_a_portfolio_is_judged_on_the_days_that_all_its_meters_know() -> None:
    """The second event lacks a meter; the first is 11 + 19 kWh for 30."""
    baseline_kwh = np.array([[[11.0], [15.0]], [[19.0], [np.nan]]])

    found = portfolio_accuracy(baseline_kwh, np.array([[[10.0], [10.0]], [[20.0], [20.0]]]))

    assert found.event_count == 1
    assert found.rrmse_ratio == 0


def test_a_fifth_off_passes_pjm_and_fails_aemo_for_its_bias() -> None:
    found = accuracy(np.full((60, 1), 12.0), np.full((60, 1), 10.0))

    assert [verdict(gate, found).passed for gate in (PJM, AEMO, KOREA)] == [True, False, True]


def test_a_gate_names_what_must_be_read_before_money_moves_on_it() -> None:
    assert any("bias threshold" in check for check in AEMO.to_check)


def test_a_bias_either_way_fails() -> None:
    found = accuracy(np.full((60, 1), 9.5), np.full((60, 1), 10.0))

    assert verdict(AEMO, found).reason == "RRMSE 5.0 % of at most 20 %; bias -5.0 % outside 4 %"


def test_few_events_give_no_verdict() -> None:
    found = accuracy(np.full((19, 1), 10.0), np.full((19, 1), 10.0))

    assert verdict(PJM, found).passed is None


def test_events_with_one_method_say_nothing_of_the_choice() -> None:
    alone = method_spread({"a": np.array([9.0]), "b": np.array([np.nan])}, np.array([10.0]))

    assert alone is None


def test_the_spread_is_of_the_events_that_two_methods_know() -> None:
    """First event: 12 less 9 of 10 kWh; the second has one method only."""
    found = method_spread(
        {"a": np.array([9.0, 9.0]), "b": np.array([12.0, np.nan])}, np.array([10.0, 10.0])
    )

    assert found is not None
    assert (found.event_count, found.method_count) == (1, 2)
    assert found.spread_ratio_p90 == pytest.approx(0.3)
