"""Interval energy of all GPUs of a site for a day: raw_gpu__power_samples to core_gpu__.

The energy counter is the quantity, sampled power is its shape and the check on it; the two are
never blended. Here: rows of frames. Not here: the arithmetic of one counter or one series of
samples (energy_counter.py, power_samples.py), and what an auditor should know (gpu_findings.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negawatt.models.domain.findings import Finding
from negawatt.models.domain.interval import Interval
from negawatt.models.domain.units import MILLIWATT_PER_W, MS_PER_S, S_PER_MINUTE
from negawatt.models.metering.counter_and_power import squared_misses_j2
from negawatt.models.metering.energy_counter import (
    COUNTER,
    COUNTER_INTERPOLATED,
    NOT_KNOWN,
    CounterReadings,
    counter_energy,
)
from negawatt.models.metering.gpu_findings import (
    CLOCK_OFFSET_MS,
    GpuDay,
    clock_steps,
    findings_of_gpu,
    flagged_readings,
    gpu_subject,
    gpus_with_clock_steps,
)
from negawatt.models.metering.power_samples import sampled_energy
from negawatt.models.metering.sample_order import Runs, Values, in_runs
from negawatt.models.metering.sample_rules import SampleRules

# dcgm-exporter renews its values every 30 s unless told otherwise; 5 s for jitter and its own mean.
MAX_GAP_S = 35.0

INSTANT = pl.Datetime("ms", "UTC")
# A wall clock that is set, or stands through a sleep of the machine, jumps against the monotonic
# one; what NTP does to keep time (at most 0.5 ms/s, a leap second smeared over a day) does not.
CLOCK_STEP_MS = 1_000
_STREAM = ("node_id", "boot_id", "counter_epoch")
_COLUMNS = (
    *("gpu_uuid", "observed_at_utc", *_STREAM, "monotonic_ms"),
    *("power_milliwatt", "energy_total_millijoule", "reading_quality"),
)
SAMPLE_COLUMNS = (*_COLUMNS, "power_scope")
"""The columns of raw_gpu__power_samples that are used."""


def gpu_interval_energy(
    samples: pl.DataFrame,
    day: Interval,
    site_id: str,
    *,
    interval_minutes: int = 1,
    max_gap_s: float = MAX_GAP_S,
) -> tuple[pl.DataFrame, list[Finding]]:
    """Return the energy of every GPU in every interval of a day.

    Only readings of scope ``gpu`` and quality ``ok`` are used: module and memory power are other
    quantities. A change of node, boot or counter epoch ends one counter and begins another; what
    was used between is not known. So does a step of the clock: readings that were taken before and
    after it do not say how long it was between them, and where stamps of both overlap, nothing is
    known. Energy comes from the counter alone, and is NULL where the
    counter does not say. Least and greatest power are those of the samples in the interval; 0 W is
    a failed read, not a power, as no GPU that answers draws none.

    Readings from before and after the day are used to cover its edges: give at least
    ``max_gap_s`` of them on both sides, or the first and last interval are not known. A GPU that
    was read there only is none of the day's.

    Args:
        samples: Rows of raw_gpu__power_samples, in any order; a row given twice counts once,
            whatever its sequence number.
        day: The span to compute, a whole number of intervals.
        site_id: The site.
        interval_minutes: Length of the intervals [min].
        max_gap_s: Longest time between readings that still counts as measured [s]. For readings
            once a minute, give more than 60.

    Returns:
        Rows of core_gpu__interval_energy, sorted by GPU and time, every interval of the day for
        every GPU that was read in it; and at most one finding of a kind for each GPU.

    Raises:
        ValueError: The day is not a whole number of intervals.
    """
    boundary_ms = _boundaries_ms(day, interval_minutes)
    runs = _of_day(_runs_of_gpus(samples), boundary_ms)
    del samples  # where the caller does not hold them, what follows can have their memory
    is_ok = pl.col.reading_quality == "ok"
    ok = runs if _are_all(runs.rows, is_ok) else in_runs(runs.rows.filter(is_ok))
    stepped = gpus_with_clock_steps(runs, CLOCK_STEP_MS)
    # A repeat says only that nothing was renewed yet; one that lasts shows in the coverage.
    is_flagged = ~pl.col.reading_quality.is_in(["ok", "repeat"])
    findings = [] if ok is runs else flagged_readings(runs.rows.filter(is_flagged))
    findings += clock_steps(runs.rows, stepped, CLOCK_STEP_MS)
    gpus = [
        _one_gpu(rows, boundary_ms, max_gap_s)
        for rows in _each_gpu(ok, has_clock_steps=bool(stepped))
    ]
    for gpu in gpus:
        findings += findings_of_gpu(gpu, boundary_ms, interval_minutes)
    return _frame(gpus, boundary_ms, site_id), findings


def _boundaries_ms(day: Interval, interval_minutes: int) -> NDArray[np.int64]:
    """Return the edges of the day's intervals, since 1970 [ms]."""
    n_intervals, rest = divmod(day.end_utc - day.start_utc, timedelta(minutes=interval_minutes))
    if rest:
        raise ValueError(f"day must be a whole number of {interval_minutes}-minute intervals")
    step_ms = interval_minutes * S_PER_MINUTE * MS_PER_S
    start_ms = round(day.start_utc.timestamp() * MS_PER_S)
    return start_ms + step_ms * np.arange(n_intervals + 1, dtype=np.int64)


