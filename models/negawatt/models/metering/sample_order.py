"""Readings of GPUs, each once, and where those of each GPU stand in order of time.

Sealed files are sorted, so that a day of them is some runs of rows that are in order already: to
take runs one after the other costs less than to sort rows. Here: that order. Not here: what
readings mean.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negawatt.models.metering.pieces import running_total


class Values:
    """A column as arrays, where it lies in memory: of many readings a second copy is too much.

    Args:
        column: Of numbers, times or Booleans. A number that is NULL is NaN.

    Examples:
        >>> two = pl.concat([pl.Series([1, 2]), pl.Series([3, 4])], rechunk=False)
        >>> Values(two).taken([slice(3, 4), slice(1, 3)])
        array([4, 2, 3])
    """

    def __init__(self, column: pl.Series) -> None:
        self.parts = [part.to_numpy() for part in column.get_chunks()]
        self.first = running_total(np.array(column.chunk_lengths(), np.int64)).tolist()

    def taken(self, places: Sequence[slice]) -> NDArray[Any]:
        """Return the values at places, one after the other; a single place is not copied."""
        found = [values for place in places for values in self._at(place)]
        return found[0] if len(found) == 1 else np.concatenate(found)

    def at(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return the values at single places, which rise."""
        cuts = np.searchsorted(places, self.first).tolist()
        parts = zip(self.parts, self.first, pairwise(cuts), strict=False)  # one first more: the end
        return np.concatenate([part[places[slice(*cut)] - first] for part, first, cut in parts])

    def _at(self, place: slice) -> Iterator[NDArray[Any]]:
        part, start = bisect_right(self.first, place.start) - 1, place.start
        while start < place.stop:
            yield self.parts[part][start - self.first[part] : place.stop - self.first[part]]
            part += 1
            start = self.first[part]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Runs:
    """Rows, and the runs of them which, taken one after the other, are in order of GPU and time.

    Attributes:
        rows: The rows, each once, in any order.
        time_ms: When each row was read, since 1970 [ms].
        gpu_uuid: The GPU of each run, sorted.
        rank: The place of that GPU's name among all, shape (k,).
        start: Where each run begins, shape (k,).
        stop: Where each run ends, itself excluded, shape (k,).
    """

    rows: pl.DataFrame
    time_ms: Values
    gpu_uuid: list[str]
    rank: NDArray[np.uint32]
    start: NDArray[np.intp]
    stop: NDArray[np.intp]

    def first_of_each(self) -> NDArray[np.intp]:
        """Return which run is the first of each GPU, and how many runs there are."""
        return np.flatnonzero(np.diff(self.rank, prepend=0, append=0))

    def of_gpus(self) -> Iterator[tuple[str, list[slice]]]:
        """Yield each GPU with where its rows stand."""
        places = [
            slice(*ends) for ends in zip(self.start.tolist(), self.stop.tolist(), strict=True)
        ]
        for first, after in pairwise(self.first_of_each().tolist()):
            yield self.gpu_uuid[first], places[first:after]


def in_runs(rows: pl.DataFrame) -> Runs:
    """Find the runs of rows; where they overlap, sort the rows, and of equal ones keep one.

    Args:
        rows: Rows with ``gpu_uuid`` and ``observed_at_utc`` in the first columns, in any order.

    Examples:
        Two files with an hour of two GPUs.

        >>> from datetime import UTC, datetime
        >>> one, two = (datetime(2026, 7, 1, hour, tzinfo=UTC) for hour in (1, 2))
        >>> runs = in_runs(pl.DataFrame({"gpu_uuid": ["a", "b", "a", "b"],
        ...     "observed_at_utc": [one, one, two, two]}))
        >>> [(gpu, [place.start for place in places]) for gpu, places in runs.of_gpus()]
        [('a', [0, 2]), ('b', [1, 3])]
    """
    runs, are_apart = _runs(rows)
    if are_apart:
        return runs
    rank_of_row = np.empty(rows.height, runs.rank.dtype)
    for rank, start, stop in zip(runs.rank, runs.start, runs.stop, strict=True):
        rank_of_row[start:stop] = rank
    time_ms = rows["observed_at_utc"].dt.epoch("ms").to_numpy()
    order = np.lexsort((time_ms, rank_of_row))
    if _are_apart(rank_of_row[order], time_ms[order], time_ms[order]):
        rows = rows[order]
    else:
        is_new = pl.any_horizontal(pl.all().ne_missing(pl.all().shift()))
        rows = rows.sort(rows.columns).filter(is_new.fill_null(True))  # noqa: FBT003 - the literal to fill with
    return _runs(rows)[0]


def _runs(rows: pl.DataFrame) -> tuple[Runs, bool]:
    """Cut rows where the GPU is another, time does not rise or memory ends, and sort the runs.

    Say too whether each run begins at a later GPU or time than the one before ends.
    """
    gpus = rows["gpu_uuid"].rle().struct.unnest()
    of_gpu = running_total(gpus["len"].cast(pl.Int64).to_numpy())
    time_ms = Values(rows["observed_at_utc"].dt.epoch("ms"))
    is_edge = np.zeros(rows.height + 1, np.bool_)
    is_edge[of_gpu] = True
    is_edge[time_ms.first] = True
    for first, part in zip(time_ms.first, time_ms.parts, strict=False):
        is_edge[first + 1 : first + len(part)] |= part[1:] <= part[:-1]
    edge = np.flatnonzero(is_edge)
    gpu = np.searchsorted(of_gpu, edge[:-1], side="right") - 1
    names = gpus["value"].cast(pl.String)
    rank = names.rank("dense").to_numpy()[gpu]
    first_ms, last_ms = time_ms.at(edge[:-1]), time_ms.at(edge[1:] - 1)
    order = np.lexsort((first_ms, rank))
    runs = Runs(
        rows=rows,
        time_ms=time_ms,
        gpu_uuid=names.gather(gpu[order]).to_list(),
        rank=rank[order],
        start=edge[:-1][order],
        stop=edge[1:][order],
    )
    return runs, _are_apart(runs.rank, first_ms[order], last_ms[order])


def _are_apart(
    rank: NDArray[np.uint32], first_ms: NDArray[np.int64], last_ms: NDArray[np.int64]
) -> bool:
    """Say whether each stretch of rows begins at a later GPU or time than the one before ends."""
    return bool(((rank[1:] != rank[:-1]) | (first_ms[1:] > last_ms[:-1])).all())
