"""Clocks of two meters: a planted shift is found, none is invented, too little is refused."""

import numpy as np
import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.findings import FindingCode
from negawatt.models.reconciliation.clocks import ClockLag, clock_finding, clock_lag

STEP_MS = 2_000


def jobs(n: int = 600, seed: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Return stamps and power [W] of jobs that last from 2 to 40 s."""
    random = np.random.default_rng(seed)
    ends = np.cumsum(random.integers(1, 20, n))
    power_w = random.uniform(2_000, 7_000, n)[np.searchsorted(ends, np.arange(n), side="right")]
    return np.arange(n) * STEP_MS, power_w


def lag(
    first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray], reach_s: float = 60
) -> ClockLag:
    return clock_lag(*first, *second, reach_s=reach_s, step_ms=STEP_MS)


@pytest.mark.parametrize("shift_s", [-40, -6, 6, 40])
def test_a_planted_shift_is_found_with_its_sign(shift_s: int) -> None:
    time_ms, power_w = jobs()

    found = lag((time_ms, power_w), (time_ms + shift_s * 1_000, power_w))

    assert found.lag_s == shift_s
    assert found.is_apart
    finding = clock_finding(found, first="a", second="b")
    assert finding is not None
    assert finding.code is FindingCode.CLOCKS_APART
    later = "'b' shows it" if shift_s > 0 else "'a' shows it"
    assert later in finding.message


def test_noise_of_the_meters_does_not_hide_a_shift() -> None:
    """2 % of noise on each, and the second meter reads 3 % less."""
    time_ms, power_w = jobs()
    random = np.random.default_rng(4)
    one_w, two_w = (power_w * (1 + 0.02 * random.standard_normal(len(power_w))) for _ in range(2))

    found = lag((time_ms, one_w), (time_ms + 8_000, 0.97 * two_w))

    assert found.lag_s == 8.0


def test_samples_between_each_other_are_not_apart() -> None:
    """The second meter is read 0.7 s after the first, at its own right time."""
    time_ms = np.arange(20_000) * 100
    ends = np.cumsum(np.random.default_rng(1).integers(50, 400, 20_000))
    level = np.random.default_rng(2).uniform(2_000, 7_000, 20_000)
    power_w = level[np.searchsorted(ends, np.arange(20_000), side="right")]

    found = lag((time_ms[::20], power_w[::20]), (time_ms[7::20], power_w[7::20]))

    assert abs(found.lag_s) <= 2.0
    assert not found.is_apart
    assert clock_finding(found, first="a", second="b") is None


def test_of_equal_peaks_the_nearest_counts() -> None:
    """A load that repeats every 20 s fits at every 20 s."""
    time_ms = np.arange(600) * STEP_MS
    power_w = np.where(np.arange(600) % 10 < 3, 3_000.0, 7_000.0)

    found = lag((time_ms, power_w), (time_ms + 4_000, power_w))

    assert found.lag_s == 4.0


def test_two_loads_that_have_nothing_in_common_are_not_said_to_be_apart() -> None:
    assert not lag(jobs(seed=2), jobs(seed=3)).is_apart


def test_what_lies_in_a_gap_is_not_compared() -> None:
    """100 of 600 readings are missing in one piece; the straight line over it is no load."""
    time_ms, power_w = jobs()
    kept = np.r_[0:300, 400:600]

    found = lag((time_ms, power_w), (time_ms[kept] + 6_000, power_w[kept]))

    assert found.lag_s == 6.0
    assert found.correlation == pytest.approx(1.0)
    assert found.step_count < 600 - 95


def test_no_sample_at_all_tells_nothing() -> None:
    with pytest.raises(DataRefusedError, match="found 0 steps of both"):
        lag(jobs(), (np.zeros(0, np.int64), np.zeros(0)))


@pytest.mark.parametrize(
    ("count", "step_ms", "found"), [(1, 1_000, 1), (99, 1_000, 99), (100, 100, 10)]
)
def test_a_meter_that_was_hardly_read_tells_nothing(count: int, step_ms: int, found: int) -> None:
    """One reading has no time between readings; 100 in ten seconds make ten steps of 1 s."""
    few_ms, power_w = np.arange(count) * step_ms, jobs()[1]

    with pytest.raises(DataRefusedError, match=f"found {found} steps of both"):
        clock_lag(few_ms, power_w[:count], few_ms, power_w[:count], reach_s=120)


def test_shifts_are_tried_only_as_far_as_100_steps_are_left() -> None:
    """A reach of 120 s, and 110 readings of a second: shifts up to ten leave a hundred steps."""
    time_ms, power_w = np.arange(110) * 1_000, jobs()[1]

    found = clock_lag(time_ms, power_w[:110], time_ms, power_w[4:114], reach_s=120)

    assert found.lag_s == -4.0
    assert found.step_s == 1.0


def test_means_of_intervals_are_apart_by_one_step_and_samples_are_not() -> None:
    time_ms, power_w = jobs()
    both = (time_ms, power_w, time_ms + STEP_MS, power_w)

    means, samples = (
        clock_lag(*both, step_ms=STEP_MS, reach_s=20, are_means=flag) for flag in (True, False)
    )

    assert means.lag_s == samples.lag_s == 2.0
    assert (means.is_apart, samples.is_apart) == (True, False)


@pytest.mark.parametrize("power_w", [np.full(600, 5.0), None])
def test_a_flat_load_and_a_short_one_tell_nothing(power_w: np.ndarray | None) -> None:
    time_ms, jobs_w = jobs()
    second = (time_ms, power_w) if power_w is not None else (time_ms[:50], jobs_w[:50])

    with pytest.raises(DataRefusedError, match="100 steps in which both know a load that changes"):
        lag((time_ms, jobs_w), second)
