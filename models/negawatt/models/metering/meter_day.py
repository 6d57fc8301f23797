"""The readings of one meter and span on their grid, as the checks and estimates see them.

Here: rows to arrays, with NaN where nothing is known. Not here: which version counts
(site_intervals.py), what is checked (meter_checks.py).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negawatt.models.domain.interval import Interval
from negawatt.models.domain.units import MS_PER_S, S_PER_H

OK = "ok"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeterDay:
    """One meter's n intervals of a span, whether read or not.

    Attributes:
        meter_id: The meter.
        start_ms: When each interval starts, since 1970 [ms], shape (n,).
        length_ms: Length of every interval [ms].
        energy_kwh: What was read [kWh], NaN where nothing is known, shape (n,).
        is_ok: Whether a reading came whose source did not mark it, shape (n,).
        is_there: Whether a reading came, known or not, shape (n,).
        early_ms: How long before its interval ended a reading was had [ms]; NaN where none came.
    """

    meter_id: str
    start_ms: NDArray[np.int64]
    length_ms: int
    energy_kwh: NDArray[np.float64]
    is_ok: NDArray[np.bool_]
    is_there: NDArray[np.bool_]
    early_ms: NDArray[np.float64]

    @property
    def measured_kwh(self) -> NDArray[np.float64]:
        """What was plainly read [kWh]; NaN where the source marked it."""
        return np.where(self.is_ok, self.energy_kwh, np.nan)

    @property
    def length_h(self) -> float:
        """Length of every interval [h]."""
        return self.length_ms / (S_PER_H * MS_PER_S)


def meter_day(rows: pl.DataFrame, day: Interval) -> MeterDay:
    """Return one meter's rows on their grid.

    Args:
        rows: Rows of raw_meter__readings of one meter, one for each interval that was read, in
            ``day``, at least one, of one length and on a grid that starts at midnight UTC.
        day: The span.
    """
    edges_ms = [round(edge.timestamp() * MS_PER_S) for edge in (day.start_utc, day.end_utc)]
    starts = rows["interval_start_utc"].dt.epoch("ms").to_numpy()
    ends = rows["interval_end_utc"].dt.epoch("ms").to_numpy()
    length_ms = int(ends[0] - starts[0])
    start_ms = np.arange(edges_ms[0], edges_ms[1], length_ms, dtype=np.int64)
    at = (starts - edges_ms[0]) // length_ms
    energy_kwh, early_ms = np.full((2, len(start_ms)), np.nan)
    energy_kwh[at] = rows["energy_kwh"].fill_null(float("nan")).to_numpy()
    early_ms[at] = ends - rows["available_at_utc"].dt.epoch("ms").to_numpy()
    is_ok, is_there = np.zeros((2, len(start_ms)), dtype=bool)
    is_there[at] = True
    is_ok[at] = (rows["reading_quality"] == OK).to_numpy()
    return MeterDay(
        meter_id=rows.item(0, "meter_id"),
        start_ms=start_ms,
        length_ms=length_ms,
        energy_kwh=energy_kwh,
        is_ok=is_ok,
        is_there=is_there,
        early_ms=early_ms,
    )
