"""A simulated hall as the rows that collectors and importers would have brought.

Here: rows of raw_ tables. Not here: exporter pages (the emulator prints them from
``HallRecord.gpu_state_at``) and the fleet folder (fleet_folder.py).
"""

from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negawatt.models.domain.interval import Interval
from negawatt.models.domain.units import MILLIWATT_PER_W, MS_PER_S, S_PER_H, S_PER_MINUTE
from negawatt.models.simulation.record import HallRecord
from negawatt.models.simulation.site import outdoor_temp_c

_INSTANT = pl.Datetime("ms", "UTC")


def power_samples(
    record: HallRecord, node_id: str, window: Interval, *, boot_id: str
) -> pl.DataFrame:
    """Return what an agent on a node would have read at the start of every minute of a window.

    A reading whose telemetry was lost is not there. The counter epoch rises where the hall's
    driver was reloaded, as an agent counts it.

    Args:
        record: The hall.
        node_id: The node.
        window: Whole minutes of the simulation.
        boot_id: Identity of the boot that the sequence numbers belong to.

    Returns:
        Rows of raw_gpu__power_samples.
    """
    first_s, until_s = map(record.plan.second_of, (window.start_utc, window.end_utc))
    at_s = np.arange(first_s, until_s, S_PER_MINUTE)
    steps = np.searchsorted(record.grid.edge_s, at_s)
    columns = [number for number, gpu in enumerate(record.gpus) if gpu.node_id == node_id]
    return pl.concat(_gpu_rows(record, column, at_s, steps, boot_id) for column in columns)


def _gpu_rows(
    record: HallRecord,
    column: int,
    at_s: NDArray[np.int64],
    steps: NDArray[np.int64],
    boot_id: str,
) -> pl.DataFrame:
    # Power is the mean of the last second, which lies in the step before.
    power_milliwatt = record.sensed_milliwatt[np.maximum(steps - 1, 0), column]
    limit_w = record.power_limit_ratio[steps, column] * record.plan.gpu.limit_w
    seen = np.array([not record.telemetry_lost(int(step), column) for step in steps])
    faults = record.faults
    reset_step = faults.reset_step if faults and faults.reset_gpu == column else None
    return pl.DataFrame(
        {
            "node_id": record.gpus[column].node_id,
            "boot_id": boot_id,
            "gpu_uuid": record.gpus[column].gpu_uuid,
            "observed_at_utc": _instants(record, at_s),
            "monotonic_ms": at_s * MS_PER_S,
            "sequence_number": np.arange(len(at_s)),
            "counter_epoch": (steps >= reset_step if reset_step else np.zeros_like(at_s)).astype(
                np.int32
            ),
            "power_milliwatt": power_milliwatt.astype(np.int32),
            "power_instant_milliwatt": pl.Series([None] * len(at_s), dtype=pl.Int32),
            "energy_total_millijoule": record.energy_total_millijoule[steps, column],
            "power_limit_milliwatt": np.rint(limit_w * MILLIWATT_PER_W).astype(np.int32),
            "power_scope": "gpu",
            "reading_quality": "ok",
            "read_latency_ns": pl.Series([None] * len(at_s), dtype=pl.Int64),
        }
    ).filter(seen)


def weather_readings(record: HallRecord, station_id: str) -> pl.DataFrame:
    """Return the hourly outdoor temperatures, read to a tenth, each available at once.

    Returns:
        Rows of raw_site__weather.
    """
    temp_c = outdoor_temp_c(record.plan)[:: S_PER_H // S_PER_MINUTE]
    at = _instants(record, np.arange(len(temp_c)) * S_PER_H)
    return pl.DataFrame(
        {
            "station_id": station_id,
            "observed_at_utc": at,
            "outdoor_temperature_c": temp_c.round(1),
            "available_at_utc": at,
        }
    )


def meter_readings(record: HallRecord, meter_id: str) -> pl.DataFrame:
    """Return the site meter's one-minute energies, each available a minute after its end.

    Returns:
        Rows of raw_meter__readings.
    """
    energy_kwh = record.meter_energy_kwh
    start_s = np.arange(len(energy_kwh)) * S_PER_MINUTE
    return pl.DataFrame(
        {
            "meter_id": meter_id,
            "interval_start_utc": _instants(record, start_s),
            "interval_end_utc": _instants(record, start_s + S_PER_MINUTE),
            "energy_kwh": energy_kwh,
            "reading_quality": "ok",
            "available_at_utc": _instants(record, start_s + 2 * S_PER_MINUTE),
        }
    )


def allocations(record: HallRecord) -> pl.DataFrame:
    """Return which job held which GPU, as the scheduler's accounting says at the end.

    Returns:
        Rows of raw_job__allocations; the end is NULL for jobs that still run.
    """
    rows = [
        {
            "job_id": job.job_id,
            "job_class": job.job_class.value,
            "flexibility_tier": job.tier,
            "gpu_uuid": record.gpus[column].gpu_uuid,
            "node_id": record.gpus[column].node_id,
            "allocation_start_utc": record.plan.start_utc + timedelta(seconds=placement.start_s),
            "allocation_end_utc": None
            if placement.end_s is None
            else record.plan.start_utc + timedelta(seconds=placement.end_s),
            "available_at_utc": record.plan.end_utc,
        }
        for job, run in zip(record.jobs, record.world.runs, strict=True)
        for placement in run.placements
        if placement.end_s is None or placement.end_s > 0
        for column in placement.gpus
    ]
    instants = ("allocation_start_utc", "allocation_end_utc", "available_at_utc")
    return pl.DataFrame(rows, schema_overrides=dict.fromkeys(instants, _INSTANT))


def event_rows(record: HallRecord, program_id: str) -> pl.DataFrame:
    """Return the plan's events as the site was notified of them, two hours before each.

    Args:
        record: The hall.
        program_id: The program that settles them.

    Returns:
        Rows of raw_grid__events, first revision. The limit is what the target leaves of the mean
        metered load in the hour before the ramp, rounded up to a kilowatt.
    """
    rows = []
    for event in record.plan.events:
        ramp = timedelta(minutes=event.ramp_down_minutes)
        before = Interval(event.start_utc - ramp - timedelta(hours=1), event.start_utc - ramp)
        before_kw = float(record.meter_kw[record.minutes_in(before)].mean())
        rows.append(
            {
                "event_id": event.event_id,
                "revision": 1,
                "site_id": record.plan.site_id,
                "program_id": program_id,
                "event_start_utc": event.start_utc,
                "event_end_utc": event.end_utc,
                "notified_at_utc": event.start_utc - timedelta(hours=2),
                "committed_kw": event.committed_kw,
                "target_reduction_ratio": event.target_reduction_ratio,
                "limit_kw": float(np.ceil((1 - event.target_reduction_ratio) * before_kw)),
                "ramp_minutes": float(event.ramp_down_minutes),
                "event_kind": "economic",
                "cancelled": False,
                "event_source": "simulation",
                "available_at_utc": event.start_utc - timedelta(hours=2),
            }
        )
    return pl.DataFrame(rows)


def _instants(record: HallRecord, second: NDArray[np.int64]) -> pl.Series:
    start_ms = round(record.plan.start_utc.timestamp() * MS_PER_S)
    return pl.Series(start_ms + second * MS_PER_S, dtype=pl.Int64).cast(_INSTANT)
