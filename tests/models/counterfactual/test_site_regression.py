"""Nuisances out, residuals white, days left out: each by hand."""

import numpy as np
import pytest

from negawatt.models.counterfactual.site_regression import Regression, ar_weights

LEVEL = np.ones((4, 1))
KNOWN = np.ones(4, dtype=bool)
NOT_WHITENED = np.zeros(0)


def test_a_level_is_taken_out_before_the_slope_is_found() -> None:
    """The line 5 + 2 x, exactly."""
    x = np.array([[0.0], [1.0], [2.0], [5.0]])
    regression = Regression.of(5 + 2 * x[:, 0], LEVEL, KNOWN, NOT_WHITENED)

    values, squares = regression.solve(x)

    assert values == pytest.approx([2.0], rel=1e-6)
    assert squares == pytest.approx(0.0, abs=1e-9)
    assert regression.nuisance_values(x, values) == pytest.approx([5.0], rel=1e-6)


def test_without_a_day_the_other_days_slope_remains() -> None:
    """Day 0: y = x at -1, 1; day 1: y = 3 x at -1, 1; together 2, without 0: 3, without 1: 1."""
    x = np.array([[-1.0], [1.0], [-1.0], [1.0]])
    regression = Regression.of(np.array([-1.0, 1.0, -3.0, 3.0]), LEVEL, KNOWN, NOT_WHITENED)

    without = regression.without_each_day(x, np.array([0, 0, 1, 1]))

    assert regression.solve(x)[0] == pytest.approx([2.0], rel=1e-6)
    assert without[:, 0] == pytest.approx([3.0, 1.0], rel=1e-6)


def test_a_row_that_is_not_known_takes_the_row_after_it_along() -> None:
    """Row 1 is missing: row 2 would be whitened with it, so only row 3 is kept."""
    target = np.array([1.0, np.nan, 3.0, 4.0])

    regression = Regression.of(target, LEVEL, ~np.isnan(target), np.array([0.5]))

    assert regression.is_kept.tolist() == [False, False, True]
    assert regression.target == pytest.approx([4 - 0.5 * 3])


def test_the_weights_of_a_first_order_series_are_its_own() -> None:
    """x_t = 0.8 x_(t-1) + shock: 0.8, 0, 0."""
    random = np.random.default_rng(1)
    series = [0.0]
    for shock in random.normal(size=20_000):
        series.append(0.8 * series[-1] + shock)

    weights = ar_weights(np.array(series), np.ones(len(series), dtype=bool))

    assert weights == pytest.approx([0.8, 0.0, 0.0], abs=0.03)
