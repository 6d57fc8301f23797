"""Where interval boundaries fall among readings."""

import numpy as np

from negawatt.models.metering.pieces import Pieces

# Readings at 0, 10, 20 and 30 s; the middle piece is neither covered nor known.
PIECES = Pieces(
    np.array([0, 10_000, 20_000, 30_000]),
    np.full(3, 10_000),
    is_covered=np.array([True, False, True]),
    is_known=np.array([True, False, True]),
)


def test_coverage_counts_the_time_in_covered_pieces() -> None:
    """5 s of the first 15 s piece-part are covered after 5 s; then 5 s more after 20 s."""
    ratio = PIECES.coverage_ratio(np.array([5_000, 15_000, 25_000]))

    assert ratio.tolist() == [0.5, 0.5]


def test_an_interval_that_ends_where_an_unknown_piece_begins_is_known() -> None:
    known = PIECES.knows(np.array([0, 10_000, 20_000, 30_000]))

    assert known.tolist() == [True, False, True]


def test_an_interval_that_readings_do_not_enclose_is_not_known() -> None:
    known = PIECES.knows(np.array([-1, 5_000, 10_000, 20_000, 30_001]))

    assert known.tolist() == [False, True, False, False]


def test_time_outside_the_readings_is_not_covered() -> None:
    ratio = PIECES.coverage_ratio(np.array([-10_000, 10_000, 20_000, 60_000]))

    assert ratio.tolist() == [0.5, 0.0, 0.25]
