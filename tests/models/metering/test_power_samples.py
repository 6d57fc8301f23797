"""One series of power samples: by hand, invariants, and everything that is no plain sample."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from negawatt.models.domain.findings import FindingCode
from negawatt.models.metering.power_samples import SampledEnergy, sampled_energy
from negawatt.models.metering.sample_rules import (
    AcrossGap,
    Between,
    RepeatedStamp,
    SampleRules,
)

RULES = SampleRules(max_gap_s=10.0)
HALF_MINUTE = np.array([0, 30_000])


def integrate(
    rows: list[tuple[int, float]],
    rules: SampleRules = RULES,
    boundary_ms: NDArray[np.int64] = HALF_MINUTE,
) -> SampledEnergy:
    """Integrate pairs of time [ms] and power [W]."""
    time_ms = np.array([time for time, _ in rows], np.int64)
    power_w = np.array([power for _, power in rows], np.float64)
    return sampled_energy(time_ms, power_w, boundary_ms, rules, subject="node 'n'")


FLAT = [(0, 100.0), (10_000, 100.0), (20_000, 100.0), (30_000, 100.0)]
HOLE = [(0, 100.0), (10_000, 100.0), (30_000, 300.0)]


def test_a_boundary_between_samples_cuts_the_trapezoid() -> None:
    """0 to 100 W in 10 s: 5 s hold (0 + 50)/2 x 5 = 125 J, the other 5 s hold 375 J."""
    ramp = integrate([(0, 0.0), (10_000, 100.0)], RULES, np.array([0, 5_000, 10_000]))

    assert ramp.energy_j.tolist() == [125.0, 375.0]
    assert ramp.power_w_mean.tolist() == [25.0, 75.0]


def test_hold_keeps_the_earlier_sample_until_the_next() -> None:
    rules = SampleRules(max_gap_s=10.0, between=Between.HOLD)

    ramp = integrate([(0, 0.0), (10_000, 100.0), (20_000, 0.0)], rules, np.array([0, 15_000]))

    assert ramp.energy_j.tolist() == [500.0]


def test_least_and_greatest_are_samples_of_the_interval_start_included() -> None:
    """At 10 s begins the second interval: its 50 W are not the first one's."""
    rows = [(0, 90.0), (4_000, 110.0), (10_000, 50.0), (30_000, 40.0)]

    result = integrate(rows, RULES, np.array([0, 10_000, 20_000, 30_000]))

    assert result.power_w_min[:2].tolist() == [90.0, 50.0]
    assert result.power_w_max[:2].tolist() == [110.0, 50.0]
    assert np.isnan(result.power_w_min[2])


def test_a_gap_makes_the_energy_not_known_and_is_found() -> None:
    """20 s without a reading, 10 s allowed: of 30 s, 10 s are covered."""
    result = integrate(HOLE)

    assert np.isnan(result.energy_j).all()
    assert result.coverage_ratio == pytest.approx([1 / 3])
    (gap,) = result.findings
    assert gap.code is FindingCode.SAMPLE_GAP
    assert gap.evidence["count"] == 1
    assert gap.evidence["longest_s"] == 20.0


def test_a_gap_is_bridged_only_on_request_and_is_still_no_coverage() -> None:
    """100 W x 10 s + (100 + 300)/2 W x 20 s = 5 kJ."""
    result = integrate(HOLE, SampleRules(max_gap_s=10.0, across_gap=AcrossGap.BRIDGE))

    assert result.energy_j.tolist() == [5_000.0]
    assert result.coverage_ratio == pytest.approx([1 / 3])
    assert [finding.code for finding in result.findings] == [FindingCode.SAMPLE_GAP]


def test_a_sentinel_is_found_and_never_power() -> None:
    """-1 W at 10 s is left out: 100 W over 20 s are bridged, since 20 s are allowed."""
    rows = [(0, 100.0), (10_000, -1.0), (20_000, 100.0), (30_000, 100.0)]

    result = integrate(rows, SampleRules(max_gap_s=20.0))

    assert result.energy_j.tolist() == [3_000.0]
    assert result.power_w_min.tolist() == [100.0]
    (sentinel,) = result.findings
    assert sentinel.code is FindingCode.READING_SENTINEL
    assert sentinel.evidence["count"] == 1
    assert sentinel.evidence["values_w"] == [-1.0]


