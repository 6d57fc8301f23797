"""One series under two names."""

import numpy as np

from negawatt.models.domain.findings import FindingCode
from negawatt.models.reconciliation.copies import MIN_READINGS, copied_findings, copied_series

Series = tuple[np.ndarray, np.ndarray]


def series(n: int = 300, seed: int = 1, shift_ms: int = 0) -> Series:
    power_w = np.random.default_rng(seed).integers(2_000, 7_000, n).astype(float)
    return np.arange(n) * 2_000 + shift_ms, power_w


def test_names_of_one_series_are_found_together() -> None:
    found = copied_series({"n3": series(), "n1": series(), "n2": series(seed=2), "n4": series()})

    assert found == [("n1", "n3", "n4")]
    (finding,) = copied_findings(found)
    assert finding.code is FindingCode.READINGS_COPIED
    assert "counts 2 meters too many" in finding.message


def test_one_reading_or_one_stamp_that_differs_makes_them_two() -> None:
    time_ms, power_w = series()
    other_w = power_w.copy()
    other_w[-1] += 1

    assert copied_series({"a": (time_ms, power_w), "b": (time_ms, other_w)}) == []
    assert copied_series({"a": (time_ms, power_w), "b": series(shift_ms=1)}) == []


def test_what_says_too_little_is_left_out() -> None:
    """Twenty-nine equal readings, and two meters that read zero all day."""
    short = series(MIN_READINGS - 1)
    zero = (np.arange(500), np.zeros(500))

    assert copied_series({"a": short, "b": short, "c": zero, "d": zero}) == []
    assert copied_findings([]) == []


def test_a_missing_reading_at_the_same_place_is_equal() -> None:
    time_ms, power_w = series()
    power_w[7] = np.nan

    assert copied_series({"a": (time_ms, power_w), "b": (time_ms, power_w.copy())}) == [("a", "b")]
