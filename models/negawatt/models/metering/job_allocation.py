"""Energy of jobs from the energy of the GPUs that they held.

Here: dividing GPU intervals among the allocations that overlap them. Not here: jobs that report
readings of their own (site_intervals.py), and what a job would have used (counterfactual).
"""

from datetime import datetime

import polars as pl

from negawatt.models.domain.interval import Interval
from negawatt.models.domain.units import J_PER_KWH

ALLOCATED = "allocated"
_HELD = ("job_id", "gpu_uuid", "allocation_start_utc", "allocation_end_utc")
_INTERVAL = ("interval_start_utc", "interval_end_utc")


def newest_allocations(allocations: pl.DataFrame, as_of_utc: datetime) -> pl.DataFrame:
    """Return the newest version of every allocation: an end that became known replaces NULL.

    Args:
        allocations: Rows of raw_job__allocations, in any order.
        as_of_utc: Versions that became available later are not seen.
    """
    key = ["job_id", "gpu_uuid", "allocation_start_utc"]
    return (
        allocations.filter(pl.col("available_at_utc") <= as_of_utc)
        .sort(*key, "available_at_utc")
        .unique(key, keep="last", maintain_order=True)
    )


def allocated_job_energy(
    gpu_energy: pl.DataFrame, allocations: pl.DataFrame, day: Interval, site_id: str
) -> pl.DataFrame:
    r"""Return the energy of every job in every interval in which it held a GPU.

    .. math::

        E_{j,t} = \sum_g E_{g,t} \, \frac{|t \cap a_{j,g}|}{|t|}

    with the allocations :math:`a_{j,g}` of job j on GPU g. The energy is NULL where that of any
    GPU it held is NULL or missing: the sum of the others is not the job's energy. The day's
    intervals are those that any GPU has a row for. GPUs that no job held are in no job's energy,
    so jobs need not add up to the site.

    Args:
        gpu_energy: Rows of core_gpu__interval_energy.
        allocations: Rows of raw_job__allocations; an end of NULL is "still running".
        day: The span; intervals that start in it are returned.
        site_id: The site.

    Returns:
        Rows of core_job__interval_energy, sorted by job and time.

    Examples:
        A job that holds one GPU for the second half of a minute of 42 kJ has used 21 kJ,
        which is 21 / 3600 kWh.

        >>> from datetime import UTC, datetime, timedelta
        >>> start_utc = datetime(2026, 7, 1, tzinfo=UTC)
        >>> minute = pl.DataFrame({"gpu_uuid": "G", "interval_start_utc": [start_utc],
        ...     "interval_end_utc": [start_utc + timedelta(minutes=1)], "energy_j": 42_000.0,
        ...     "coverage_ratio": 1.0})
        >>> held = pl.DataFrame({"job_id": "j", "gpu_uuid": "G",
        ...     "allocation_start_utc": [start_utc + timedelta(seconds=30)],
        ...     "allocation_end_utc": [None]}, schema_overrides={"allocation_end_utc":
        ...     pl.Datetime("us", "UTC")})
        >>> day = Interval(start_utc, start_utc + timedelta(days=1))
        >>> round(allocated_job_energy(minute, held, day, "s1")["energy_kwh"].item(), 9)
        0.005833333
    """
    start, end = pl.col("interval_start_utc"), pl.col("interval_end_utc")
    held_until = pl.col("allocation_end_utc").fill_null(day.end_utc)
    of_the_day = (pl.col("allocation_start_utc") < day.end_utc) & (held_until > day.start_utc)
    overlap = pl.min_horizontal(end, held_until) - pl.max_horizontal(
        start, pl.col("allocation_start_utc")
    )
    share = overlap.dt.total_milliseconds() / (end - start).dt.total_milliseconds()
    in_day = start.is_between(day.start_utc, day.end_utc, closed="left")
    grid = gpu_energy.filter(in_day).select(_INTERVAL).unique()
    parts = (
        allocations.filter(of_the_day)
        .select(_HELD)
        .sort("job_id", "gpu_uuid", "allocation_start_utc")
        .join(grid, how="cross", maintain_order="left")
        .filter(overlap > pl.duration(milliseconds=0))
        .join(
            gpu_energy.select("gpu_uuid", *_INTERVAL, "energy_j", "coverage_ratio"),
            on=["gpu_uuid", *_INTERVAL],
            how="left",
            maintain_order="left",
        )
        .with_columns(
            (pl.col("energy_j") * share).alias("part_j"), pl.col("coverage_ratio").fill_null(0.0)
        )
    )
    # Sums of lists, not of groups: a list is added in its order, whatever the number of threads.
    return (
        parts.group_by("job_id", "interval_start_utc", "interval_end_utc", maintain_order=True)
        .agg(
            pl.col("part_j"),
            pl.col("part_j").null_count().alias("unknown_count"),
            pl.col("coverage_ratio").min(),
        )
        .select(
            pl.lit(site_id).alias("site_id"),
            start.dt.date().alias("date"),
            "job_id",
            "interval_start_utc",
            "interval_end_utc",
            pl.when(pl.col("unknown_count") == 0)
            .then(pl.col("part_j").list.sum() / J_PER_KWH)
            .alias("energy_kwh"),
            "coverage_ratio",
            pl.lit(ALLOCATED).alias("method"),
        )
        .sort("job_id", "interval_start_utc")
    )
