"""The meter's answer to a change of GPU power: by hand, invariants, refusals."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from negawatt.models.counterfactual.lag import lagged
from negawatt.models.counterfactual.site_gain import SiteMinutes, SiteResponse, fit_site_response
from negawatt.models.domain.errors import DataRefusedError, InsufficientHistoryError
from tests.models.counterfactual.site_bed import Site, random_site


@cache
def small_site() -> Site:
    return random_site(1, gpus=256, days=6)


@cache
def small_fit() -> SiteResponse:
    return fit_site_response(small_site().minutes, usable=small_site().usable)


def response(coefficients: dict[str, float], *, without_day: list[list[float]]) -> SiteResponse:
    return SiteResponse(
        tau_minutes=10.0,
        coefficients=coefficients,
        host_kw_per_gpu=0.0,
        mean_temp_c=20.0,
        without_day=np.array(without_day),
        n_days=len(without_day),
        residual_sd_kw=1.0,
        findings=(),
    )


def test_a_lag_follows_as_the_exponential_function_says() -> None:
    """One step of 1 is followed by 1 - tau/5 (1 - e^(-5/tau)), then e^(-5/tau) times the rest."""
    follower = lagged(np.ones(200), tau_minutes=10.0, step_minutes=5.0, start=0.0)

    away = 2 * (1 - np.exp(-0.5)) * np.exp(-0.5 * np.arange(200))
    assert follower == pytest.approx(1 - away)


def test_hosts_answer_at_once_and_cooling_later() -> None:
    """-10 kW and -50 busy GPUs: 1.1 x -10 + 0.04 x -50 = -13 at once, 0.2 x -10 after hours."""
    site = response(
        {"gpu_kw": 1.1, "busy_gpus": 0.04, "cooling_slow": 0.2}, without_day=[[1.1, 0.04, 0.2]] * 3
    )

    change_kw = site.site_change_kw(np.full(180, -10.0), np.full(180, -50.0), np.full(180, np.nan))

    assert change_kw[0] == pytest.approx(-13.0, abs=0.1)
    assert change_kw[-1] == pytest.approx(-15.0, abs=1e-4)
    assert site.gain_ratio(20.0) == pytest.approx(1.3)


def test_warmth_makes_cooling_dearer() -> None:
    """10 °C above the mean: 1 + 0.1 + 0.005 x 10 = 1.15."""
    site = response(
        {"gpu_kw": 1.0, "cooling_fast": 0.1, "cooling_per_c": 0.005},
        without_day=[[1.0, 0.1, 0.005]] * 3,
    )

    change_kw = site.site_change_kw(np.full(300, -1.0), np.zeros(300), np.full(300, 30.0))

    assert site.gain_ratio(30.0) == pytest.approx(1.15)
    assert change_kw[-1] == pytest.approx(-1.15)


def test_the_standard_error_is_that_of_the_days_and_the_form() -> None:
    """Gains 1.0, 1.1, 1.2: sqrt(2/3 x 0.02) x (1 + 0.93/2) = 0.1692, form 0.005 x 1.1; x 10 kW."""
    site = response({"gpu_kw": 1.1}, without_day=[[1.0], [1.1], [1.2]])

    error_kw = site.standard_error_kw(np.full(9, -10.0), np.zeros(9), np.zeros(9), slice(3, 9))

    assert error_kw == pytest.approx(10 * np.hypot((2 / 3 * 0.02) ** 0.5 * 1.465, 0.0055))


@pytest.mark.slow
def test_six_days_tell_the_change_within_two_standard_errors_and_say_that_they_are_few() -> None:
    site = small_site()

    fit = small_fit()

    question = (site.gpu_change_kw, site.busy_change, site.minutes.temp_c)
    error_kw = (fit.site_change_kw(*question) - site.true_change_kw)[site.event].mean()
    assert abs(error_kw) < 2 * fit.standard_error_kw(*question, site.event)
    assert fit.standard_error_kw(*question, site.event) < 0.1 * np.ptp(site.true_change_kw)
    assert "only 6 days of history" in fit.findings


@pytest.mark.slow
def test_what_is_not_usable_moves_nothing() -> None:
    site = small_site()
    spoiled_kw = np.where(site.usable, site.minutes.meter_kw, 1e6)

    fit = fit_site_response(replace(site.minutes, meter_kw=spoiled_kw), usable=site.usable)

    assert fit.coefficients == small_fit().coefficients


@pytest.mark.slow
def test_a_battery_at_the_meter_is_not_taken_for_an_answer_to_the_gpus() -> None:
    """Discharge of 60 kW in every event window of the days: its column takes it up."""
    site = small_site()
    storage_kw = np.where(site.minutes.minute_of_day >= 23 * 60, -60.0, 0.0)
    storage_kw[: 1440 * 2] = 0
    meter_kw = site.minutes.meter_kw + storage_kw

    fit = fit_site_response(
        replace(site.minutes, meter_kw=meter_kw, storage_kw=storage_kw), usable=site.usable
    )

    assert fit.gain_ratio(20.0) == pytest.approx(small_fit().gain_ratio(20.0), rel=0.01)


@pytest.mark.slow
def test_without_weather_and_jobs_the_model_says_what_it_left_out() -> None:
    site = small_site()
    not_known = np.full_like(site.minutes.temp_c, np.nan)
    minutes = replace(site.minutes, temp_c=not_known, busy_gpus=not_known)

    fit = fit_site_response(minutes, usable=site.usable)

    assert set(fit.coefficients) == {"gpu_kw", "cooling_fast", "cooling_slow"}
    assert any("weather" in text for text in fit.findings)
    assert any("busy GPUs are not known" in text for text in fit.findings)


def test_two_days_are_refused() -> None:
    site = small_site()

    with pytest.raises(InsufficientHistoryError, match="at least 3 days"):
        fit_site_response(site.minutes, usable=site.usable & (site.minutes.day < 2))


@pytest.mark.slow
def test_a_load_that_never_changes_is_refused() -> None:
    site = small_site()
    random = np.random.default_rng(2)
    flat_kw = 100 + 0.01 * random.normal(size=len(site.usable))
    meter_kw = 200 + random.normal(size=len(site.usable))
    minutes = replace(site.minutes, gpu_kw=flat_kw, meter_kw=meter_kw)

    with pytest.raises(DataRefusedError, match="GPU power that varies"):
        fit_site_response(minutes, usable=site.usable)


def test_minutes_left_out_are_refused() -> None:
    gap = np.array([0, 1, 3])

    with pytest.raises(ValueError, match="minute by minute"):
        SiteMinutes(
            minute_of_day=gap,
            day=np.zeros(3, dtype=np.int64),
            meter_kw=np.zeros(3),
            gpu_kw=np.zeros(3),
            busy_gpus=np.zeros(3),
            temp_c=np.zeros(3),
            storage_kw=np.zeros(3),
        )