def _runs_of_gpus(samples: pl.DataFrame) -> Runs:
    """Return the rows of scope gpu once each, in runs that do not depend on their order."""
    is_gpu = pl.col.power_scope == "gpu"
    if not _are_all(samples, is_gpu):
        samples = samples.filter(is_gpu)
    rows = samples[list(_COLUMNS)]  # select() would copy
    texts = [name for name, kind in rows.schema.items() if kind == pl.String]
    if texts:
        rows = rows.with_columns(pl.col(texts).cast(pl.Categorical))
    return in_runs(rows)


def _are_all(rows: pl.DataFrame, is_so: pl.Expr) -> bool:
    """Say whether something is so of all rows; as an expression, for columns of one value."""
    return bool(rows.select(is_so.all(ignore_nulls=False)).item())


def _of_day(runs: Runs, boundary_ms: NDArray[np.int64]) -> Runs:
    """Leave out GPUs that were not read in the day, whatever quality their readings had."""
    edge_ms = boundary_ms[[0, -1]]
    others = [
        gpu_uuid
        for gpu_uuid, places in runs.of_gpus()
        if not any(
            np.ptp(np.searchsorted(runs.time_ms.taken([place]), edge_ms)) for place in places
        )
    ]
    return in_runs(runs.rows.filter(~pl.col.gpu_uuid.is_in(others))) if others else runs


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _GpuRows:
    """The readings of one GPU, oldest first."""

    gpu_uuid: str
    node_id: str
    readings: CounterReadings
    power_w: NDArray[np.float64]


def _each_gpu(runs: Runs, *, has_clock_steps: bool) -> Iterator[_GpuRows]:
    """Yield the readings of each GPU."""
    rows = runs.rows
    energy = rows["energy_total_millijoule"]
    energy_millijoule = Values(energy.fill_null(0))
    is_known = Values(energy.is_not_null()) if energy.has_nulls() else None
    power_milliwatt = Values(rows["power_milliwatt"])
    begins = _begins(runs, has_clock_steps=has_clock_steps)
    last = runs.stop[runs.first_of_each()[1:] - 1] - 1
    node_ids = rows.select(pl.col.node_id.gather(last).cast(pl.String))["node_id"]
    for (gpu_uuid, places), node_id in zip(runs.of_gpus(), node_ids, strict=True):
        yield _GpuRows(
            gpu_uuid=gpu_uuid,
            node_id=node_id,
            readings=CounterReadings(
                time_ms=runs.time_ms.taken(places),
                energy_total_millijoule=energy_millijoule.taken(places),
                is_known=is_known.taken(places) if is_known else None,
                epoch=np.cumsum(begins.taken(places)) if begins else None,
            ),
            power_w=power_milliwatt.taken(places) / MILLIWATT_PER_W,
        )


