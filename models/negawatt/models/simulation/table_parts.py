"""What the tables of a simulation are made of: instants, names, the jobs that are told of.

Here: parts that the fleet folder and the truth share. Not here: the tables
(negawatt.models.simulation.fleet_folder and .truth).
"""

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negawatt.models.domain.units import MS_PER_S, S_PER_MINUTE
from negawatt.models.simulation.record import HallRecord

INSTANT = pl.Datetime("ms", "UTC")


def instants(record: HallRecord, second: Sequence[int | None] | NDArray[np.int64]) -> pl.Series:
    """Return instants from seconds after the start; None stays null."""
    start_ms = int(record.plan.start_utc.timestamp()) * MS_PER_S
    return (pl.Series(second, dtype=pl.Int64) * MS_PER_S + start_ms).cast(INSTANT)


def minutes(record: HallRecord) -> pl.Series:
    """Return the start of every minute."""
    return instants(record, np.arange(len(record.meter_kw)) * S_PER_MINUTE)


def text(values: Iterable[str]) -> pl.Series:
    """Return texts, also where there are none."""
    return pl.Series(list(values), dtype=pl.String)


def known_jobs(record: HallRecord) -> list[int]:
    """Return the jobs that touch the simulated days: not those that ended in the warm-up."""
    ends_s = [run.end_s for run in record.world.runs]
    return [index for index, end_s in enumerate(ends_s) if end_s is None or end_s > 0]
