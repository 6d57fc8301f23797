from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.counterfactual.placebo import Placebo
from negawatt.models.counterfactual.trailing import (
    MIN_BEFORE,
    trailing_bands,
)


def window(place: int, level_error_kw: float, level_kw: float = 100.0) -> Placebo:
    return Placebo(
        start_minute=240 * place,
        level_error_kw=level_error_kw,
        level_kw=level_kw,
        queue_error_kw=0.0,
        queue_kw=0.0,
    )


def test_the_band_of_a_window_is_the_rank_among_those_before_it() -> None:
    """Errors of 1 to 20 kW: the ceil(21 x 0.9) = 19th is 19 kW; the next is off by 19.5 kW."""
    placebos = [window(place, place + 1.0) for place in range(MIN_BEFORE)]

    (tried,) = trailing_bands([*placebos, window(MIN_BEFORE, 19.5)])

    assert (tried.half_width_kw, tried.error_kw, tried.load_kw) == (19.0, 19.5, 100.0)
    assert not tried.is_covered
    assert not tried.is_bounded


def test_an_estimate_that_is_too_low_breaks_the_band_and_not_the_bound() -> None:
    placebos = [window(place, place + 1.0) for place in range(MIN_BEFORE)]

    (tried,) = trailing_bands([*placebos, window(MIN_BEFORE, -19.5)])

    assert not tried.is_covered
    assert tried.is_bounded


def test_a_window_of_half_the_load_has_half_the_band() -> None:
    placebos = [window(place, place + 1.0) for place in range(MIN_BEFORE)]

    (tried,) = trailing_bands([*placebos, window(MIN_BEFORE, 0.0, level_kw=50.0)])

    assert tried.half_width_kw == 9.5


def test_too_few_windows_before_one_leave_it_untried() -> None:
    assert trailing_bands([window(place, 1.0) for place in range(MIN_BEFORE)]) == []


@settings(max_examples=8)
@given(
    st.lists(st.floats(-50, 50), min_size=MIN_BEFORE + 2, max_size=MIN_BEFORE + 6),
    st.floats(-50, 50),
)
def test_no_window_helps_to_calibrate_its_own_band(errors: list[float], other: float) -> None:
    placebos = [window(place, error) for place, error in enumerate(errors)]
    changed = [*placebos[:-1], replace(placebos[-1], level_error_kw=other)]

    last, other_last = trailing_bands(placebos)[-1], trailing_bands(changed)[-1]

    assert last.half_width_kw == other_last.half_width_kw
    assert trailing_bands(placebos)[:-1] == trailing_bands(changed)[:-1]
