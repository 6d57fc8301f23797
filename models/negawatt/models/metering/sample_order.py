"""Readings of GPUs, each once, and where those of each GPU stand in order of time.

Sealed files are sorted, so that a day of them is some runs of rows that are in order already: to
take runs one after the other costs less than to sort rows. Here: that order. Not here: what
readings mean.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negawatt.models.metering.pieces import running_total

_Value = TypeVar("_Value", bound=np.generic)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Runs:
    """Rows, and the runs of them which, taken one after the other, are in order of GPU and time.

    Attributes:
        rows: The rows, each once, in any order.
        time_ms: When each row was read, since 1970 [ms], shape (n,).
        gpu_uuid: The GPU of each run, sorted.
        rank: The place of that GPU's name among all, shape (k,).
        start: Where each run begins, shape (k,).
        stop: Where each run ends, itself excluded, shape (k,).
    """

    rows: pl.DataFrame
    time_ms: NDArray[np.int64]
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
    time_ms = _time_ms(rows)
    runs = _runs(rows, time_ms)
    if _are_apart(runs.rank, time_ms[runs.start], time_ms[runs.stop - 1]):
        return runs
    rank_of_row = np.empty(rows.height, runs.rank.dtype)
    for rank, start, stop in zip(runs.rank, runs.start, runs.stop, strict=True):
        rank_of_row[start:stop] = rank
    order = np.lexsort((time_ms, rank_of_row))
    if _are_apart(rank_of_row[order], time_ms[order], time_ms[order]):
        rows = rows[order]
    else:
        is_new = pl.any_horizontal(pl.all().ne_missing(pl.all().shift()))
        rows = rows.sort(rows.columns).filter(is_new.fill_null(True))  # noqa: FBT003 - the literal to fill with
    return _runs(rows, _time_ms(rows))


def taken(values: NDArray[_Value], places: list[slice]) -> NDArray[_Value]:
    """Return the values at places, one after the other."""
    if len(places) == 1:
        return values[places[0]]
    return np.concatenate([values[place] for place in places])


def _runs(rows: pl.DataFrame, time_ms: NDArray[np.int64]) -> Runs:
    """Cut rows wherever the GPU is another or time does not rise, and sort the runs."""
    gpus = rows["gpu_uuid"].rle().struct.unnest()
    is_first = np.zeros(len(time_ms) + 1, np.bool_)
    np.less_equal(time_ms[1:], time_ms[:-1], out=is_first[1:-1])
    of_gpu = running_total(gpus["len"].cast(pl.Int64).to_numpy())
    is_first[of_gpu] = True
    edge = np.flatnonzero(is_first)
    gpu = np.searchsorted(of_gpu, edge[:-1], side="right") - 1
    names = gpus["value"].cast(pl.String)
    rank = names.rank("dense").to_numpy()[gpu]
    order = np.lexsort((time_ms[edge[:-1]], rank))
    return Runs(
        rows=rows,
        time_ms=time_ms,
        gpu_uuid=names.gather(gpu[order]).to_list(),
        rank=rank[order],
        start=edge[:-1][order],
        stop=edge[1:][order],
    )


def _are_apart(
    rank: NDArray[np.uint32], first_ms: NDArray[np.int64], last_ms: NDArray[np.int64]
) -> bool:
    """Say whether each stretch of rows begins at a later GPU or time than the one before ends."""
    return bool(((rank[1:] != rank[:-1]) | (first_ms[1:] > last_ms[:-1])).all())


def _time_ms(rows: pl.DataFrame) -> NDArray[np.int64]:
    return rows["observed_at_utc"].dt.epoch("ms").to_numpy()
