"""The pieces of time between the readings of one source, and where intervals fall in them.

Here: what counters and power samples share. Not here: what the readings mean.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Number = TypeVar("_Number", np.int64, np.float64)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """What lies between n readings, oldest first; n is at least 2.

    Attributes:
        time_ms: When each reading was taken, since 1970 [ms], strictly increasing, shape (n,).
        is_covered: Whether the readings at both ends are near enough, shape (n - 1,).
        is_known: Whether the energy of the piece is known, shape (n - 1,).
        length_ms: Length of each piece [ms], shape (n - 1,).

    Examples:
        Readings at 0, 10 and 40 s; the second piece is too long to count as measured.

        >>> pieces = Pieces(np.array([0, 10_000, 40_000]), np.array([True, False]),
        ...     np.array([True, True]))
        >>> pieces.coverage_ratio(np.array([0, 20_000, 50_000]))
        array([0.5, 0. ])
        >>> pieces.knows(np.array([0, 20_000, 50_000]))
        array([ True, False])
    """

    time_ms: NDArray[np.int64]
    is_covered: NDArray[np.bool_]
    is_known: NDArray[np.bool_]
    length_ms: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "length_ms", np.diff(self.time_ms))

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
        covered_ms = np.where(self.is_covered, self.length_ms, 0)
        piece, offset_ms = self.locate(boundary_ms)
        so_far_ms = running_total(covered_ms)[piece] + np.where(
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
        if self.is_known.all():
            return np.asarray(enclosed)
        last_piece = len(self.time_ms) - 2
        first = np.searchsorted(self.time_ms, start_ms, side="right") - 1
        last = np.searchsorted(self.time_ms, end_ms, side="left") - 1
        n_unknown = running_total((~self.is_known).astype(np.int64))
        touched = (
            n_unknown[np.clip(last, 0, last_piece) + 1] - n_unknown[np.clip(first, 0, last_piece)]
        )
        return np.asarray(enclosed & (touched == 0))


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
    return np.concatenate([np.zeros(1, values.dtype), np.cumsum(values)])


def instant_text(moment_ms: int) -> str:
    """Return an instant, counted from 1970 [ms], as ISO 8601 text.

    Examples:
        >>> instant_text(1_751_328_000_500)
        '2025-07-01T00:00:00.500000+00:00'
    """
    return (_EPOCH + timedelta(milliseconds=int(moment_ms))).isoformat()
