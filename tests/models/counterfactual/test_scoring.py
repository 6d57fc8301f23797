import math
from dataclasses import replace

import numpy as np
import pytest

from negawatt.models.counterfactual.scoring import (
    Score,
    Share,
    interval_means,
    rrmse_ratio,
    summarize,
)

ONE = Score(
    scenario="ordinary",
    seed=1,
    nodes=8,
    days=15,
    method="m",
    true_kw=10.0,
    site_kw=100.0,
    estimate_kw=10.0,
    rrmse_ratio=0.01,
    half_width_kw=1.0,
    one_sided_kw=0.8,
    true_gpu_kw=8.0,
    gpu_kw=8.0,
    true_held_kw=2.0,
    held_kw=2.0,
)


def test_the_error_is_of_the_mean_reduction_and_the_bias_of_the_sum() -> None:
    """Off by +2 of 10 and -2 of 40: 20 % and 5 %, in sum nothing."""
    found = summarize(
        [replace(ONE, estimate_kw=12.0), replace(ONE, true_kw=40.0, estimate_kw=38.0)]
    )

    assert found.error_ratio_p50 == pytest.approx(0.125)
    assert found.error_ratio_p90 == pytest.approx(0.185)
    assert found.bias_ratio == 0


def test_on_null_events_any_estimate_is_false_credit_and_no_error() -> None:
    """1 kW and -2 kW of 100 kW claimed where nothing was reduced: 1.5 % on the mean."""
    null = replace(ONE, true_kw=0.0, true_gpu_kw=0.0)

    found = summarize([replace(null, estimate_kw=1.0), replace(null, estimate_kw=-2.0)])

    assert found.false_credit_ratio == pytest.approx(0.015)
    assert math.isnan(found.error_ratio_p50)
    assert found.covered.count == 0


def test_the_band_is_two_sided_and_the_bound_forgives_an_estimate_that_is_too_low() -> None:
    """Errors of 0.9, -0.9 and -1.1 kW; the band is 1 kW on each side, the bound 0.8 kW below."""
    found = summarize([replace(ONE, estimate_kw=10.0 + error) for error in (0.9, -0.9, -1.1)])

    assert found.covered == Share.of([True, True, False])
    assert found.bound == Share.of([False, True, True])
    assert found.width_ratio == pytest.approx(0.2)


def test_what_a_method_refuses_is_counted_and_enters_no_figure() -> None:
    refused = replace(ONE, estimate_kw=math.nan, rrmse_ratio=math.nan, note="too few days")

    found = summarize([ONE, refused])

    assert (found.event_count, found.refused_count) == (1, 1)
    assert found.error_ratio_p90 == 0


def test_a_method_without_a_band_has_no_coverage() -> None:
    found = summarize([replace(ONE, half_width_kw=math.nan, one_sided_kw=math.nan)])

    assert found.covered.count == 0
    assert math.isnan(found.width_ratio)


def test_held_starts_have_their_own_share_and_bias() -> None:
    """2 of 8 kW are held starts; 2.4 kW were said: 0.4 of 8 kW too many."""
    found = summarize([replace(ONE, held_kw=2.4)])

    assert found.held_share_ratio == pytest.approx(0.25)
    assert found.held_bias_ratio == pytest.approx(0.05)


def test_errors_of_single_minutes_even_out_within_a_quarter_of_an_hour() -> None:
    """Off by +1 and -1 kW in turn, 14 of 15 minutes; the last is off by 1.5: 0.1 kW of 50."""
    error_kw = np.array([1.0, -1.0] * 7 + [1.5])

    assert rrmse_ratio(error_kw, np.zeros(15), 50.0) == pytest.approx(0.002)
    assert len(interval_means(np.zeros(44))) == 2


def test_a_share_of_many_is_known_better_than_one_of_few() -> None:
    """Nine of ten: sqrt(0.9 x 0.1 / 10) = 0.095."""
    assert Share.of([True] * 9 + [False]).standard_error_ratio == pytest.approx(0.0949, abs=1e-4)
    assert math.isnan(Share.of([]).ratio)
