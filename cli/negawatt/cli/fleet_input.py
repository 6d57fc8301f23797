"""A fleet folder as the methods read it.

Not here: what is in its files (negawatt.warehouse.fleet_folder) and what they mean
(negawatt.models.counterfactual.fleet_tables).
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from negawatt.models.counterfactual.fleet import Fleet
from negawatt.models.counterfactual.fleet_tables import fleet_from_tables
from negawatt.models.counterfactual.minute_means import minute_means
from negawatt.models.domain.units import MS_PER_S, S_PER_MINUTE
from negawatt.warehouse.fleet_folder import open_fleet_folder

_MS_PER_MINUTE = MS_PER_S * S_PER_MINUTE


def read_fleet(folder: Path, *, on_day: Callable[[], object] = lambda: None) -> Fleet:
    """Read a fleet folder.

    Args:
        folder: The folder with ``gpu_power`` and the tables.
        on_day: Called after each day of GPU power.

    Raises:
        DataRefusedError: A file is missing or cannot be understood.
    """
    files = open_fleet_folder(folder)
    n_gpus = files.tables["gpus"].height
    power_w = np.full((n_gpus, files.n_minutes), np.nan, dtype=np.float32)
    start_ms = round(files.start_utc.timestamp() * MS_PER_S)
    for read_day in files.power_files:
        day = read_day()
        on_day()
        if len(day.ts_ms) == 0:
            continue
        first, last = ((int(ms) - start_ms) // _MS_PER_MINUTE for ms in _edges(day.ts_ms))
        power_w[:, first : last + 1] = minute_means(
            day.gpu_row,
            day.ts_ms,
            day.power_w,
            first_ms=start_ms + first * _MS_PER_MINUTE,
            shape=(n_gpus, last + 1 - first),
        )
    return fleet_from_tables(
        files.tables, files.events, start_utc=files.start_utc, gpu_power_w=power_w
    )


def _edges(ts_ms: np.ndarray) -> tuple[int, int]:
    return int(ts_ms.min()), int(ts_ms.max())
