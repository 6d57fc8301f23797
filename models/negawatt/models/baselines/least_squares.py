"""Least squares that give the same bits on every machine.

LAPACK and BLAS choose their kernels by the processor, and the last bits of what they solve differ
from one to the next; a statement is recomputed byte for byte. What is settled therefore uses
multiplication, addition, division and square root alone, in one order: IEEE 754 fixes their bits.
Not here: estimators of models that corroborate a statement and are its input.
"""

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.errors import InsufficientHistoryError

Array = NDArray[np.float64]

_SAYS_NOTHING_NEW_RATIO = 1e-10


def least_squares(design: Array, energy_kwh: Array, *, rule_id: str, remedy: str) -> Array:
    r"""Return the coefficients that fit best, shape (n_columns,).

    .. math:: \min_\beta \lVert E - X \beta \rVert_2

    by modified Gram-Schmidt on X with E as its last column, which is as stable as Householder's
    reflections. A column that the ones before it explain gets the coefficient 0.

    Args:
        design: X, shape (n, n_columns).
        energy_kwh: E, energy per interval [kWh], shape (n,), all known.
        rule_id: Whose regression it is, for the error.
        remedy: What to do where intervals are too few, for the error.

    Raises:
        InsufficientHistoryError: There are no more intervals than columns.

    Source:
        Bjoerck, Solving linear least squares problems by Gram-Schmidt orthogonalization, BIT 7,
        1967.

    Examples:
        >>> line = np.column_stack([np.ones(3), np.arange(3.0)])
        >>> least_squares(line, np.array([1.0, 3.0, 5.0]), rule_id="line", remedy="").round(9)
        array([1., 2.])
    """
    column_count = design.shape[1]
    if len(energy_kwh) <= column_count:
        raise InsufficientHistoryError(
            rule_id=rule_id,
            required_count=column_count + 1,
            found_count=len(energy_kwh),
            unit="known intervals",
            remedy=remedy,
        )
    return _solved(triangle(design, energy_kwh))


def triangle(design: Array, energy_kwh: Array) -> Array:
    r"""Return R and Q'E, side by side, shape (n_columns, n_columns + 1): what a fit needs of rows.

    .. math:: \lVert E - X \beta \rVert^2 = \lVert Q^T E - R \beta \rVert^2 + \text{constant}

    So parts of the rows are fitted together by the rows of their triangles, and any of them is
    left out by leaving out its triangle.

    Args:
        design: X, shape (n, n_columns).
        energy_kwh: E, shape (n,), all known.

    Source:
        Golub, Van Loan, Matrix Computations, section 6.5.2: row updating.

    Examples:
        Four points in two parts; together they give the line that all four give.

        >>> x, y = np.column_stack([np.ones(4), np.arange(4.0)]), np.array([1.0, 3.0, 6.0, 6.0])
        >>> parts = np.vstack([triangle(x[:2], y[:2]), triangle(x[2:], y[2:])])
        >>> least_squares(parts[:, :2], parts[:, 2], rule_id="line", remedy="").round(9)
        array([1.3, 1.8])
    """
    column_count = design.shape[1]
    rest = np.column_stack([design, energy_kwh])
    first_lengths = _lengths(rest)
    upper = np.zeros((column_count, column_count + 1))
    for j in range(column_count):
        length = _lengths(rest[:, j : j + 1])[0]
        if length <= _SAYS_NOTHING_NEW_RATIO * first_lengths[j]:
            continue
        direction = (rest[:, j] / length)[:, np.newaxis]
        upper[j, j] = length
        upper[j, j + 1 :] = (direction * rest[:, j + 1 :]).sum(axis=0)
        rest[:, j + 1 :] -= direction * upper[j, j + 1 :]
    return upper


def product(design: Array, coefficients: Array) -> Array:
    """Return X beta, shape (n,): what a fit says of every row.

    Examples:
        >>> product(np.array([[1.0, 2.0], [1.0, 3.0]]), np.array([10.0, 1.0]))
        array([12., 13.])
    """
    said: Array = (design * coefficients).sum(axis=1)
    return said


def _lengths(columns: Array) -> Array:
    lengths: Array = np.sqrt((columns * columns).sum(axis=0))
    return lengths


def _solved(upper: Array) -> Array:
    coefficients = np.zeros(len(upper))
    for j in reversed(range(len(upper))):
        if upper[j, j]:
            later = (upper[j, j + 1 : -1] * coefficients[j + 1 :]).sum()
            coefficients[j] = (upper[j, -1] - later) / upper[j, j]
    return coefficients
