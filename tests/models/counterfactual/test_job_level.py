"""A job's level, a service's shape, and the same work seen later: by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from negawatt.models.counterfactual.control import Touch
from negawatt.models.counterfactual.fleet import Action
from negawatt.models.counterfactual.job_level import (
    RELOAD_MINUTES,
    Reference,
    WorkClock,
    level_around,
    load_shape,
    minute_of_work,
    touched_minutes,
    work_clock,
)
from negawatt.models.counterfactual.job_power import JobMinutes
from negawatt.models.counterfactual.schedule import speed_under_cap
from tests.models.counterfactual.fleets import INF, Floats, worked

SPAN = (600, 780)


def job(power_w: Floats | float, *, first: int = 0, n: int = 1440) -> JobMinutes:
    """A job of one GPU that began in the first minute."""
    return JobMinutes(
        first=first,
        gpus_on=np.ones(n, dtype=np.int64),
        per_gpu_w=np.broadcast_to(np.asarray(power_w, dtype=float), n).copy(),
        age_minutes=np.arange(n, dtype=float),
    )


def touch(start: float, end: float, action: Action = Action.CAP, ratio: float = 0.5) -> Touch:
    return Touch(job=0, start_s=60 * start, end_s=60 * end, deepest=action, power_ratio=ratio)


def usable(*parts: tuple[int, int], n: int = 1440) -> NDArray[np.bool_]:
    found = np.zeros(n, dtype=bool)
    for first, last in parts:
        found[first:last] = True
    return found


# Which minutes control touched.


def test_a_cap_touches_every_minute_that_it_reaches_into() -> None:
    """From 10:30 to 20:10 min: the minutes 10 to 20."""
    found = touched_minutes([touch(10.5, 20 + 1 / 6)], 0, 60)

    assert np.flatnonzero(found).tolist() == list(range(10, 21))


def test_a_pause_touches_the_minutes_in_which_the_job_loads_again() -> None:
    found = touched_minutes([touch(10, 20, Action.PAUSE, 0.0)], 0, 60)

    assert np.flatnonzero(found).tolist() == list(range(10, 20 + RELOAD_MINUTES))


def test_touches_are_cut_to_what_is_looked_at() -> None:
    assert touched_minutes([touch(10, INF)], 50, 10).all()
    assert not touched_minutes([touch(10, 20)], 50, 10).any()
    assert not touched_minutes([touch(100, INF)], 50, 10).any()


# The level before and after.


def test_the_level_is_the_mean_before_and_after_and_a_line_between() -> None:
    power_w = np.where(np.arange(1440) < 600, 300.0, 400.0)

    level = level_around(job(power_w), usable((0, 600), (780, 1440)), SPAN, reference=Reference())

    assert level is not None
    assert level.source == "before and after"
    np.testing.assert_allclose(level.per_gpu_w, 300 + 100 * (np.arange(180) + 0.5) / 180)


@pytest.mark.parametrize(
    ("part", "source", "expected_w"), [((0, 600), "before", 300.0), ((780, 1440), "after", 400.0)]
)
def test_one_side_is_enough(part: tuple[int, int], source: str, expected_w: float) -> None:
    power_w = np.where(np.arange(1440) < 600, 300.0, 400.0)

    level = level_around(job(power_w), usable(part), SPAN, reference=Reference())

    assert level is not None
    assert level.source == source
    np.testing.assert_allclose(level.per_gpu_w, expected_w)


def test_only_the_hours_beside_the_span_tell_the_level() -> None:
    """Three hours on each side; what was before 420 and after 960 does not matter."""
    power_w = np.full(1440, 300.0)
    power_w[:420] = power_w[960:] = 500.0

    level = level_around(job(power_w), usable((420, 600), (780, 1440)), SPAN, reference=Reference())

    assert level is not None
    np.testing.assert_allclose(level.per_gpu_w, 300.0)


def test_hours_that_may_have_been_raised_count_for_as_much_less() -> None:
    """300 W before, raised by a likely fifth: 250 W; where they surely were, the others count."""
    power_w = np.where(np.arange(1440) < 600, 300.0, 280.0)
    before, both = usable((420, 600)), usable((420, 600), (780, 1440))

    likely = level_around(job(power_w), before, SPAN, reference=Reference(inflation_ratio=0.2))
    surely = level_around(
        job(power_w), both, SPAN, reference=Reference(is_inflated=True, inflation_ratio=0.2)
    )

    assert likely is not None
    np.testing.assert_allclose(likely.per_gpu_w, 250.0)
    assert surely is not None
    assert surely.source == "after"
    np.testing.assert_allclose(surely.per_gpu_w, 280.0)


def test_nine_minutes_are_too_few_for_a_level() -> None:
    nine, ten = usable((591, 600)), usable((590, 600))

    assert level_around(job(300.0), nine, SPAN, reference=Reference()) is None
    assert level_around(job(300.0), ten, SPAN, reference=Reference()) is not None


def test_a_level_follows_the_shape_that_traffic_gives() -> None:
    """It drew twice its shape before and after; in the span the shape is 200 W, then 100 W."""
    shape = np.full(1440, 150.0)
    shape[600:700], shape[700:780] = 200.0, 100.0

    level = level_around(
        job(300.0), usable((0, 600), (780, 1440)), SPAN, reference=Reference(), shape=shape
    )

    assert level is not None
    np.testing.assert_allclose(level.per_gpu_w, np.where(np.arange(180) < 100, 400.0, 200.0))


def test_a_level_is_power_over_shape_summed_up() -> None:
    """200 W at a shape of 100 W, 300 W at 300 W, as long each: 500 / 400 of the shape."""
    half = np.arange(1440) % 2 == 0
    shape = np.where(half, 100.0, 300.0)

    level = level_around(
        job(np.where(half, 200.0, 300.0)),
        usable((0, 600), (780, 1440)),
        SPAN,
        reference=Reference(),
        shape=shape,
    )

    assert level is not None
    np.testing.assert_allclose(level.per_gpu_w, 1.25 * shape[600:780])


@given(factor=st.sampled_from([0.25, 0.5, 2.0, 4.0]), seed=st.integers(0, 99))
@settings(max_examples=10, deadline=None)
def test_a_job_of_twice_the_power_has_twice_the_level(factor: float, seed: int) -> None:
    power_w = np.random.default_rng(seed).uniform(100, 500, 1440)
    parts = usable((0, 600), (780, 1440))

    one = level_around(job(power_w), parts, SPAN, reference=Reference())
    other = level_around(job(factor * power_w), parts, SPAN, reference=Reference())

    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(other.per_gpu_w, factor * one.per_gpu_w)


# A service's shape.


def test_the_shape_is_found_where_power_bends() -> None:
    """Flat at 150 W up to half the rate, then rising to 350 W; twelve means, joined by lines.

    At the bend a line misses by a quarter of what power rises in a twelfth: 400 / 12 / 4 = 8.3 W.
    """
    rate = np.tile(np.linspace(0.0, 1.0, 500), 4)
    power_w = np.where(rate < 0.5, 150.0, 150.0 + 400.0 * (rate - 0.5))

    shape = load_shape(rate, power_w, np.ones(2000, dtype=bool), most_w=700.0)

    assert shape is not None
    np.testing.assert_allclose(shape, power_w, atol=8.4)


def test_beyond_the_largest_rate_the_line_goes_on_but_not_above_what_gpus_draw() -> None:
    """Learned from rates up to 1: 300 W there, 400 W at 1.5; at 5 no more than a GPU draws."""
    rate = np.concatenate([np.tile(np.linspace(0.2, 1.0, 400), 2), [1.5, 5.0]])
    learned = np.arange(802) < 800

    shape = load_shape(rate, 100 + 200 * rate, learned, most_w=450.0)

    assert shape is not None
    assert shape[-2] == pytest.approx(400, rel=0.01)
    assert shape[-1] == 450.0


def test_below_the_smallest_rate_the_line_goes_on_too() -> None:
    """Learned from rates of 0.5 and more; at 0.3 it is 160 W and not the 200 W of 0.5."""
    rate = np.concatenate([np.tile(np.linspace(0.5, 1.0, 400), 2), [0.3]])

    shape = load_shape(rate, 100 + 200 * rate, np.arange(801) < 800, most_w=700.0)

    assert shape is not None
    assert shape[-1] == pytest.approx(160, rel=0.01)


def test_a_shape_is_not_learned_from_too_little_nor_from_what_was_capped() -> None:
    rate = np.tile(np.linspace(0.2, 1.0, 400), 2)
    power_w = 100 + 200 * rate
    capped = np.where(np.arange(800) < 400, power_w, 50.0)

    shape = load_shape(rate, capped, np.arange(800) < 400, most_w=700.0)

    assert load_shape(rate, power_w, np.arange(800) < 300, most_w=700.0) is None
    assert shape is not None
    assert shape[600] == pytest.approx(power_w[600], rel=0.01)


def test_a_constant_rate_is_no_trouble() -> None:
    shape = load_shape(np.ones(800), np.full(800, 200.0), np.ones(800, bool), most_w=700.0)

    np.testing.assert_allclose(shape, 200.0)  # type: ignore[arg-type]  # an array here


# The work of a job, and the same work seen later.


def test_an_undisturbed_job_has_done_its_age_of_work() -> None:
    clock = work_clock(job(300.0, n=60), [], None)

    np.testing.assert_allclose(clock.work_minutes, np.arange(60) + 0.5)


def test_without_progress_a_cap_slows_the_work_by_the_published_ratio() -> None:
    """Ten minutes at three quarters of the power: 9.101 minutes of work."""
    clock = work_clock(job(300.0, n=60), [touch(20, 30, ratio=0.75)], None)

    assert clock.work_minutes[40] == pytest.approx(40.5 - 10 * (1 - speed_under_cap(0.75)))


def test_with_progress_the_work_is_what_was_logged() -> None:
    """A quarter of the speed for 40 minutes: 30 minutes less than its age afterwards."""
    clock = work_clock(job(300.0), [touch(600, 640)], worked((600, 640, 0.25), until=1440))

    assert clock.work_minutes[599] == pytest.approx(599.5)
    assert clock.work_minutes[700] == pytest.approx(700.5 - 30)


def test_a_pause_costs_the_work_that_was_missed_while_loading_again_too() -> None:
    """Off for 60 minutes, and no work for ten more: 70 minutes less than its age."""
    paused = touch(600, 660, Action.PAUSE, 0.0)

    clock = work_clock(job(300.0), [paused], worked((600, 670, 0.0), until=1440))

    assert clock.work_minutes[700] == pytest.approx(700.5 - 70)


def test_a_job_that_is_slow_by_nature_is_slowed_only_by_what_the_cap_took() -> None:
    """0.8 of full speed anyway, 0.4 for 40 minutes: half of 40 minutes are missing."""
    slow = worked((0, 600, 0.8), (600, 640, 0.4), (640, 1440, 0.8), until=1440)

    clock = work_clock(job(300.0), [touch(600, 640)], slow)

    assert clock.work_minutes[700] == pytest.approx(700.5 - 20)


def test_after_the_last_of_the_progress_a_job_is_taken_to_work() -> None:
    """Half speed for the 20 minutes that are known: ten are missing."""
    short = worked((600, 620, 0.5), until=620)

    clock = work_clock(job(300.0), [touch(600, 640)], short)

    assert clock.work_minutes[700] == pytest.approx(700.5 - 10)


def test_a_job_that_held_nothing_did_no_work_and_goes_on_where_it_was() -> None:
    minutes = job(300.0, n=100)
    minutes.gpus_on[40:60] = 0

    clock = work_clock(minutes, [], None)

    assert np.isnan(clock.work_minutes[40:60]).all()
    assert clock.work_minutes[60] == pytest.approx(40.5)
    assert clock.undisturbed_at(45) == pytest.approx(45.5)


def test_a_job_that_began_earlier_brings_its_work_along() -> None:
    minutes = job(300.0, first=500, n=60)
    minutes.age_minutes[:] += 200

    clock = work_clock(minutes, [], None)

    assert clock.work_minutes[0] == pytest.approx(200.5)


def same_work(
    minutes: JobMinutes, clock: WorkClock, where: NDArray[np.bool_], wanted: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what the job drew in the minutes that did the wanted work, NaN where none did."""
    place = minute_of_work(clock, where, wanted)
    return np.where(place < 0, np.nan, minutes.per_gpu_w[place])


