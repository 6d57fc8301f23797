"""A month of GPU minutes as nightly metering leaves it, what people ask of it, and the same series.

Here: making the tables, the questions in SQL and PromQL. Not here: what is compared.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.series_servers import Series
from negawatt.models.domain.units import J_PER_KWH, MS_PER_S
from negawatt.warehouse.catalog import schema
from negawatt.warehouse.delta_tables import replace_days
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.sites import Site, register_sites

SITE_ID, FIRST = "hall", date(2026, 6, 1)
GPUS, JOBS = "core_gpu__interval_energy", "core_job__interval_energy"
MINUTES = 1_440
_AT_ONCE, _GPUS_OF_NODE, _GPUS_OF_RACK, _GPUS_OF_JOB = 256, 8, 64, 25
_CLASSES = ("training", "fine-tuning", "inference", "batch")

_BY_RACK = """
SELECT split_part(node_id, '-', 1) AS key, sum(energy_j) AS value
FROM core_gpu__interval_energy
WHERE interval_start_utc >= '{day} 16:00:00+00' AND interval_end_utc <= '{day} 20:00:00+00'
GROUP BY key
"""
_BY_JOB_CLASS = """
SELECT job_class AS key, sum(energy_kwh) AS value
FROM core_job__interval_energy
JOIN (SELECT DISTINCT job_id, job_class FROM raw_job__allocations) USING (job_id)
WHERE interval_start_utc >= '{first} 00:00:00+00'
GROUP BY key
"""
_WORST_GAPS = """
SELECT gpu_uuid AS key, count(*) AS value
FROM core_gpu__interval_energy WHERE coverage_ratio < 1
GROUP BY key ORDER BY value DESC, key LIMIT 10
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What somebody asks.

    Attributes:
        words: The question.
        sql: The answer from the tables: ``key`` and ``value``.
        promql: The same of the series.
        label: The label that is the key there.
        hour: Of the last day, when it is asked of them.
    """

    words: str
    sql: str
    promql: str
    label: str
    hour: int = 24


def questions(day_count: int) -> tuple[Question, ...]:
    """Return the questions about so many days; the event is 16:00 to 20:00 UTC of the last."""
    day = FIRST + timedelta(days=day_count - 1)
    return (
        Question(
            words="energy of an event of four hours, by rack",
            sql=_BY_RACK.format(day=day),
            promql="sum by (rack) (sum_over_time(gpu_energy_joules[4h]))",
            label="rack",
            hour=20,
        ),
        Question(
            words="energy of all days, by job class",
            sql=_BY_JOB_CLASS.format(first=FIRST),
            promql=f"sum by (job_class) (sum_over_time(job_energy_kwh[{day_count}d]))",
            label="job_class",
        ),
        Question(
            words="ten GPUs with the most minutes missing in all days",
            sql=_WORST_GAPS,
            promql=f"topk(10, {day_count * MINUTES} "
            f"- count_over_time(gpu_energy_joules[{day_count}d]) > 0)",
            label="UUID",
        ),
    )


def last_day_ms(day_count: int, hour: int) -> int:
    """Return an hour of the last day, since 1970 [ms]."""
    moment_utc = _start(FIRST) + timedelta(days=day_count - 1, hours=hour)
    return round(moment_utc.timestamp()) * MS_PER_S


def metered_month(root: Path, gpu_count: int, day_count: int) -> Layout:
    """Return a warehouse with the GPU and job minutes of days, a commit for each."""
    layout = Layout(root)
    site = Site(
        time_zone="America/New_York",
        settlement_meter_id="feeder",
        revenue_grade=True,
        boundary="a hall that a benchmark made",
    )
    register_sites(layout, {SITE_ID: site})
    for day in (FIRST + timedelta(days=n) for n in range(day_count)):
        replace_days(layout, GPUS, SITE_ID, day, day, gpu_minutes(gpu_count, day))
        replace_days(layout, JOBS, SITE_ID, day, day, job_minutes(gpu_count, day))
        seal_rows(layout, "raw_job__allocations", SITE_ID, "import", _allocations(gpu_count, day))
    return layout


def gpu_minutes(gpu_count: int, day: date) -> Iterator[pl.DataFrame]:
    """Yield rows of core_gpu__interval_energy; one GPU in 101 has a gap each day, each its own."""
    energy = pl.col("energy_j")
    for first in range(0, gpu_count, _AT_ONCE):
        gpus = range(first, min(gpu_count, first + _AT_ONCE))
        energy_j = np.concatenate([energies_j(gpu, day) for gpu in gpus])
        frame = pl.DataFrame(
            {
                "gpu_uuid": np.repeat([gpu_uuid(gpu) for gpu in gpus], MINUTES),
                "node_id": np.repeat([node_id(gpu) for gpu in gpus], MINUTES),
                "interval_start_utc": np.tile(_starts_ms(day), len(gpus)),
                "energy_j": energy_j,
                "coverage_ratio": np.where(np.isnan(energy_j), 0.0, 1.0),
                "method": np.where(np.isnan(energy_j), "not_known", "counter"),
            }
        )
        yield (
            _completed(frame, day)
            .with_columns(
                energy.fill_nan(None),
                (energy * 1.0004).fill_nan(None).alias("sampled_energy_j"),
                (energy * 1.0004 / energy - 1).fill_nan(None).alias("energy_disagreement_ratio"),
                (energy / 60 - 20).round(3).fill_nan(None).alias("power_w_min"),
                (energy / 60).fill_nan(None).alias("power_w_mean"),
                (energy / 60 + 20).round(3).fill_nan(None).alias("power_w_max"),
            )
            .select(schema(GPUS).keys())
        )


def job_minutes(gpu_count: int, day: date) -> Iterator[pl.DataFrame]:
    """Yield rows of core_job__interval_energy: jobs of 25 GPUs, another one each day."""
    jobs = sorted(job_id(job, day) for job in range(gpu_count // _GPUS_OF_JOB))
    for first in range(0, len(jobs), _AT_ONCE):
        some = jobs[first : first + _AT_ONCE]
        frame = pl.DataFrame(
            {
                "job_id": np.repeat(some, MINUTES),
                "interval_start_utc": np.tile(_starts_ms(day), len(some)),
                "energy_kwh": np.concatenate(
                    [job_energies_kwh(int(job[-5:]), day) for job in some]
                ),
                "coverage_ratio": 1.0,
                "method": "allocated",
            }
        )
        yield _completed(frame, day).select(schema(JOBS).keys())


def series(gpu_count: int, day_count: int) -> Iterator[Series]:
    """Yield the same as series: each value stands at the end of its minute."""
    for day in (FIRST + timedelta(days=n) for n in range(day_count)):
        ends_ms = _starts_ms(day) + 60 * MS_PER_S
        for gpu in range(gpu_count):
            values = energies_j(gpu, day)
            is_known = ~np.isnan(values)
            rack, _, _ = node_id(gpu).partition("-")
            labels = {"UUID": gpu_uuid(gpu), "node": node_id(gpu), "rack": rack}
            yield Series(
                name="gpu_energy_joules",
                labels=labels,
                time_ms=ends_ms[is_known],
                values=values[is_known],
            )
        for job in range(gpu_count // _GPUS_OF_JOB):
            labels = {"job_id": job_id(job, day), "job_class": job_class(job)}
            values = job_energies_kwh(job, day)
            yield Series(name="job_energy_kwh", labels=labels, time_ms=ends_ms, values=values)


def energies_j(gpu: int, day: date) -> NDArray[np.float64]:
    """Return the energy of a GPU in each minute of a day [J]; NaN where not known."""
    energy_j: NDArray[np.float64] = _noise(day)[gpu % _AT_ONCE].copy()
    if gpu % 101 == 0:
        energy_j[600 : 601 + gpu // 101] = np.nan
    return energy_j


def job_energies_kwh(job: int, day: date) -> NDArray[np.float64]:
    """Return the energy of a job in each minute of a day [kWh]."""
    return np.asarray(_noise(day)[job % _AT_ONCE] * _GPUS_OF_JOB / J_PER_KWH)


def gpu_uuid(gpu: int) -> str:
    """Return the name of a GPU."""
    return f"GPU-{gpu:08x}-1111-2222-3333-444455556666"


def node_id(gpu: int) -> str:
    """Return the node of a GPU: eight in a node, eight nodes in a rack."""
    return f"r{gpu // _GPUS_OF_RACK:03d}-n{gpu // _GPUS_OF_NODE % 8}"


def job_id(job: int, day: date) -> str:
    """Return the name of a day's job."""
    return f"{day:%m%d}-{job:05d}"


