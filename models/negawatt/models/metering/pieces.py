"""The pieces of time between the readings of one source, and where intervals fall in them.

Here: what counters and power samples share. Not here: what the readings mean.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.units import MS_PER_S

_Number = TypeVar("_Number", np.int64, np.float64)
_FOREVER_MS = 2.0**62
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """What lies between n readings, oldest first; n is at least 2.

    Attributes:
        time_ms: When each reading was taken, since 1970 [ms], strictly increasing, shape (n,).
        length_ms: Length of each piece [ms], shape (n - 1,).
        is_covered: Whether the readings at both ends are near enough, shape (n - 1,).
        is_known: Whether the energy of the piece is known, shape (n - 1,).

    Examples:
        Readings at 0, 10 and 40 s; the second piece is too long to count as measured.

        >>> pieces = Pieces(np.array([0, 10_000, 40_000]), np.array([10_000, 30_000]),
        ...     is_covered=np.array([True, False]), is_known=np.array([True, True]))
        >>> pieces.coverage_ratio(np.array([0, 20_000, 50_000]))
        array([0.5, 0. ])
        >>> pieces.knows(np.array([0, 20_000, 50_000]))
        array([ True, False])
    """

    time_ms: NDArray[np.int64]
    length_ms: NDArray[np.int64]
    is_covered: NDArray[np.bool_]
    is_known: NDArray[np.bool_]

    def locate(self, moment_ms: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        """Return the piece that holds each instant, and how far into it the instant is [ms].

        An instant before the first or after the last reading is moved to that reading.
        """
        piece = np.searchsorted(self.time_ms, moment_ms, side="right") - 1
        piece = np.clip(piece, 0, len(self.time_ms) - 2)
        return piece, np.clip(moment_ms - self.time_ms[piece], 0, self.length_ms[piece])

    def coverage_ratio(self, boundary_ms: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the share of each interval that lies in covered pieces, shape (m - 1,).

        Args:
            boundary_ms: Edges of adjacent intervals [ms], increasing, shape (m,).
        """
        piece, offset_ms = self.locate(boundary_ms)
        so_far_ms = risen(self.time_ms, self.is_covered, piece) + np.where(
            self.is_covered[piece], offset_ms, 0
        )
        ratio: NDArray[np.float64] = np.diff(so_far_ms) / np.diff(boundary_ms)
        return ratio

    def knows(self, boundary_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say of each interval whether readings enclose it and every piece it touches is known.

        Args:
            boundary_ms: Edges of adjacent intervals [ms], increasing, shape (m,).
        """
        start_ms, end_ms = boundary_ms[:-1], boundary_ms[1:]
        enclosed = (start_ms >= self.time_ms[0]) & (end_ms <= self.time_ms[-1])
        unknown = np.flatnonzero(~self.is_known)
        if not len(unknown):
            return np.asarray(enclosed)
        first_touched = np.searchsorted(self.time_ms[unknown + 1], start_ms, side="right")
        first_after = np.searchsorted(self.time_ms[unknown], end_ms, side="left")
        return np.asarray(enclosed & (first_touched >= first_after))


def risen(
    values: NDArray[np.int64], is_counted: NDArray[np.bool_], piece: NDArray[np.intp]
) -> NDArray[np.int64]:
    """Return how much a series rose from its first value to others, over pieces that are counted.

    Args:
        values: The series, shape (n,).
        is_counted: Whether the rise from each value to the next counts, shape (n - 1,).
        piece: Places in the series.

    Examples:
        From 5 to 7, then to 1, which does not count, then to 2.

        >>> risen(np.array([5, 7, 1, 2]), np.array([True, False, True]), np.array([0, 1, 2, 3]))
        array([0, 2, 2, 3])
    """
    left_out = np.flatnonzero(~is_counted)
    lost = running_total(values[left_out + 1] - values[left_out])
    rise: NDArray[np.int64] = values[piece] - values[0] - lost[np.searchsorted(left_out, piece)]
    return rise


def are_near(length_ms: NDArray[np.int64], max_gap_s: float) -> NDArray[np.bool_]:
    """Say of each piece whether it is short enough to count as measured.

    Examples:
        >>> are_near(np.array([35_000, 35_001]), 35.0)
        array([ True, False])
    """
    limit_ms = min(max_gap_s * MS_PER_S, _FOREVER_MS)
    return np.asarray(length_ms <= int(limit_ms))  # whole numbers compare in half the time


def is_increasing(values: NDArray[np.int64]) -> bool:
    """Say whether each value is larger than the one before: a sort would change nothing.

    Examples:
        >>> is_increasing(np.array([2, 3])), is_increasing(np.array([2, 2]))
        (True, False)
    """
    return bool((values[1:] > values[:-1]).all())


def running_total(values: NDArray[_Number]) -> NDArray[_Number]:
    """Return 0 and the cumulative sums, shape (n + 1,).

    Examples:
        >>> running_total(np.array([2, 3]))
        array([0, 2, 5])
    """
    total = np.zeros(len(values) + 1, values.dtype)
    np.cumsum(values, out=total[1:])
    return total


def by_interval(
    reduce: np.ufunc, values: NDArray[np.float64], edge: NDArray[np.intp], empty: float
) -> NDArray[np.float64]:
    """Return the sum, least or greatest value of each interval, shape (m - 1,).

    Args:
        reduce: ``np.add``, ``np.minimum`` or ``np.maximum``.
        values: Values in order of time, none of them NaN, shape (n,).
        edge: Place of the first value of each interval, and after the last of all, shape (m,).
        empty: What an interval without values has.

    Examples:
        >>> by_interval(np.maximum, np.array([1.0, 3.0, 2.0]), np.array([0, 2, 2, 3]), np.nan)
        array([ 3., nan,  2.])
    """
    is_filled = edge[1:] > edge[:-1]
    found = np.full(len(edge) - 1, empty)
    if is_filled.any():
        found[is_filled] = reduce.reduceat(values[: edge[-1]], edge[:-1][is_filled])
    return found


def instant_text(moment_ms: int) -> str:
    """Return an instant, counted from 1970 [ms], as ISO 8601 text.

    Examples:
        >>> instant_text(1_751_328_000_500)
        '2025-07-01T00:00:00.500000+00:00'
    """
    return (_EPOCH + timedelta(milliseconds=int(moment_ms))).isoformat()
