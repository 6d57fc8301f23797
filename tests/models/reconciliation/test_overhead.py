"""A site's overhead: what it finds of a site whose physics is known, and when it refuses."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from negawatt.models.domain.errors import DataRefusedError, InsufficientHistoryError
from negawatt.models.reconciliation.overhead import (
    Form,
    Overhead,
    SiteHistory,
    fit_overhead,
    lagged,
)

MINUTES = 30
PER_DAY = 48
DAYS = 14


fitted = cache(fit_overhead)  # of one history once


@cache
def site(*, noise_kw: float = 0.0, seed: int = 1) -> SiteHistory:
    """20 kW + 1.1 P + 0.15 L_40(P) + 0.2 H + 0.005 L_40(P H), H above 15 °C, 14 days.

    P steps between jobs, which last from half an hour to half a day.
    """
    random = np.random.default_rng(seed)
    n = PER_DAY * DAYS
    ends = np.cumsum(random.integers(1, 24, size=n))
    gpu_kw = random.uniform(20.0, 60.0, size=n)[np.searchsorted(ends, np.arange(n), side="right")]
    step = np.arange(n)
    outdoor_c = 17.0 + 6.0 * np.sin(2 * np.pi * step / PER_DAY) + 3 * np.sin(step / 61.0)
    history = SiteHistory(
        interval_minutes=MINUTES,
        site_kw=np.zeros(n),
        gpu_kw=gpu_kw,
        outdoor_c=outdoor_c,
        day=step // PER_DAY,
        hour=step % PER_DAY * MINUTES // 60,
        is_usable=np.ones(n, dtype=bool),
    )
    warmer_c = np.maximum(outdoor_c - 15.0, 0.0)

    def slow(values: np.ndarray) -> np.ndarray:
        known = lagged(values, tau_minutes=40.0, interval_minutes=MINUTES)
        return np.where(np.isnan(known), values, known)

    site_kw = 20 + 1.1 * gpu_kw + 0.15 * slow(gpu_kw) + 0.2 * warmer_c
    site_kw += 0.005 * slow(gpu_kw * warmer_c) + noise_kw * random.standard_normal(n)
    return replace(history, site_kw=site_kw)


TRUE_FORM = Form(tau_minutes=40.0, threshold_c=15.0)


def test_the_terms_the_lag_and_the_threshold_are_found() -> None:
    found = fitted(site())

    assert found.form == TRUE_FORM
    assert found.coefficients == pytest.approx((20, 1.1, 0.15, 0.2, 0.005), abs=1e-9)
    assert found.cv_rmse_ratio < 1e-12
    assert found.day_count == DAYS


def test_noise_comes_out_as_the_residual_and_in_its_stability() -> None:
    """0.8 kW of noise on some 75 kW: 1.07 %; the median of |normal| is 0.6745 of its spread.

    Each hour has 28 intervals, so that its mean has a standard error of 1.07 % / sqrt(28) = 0.2 %.
    """
    found = fitted(site(noise_kw=0.8))

    rmse_ratio = 0.8 / found.site_kw_mean
    assert found.cv_rmse_ratio == pytest.approx(rmse_ratio, rel=0.1)
    assert found.mad_ratio == pytest.approx(0.6745 * rmse_ratio, rel=0.1)
    assert abs(found.bias_ratio) < 0.001
    assert abs(found.drift_ratio_per_week) < 0.003
    assert np.nanmax(np.abs(found.hourly_bias_ratio)) < 0.008


def test_a_meter_that_drifts_shows_in_the_drift() -> None:
    """0.1 kW more every day on some 75 kW: 0.9 % a week."""
    history = site(noise_kw=0.3)
    drifting = replace(history, site_kw=history.site_kw + 0.1 * history.day)

    found = fit_overhead(drifting)

    assert found.drift_ratio_per_week == pytest.approx(0.7 / found.site_kw_mean, rel=0.25)


def test_an_hour_that_the_terms_do_not_know_shows_in_the_hours() -> None:
    """A pump of 3 kW from 06:00 to 07:00 UTC."""
    history = site()
    pumped = replace(history, site_kw=history.site_kw + 3.0 * (history.hour == 6))

    by_hour = fit_overhead(pumped).hourly_bias_ratio

    assert int(np.argmax(by_hour)) == 6
    assert by_hour[6] > 5 * np.abs(np.delete(by_hour, 6)).max()


def test_without_temperatures_there_is_no_weather_and_it_says_so() -> None:
    history = site(noise_kw=0.2)
    blind = replace(history, outdoor_c=np.full_like(history.outdoor_c, np.nan))

    with_weather, without = fitted(history), fit_overhead(blind)

    assert not with_weather.without_weather
    assert without.without_weather
    assert without.form.threshold_c is None
    assert without.cv_rmse_ratio > 2 * with_weather.cv_rmse_ratio


def test_each_day_is_foretold_by_a_fit_without_it() -> None:
    """Thirteen days on a line and one, a part of its own, 4 kW above it: it is 4 kW off, not less.

    Seven parts of two days: the odd day and the one before are foretold by twelve days on the line.
    """
    history = site()
    odd = history.day == DAYS - 1
    line = replace(history, site_kw=20 + 1.3 * history.gpu_kw + 4.0 * odd)

    found = fit_overhead(line)

    last_two = found.day >= DAYS - 2
    assert found.residual_kw[last_two] == pytest.approx(4.0 * (found.day[last_two] == DAYS - 1))


def test_a_straight_line_is_not_made_longer_by_noise() -> None:
    history = site()
    noise_kw = np.random.default_rng(5).standard_normal(len(history.site_kw))
    line = replace(history, site_kw=20 + 1.3 * history.gpu_kw + noise_kw)

    assert fit_overhead(line).form == Form()


def test_of_thresholds_that_say_the_same_the_lowest_is_taken() -> None:
    """It is always warmer than 20 °C: whichever threshold is taken, the meter is explained."""
    history = site(noise_kw=0.2)
    warmer_c = history.outdoor_c + 20.0
    hot = replace(
        history,
        outdoor_c=warmer_c,
        site_kw=20 + 1.2 * history.gpu_kw + 0.3 * warmer_c + 0.01 * history.gpu_kw * warmer_c,
    )

    assert fit_overhead(hot).form == Form(threshold_c=0.0)


def test_days_that_may_not_be_learned_from_change_nothing() -> None:
    """The last two days read twice as much and are not usable."""
    history = site(noise_kw=0.2)
    is_usable = history.day < DAYS - 2
    doubled = np.where(is_usable, history.site_kw, 2 * history.site_kw)

    first = fit_overhead(replace(history, is_usable=is_usable))
    second = fit_overhead(replace(history, site_kw=doubled, is_usable=is_usable))

    assert first.coefficients == second.coefficients
    assert first.day_count == DAYS - 2


def test_scaling_the_site_by_two_scales_nothing_else() -> None:
    history = site(noise_kw=0.5)
    twice = replace(history, site_kw=2 * history.site_kw, gpu_kw=2 * history.gpu_kw)

    one, two = fitted(history), fit_overhead(twice)

    assert two.form == one.form
    assert two.cv_rmse_ratio == pytest.approx(one.cv_rmse_ratio, rel=1e-9)


def test_what_the_meter_should_read_is_foretold() -> None:
    history = site()

    expected_kw = fitted(history).expected_kw(history)

    known = ~np.isnan(expected_kw)
    assert known.sum() == len(known) - 4  # 3 x 40 / 30 intervals until the lag has settled
    assert expected_kw[known] == pytest.approx(history.site_kw[known])


def test_windows_do_not_overlap_and_cross_no_hole() -> None:
    """Rows 0, 1, 2, 5, 6: windows of two are (0, 1) and (5, 6)."""
    found = Overhead(
        form=Form(),
        coefficients=(0.0, 1.0),
        site_kw_mean=1.0,
        residual_kw=np.array([1.0, 3.0, 9.0, 4.0, 6.0]),
        row=np.array([0, 1, 2, 5, 6]),
        day=np.zeros(5, dtype=np.int64),
        hour=np.zeros(5, dtype=np.int64),
        without_weather=True,
    )

    assert found.window_residuals_kw(2) == [2.0, 5.0]


def test_a_gap_starts_the_lag_anew() -> None:
    """Known for three time constants of one interval each: the fourth value after the gap."""
    values = np.array([1.0, 1.0, np.nan, 2.0, 2.0, 2.0, 4.0])

    found = lagged(values, tau_minutes=5.0, interval_minutes=5)

    assert np.isnan(found[:6]).all()
    assert found[6] == 3.0


def test_six_days_are_too_few() -> None:
    history = site()

    with pytest.raises(InsufficientHistoryError, match=r"at least 7 days .* found 6"):
        fit_overhead(replace(history, is_usable=history.day < 6))


def test_gpus_that_never_change_tell_nothing() -> None:
    history = site()

    with pytest.raises(DataRefusedError, match="expected GPU power that varies, found 5 kW"):
        fit_overhead(replace(history, gpu_kw=np.full_like(history.gpu_kw, 5.0)))
