"""One counter: by hand, then what holds for every counter, then what is not known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from negawatt.models.domain.findings import FindingCode
from negawatt.models.metering.energy_counter import (
    CounterEnergy,
    CounterReadings,
    counter_energy,
    reset_finding,
)

MINUTES = np.array([0, 60_000, 120_000, 180_000])


def readings(*rows: tuple[int, int]) -> CounterReadings:
    """Return readings from pairs of time [ms] and counter [mJ]."""
    time_ms, counter = np.array(rows, np.int64).reshape(-1, 2).T
    return CounterReadings(time_ms=time_ms, energy_total_millijoule=counter)


def energy(rows: CounterReadings, boundary_ms: NDArray[np.int64] = MINUTES) -> CounterEnergy:
    return counter_energy(rows, boundary_ms, max_gap_s=60.0)


def test_a_boundary_between_readings_takes_its_share_of_the_rise() -> None:
    """30 s before the minute and 10 s after it: 3/4 of the 4 kJ rise belong to the first minute."""
    rows = readings((0, 0), (30_000, 2_000_000), (70_000, 6_000_000), (120_000, 16_000_000))

    result = energy(rows, np.array([0, 60_000, 120_000]))

    assert result.energy_j.tolist() == [5_000.0, 11_000.0]
    assert result.methods.tolist() == ["counter", "counter"]


def test_a_repeated_value_is_not_a_new_reading() -> None:
    """0 at 0 s, again at 59 s, 60 J at 60 s: the rise is spread from 0 s on, 1 J each second."""
    rows = readings((0, 0), (59_000, 0), (60_000, 60_000), (120_000, 120_000))

    result = energy(rows, np.array([0, 30_000, 60_000]))

    assert result.energy_j.tolist() == [30.0, 30.0]


def test_a_counter_that_stands_still_covers_nothing() -> None:
    rows = readings((0, 7), (20_000, 7), (40_000, 7), (60_000, 7))

    result = energy(rows, np.array([0, 60_000]))

    assert np.isnan(result.energy_j).all()
    assert result.coverage_ratio.tolist() == [0.0]
    assert result.methods.tolist() == ["not_known"]


def test_over_a_long_gap_the_total_is_kept_and_the_coverage_falls() -> None:
    """18 kJ over 0 to 180 s, longer than 60 s: 6 kJ each, not measured but not lost."""
    result = energy(readings((0, 0), (180_000, 18_000_000)))

    assert result.energy_j.tolist() == [6_000.0, 6_000.0, 6_000.0]
    assert result.coverage_ratio.tolist() == [0.0, 0.0, 0.0]
    assert result.methods.tolist() == ["counter_interpolated"] * 3
    assert result.gap_s.tolist() == [180.0]


def test_a_decrease_is_a_reset_and_its_energy_is_not_known() -> None:
    """The reset lies between 70 and 110 s: only the second minute is touched, 40 s of its 60."""
    rows = readings(
        (0, 10**9), (60_000, 10**9 + 6_000_000), (70_000, 10**9 + 7_000_000), (110_000, 500_000),
        (120_000, 1_500_000), (180_000, 7_500_000),
    )  # fmt: skip

    result = energy(rows)

    assert result.energy_j[[0, 2]].tolist() == [6_000.0, 6_000.0]
    assert np.isnan(result.energy_j[1])
    assert result.coverage_ratio == pytest.approx([1.0, 20 / 60, 1.0])
    assert [reset.after_millijoule for reset in result.resets] == [500_000]


def test_a_reset_finding_shows_both_readings() -> None:
    rows = readings((0, 9_000), (1_000, 12_000), (2_000, 5))

    found = reset_finding("GPU 'g'", energy(rows).resets)

    assert found.code is FindingCode.COUNTER_RESET
    assert found.evidence["reset_count"] == 1
    assert found.evidence["first_before_millijoule"] == 12_000
    assert found.evidence["first_after_millijoule"] == 5
    assert found.evidence["first_after_utc"] == "1970-01-01T00:00:02+00:00"


def test_a_new_epoch_is_a_reset_even_if_the_counter_is_higher() -> None:
    rows = readings((0, 1_000), (60_000, 2_000), (120_000, 900_000), (180_000, 901_000))

    result = energy(replace(rows, epoch=np.array([0, 0, 1, 1])))

    assert result.energy_j[[0, 2]].tolist() == [1.0, 1.0]
    assert np.isnan(result.energy_j[1])
    assert len(result.resets) == 1


def test_null_is_no_reading_and_not_zero() -> None:
    rows = readings((0, 1_000_000), (60_000, 0), (120_000, 3_000_000))

    result = energy(replace(rows, is_known=np.array([True, False, True])), np.array([0, 120_000]))

    assert result.energy_j.tolist() == [2_000.0]
    assert result.resets == ()


def test_counters_near_the_end_of_their_range_lose_no_millijoule() -> None:
    """2**62 mJ is beyond the integers that a float holds; a rise of 1 mJ is still 0.001 J."""
    rows = readings((0, 2**62), (60_000, 2**62 + 1))

    result = energy(rows, np.array([0, 60_000]))

    assert result.energy_j.tolist() == [0.001]


@pytest.mark.parametrize("rows", [[], [(60_000, 5)]], ids=["none", "one"])
def test_fewer_than_two_readings_tell_nothing(rows: list[tuple[int, int]]) -> None:
    result = energy(readings(*rows))

    assert np.isnan(result.energy_j).all()
    assert result.coverage_ratio.tolist() == [0.0, 0.0, 0.0]


def test_an_interval_that_readings_do_not_enclose_is_not_known() -> None:
    result = energy(readings((1, 0), (60_000, 6_000_000), (120_000, 12_000_000)))

    assert np.isnan(result.energy_j).tolist() == [True, False, True]


steps = st.lists(
    st.tuples(st.integers(1, 90_000), st.integers(-50_000, 700_000)), min_size=2, max_size=40
)


def series(pairs: list[tuple[int, int]]) -> CounterReadings:
    """Return a counter that mostly rises: readings a step apart, a decrease beginning anew at 0."""
    rows, time_ms, counter = [(0, 10**6)], 0, 10**6
    for step_ms, rise in pairs:
        time_ms += step_ms
        counter = counter + rise if rise >= 0 else 0
        rows.append((time_ms, counter))
    return readings(*rows)


@given(steps, st.lists(st.integers(0, 10**6), min_size=3, max_size=9, unique=True))
@settings(max_examples=50, deadline=None)
def test_energies_of_adjacent_intervals_add_up(
    pairs: list[tuple[int, int]], edges: list[int]
) -> None:
    rows, boundary_ms = series(pairs), np.array(sorted(edges))

    parts = energy(rows, boundary_ms)
    whole = energy(rows, boundary_ms[[0, -1]])

    assert parts.energy_j.sum() == pytest.approx(whole.energy_j[0], abs=1e-9, nan_ok=True)
    length = np.diff(boundary_ms)
    assert parts.coverage_ratio @ length / length.sum() == pytest.approx(whole.coverage_ratio[0])


@given(steps, st.data())
@settings(max_examples=50, deadline=None)
def test_order_and_duplicates_change_nothing(
    pairs: list[tuple[int, int]], data: st.DataObject
) -> None:
    rows = series(pairs)
    n = len(rows.time_ms)
    again = data.draw(st.lists(st.integers(0, n - 1), max_size=5))
    mixed = np.array(data.draw(st.permutations([*range(n), *again])))
    shuffled = readings(*zip(rows.time_ms[mixed], rows.energy_total_millijoule[mixed], strict=True))

    result, expected = energy(shuffled), energy(rows)

    np.testing.assert_array_equal(result.energy_j, expected.energy_j)
    np.testing.assert_array_equal(result.coverage_ratio, expected.coverage_ratio)
    assert result.resets == expected.resets


@given(steps)
@settings(max_examples=50, deadline=None)
def test_energy_is_never_negative_nor_more_than_the_counter_rose(
    pairs: list[tuple[int, int]],
) -> None:
    rows = series(pairs)

    result = energy(rows, np.arange(0, 2 * 10**6, 60_000))

    rise_j = sum(max(rise, 0) for _, rise in pairs) / 1_000
    assert np.nanmin(result.energy_j, initial=0.0) >= 0
    assert np.nansum(result.energy_j) <= rise_j + 1e-9
