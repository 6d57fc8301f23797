"""Readings of many GPUs as a matrix of minute means.

Here: the averaging. Not here: where the readings are from.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.units import MS_PER_S, S_PER_MINUTE

_MS_PER_MINUTE: Final = MS_PER_S * S_PER_MINUTE


def minute_means(
    gpu_row: NDArray[np.int64],
    ts_ms: NDArray[np.int64],
    power_w: NDArray[np.floating],
    *,
    first_ms: int,
    shape: tuple[int, int],
) -> NDArray[np.float32]:
    """Average readings over minutes.

    Args:
        gpu_row: GPU of each reading, (n,).
        ts_ms: Its start, milliseconds since 1970 [ms], (n,).
        power_w: Its mean power [W], NaN where lost, (n,).
        first_ms: Start of the first minute, milliseconds since 1970 [ms].
        shape: (n_gpus, n_minutes).

    Returns:
        Means of the readings that start in a minute [W], NaN where there is none, ``shape``.

    Examples:
        >>> minute_means(np.array([0, 0, 0]), np.array([0, 30_000, 60_000]),
        ...     np.array([100.0, 200.0, np.nan]), first_ms=0, shape=(1, 2))
        array([[150.,  nan]], dtype=float32)
    """
    n_gpus, n_minutes = shape
    if len(power_w) == n_gpus * n_minutes:
        for by_gpu in (True, False):
            regular = _regular(gpu_row, ts_ms, power_w, first_ms, shape, by_gpu=by_gpu)
            if regular is not None:
                return regular
    minute = (ts_ms - first_ms) // _MS_PER_MINUTE
    known = (minute >= 0) & (minute < n_minutes) & ~np.isnan(power_w)
    cell, power_w = (gpu_row * n_minutes + minute)[known], power_w[known]
    counts = np.bincount(cell, minlength=n_gpus * n_minutes)
    means = np.full(n_gpus * n_minutes, np.nan, dtype=np.float32)
    sums = np.bincount(cell, weights=power_w, minlength=n_gpus * n_minutes)
    np.divide(sums, counts, out=means, where=counts > 0, casting="unsafe")
    return means.reshape(shape)


def _regular(
    gpu_row: NDArray[np.int64],
    ts_ms: NDArray[np.int64],
    power_w: NDArray[np.floating],
    first_ms: int,
    shape: tuple[int, int],
    *,
    by_gpu: bool,
) -> NDArray[np.float32] | None:
    """Return one reading for each GPU and minute as it stands, None where the rows are not so.

    A day of a history has a row for each, GPU by GPU or minute by minute: nothing is averaged.
    """
    table = shape if by_gpu else shape[::-1]
    rows, starts_ms, values = (array.reshape(table) for array in (gpu_row, ts_ms, power_w))
    if not by_gpu:
        rows, starts_ms, values = rows.T, starts_ms.T, values.T
    minutes_ms = first_ms + np.arange(shape[1]) * _MS_PER_MINUTE
    if (rows != rows[:, :1]).any() or (starts_ms != minutes_ms).any():
        return None
    means = np.full(shape, np.nan, dtype=np.float32)
    means[rows[:, 0]] = values
    return means if len(set(rows[:, 0].tolist())) == shape[0] else None
