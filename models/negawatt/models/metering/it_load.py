"""Power of the GPUs of a site, together and node by node, from the minutes of each.

A minute in which any GPU of a node is not known is not known for the node, nor for the site: a sum
over the others would look like a reduction. Here: those sums. Not here: the minutes of a GPU
(gpu_minutes.py), and jobs (job_allocation.py).
"""

from collections.abc import Mapping

import polars as pl

from negawatt.models.domain.units import J_PER_KWH, MILLIJOULE_PER_J
from negawatt.models.metering.load_series import LoadSeries
from negawatt.models.metering.roll_up import each_load_series, to_load_series

_MINUTE = 1
_ALL = "all GPUs"


def it_load(gpus: pl.DataFrame) -> LoadSeries | None:
    """Return the energy of all GPUs together, by minute; None where there is no GPU.

    Args:
        gpus: Rows of core_gpu__interval_energy of one site.
    """
    if gpus.is_empty():
        return None
    return to_load_series(_summed(gpus.with_columns(pl.lit(_ALL).alias("meter_id"))), _MINUTE, _ALL)


def node_loads(gpus: pl.DataFrame) -> Mapping[str, LoadSeries]:
    """Return the energy of each node's GPUs together, by node and minute.

    Args:
        gpus: Rows of core_gpu__interval_energy of one site.

    Examples:
        Two GPUs of 60 kJ each in one minute; in the next one of them is not known.

        >>> from datetime import UTC, datetime
        >>> first, second = (datetime(2026, 7, 1, 0, n, tzinfo=UTC) for n in range(2))
        >>> gpus = pl.DataFrame({"node_id": "n1", "gpu_uuid": ["a", "b", "a"],
        ...     "interval_start_utc": [first, first, second], "energy_j": [60000.0] * 3,
        ...     "interval_end_utc": [second, second, datetime(2026, 7, 1, 0, 2, tzinfo=UTC)],
        ...     "coverage_ratio": 1.0})
        >>> (node_loads(gpus)["n1"].energy_kwh * 3600).tolist()
        [120.0, nan]
    """
    return each_load_series(_summed(gpus.rename({"node_id": "meter_id"})), _MINUTE)


def _summed(gpus: pl.DataFrame) -> pl.DataFrame:
    """Add up GPUs by owner and minute, in whole millijoules, so that their order changes no bit."""
    expected = gpus.group_by("meter_id").agg(pl.col("gpu_uuid").n_unique().alias("expected_count"))
    energy_mj = (pl.col("energy_j").fill_nan(None) * MILLIJOULE_PER_J).round().cast(pl.Int64)
    return (
        gpus.join(expected, on="meter_id")
        .group_by("meter_id", "interval_start_utc", "interval_end_utc", "expected_count")
        .agg(
            energy_mj.sum().alias("millijoule"),
            energy_mj.count().alias("known_count"),
            pl.col("coverage_ratio").min(),
        )
        .select(
            "meter_id",
            "interval_start_utc",
            "interval_end_utc",
            pl.when(pl.col("known_count") == pl.col("expected_count"))
            .then(pl.col("millijoule") / (MILLIJOULE_PER_J * J_PER_KWH))
            .alias("energy_kwh"),
            "coverage_ratio",
            pl.lit("sum_of_gpus").alias("method"),
        )
        .sort("meter_id", "interval_start_utc")
    )
