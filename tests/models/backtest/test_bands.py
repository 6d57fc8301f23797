import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.backtest.bands import Method, coverage, half_widths


def test_a_band_is_the_rank_that_a_finite_sample_needs() -> None:
    """Of 19 earlier scores 1 to 19 the 18th = ceil(20 x 0.9) is the band."""
    errors = np.append(np.arange(1.0, 20.0), 0.0)

    assert half_widths(errors)[-1] == 18


def test_no_band_comes_from_later_events() -> None:
    random = np.random.default_rng(1)
    errors = random.normal(size=40)
    changed = np.append(errors[:30], 1e6 * np.ones(10))

    assert half_widths(changed)[:31] == pytest.approx(half_widths(errors)[:31], nan_ok=True)


def test_an_event_whose_error_is_not_known_calibrates_nothing() -> None:
    errors = np.append(np.arange(1.0, 10.0), [np.nan, 0.0])

    widths = half_widths(errors)

    assert widths[9] == widths[10] == 9


def test_only_the_most_recent_events_count() -> None:
    """The nine before the last are all 1; the hundred before them are 50."""
    errors = np.append(np.full(100, 50.0), np.ones(10))

    assert half_widths(errors, calibration_count=9)[-1] == 1


def test_weights_by_age_follow_a_load_that_has_become_quiet() -> None:
    """After forty quiet events of sixty the old loud ones weigh a fifth of all and less."""
    errors = np.append(np.full(200, 10.0), np.ones(150))

    weighted = half_widths(errors, method="recency_weighted", calibration_count=200)

    assert weighted[-1] == 1
    assert half_widths(errors, calibration_count=200)[-1] == 10


def test_an_adaptive_band_widens_after_misses() -> None:
    random = np.random.default_rng(2)
    errors = np.append(random.normal(size=60), 3 + random.random(20))

    adaptive = half_widths(errors, method="adaptive")

    assert adaptive[-1] > half_widths(errors)[-1]


@pytest.mark.parametrize("method", ["block", "adaptive"])
def test_nine_of_ten_exchangeable_events_are_held(method: Method) -> None:
    """4,000 events of four meters: 90 % within three standard errors of 0.5 points."""
    errors = np.random.default_rng(3).standard_t(4, size=(4, 1000))
    widths = np.stack([half_widths(one, method=method) for one in errors])

    found = coverage(errors, widths, np.ones_like(errors))

    assert found.covered_ratio == pytest.approx(0.9, abs=0.016)


@given(st.lists(st.floats(-100, 100), min_size=10, max_size=25), st.integers(-3, 3))
@settings(max_examples=20)
def test_bands_scale_with_the_site(errors: list[float], power: int) -> None:
    known = np.array(errors)

    scaled = half_widths(known * 2.0**power)

    assert np.array_equal(scaled, half_widths(known) * 2.0**power, equal_nan=True)


def test_coverage_of_no_event_is_refused() -> None:
    with pytest.raises(ValueError, match="no event has both"):
        coverage(np.array([1.0]), np.array([np.nan]), np.array([1.0]))
