"""A record as the tables of the fleet folder: the exchange format for a site's job-aware data.

Here: translation into its columns, as frames. Its column names are the exchange's own. Not here:
writing files (the command does). What the tables show is what an operator would have: sensors and
meter with their errors, never the truth, which has a table of its own.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negawatt.models.domain.units import MILLIWATT_PER_W, MS_PER_S, S_PER_H, S_PER_MINUTE
from negawatt.models.simulation.grid import S_PER_DAY
from negawatt.models.simulation.layout import Pool
from negawatt.models.simulation.progress import stretches_of_jobs, work_done_s
from negawatt.models.simulation.record import HallRecord

_INSTANT = pl.Datetime("ms", "UTC")


def fleet_frames(record: HallRecord) -> dict[str, pl.DataFrame]:
    """Return the tables of the fleet folder, by file name without its ending.

    Args:
        record: A simulated hall.

    Returns:
        ``gpu_power/day=NN`` for each day, ``gpus``, ``jobs``, ``placements``, ``dispatch``,
        ``job_progress``, ``service_load``, ``site_meter`` and ``weather``.
    """
    power = {f"gpu_power/day={day:02d}": _gpu_power(record, day) for day in range(record.plan.days)}
    return power | {
        "gpus": _gpus(record),
        "jobs": _jobs(record),
        "placements": _placements(record),
        "dispatch": _dispatch(record),
        "job_progress": _job_progress(record),
        "service_load": _service_load(record),
        "site_meter": _site_meter(record),
        "weather": _weather(record),
    }


def fleet_events(record: HallRecord) -> list[dict[str, object]]:
    """Return the events as ``events.json`` lists them: oldest first, the last to verify."""
    return [
        {
            "event_id": event.event_id,
            "start": event.window.start_utc.isoformat(),
            "end": event.window.end_utc.isoformat(),
            "target_fraction": event.target_reduction_ratio,
            "committed_kw": event.committed_kw,
            "ramp_minutes": event.ramp_down_minutes,
        }
        for event in record.plan.events
    ]


def truth_frame(record: HallRecord) -> pl.DataFrame:
    """Return what only a simulation knows, minute by minute: both worlds, without instruments.

    Columns: ts, site_kw, site_kw_without_event, gpu_kw, gpu_kw_without_event.
    """
    return pl.DataFrame(
        {
            "ts": _minutes(record),
            "site_kw": record.load.site_kw,
            "site_kw_without_event": record.load_without_event.site_kw,
            "gpu_kw": record.load.gpu_kw,
            "gpu_kw_without_event": record.load_without_event.gpu_kw,
        }
    )


def _instants(record: HallRecord, second: Sequence[int | None] | NDArray[np.int64]) -> pl.Series:
    """Return instants from seconds after the start; None stays null."""
    start_ms = int(record.plan.start_utc.timestamp()) * MS_PER_S
    return (pl.Series(second, dtype=pl.Int64) * MS_PER_S + start_ms).cast(_INSTANT)


def _gpu_power(record: HallRecord, day: int) -> pl.DataFrame:
    """Return one day's sensed means, GPU by GPU, null where telemetry was lost."""
    steps = record.grid.steps_of_day(day)
    power_w = record.sensed_milliwatt[steps].T / MILLIWATT_PER_W
    lost = np.zeros(power_w.shape, dtype=bool)
    if record.faults is not None:
        in_day = np.arange(steps.start, steps.stop)
        bounds = record.faults.lost_steps
        lost[record.faults.lost_gpu] = (in_day >= bounds.start) & (in_day < bounds.stop)
    n_gpus, n_steps = power_w.shape
    uuids = pl.Series([gpu.gpu_uuid for gpu in record.gpus])
    return pl.DataFrame(
        {
            "ts": _instants(record, np.tile(record.grid.start_s[steps], n_gpus)),
            "gpu": uuids.gather(np.repeat(np.arange(n_gpus), n_steps)),
            "power_w": np.where(lost, np.nan, power_w).ravel(),
        }
    ).with_columns(pl.col("power_w").fill_nan(None))


def _gpus(record: HallRecord) -> pl.DataFrame:
    rows = [(gpu.gpu_uuid, gpu.node_id, gpu.pool.value) for gpu in record.gpus]
    return pl.DataFrame(rows, schema=["gpu", "node", "pool"], orient="row")


