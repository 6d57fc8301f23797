"""The band of a job-aware counterfactual: by hand on a few placebos, then what always holds."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.uncertainty.fleet_band import (
    HELD_ERROR_RATIO,
    MIN_PLACEBOS,
    SHORT_LEVEL_RATIO,
    SHORT_QUEUE_RATIO,
    ErrorScale,
    FleetBand,
    fleet_band,
)

SIZE = ErrorScale(level_kw=100.0, queue_kw=20.0)
Z_TWO_SIDED, Z_ONE_SIDED = 1.6449, 1.2816  # normal quantiles of 95 % and 90 %


def band(
    errors: list[tuple[float, float]],
    *,
    scales: list[ErrorScale] | None = None,
    event: ErrorScale = SIZE,
    held_kw: float = 0.0,
    other_error_kw: float = 0.0,
) -> FleetBand:
    return fleet_band(
        errors,
        scales or [SIZE] * len(errors),
        event,
        held_kw=held_kw,
        other_error_kw=other_error_kw,
    )


def test_the_half_width_is_the_score_of_the_finite_sample_rank() -> None:
    """Of 19 placebos the ceil(20 x 0.9) = 18th: errors of 1 to 19 kW, signs do not matter."""
    errors = [(float(k) * (-1) ** k, 0.0) for k in range(1, 20)]

    found = band(errors)

    assert found.half_width_kw == pytest.approx(18.0)
    assert found.placebo_count == 19
    assert found.reason == ""


def test_the_one_sided_bound_looks_at_overestimates_only() -> None:
    """Ten errors below zero and nine of 1 to 9 kW: the 18th of the signed ones is 8 kW."""
    errors = [(-50.0, 0.0)] * 10 + [(float(k), 0.0) for k in range(1, 10)]

    found = band(errors)

    assert found.one_sided_kw == pytest.approx(8.0)
    assert found.half_width_kw == pytest.approx(50.0)


def test_a_method_that_always_estimates_too_little_has_no_negative_bound() -> None:
    """The estimate is then a bound already: nothing is added to it."""
    assert band([(-float(k), 0.0) for k in range(5, 25)]).one_sided_kw == 0.0


def test_the_error_of_a_level_grows_with_the_load_whose_level_it_is() -> None:
    """The event touched 50 kW where placebos had 100 kW: half of 9 kW."""
    errors = [(float(k), 0.0) for k in range(1, 10)]

    found = band(errors, event=ErrorScale(level_kw=50.0, queue_kw=20.0))

    assert found.half_width_kw == pytest.approx(4.5)
    assert found.bias_kw == pytest.approx(2.5)


def test_the_error_of_the_queue_grows_with_the_starts() -> None:
    """The event held 80 kW of starts where placebos had 20 kW: sqrt(4) times 9 kW."""
    errors = [(0.0, float(k)) for k in range(1, 10)]

    found = band(errors, event=ErrorScale(level_kw=100.0, queue_kw=80.0))

    assert found.half_width_kw == pytest.approx(18.0)


def test_a_placebo_in_which_hardly_anything_started_is_not_blown_up() -> None:
    """It counts as half of the usual 18.1 kW, not as its own 1 kW: 2 x sqrt(20 / 9.05) = 2.97."""
    errors = [(0.0, 2.0)] + [(0.0, 0.0)] * 9
    scales = [ErrorScale(level_kw=100.0, queue_kw=1.0)] + [SIZE] * 9
    usual_kw = (1 + 9 * 20) / 10

    found = band(errors, scales=scales)

    assert found.half_width_kw == pytest.approx(2 * (20 / (usual_kw / 2)) ** 0.5)


def test_what_no_placebo_holds_is_added_in_squares() -> None:
    """Held starts and the meter beside placebos of 9 kW."""
    errors = [(float(k), 0.0) for k in range(1, 10)]

    found = band(errors, held_kw=40.0, other_error_kw=2.0)

    held_kw = HELD_ERROR_RATIO * 40.0
    assert found.half_width_kw == pytest.approx(
        math.sqrt(9**2 + Z_TWO_SIDED**2 * (held_kw**2 + 2.0**2))
    )
    assert found.one_sided_kw == pytest.approx(
        math.sqrt(9**2 + Z_ONE_SIDED**2 * (held_kw**2 + 2.0**2))
    )
    assert found.held_kw == pytest.approx(Z_TWO_SIDED * held_kw)
    assert found.other_kw == pytest.approx(Z_TWO_SIDED * 2.0)


def test_starts_that_would_not_have_been_count_like_held_ones() -> None:
    errors = [(1.0, 0.0)] * 9

    assert band(errors, held_kw=-40.0).half_width_kw == band(errors, held_kw=40.0).half_width_kw


def test_a_short_history_widens_the_band_and_says_why() -> None:
    """Eight placebos: 5 % of 100 kW and 25 % of 20 kW instead of what eight errors happen to be."""
    sd_kw = math.hypot(SHORT_LEVEL_RATIO * 100, SHORT_QUEUE_RATIO * 20)

    found = band([(0.01, 0.0)] * (MIN_PLACEBOS - 1))

    assert found.half_width_kw == pytest.approx(Z_TWO_SIDED * sd_kw)
    assert found.one_sided_kw == pytest.approx(Z_ONE_SIDED * sd_kw)
    assert "8 quiet windows, 9 needed" in found.reason
    assert found.bias_kw == 0.0


def test_without_any_history_there_is_still_a_band() -> None:
    assert band([]).half_width_kw > 0


@given(
    errors=st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=9, max_size=40),
    held_kw=st.integers(0, 100),
    factor=st.sampled_from([0.5, 2.0, 4.0]),
)
@settings(max_examples=25, deadline=None)
def test_a_fleet_of_twice_the_size_has_a_band_of_twice_the_width(
    errors: list[tuple[int, int]], held_kw: int, factor: float
) -> None:
    scaled = ErrorScale(level_kw=100 * factor, queue_kw=20 * factor)

    one = band([(float(a), float(b)) for a, b in errors], held_kw=held_kw)
    other = band(
        [(a * factor, b * factor) for a, b in errors],
        scales=[scaled] * len(errors),
        event=scaled,
        held_kw=held_kw * factor,
    )

    assert other.half_width_kw == pytest.approx(factor * one.half_width_kw)
    assert other.one_sided_kw == pytest.approx(factor * one.one_sided_kw)
    assert one.one_sided_kw <= one.half_width_kw