def _begins(runs: Runs, *, has_clock_steps: bool) -> Values | None:
    """Say of each row whether another counter begins with it; None where none does."""
    rows, before = runs.rows, np.append(runs.start[:1], runs.stop[:-1] - 1)
    begins, at_start = np.zeros(rows.height, np.bool_), np.zeros(len(runs.start), np.bool_)
    for column in _STREAM:
        if _are_all(rows, pl.col(column).eq_missing(pl.col(column).first())):
            continue
        value = rows[column].to_physical().to_numpy()
        begins[1:] |= value[1:] != value[:-1]
        at_start |= value[runs.start] != value[before]
    if has_clock_steps:
        offset_ms = rows.select(CLOCK_OFFSET_MS).to_series().to_numpy()
        begins[1:] |= np.abs(np.diff(offset_ms)) > CLOCK_STEP_MS
        at_start |= np.abs(offset_ms[runs.start] - offset_ms[before]) > CLOCK_STEP_MS
    begins[runs.start] = at_start
    begins[runs.start[runs.first_of_each()[:-1]]] = False
    return Values(pl.Series(begins)) if begins.any() else None


def _one_gpu(rows: _GpuRows, boundary_ms: NDArray[np.int64], max_gap_s: float) -> GpuDay:
    """Compute one GPU."""
    rules = SampleRules(max_gap_s=max_gap_s, sentinels_w=(0.0,))
    time_ms, subject = rows.readings.time_ms, gpu_subject(rows.gpu_uuid)
    return GpuDay(
        gpu_uuid=rows.gpu_uuid,
        node_id=rows.node_id,
        counter=counter_energy(rows.readings, boundary_ms, max_gap_s=max_gap_s),
        power=sampled_energy(time_ms, rows.power_w, boundary_ms, rules, subject=subject),
        missed_j2=squared_misses_j2(rows.readings, rows.power_w, boundary_ms, max_gap_s),
    )


def _frame(gpus: list[GpuDay], boundary_ms: NDArray[np.int64], site_id: str) -> pl.DataFrame:
    """Return the rows of core_gpu__interval_energy."""
    n_intervals = len(boundary_ms) - 1

    def joined(arrays: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        return np.concatenate([np.empty(0), *arrays])

    def of_each(names: list[str]) -> pl.Series:
        return pl.Series(names, dtype=pl.String).repeat_by(n_intervals).explode()

    columns = {
        "node_id": of_each([gpu.node_id for gpu in gpus]),
        "gpu_uuid": of_each([gpu.gpu_uuid for gpu in gpus]),
        "interval_start_utc": np.tile(boundary_ms[:-1], len(gpus)),
        "interval_end_utc": np.tile(boundary_ms[1:], len(gpus)),
        "energy_j": joined([gpu.counter.energy_j for gpu in gpus]),
        "sampled_energy_j": joined([gpu.sampled_energy_j for gpu in gpus]),
        "energy_disagreement_ratio": joined([gpu.disagreement_ratio for gpu in gpus]),
        "power_w_min": joined([gpu.power.power_w_min for gpu in gpus]),
        "power_w_max": joined([gpu.power.power_w_max for gpu in gpus]),
        "coverage_ratio": joined([gpu.counter.coverage_ratio for gpu in gpus]),
    }
    method = (
        pl.when(pl.col.energy_j.is_null())
        .then(pl.lit(NOT_KNOWN))
        .when(pl.col.coverage_ratio == 1)
        .then(pl.lit(COUNTER))
        .otherwise(pl.lit(COUNTER_INTERPOLATED))
        .alias("method")
    )
    duration_s = pl.col.interval_end_utc - pl.col.interval_start_utc
    return (
        pl.DataFrame(columns)
        .with_columns(pl.col("interval_start_utc", "interval_end_utc").cast(INSTANT))
        .with_columns(pl.col(pl.Float64).fill_nan(None))
        .with_columns(method)
        .select(
            pl.lit(site_id).alias("site_id"),
            pl.col.interval_start_utc.dt.date().alias("date"),
            *("node_id", "gpu_uuid", "interval_start_utc", "interval_end_utc", "energy_j"),
            *("sampled_energy_j", "energy_disagreement_ratio", "power_w_min"),
            (pl.col.energy_j / duration_s.dt.total_seconds()).alias("power_w_mean"),
            *("power_w_max", "coverage_ratio", "method"),
        )
    )