def job_class(job: int) -> str:
    """Return the class of a job."""
    return _CLASSES[job % len(_CLASSES)]


@lru_cache(maxsize=1)
def _noise(day: date) -> NDArray[np.float64]:
    """Return minutes around 500 W, of as many GPUs as a part has, to the millijoule [J]."""
    random = np.random.default_rng(day.toordinal())
    return np.round(random.normal(30_000, 2_400, (_AT_ONCE, MINUTES)), 3)


def _completed(frame: pl.DataFrame, day: date) -> pl.DataFrame:
    start = pl.col("interval_start_utc").cast(pl.Datetime("ms", "UTC"))
    return frame.with_columns(
        start,
        (start + pl.duration(minutes=1)).alias("interval_end_utc"),
        pl.lit(SITE_ID).alias("site_id"),
        pl.lit(day).alias("date"),
    )


def _allocations(gpu_count: int, day: date) -> pl.DataFrame:
    """Return who held which GPUs all day."""
    gpus = range(gpu_count // _GPUS_OF_JOB * _GPUS_OF_JOB)
    return pl.DataFrame(
        {
            "job_id": [job_id(gpu // _GPUS_OF_JOB, day) for gpu in gpus],
            "job_class": [job_class(gpu // _GPUS_OF_JOB) for gpu in gpus],
            "gpu_uuid": [gpu_uuid(gpu) for gpu in gpus],
            "node_id": [node_id(gpu) for gpu in gpus],
        }
    ).with_columns(
        pl.lit(2).alias("flexibility_tier"),
        pl.lit(_start(day)).alias("allocation_start_utc"),
        pl.lit(_start(day + timedelta(days=1))).alias("allocation_end_utc"),
        pl.lit(_start(day)).alias("available_at_utc"),
    )


def _starts_ms(day: date) -> NDArray[np.int64]:
    return round(_start(day).timestamp()) * MS_PER_S + np.arange(MINUTES) * 60 * MS_PER_S


def _start(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
