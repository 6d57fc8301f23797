"""Readings into means of minutes: by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.counterfactual.minute_means import minute_means


def test_readings_are_averaged_over_the_minutes_in_which_they_start() -> None:
    """GPU 1 says 100, 200 and 300 W in the second minute; GPU 0 says nothing."""
    found = minute_means(
        np.array([1, 1, 1]),
        np.array([60_000, 80_000, 119_999]),
        np.array([100.0, 200.0, 300.0]),
        first_ms=0,
        shape=(2, 2),
    )

    np.testing.assert_array_equal(found, [[np.nan, np.nan], [np.nan, 200.0]])


def test_a_lost_reading_does_not_count_and_nothing_is_not_zero() -> None:
    found = minute_means(
        np.array([0, 0, 0]),
        np.array([0, 10_000, 60_000]),
        np.array([np.nan, 0.0, np.nan]),
        first_ms=0,
        shape=(1, 2),
    )

    np.testing.assert_array_equal(found, [[0.0, np.nan]])


def test_readings_outside_the_days_are_left_out() -> None:
    found = minute_means(
        np.array([0, 0, 0]),
        np.array([999_999, 1_000_000, 1_060_000]),
        np.array([7.0, 8.0, 9.0]),
        first_ms=1_000_000,
        shape=(1, 1),
    )

    np.testing.assert_array_equal(found, [[8.0]])


def test_gpus_that_change_places_from_minute_to_minute_are_told_apart() -> None:
    """Two GPUs and two minutes in order of time, but the second minute names them the other way."""
    found = minute_means(
        np.array([0, 1, 1, 0]),
        np.array([0, 60_000, 0, 60_000]),
        np.array([10.0, 21.0, 20.0, 11.0]),
        first_ms=0,
        shape=(2, 2),
    )

    np.testing.assert_array_equal(found, [[10.0, 11.0], [20.0, 21.0]])


def test_a_gpu_that_is_written_twice_does_not_take_the_place_of_another() -> None:
    found = minute_means(
        np.array([0, 0, 0, 0]),
        np.array([0, 60_000, 0, 60_000]),
        np.array([10.0, 20.0, 30.0, 40.0]),
        first_ms=0,
        shape=(2, 2),
    )

    np.testing.assert_array_equal(found, [[20.0, 30.0], [np.nan, np.nan]])


@st.composite
def readings(draw: st.DrawFn) -> tuple[list[tuple[int, int, float]], tuple[int, int]]:
    """Return GPU, minute and power of a day that is regular but for what is broken in it."""
    n_gpus, n_minutes = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    rows = [(gpu, at, 100.0 * gpu + at) for gpu in range(n_gpus) for at in range(n_minutes)]
    if draw(st.booleans()):
        rows.sort(key=lambda row: row[1])
    for _ in range(draw(st.integers(0, 2))):
        broken = draw(st.integers(0, len(rows) - 1))
        rows[broken] = draw(
            st.sampled_from([rows[0], (*rows[broken][:2], np.nan), (rows[0][0], 9, 1.0)])
        )
    if draw(st.booleans()):
        rows = draw(st.permutations(rows))
    return rows, (n_gpus, n_minutes)


@pytest.mark.slow
@given(drawn=readings())
@settings(max_examples=50, deadline=None)
def test_a_regular_day_is_read_as_any_other(
    drawn: tuple[list[tuple[int, int, float]], tuple[int, int]],
) -> None:
    """Against sums in plain Python: a reading twice, too late or lost, or rows in disorder."""
    rows, shape = drawn
    cells: dict[tuple[int, int], list[float]] = {}
    for gpu, at, watt in rows:
        if at < shape[1] and not np.isnan(watt):
            cells.setdefault((gpu, at), []).append(watt)
    expected = np.full(shape, np.nan)
    for cell, watts in cells.items():
        expected[cell] = sum(watts) / len(watts)

    found = minute_means(
        np.array([gpu for gpu, _, _ in rows]),
        np.array([60_000 * at for _, at, _ in rows]),
        np.array([watt for _, _, watt in rows]),
        first_ms=0,
        shape=shape,
    )

    np.testing.assert_allclose(found, expected, rtol=1e-6)
