"""Levels where only power by series is known: by hand, invariants, refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from negawatt.models.counterfactual.job_level import Reference, level_around
from negawatt.models.counterfactual.job_power import JobMinutes
from negawatt.models.counterfactual.series_levels import (
    PretendEvent,
    SeriesLevel,
    apart,
    pretend_events,
    series_level,
)
from negawatt.models.domain.errors import DataRefusedError, InsufficientHistoryError

DISPATCH = (60, 180)


def load_w(
    before_kw: float = 100.0, during_kw: float = 70.0, after_kw: float = 96.0
) -> NDArray[np.float64]:
    """Return an hour before, a dispatch of two hours, and an hour after [W]."""
    return np.repeat([before_kw, during_kw, after_kw], [60, 120, 60]) * 1e3


def test_the_level_runs_straight_from_the_one_before_to_the_one_after() -> None:
    """100 to 96 kW: 98 on average, 99 in the first half; the drift is -4 kW."""
    level = series_level(load_w(), DISPATCH)

    whole, first_half = (level.reduction([window]) for window in (DISPATCH, (60, 120)))

    assert whole.expected_kw == pytest.approx(98.0)
    assert first_half.expected_kw == pytest.approx(99.0)
    assert level.drift_kw == pytest.approx(-4.0)
    assert (whole.reduction_kw, first_half.reduction_kw) == pytest.approx((28.0, 29.0))


def test_two_windows_are_one_mean_over_their_minutes() -> None:
    """30 minutes at 20 kW and 60 at 50 kW draw 40 kW on average."""
    power_w = load_w(after_kw=100.0)
    power_w[60:90], power_w[120:180] = 20e3, 50e3

    both = series_level(power_w, DISPATCH).reduction([(60, 90), (120, 180)])

    assert both.actual_kw == pytest.approx(40.0)
    assert both.reduction_kw == pytest.approx(60.0)


def test_a_history_shorter_than_the_dispatch_is_given_the_assumed_error_and_the_drift() -> None:
    """5 % of 98 kW is 4.9; over the dispatch 4 kW of drift are 4 / sqrt(12) = 1.155 kW.

    1.6449 x sqrt(4.9^2 + 1.155^2) = 8.28; at least 28 - 1.2816 x 5.034 = 21.55 kW.
    """
    found = series_level(load_w(), DISPATCH).reduction([DISPATCH])

    assert found.drift_error_kw == pytest.approx(4 / 12**0.5, rel=1e-3)
    assert found.band.half_width_kw == pytest.approx(8.28, abs=0.005)
    assert found.at_least_kw == pytest.approx(21.55, abs=0.005)
    assert found.band.placebo_count == 0
    assert "0 quiet windows, 9 needed" in found.band.reason


def test_the_share_that_is_sure_is_one_of_the_level_that_is_then_true() -> None:
    """At least 21.55 kW means that no more than 91.55 kW would have been drawn: 23.5 %."""
    found = series_level(load_w(), DISPATCH).reduction([DISPATCH])

    assert found.at_least_ratio == pytest.approx(21.55 / 91.55, abs=5e-5)


def test_in_the_middle_of_the_dispatch_half_of_the_drift_is_not_known() -> None:
    """Whenever a step came, in the middle minute of 121 the level is half of it off: 2 kW."""
    power_w = np.repeat([100e3, 70e3, 96e3], [60, 121, 60])

    found = series_level(power_w, (60, 181)).reduction([(120, 121)])

    assert found.drift_error_kw == pytest.approx(2.0)


@pytest.mark.parametrize("window", [DISPATCH, (75, 165), (60, 100)])
def test_the_error_of_the_drift_is_that_of_a_step_at_any_instant(window: tuple[int, int]) -> None:
    """A load that nobody touched, with one step of 4 kW in the middle of each minute in turn."""
    errors_kw = []
    for step in range(*DISPATCH):
        power_w = load_w(during_kw=96.0)
        power_w[60:step], power_w[step] = 100e3, 98e3
        found = series_level(power_w, DISPATCH).reduction([window])
        errors_kw.append(found.reduction_kw)

    root_mean_square_kw = float(np.sqrt(np.mean(np.square(errors_kw))))

    assert found.drift_error_kw == pytest.approx(root_mean_square_kw, rel=1e-3)


def test_a_history_of_many_dispatches_gives_the_band_by_placebos() -> None:
    """A dispatch of 10 minutes: 28 pretend events in the 305 minutes before, 3 in the 55 after.

    One of them drew 12 kW less. The 29th = ceil(0.9 x 32) smallest error is that of an ordinary
    one, whose level the 12 kW move by 12 x 10 / 30 at most, and by nothing where far away; 5 %
    would be 8.2 kW.
    """
    power_w = np.full(370, 100e3)
    power_w[305:315], power_w[50:60] = 60e3, 88e3

    found = series_level(power_w, (305, 315)).reduction([(305, 315)])

    assert found.band.placebo_count == 28 + 3
    assert found.band.reason == ""
    assert 0 < found.band.half_width_kw < 4


def test_the_errors_of_pretend_events_grow_to_the_size_of_the_event() -> None:
    """Nine of 50 kW that are 1 kW too high: at 100 kW, each way 2 kW."""
    pretended = PretendEvent(
        span=(0, 10), expected_kw=np.full(10, 51.0), actual_kw=np.full(10, 50.0)
    )
    level = SeriesLevel(
        span=(0, 10),
        expected_kw=np.full(10, 100.0),
        actual_kw=np.full(10, 70.0),
        drift_kw=0.0,
        placebos=(pretended,) * 9,
    )

    found = level.reduction([(0, 10)])

    assert found.band.half_width_kw == pytest.approx(2.0)
    assert found.at_least_kw == pytest.approx(28.0)


def test_the_level_looks_no_further_than_three_hours() -> None:
    """The 180 minutes on either side draw 100 kW, all others 10."""
    power_w = np.full(480, 10e3)
    power_w[50:430] = 100e3

    level = series_level(power_w, (230, 250))

    assert level.expected_kw == pytest.approx(np.full(20, 100.0))
    assert level.drift_kw == 0


def test_pretend_events_begin_at_every_minute_that_leaves_ten_on_either_side() -> None:
    """90 minutes hold 90 - 10 - 30 - 10 + 1 = 41 of 30; two of them share no minute."""
    quiet = [(0, 90)]

    found = pretend_events(np.full(240, 50e3), quiet, length_minutes=30)

    assert len(found) == 41
    assert (found[0].span, found[-1].span) == ((10, 40), (50, 80))
    assert [one.span for one in apart(found)] == [(10, 40), (40, 70)]


def test_the_error_of_a_pretend_event_is_the_estimate_less_the_truth() -> None:
    """40 kW but for 44 in the ten minutes from 20: 40 expected, 44 drawn, 4 kW too low."""
    power_w = np.full(40, 40e3)
    power_w[20:30] = 44e3

    (found,) = pretend_events(power_w, [(10, 40)], length_minutes=10)

    assert found.error_kw == pytest.approx(-4.0)


def test_a_pretend_event_sees_nothing_outside_its_quiet_stretch() -> None:
    power_w = np.concatenate([np.full(40, 40e3), np.zeros(20), np.full(40, 60e3)])

    found = pretend_events(power_w, [(0, 40), (60, 100)], length_minutes=10)

    assert {one.error_kw for one in found} == {0.0}
    assert {one.expected_kw[0] for one in found} == {40.0, 60.0}


def test_without_earlier_days_it_is_the_level_of_a_job_that_nobody_raised() -> None:
    power_w = load_w(after_kw=99.0) + 500 * np.sin(np.arange(240))
    as_job = JobMinutes(
        first=0,
        gpus_on=np.ones(240, dtype=np.int64),
        per_gpu_w=power_w,
        age_minutes=np.arange(240.0),
    )

    level = series_level(power_w, DISPATCH)

    of_job = level_around(as_job, np.ones(240, dtype=bool), DISPATCH, reference=Reference())
    assert of_job is not None
    assert level.expected_kw * 1e3 == pytest.approx(of_job.per_gpu_w)


# To the milliwatt: means of the smallest floats there are would not double exactly.
minutes_w = arrays(
    np.float64, 25, elements=st.integers(0, 700_000_000).map(lambda milliwatt: milliwatt / 1e3)
)
SHORT = (10, 15)


@settings(max_examples=20)
@given(minutes_w, minutes_w)
def test_the_levels_of_jobs_add_up_to_the_level_of_their_sum(
    one_w: NDArray[np.float64], other_w: NDArray[np.float64]
) -> None:
    of_sum = series_level(one_w + other_w, SHORT)

    of_each = [series_level(job_w, SHORT).expected_kw for job_w in (one_w, other_w)]
    assert of_sum.expected_kw == pytest.approx(of_each[0] + of_each[1], abs=1e-6)


@settings(max_examples=20)
@given(minutes_w, minutes_w)
def test_what_was_drawn_in_the_dispatch_does_not_move_the_level(
    seen_w: NDArray[np.float64], other_w: NDArray[np.float64]
) -> None:
    mixed_w = np.concatenate([seen_w[:10], other_w[10:15], seen_w[15:]])

    levels = [series_level(power_w, SHORT) for power_w in (seen_w, mixed_w)]

    assert (levels[0].expected_kw == levels[1].expected_kw).all()
    assert levels[0].drift_kw == levels[1].drift_kw


@settings(max_examples=20)
@given(minutes_w)
def test_a_load_twice_as_large_has_twice_the_reduction_and_twice_the_band(
    power_w: NDArray[np.float64],
) -> None:
    once, twice = (
        series_level(factor * power_w, SHORT).reduction([(11, 14)]) for factor in (1.0, 2.0)
    )

    assert twice.reduction_kw == 2 * once.reduction_kw
    assert twice.band.half_width_kw == pytest.approx(2 * once.band.half_width_kw)


def test_a_minute_that_is_not_known_before_the_dispatch_is_left_out() -> None:
    """The level before stays 100 kW; taken as zero, the minutes would lower it to 83.3."""
    power_w = load_w(after_kw=100.0)
    power_w[10:20] = np.nan

    found = series_level(power_w, DISPATCH).reduction([DISPATCH])

    assert found.expected_kw == pytest.approx(100.0)


def test_a_pretend_event_with_an_unknown_minute_is_left_out() -> None:
    power_w = np.full(60, 40e3)
    power_w[25] = np.nan

    found = pretend_events(power_w, [(0, 60)], length_minutes=10)

    assert found
    assert not [one for one in found if one.span[0] <= 25 < one.span[1]]


@pytest.mark.parametrize("part", [slice(0, 51), slice(189, 240)])
def test_a_side_of_nine_known_minutes_is_refused(part: slice) -> None:
    power_w = load_w()
    power_w[part] = np.nan

    with pytest.raises(InsufficientHistoryError) as refused:
        series_level(power_w, DISPATCH)

    assert (refused.value.found_count, refused.value.required_count) == (9, 10)


def test_an_unknown_minute_in_the_window_is_refused() -> None:
    power_w = load_w()
    power_w[100] = np.nan
    level = series_level(power_w, DISPATCH)

    assert level.reduction([(120, 180)]).actual_kw == pytest.approx(70.0)
    with pytest.raises(DataRefusedError, match="found 1 of 120 minutes not known"):
        level.reduction([DISPATCH])


@pytest.mark.parametrize("window", [(59, 100), (100, 181), (100, 100)])
def test_a_window_that_is_not_inside_the_dispatch_is_refused(window: tuple[int, int]) -> None:
    level = series_level(load_w(), DISPATCH)

    with pytest.raises(ValueError, match="is not inside the dispatch"):
        level.reduction([window])
