"""Energy of jobs from the energy of the GPUs that they held.

Here: dividing GPU intervals among the allocations that follow one another in them; jobs that hold
one GPU at one time are found, and not divided. Not here: jobs that report readings of their own
(site_intervals.py), and what a job would have used (counterfactual).
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

import polars as pl

from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.interval import Interval
from negawatt.models.domain.units import J_PER_KWH
from negawatt.models.metering.gpu_findings import gpu_subject

ALLOCATED = "allocated"
_HELD = ("job_id", "gpu_uuid", "allocation_start_utc", "allocation_end_utc")
_INTERVAL = ("interval_start_utc", "interval_end_utc")
_PART = ("job_id", "gpu_uuid", *_INTERVAL)
_SHOWN = 10  # jobs that a finding names


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
    gpu_energy: Iterable[pl.DataFrame], allocations: pl.DataFrame, day: Interval, site_id: str
) -> pl.DataFrame:
    r"""Return the energy of every job in every interval in which it held a GPU.

    .. math::

        E_{j,t} = \sum_g E_{g,t} \, \frac{|t \cap a_{j,g}|}{|t|}

    with the allocations :math:`a_{j,g}` of job j on GPU g, those of one job joined where they
    overlap. The energy is NULL where that of any GPU it held is NULL or missing: the sum of the
    others is not the job's energy. It is NULL too where another job held one of its GPUs at the
    same time: no sensor sees a part of a GPU, and no model of the parts holds everywhere
    (arXiv 2501.17752), so that neither job's energy is known; ``sharing_findings`` says so. Jobs
    therefore never add up to more than their GPUs. The day's intervals are those that any GPU has
    a row for. GPUs that no job held are in no job's energy, so jobs need not add up to the site.

    Args:
        gpu_energy: Rows of core_gpu__interval_energy, in parts that share no GPU and have rows of
            the same intervals; at least one, which may be empty.
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
        >>> round(allocated_job_energy([minute], held, day, "s1")["energy_kwh"].item(), 9)
        0.005833333
    """
    start = pl.col("interval_start_utc")
    held = _held(allocations, day)
    parts = pl.concat(_parts_of_jobs(held, gpu_energy, day))
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


def sharing_findings(allocations: pl.DataFrame, day: Interval) -> list[Finding]:
    """Report the GPUs that two jobs held at one time, once for each GPU.

    Args:
        allocations: The newest rows of raw_job__allocations.
        day: The span.
    """
    shared = _sharing(_held(allocations, day))
    return [
        Finding(
            code=FindingCode.JOBS_SHARE_GPU,
            severity=Severity.WARNING,
            subject=gpu_subject(gpu["gpu_uuid"].first()),
            message=f"expected one job at a time, found {len(jobs)} that overlap, the first two at "
            f"{gpu.item(0, 'shared_start_utc').isoformat()}: {', '.join(jobs[:2])}; the energy of "
            "either is not known while they do",
            evidence={
                "job_count": len(jobs),
                "job_ids": jobs[:_SHOWN],
                "first_start_utc": gpu.item(0, "shared_start_utc").isoformat(),
                "first_end_utc": gpu.item(0, "shared_end_utc").isoformat(),
            },
        )
        for gpu in shared.partition_by("gpu_uuid", maintain_order=True)
        for jobs in [gpu["job_id"].unique(maintain_order=True).to_list()]
    ]


def _held(allocations: pl.DataFrame, day: Interval) -> pl.DataFrame:
    """Return when each job held each GPU in a day, overlaps of one job joined, sorted."""
    end = pl.col("allocation_end_utc")
    is_apart = pl.col("allocation_start_utc") > end.cum_max().shift()
    return (
        allocations.select(_HELD)
        .with_columns(end.fill_null(day.end_utc))
        .filter((pl.col("allocation_start_utc") < day.end_utc) & (end > day.start_utc))
        .sort("job_id", "gpu_uuid", "allocation_start_utc")
        .with_columns(
            is_apart.fill_null(True).cum_sum().over("job_id", "gpu_uuid").alias("stretch")  # noqa: FBT003 - the literal to fill with
        )
        .group_by("job_id", "gpu_uuid", "stretch", maintain_order=True)
        .agg(pl.col("allocation_start_utc").first(), end.max())
        .drop("stretch")
    )


def _parts_of_jobs(
    held: pl.DataFrame, gpu_energy: Iterable[pl.DataFrame], day: Interval
) -> Iterator[pl.DataFrame]:
    """Yield what each interval of a GPU that a job held is to the job, GPU after GPU."""
    in_day = pl.col("interval_start_utc").is_between(day.start_utc, day.end_utc, closed="left")
    left = held
    for rows in gpu_energy if held.height else islice(gpu_energy, 1):
        grid = rows.select(_INTERVAL).filter(in_day).unique()
        is_here = pl.col("gpu_uuid").is_in(rows["gpu_uuid"].unique().implode())
        yield _parts(left.filter(is_here), grid, rows)
        left = left.filter(~is_here)
    if not left.is_empty():  # GPUs without any row
        yield _parts(left, grid, rows.clear())


def _parts(held: pl.DataFrame, grid: pl.DataFrame, gpu_energy: pl.DataFrame) -> pl.DataFrame:
    length_ms = (pl.col("interval_end_utc") - pl.col("interval_start_utc")).dt.total_milliseconds()
    overlap = _overlap("allocation_start_utc", "allocation_end_utc")
    share = overlap.dt.total_milliseconds() / length_ms
    of_held = pl.col("gpu_uuid").is_in(held["gpu_uuid"].unique().implode())
    energies = gpu_energy.select("gpu_uuid", *_INTERVAL, "energy_j", "coverage_ratio")
    return (
        held.join(grid, how="cross", maintain_order="left")
        .filter(overlap > pl.duration(milliseconds=0))
        .join(_shared_parts(held, grid), on=_PART, how="left", maintain_order="left")
        .join(
            energies.filter(of_held),
            on=["gpu_uuid", *_INTERVAL],
            how="left",
            maintain_order="left",
        )
        .select(
            "job_id",
            *_INTERVAL,
            pl.when(pl.col("is_shared").is_null()).then(pl.col("energy_j") * share).alias("part_j"),
            pl.col("coverage_ratio").fill_null(0.0),
        )
    )


def _sharing(held: pl.DataFrame) -> pl.DataFrame:
    """Return each job's stretches on a GPU that another job held too, by GPU and time."""
    start = pl.max_horizontal("allocation_start_utc", "allocation_start_utc_right")
    end = pl.min_horizontal("allocation_end_utc", "allocation_end_utc_right")
    return (
        held.join(held, on="gpu_uuid")
        .filter((pl.col("job_id") != pl.col("job_id_right")) & (start < end))
        .select("gpu_uuid", "job_id", shared_start_utc=start, shared_end_utc=end)
        .sort("gpu_uuid", "shared_start_utc", "job_id", "shared_end_utc")
    )


def _shared_parts(held: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """Return the intervals in which a job's GPU was another's too, marked."""
    overlap = _overlap("shared_start_utc", "shared_end_utc")
    return (
        _sharing(held)
        .join(grid, how="cross")
        .filter(overlap > pl.duration(milliseconds=0))
        .select(_PART)
        .unique()
        .with_columns(pl.lit(value=True).alias("is_shared"))
    )


def _overlap(start: str, end: str) -> pl.Expr:
    """Return how long a stretch lies in an interval; negative where it does not."""
    return pl.min_horizontal("interval_end_utc", end) - pl.max_horizontal(
        "interval_start_utc", start
    )
