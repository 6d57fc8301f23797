"""Readings of GPUs in the order of GPU and time, each once, whatever order they come in.

Sealed files are sorted, so that a day of them is some runs of rows that are in order already: to
put runs one after the other costs less than to sort rows. Here: that order. Not here: what readings
mean.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray


def in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows sorted by GPU and time; of rows that are the same in all columns, one.

    Args:
        rows: Rows with ``gpu_uuid``, as categories, and ``observed_at_utc`` in the first columns.

    Examples:
        >>> from datetime import UTC, datetime
        >>> one, two = (datetime(2026, 7, 1, hour, tzinfo=UTC) for hour in (1, 2))
        >>> rows = pl.DataFrame({"gpu_uuid": ["b", "a", "a", "b"],
        ...     "observed_at_utc": [one, one, two, two]}).cast({"gpu_uuid": pl.Categorical})
        >>> in_order(rows)["gpu_uuid"].to_list()
        ['a', 'a', 'b', 'b']
    """
    if rows.is_empty():
        return rows
    gpu = rows["gpu_uuid"].to_physical().to_numpy()
    time_ms = rows["observed_at_utc"].dt.epoch("ms").to_numpy()
    is_first = np.append(True, (gpu[1:] != gpu[:-1]) | (time_ms[1:] <= time_ms[:-1]))
    start = np.flatnonzero(is_first)
    length = np.diff(start, append=len(gpu))
    rank = rows["gpu_uuid"].gather(start).cast(pl.String).rank("dense").to_numpy()
    run = np.lexsort((time_ms[start], rank))
    if _never_tie(rank[run], time_ms[start][run], time_ms[start + length - 1][run]):
        if (run[1:] > run[:-1]).all():
            return rows
        shift = start[run] - np.append(0, np.cumsum(length[run])[:-1])
        return rows.select(pl.all().gather(np.arange(len(gpu)) + np.repeat(shift, length[run])))
    rank_of_row = np.repeat(rank, length)
    order = np.lexsort((time_ms, rank_of_row))
    if _never_tie(rank_of_row[order], time_ms[order], time_ms[order]):
        return rows[order]
    columns = rows.columns
    is_new = pl.any_horizontal(pl.col(columns).ne_missing(pl.col(columns).shift()))
    return rows.sort(columns).filter(is_new.fill_null(True))  # noqa: FBT003 - the literal to fill with


def _never_tie(
    rank: NDArray[np.uint32], first_ms: NDArray[np.int64], last_ms: NDArray[np.int64]
) -> bool:
    """Say whether each stretch of rows begins at a later GPU or time than the one before ends."""
    return bool(((rank[1:] != rank[:-1]) | (first_ms[1:] > last_ms[:-1])).all())
