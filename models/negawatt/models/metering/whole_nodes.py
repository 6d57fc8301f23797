"""Which GPUs a job held, where a scheduler names nodes and a count and no label names a GPU.

Here: jobs that held every GPU of their nodes. Not here: jobs on parts of nodes, whose GPUs nobody
stated, and the energy of what was held (job_allocation).
"""

from datetime import datetime

import polars as pl

from negawatt.models.domain.interval import Interval

_SUBMISSION = ("job_id", "submitted_at_utc")
_STAMPS = ("submitted_at_utc", "allocation_start_utc", "allocation_end_utc")


def whole_node_allocations(
    accounting: pl.DataFrame, gpus: pl.DataFrame, day: Interval, as_of_utc: datetime
) -> pl.DataFrame:
    """Return placements of the jobs that held every GPU of their nodes on a day.

    A job is placed where its count of GPUs is that of the GPUs which readings show on all of its
    nodes; otherwise which of them it held is not known, and it is not placed. When the scheduler
    was asked stands nowhere: of a job that still runs, what is known ends with the newest
    submission, start or end among the rows that became available with it.

    Args:
        accounting: Rows of raw_job__accounting, in any order.
        gpus: Rows with ``node_id`` and ``gpu_uuid`` of the day's readings.
        day: The span; jobs that ran in it are returned.
        as_of_utc: Versions that became available later are not seen.

    Returns:
        Rows with the columns of raw_job__allocations, sorted by job and GPU.

    Examples:
        Two nodes of one GPU each; the job holds both, from noon on. It still runs; the newest that
        its file says is of a job that was submitted at one o'clock.

        >>> from datetime import UTC, timedelta
        >>> noon_utc = datetime(2026, 7, 1, 12, tzinfo=UTC)
        >>> one_utc = noon_utc + timedelta(hours=1)
        >>> jobs = pl.DataFrame({"job_id": ["17", "18"], "submitted_at_utc": [noon_utc, one_utc],
        ...     "job_class": "a", "flexibility_tier": 2, "node_ids": ["n1,n2", None],
        ...     "gpu_count": 2, "allocation_start_utc": [noon_utc, None],
        ...     "allocation_end_utc": pl.Series([None, None], dtype=pl.Datetime("us", "UTC")),
        ...     "available_at_utc": noon_utc + timedelta(hours=20)})
        >>> gpus = pl.DataFrame({"node_id": ["n1", "n2", "n3"], "gpu_uuid": ["G1", "G2", "G3"]})
        >>> day = Interval(noon_utc, noon_utc + timedelta(days=1))
        >>> rows = whole_node_allocations(jobs, gpus, day, noon_utc + timedelta(days=1))
        >>> rows["gpu_uuid"].to_list(), rows["allocation_end_utc"][0].isoformat()
        (['G1', 'G2'], '2026-07-01T13:00:00+00:00')
    """
    newest_stamp = pl.max_horizontal(*_STAMPS).max().over("available_at_utc")
    newest = (
        accounting.filter(pl.col("available_at_utc") <= as_of_utc)
        .with_columns(pl.min_horizontal(newest_stamp, "available_at_utc").alias("known_until_utc"))
        .sort(*_SUBMISSION, "available_at_utc")
        .unique(_SUBMISSION, keep="last", maintain_order=True)
    )
    known_until = pl.coalesce("allocation_end_utc", "known_until_utc")
    ran = newest.with_columns(known_until.alias("allocation_end_utc")).filter(
        pl.col("allocation_start_utc").is_not_null()
        & (pl.col("allocation_start_utc") < day.end_utc)
        & (pl.col("allocation_end_utc") > day.start_utc)
        & (pl.col("allocation_end_utc") > pl.col("allocation_start_utc"))
    )
    on_nodes = ran.with_columns(pl.col("node_ids").str.split(",").alias("node_id")).explode(
        "node_id", empty_as_null=False
    )
    seen = gpus.select("node_id", "gpu_uuid").unique().drop_nulls()
    placed = on_nodes.join(seen, on="node_id", how="left").with_columns(
        pl.col("gpu_uuid").count().over(_SUBMISSION).alias("seen_count"),
        pl.col("gpu_uuid").null_count().over(_SUBMISSION).alias("unseen_count"),
    )
    is_whole = (pl.col("seen_count") == pl.col("gpu_count")) & (pl.col("unseen_count") == 0)
    return (
        placed.filter(is_whole)
        .select(
            *("job_id", "job_class", "flexibility_tier", "gpu_uuid", "node_id"),
            *("allocation_start_utc", "allocation_end_utc", "available_at_utc"),
        )
        .sort("job_id", "gpu_uuid", "allocation_start_utc")
    )