def _known_jobs(record: HallRecord) -> list[int]:
    """Return the jobs that touch the simulated days: not those that ended in the warm-up."""
    ends_s = [run.end_s for run in record.world.runs]
    return [index for index, end_s in enumerate(ends_s) if end_s is None or end_s > 0]


def _jobs(record: HallRecord) -> pl.DataFrame:
    known = _known_jobs(record)
    jobs, runs = [record.jobs[i] for i in known], [record.world.runs[i] for i in known]
    return pl.DataFrame(
        {
            "job_id": [job.job_id for job in jobs],
            "class": [job.job_class.value for job in jobs],
            "tier": [job.tier for job in jobs],
            "gpus": [job.gpu_count for job in jobs],
            "submit": _instants(record, [job.submit_s for job in jobs]),
            "start": _instants(record, [run.start_s for run in runs]),
            "end": _instants(record, [run.end_s for run in runs]),
            "est_runtime_s": pl.Series([job.est_runtime_s for job in jobs], dtype=pl.Int64),
            "pool": [job.pool.value for job in jobs],
            "priority": [job.priority for job in jobs],
        }
    )


def _placements(record: HallRecord) -> pl.DataFrame:
    runs = record.world.runs
    rows = [(index, column) for index in _known_jobs(record) for column in runs[index].gpus]
    return pl.DataFrame(
        {
            "job_id": _text(record.jobs[index].job_id for index, _ in rows),
            "gpu": _text(record.gpus[column].gpu_uuid for _, column in rows),
            "start": _instants(record, [runs[index].start_s for index, _ in rows]),
            "end": _instants(record, [runs[index].end_s for index, _ in rows]),
        }
    )


def _dispatch(record: HallRecord) -> pl.DataFrame:
    actions = record.world.actions
    return pl.DataFrame(
        {
            "ts": _instants(record, [action.at_s for action in actions]),
            "job_id": _text(record.jobs[action.job_index].job_id for action in actions),
            "action": _text(action.action.value for action in actions),
            "power_fraction": pl.Series(
                [action.power_ratio for action in actions], dtype=pl.Float64
            ),
        }
    )


def _job_progress(record: HallRecord) -> pl.DataFrame:
    """Return the progress of batch jobs, once a minute of the event day while they hold GPUs."""
    first_s = record.plan.event_day * S_PER_DAY
    minutes_s = np.arange(first_s, first_s + S_PER_DAY, S_PER_MINUTE)
    frames = [_job_progress_schema()]
    for index, stretches in sorted(stretches_of_jobs(record.world).items()):
        held = (minutes_s >= stretches[0].start_s) & (minutes_s < stretches[-1].end_s)
        if record.jobs[index].work_s is None or not held.any():
            continue
        frames.append(
            pl.DataFrame(
                {
                    "ts": _instants(record, minutes_s[held]),
                    "job_id": _text([record.jobs[index].job_id] * int(held.sum())),
                    "work_s": work_done_s(stretches, minutes_s[held]),
                }
            )
        )
    return pl.concat(frames)


def _job_progress_schema() -> pl.DataFrame:
    return pl.DataFrame(schema={"ts": _INSTANT, "job_id": pl.String, "work_s": pl.Float64})


def _service_load(record: HallRecord) -> pl.DataFrame:
    services = [job for job in record.jobs if job.pool is Pool.ONLINE]
    return pl.concat(
        pl.DataFrame(
            {
                "ts": _minutes(record),
                "job_id": _text([job.job_id] * len(record.meter_kw)),
                "load": record.surroundings.activity(job),
                "replicas": pl.repeat(job.gpu_count, len(record.meter_kw), eager=True),
            }
        )
        for job in services
    )


def _site_meter(record: HallRecord) -> pl.DataFrame:
    return pl.DataFrame({"ts": _minutes(record), "kw": record.meter_kw})


def _weather(record: HallRecord) -> pl.DataFrame:
    """Return hourly means, as weather services give them."""
    minutes_per_hour = S_PER_H // S_PER_MINUTE
    hourly_c = record.surroundings.temp_c.reshape(-1, minutes_per_hour).mean(axis=1)
    return pl.DataFrame(
        {"ts": _instants(record, np.arange(len(hourly_c)) * S_PER_H), "temp_c": hourly_c}
    )


def _minutes(record: HallRecord) -> pl.Series:
    return _instants(record, np.arange(len(record.meter_kw)) * S_PER_MINUTE)


def _text(values: Iterable[str]) -> pl.Series:
    return pl.Series(list(values), dtype=pl.String)
