"""Least squares for one long series: nuisances taken out, residuals whitened, days left out.

Here: linear algebra. Not here: what the columns mean (site_gain.py).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

AR_ORDER: Final = 3
_TINY: Final = 1e-8  # keeps columns that say the same from dividing by zero; others do not feel it


def hats(position: Floats, *, n_knots: int, is_periodic: bool) -> Floats:
    """Return the shares of the two knots beside each position, shape (n, n_knots).

    A weighted sum of them is a line from knot to knot.

    Examples:
        >>> hats(np.array([0.25, 1.5]), n_knots=2, is_periodic=True)
        array([[0.75, 0.25],
               [0.5 , 0.5 ]])
    """
    knot = np.floor(position).astype(int)
    after = (knot + 1) % n_knots if is_periodic else knot + 1
    rows = np.arange(len(position))
    shares = np.zeros((len(position), n_knots))
    shares[rows, knot] = knot + 1 - position
    shares[rows, after] = position - knot
    return shares


def ar_weights(residuals: Floats, is_known: NDArray[np.bool_]) -> Floats:
    """Return the weights by which the last three residuals foretell the next, shape (3,).

    Source:
        Yule-Walker equations: Box, Jenkins, Time Series Analysis, 1976, section 3.2.2.
    """
    known = np.where(is_known, residuals, 0.0)
    counts = is_known.astype(float)
    lags = range(AR_ORDER + 1)
    n = len(known)
    products = [known[: n - lag] @ known[lag:] for lag in lags]
    pairs = [max(float(counts[: n - lag] @ counts[lag:]), 1.0) for lag in lags]
    covariance = np.array(products) / pairs
    distance = np.abs(np.subtract.outer(np.arange(AR_ORDER), np.arange(AR_ORDER)))
    matrix = covariance[distance] + _TINY * np.eye(AR_ORDER) * (covariance[0] or 1.0)
    return np.linalg.solve(matrix, covariance[1:]).astype(np.float64)


def whitened(values: Floats, weights: Floats) -> Floats:
    """Return values less what the ones before foretell, without the first ones.

    Examples:
        >>> whitened(np.array([4.0, 3.0, 2.0]), np.array([0.5]))
        array([1. , 0.5])
    """
    order = len(weights)
    result = values[order:].copy()
    for lag, weight in enumerate(weights, start=1):
        result -= weight * values[order - lag : len(values) - lag]
    return result


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Regression:
    """A target from which nuisances were taken out.

    Attributes:
        target: Whitened target of the kept rows, shape (n_kept,).
        residual: The target without its nuisances, shape (n_kept,).
        nuisance: Whitened nuisances of the kept rows, shape (n_kept, n_nuisances).
        inverse: Inverse of their normal matrix.
        weights: The whitening.
        is_kept: Rows that are known together with those before, shape (n - order,).
    """

    target: Floats
    residual: Floats
    nuisance: Floats
    inverse: Floats
    weights: Floats
    is_kept: NDArray[np.bool_]

    @classmethod
    def of(
        cls, target: Floats, nuisance: Floats, is_known: NDArray[np.bool_], weights: Floats
    ) -> "Regression":
        """Whiten a target and its nuisances and project these out; NaN where not known."""
        order = len(weights)
        is_kept = is_known[order:].copy()
        for lag in range(1, order + 1):
            is_kept &= is_known[order - lag : len(is_known) - lag]
        white = whitened(nuisance, weights)[is_kept]
        matrix = white.T @ white
        ridge = _TINY * np.diag(np.diag(matrix) + 1.0)
        inverse = np.linalg.inv(matrix + ridge).astype(np.float64)
        white_target = whitened(np.where(is_known, target, 0.0), weights)[is_kept]
        return cls(
            target=white_target,
            residual=white_target - white @ (inverse @ (white.T @ white_target)),
            nuisance=white,
            inverse=inverse,
            weights=weights,
            is_kept=is_kept,
        )

    def projected(self, columns: Floats) -> Floats:
        """Return columns whitened and without their nuisances, shape (n_kept, n_columns)."""
        white = whitened(columns, self.weights)[self.is_kept]
        result: Floats = white - self.nuisance @ (self.inverse @ (self.nuisance.T @ white))
        return result

    def solve(self, columns: Floats) -> tuple[Floats, float]:
        """Return the coefficients of columns, shape (n_columns,), and the sum of squares left."""
        free = self.projected(columns)
        values = _solved(free.T @ free, free.T @ self.residual)
        return values, float(np.sum((self.residual - free @ values) ** 2))

    def nuisance_values(self, columns: Floats, values: Floats) -> Floats:
        """Return the coefficients of the nuisances beside those of the columns."""
        white = whitened(columns, self.weights)[self.is_kept]
        result: Floats = self.inverse @ (self.nuisance.T @ (self.target - white @ values))
        return result

    def without_each_day(self, columns: Floats, day: NDArray[np.int64]) -> Floats:
        """Return the coefficients without each day, shape (n_days, n_columns)."""
        free = self.projected(columns)
        day = day[len(self.weights) :][self.is_kept]
        parts = [(free[day == one], self.residual[day == one]) for one in np.unique(day)]
        matrices = np.array([rows.T @ rows for rows, _ in parts])
        vectors = np.array([rows.T @ target for rows, target in parts])
        matrix, vector = matrices.sum(axis=0), vectors.sum(axis=0)
        pairs = zip(matrices, vectors, strict=True)
        return np.array([_solved(matrix - less, vector - fewer) for less, fewer in pairs])


def _solved(matrix: Floats, vector: Floats) -> Floats:
    """Solve normal equations, scaled so that columns of all units count alike."""
    scale = np.sqrt(np.maximum(np.diag(matrix), np.finfo(float).tiny))
    correlations = matrix / np.outer(scale, scale)
    values: Floats = np.linalg.solve(correlations + _TINY * np.eye(len(scale)), vector / scale)
    return values / scale