def test_the_same_work_is_looked_up_where_it_was_undisturbed() -> None:
    """Paused from 20 to 30: the work of minute 25 is done in minute 35."""
    power_w = 300.0 + np.arange(60, dtype=np.float64)
    minutes = job(power_w, n=60)
    minutes.gpus_on[20:30] = 0
    clock = work_clock(minutes, [touch(20, 30, Action.PAUSE, 0.0)], None)

    found = same_work(minutes, clock, usable((0, 20), (30, 60), n=60), np.arange(20.5, 30.0))

    np.testing.assert_allclose(found, power_w[30:40])


def test_of_two_minutes_the_one_with_the_nearer_work_is_taken() -> None:
    """Work 9.5 was done in minute 9, work 10.5 in minute 10."""
    power_w = 300.0 + np.arange(60, dtype=np.float64)
    minutes = job(power_w, n=60)
    clock = work_clock(minutes, [], None)

    found = same_work(minutes, clock, usable((0, 60), n=60), np.array([9.6, 10.4]))

    np.testing.assert_array_equal(found, [309.0, 310.0])


def test_work_that_was_never_seen_undisturbed_is_not_known() -> None:
    minutes = job(300.0, n=60)
    clock = work_clock(minutes, [], None)

    found = same_work(minutes, clock, usable((0, 20), n=60), np.array([10.5, 20.4, 22.0]))
    nothing = same_work(minutes, clock, usable(n=60), np.array([10.5]))

    np.testing.assert_array_equal(np.isnan(found), [False, False, True])
    assert np.isnan(nothing).all()