def test_a_sentinel_beside_a_reading_of_the_same_stamp_is_no_repetition() -> None:
    result = integrate([*FLAT, (10_000, -2.0)])

    assert result.energy_j.tolist() == [3_000.0]
    assert [finding.code for finding in result.findings] == [FindingCode.READING_SENTINEL]


def test_a_negative_value_that_is_no_code_is_out_of_range() -> None:
    result = integrate([*FLAT, (15_000, -43.0)])

    assert result.energy_j.tolist() == [3_000.0]
    assert [finding.code for finding in result.findings] == [FindingCode.READING_OUT_OF_RANGE]


def test_zero_is_power_of_zero() -> None:
    result = integrate([(0, 0.0), (10_000, 0.0), (20_000, 0.0), (30_000, 0.0)])

    assert result.energy_j.tolist() == [0.0]
    assert result.findings == ()


def test_nan_is_no_sample() -> None:
    result = integrate([*FLAT, (15_000, float("nan"))])

    assert result.energy_j.tolist() == [3_000.0]
    assert result.findings == ()


def test_equal_readings_of_one_stamp_count_once_and_are_found() -> None:
    result = integrate([*FLAT, (10_000, 100.0)])

    assert result.energy_j.tolist() == [3_000.0]
    (repeated,) = result.findings
    assert repeated.code is FindingCode.READING_REPEATED
    assert (repeated.evidence["count"], repeated.evidence["conflict_count"]) == (1, 0)


def test_of_different_readings_of_one_stamp_none_is_used() -> None:
    """100 W and 400 W at 10 s: nothing tells which, so 0 to 20 s becomes a gap."""
    result = integrate([*FLAT, (10_000, 400.0)])

    assert np.isnan(result.energy_j).all()
    assert [finding.code for finding in result.findings] == [
        FindingCode.READING_REPEATED,
        FindingCode.SAMPLE_GAP,
    ]


def test_the_mean_of_different_readings_is_used_only_on_request() -> None:
    """(100 + 400)/2 = 250 W at 10 s: 2 x (100 + 250)/2 x 10 + 100 x 10 = 4.5 kJ."""
    rules = SampleRules(max_gap_s=10.0, repeated=RepeatedStamp.MEAN)

    result = integrate([*FLAT, (10_000, 400.0)], rules)

    assert result.energy_j.tolist() == [4_500.0]


def test_no_samples_give_nothing() -> None:
    result = integrate([])

    assert np.isnan(result.energy_j).all()
    assert np.isnan(result.power_w_max).all()
    assert result.coverage_ratio.tolist() == [0.0]


def test_a_rule_without_a_longest_gap_is_refused() -> None:
    with pytest.raises(ValueError, match="max_gap_s must be more than 0, got 0"):
        SampleRules(max_gap_s=0)


samples = st.lists(
    st.tuples(st.integers(0, 100).map(lambda step: 500 * step), st.integers(-2, 8).map(float)),
    min_size=2,
    max_size=60,
)


@given(samples, st.lists(st.integers(0, 50_000), min_size=3, max_size=9, unique=True))
@settings(max_examples=50, deadline=None)
def test_energies_of_adjacent_intervals_add_up(
    rows: list[tuple[int, float]], edges: list[int]
) -> None:
    boundary_ms = np.array(sorted(edges))

    parts = integrate(rows, RULES, boundary_ms).energy_j.sum()
    whole = integrate(rows, RULES, boundary_ms[[0, -1]]).energy_j[0]

    assert parts == pytest.approx(whole, abs=1e-9, nan_ok=True)


@given(samples.flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows))))
@settings(max_examples=50, deadline=None)
def test_the_order_of_samples_does_not_matter(
    both: tuple[list[tuple[int, float]], list[tuple[int, float]]],
) -> None:
    expected, result = integrate(both[0]), integrate(both[1])

    np.testing.assert_array_equal(result.energy_j, expected.energy_j)
    assert result.findings == expected.findings


@given(samples)
@settings(max_examples=50, deadline=None)
def test_twice_the_power_is_twice_the_energy(rows: list[tuple[int, float]]) -> None:
    positive = [(time_ms, abs(power)) for time_ms, power in rows]
    doubled = [(time_ms, 2 * power) for time_ms, power in positive]

    np.testing.assert_array_equal(integrate(doubled).energy_j, 2 * integrate(positive).energy_j)
