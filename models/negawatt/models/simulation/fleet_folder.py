"""A record as the tables of the fleet folder: the exchange format for a site's job-aware data.

Here: translation into its columns, as frames. Its column names are the exchange's own. Not here:
writing files (the command does). What the tables show is what an operator would have: sensors and
meter with their errors, never the truth (negawatt.models.simulation.truth).
"""

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negawatt.models.domain.units import MILLIWATT_PER_W, S_PER_H, S_PER_MINUTE
from negawatt.models.simulation.grid import S_PER_DAY
from negawatt.models.simulation.incidents import SecondSite
from negawatt.models.simulation.layout import Pool, node_name
from negawatt.models.simulation.progress import stretches_of_jobs, work_done_s
from negawatt.models.simulation.record import HallRecord
from negawatt.models.simulation.table_parts import INSTANT, instants, known_jobs, minutes, text
from negawatt.models.simulation.world import JobRun


def fleet_frames(record: HallRecord) -> dict[str, pl.DataFrame]:
    """Return all tables of the fleet folder, by file name without its ending.

    Args:
        record: A simulated hall.

    Returns:
        What ``fleet_tables`` yields.
    """
    return dict(fleet_tables(record))


def fleet_tables(record: HallRecord) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield the tables of the fleet folder one by one: each is made when it is asked for.

    They are ``gpu_power/day=NN`` for each day, ``gpus``, ``jobs``, ``placements``, ``dispatch``,
    ``job_progress``, ``service_load``, ``site_meter`` and ``weather``; ``node_state`` where nodes
    can fail, ``storage`` with a battery and ``other_sites`` with a second site.
    """
    for day in range(record.plan.days):
        yield f"gpu_power/day={day:02d}", _gpu_power(record, day)
    yield "gpus", _gpus(record)
    yield "jobs", _jobs(record)
    yield "placements", _placements(record)
    yield "dispatch", _dispatch(record)
    yield "job_progress", _job_progress(record)
    yield "service_load", _service_load(record)
    yield "site_meter", _site_meter(record)
    yield "weather", _weather(record)
    if record.outages or record.plan.failures.per_1000_node_days > 0:
        yield "node_state", _node_state(record)
    if record.plan.battery is not None:
        yield "storage", pl.DataFrame({"ts": minutes(record), "kw": record.storage_kw})
    if record.plan.second_site is not None:
        yield "other_sites", _other_sites(record, record.plan.second_site)


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
        | ({} if event.notified_utc is None else {"notified": event.notified_utc.isoformat()})
        for event in record.plan.events
    ]


def _gpu_power(record: HallRecord, day: int) -> pl.DataFrame:
    """Return one day's sensed means, GPU by GPU, null where telemetry was lost."""
    steps = record.grid.steps_of_day(day)
    power_w = record.sensed_milliwatt[steps].T / MILLIWATT_PER_W
    for loss in record.losses:
        first = max(loss.steps.start - steps.start, 0)
        power_w[loss.columns, first : max(loss.steps.stop - steps.start, 0)] = np.nan
    n_gpus, n_steps = power_w.shape
    uuids = pl.Series([gpu.gpu_uuid for gpu in record.gpus])
    return pl.DataFrame(
        {
            "ts": instants(record, np.tile(record.grid.start_s[steps], n_gpus)),
            "gpu": uuids.gather(np.repeat(np.arange(n_gpus), n_steps)),
            "power_w": power_w.ravel(),
        }
    ).with_columns(pl.col("power_w").fill_nan(None))


def _gpus(record: HallRecord) -> pl.DataFrame:
    rows = [(gpu.gpu_uuid, gpu.node_id, gpu.pool.value) for gpu in record.gpus]
    return pl.DataFrame(rows, schema=["gpu", "node", "pool"], orient="row")


def _jobs(record: HallRecord) -> pl.DataFrame:
    known = known_jobs(record)
    jobs, runs = [record.jobs[i] for i in known], [record.world.runs[i] for i in known]
    return pl.DataFrame(
        {
            "job_id": [job.job_id for job in jobs],
            "class": [job.job_class.value for job in jobs],
            "tier": [job.tier for job in jobs],
            "gpus": [job.gpu_count for job in jobs],
            "submit": instants(record, [job.submit_s for job in jobs]),
            "start": instants(record, [run.start_s for run in runs]),
            "end": instants(record, [run.end_s for run in runs]),
            "est_runtime_s": pl.Series([job.est_runtime_s for job in jobs], dtype=pl.Int64),
            "pool": [job.pool.value for job in jobs],
            "priority": [job.priority for job in jobs],
        }
    )


def _placements(record: HallRecord) -> pl.DataFrame:
    runs = record.world.runs
    rows = [
        (index, placement, column)
        for index in known_jobs(record)
        for placement in runs[index].placements
        for column in placement.gpus
    ]
    return pl.DataFrame(
        {
            "job_id": text(record.jobs[index].job_id for index, _, _ in rows),
            "gpu": text(record.gpus[column].gpu_uuid for _, _, column in rows),
            "start": instants(record, [placement.start_s for _, placement, _ in rows]),
            "end": instants(record, [placement.end_s for _, placement, _ in rows]),
        }
    )


def _dispatch(record: HallRecord) -> pl.DataFrame:
    actions = record.world.actions
    return pl.DataFrame(
        {
            "ts": instants(record, [action.at_s for action in actions]),
            "job_id": text(record.jobs[action.job_index].job_id for action in actions),
            "action": text(action.action.value for action in actions),
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
                    "ts": instants(record, minutes_s[held]),
                    "job_id": text([record.jobs[index].job_id] * int(held.sum())),
                    "work_s": work_done_s(stretches, minutes_s[held]),
                }
            )
        )
    return pl.concat(frames)


def _job_progress_schema() -> pl.DataFrame:
    return pl.DataFrame(schema={"ts": INSTANT, "job_id": pl.String, "work_s": pl.Float64})


def _service_load(record: HallRecord) -> pl.DataFrame:
    """Return requests over what a service can serve, and how many GPUs serve it."""
    at_s = np.arange(len(record.meter_kw)) * S_PER_MINUTE
    return pl.concat(
        pl.DataFrame(
            {
                "ts": minutes(record),
                "job_id": text([job.job_id] * len(at_s)),
                "load": record.surroundings.activity(job),
                "replicas": job.gpu_count * _is_placed(run, at_s).astype(np.int32),
            }
        )
        for job, run in zip(record.jobs, record.world.runs, strict=True)
        if job.pool is Pool.ONLINE
    )


def _is_placed(run: JobRun, at_s: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say at which moments a job holds GPUs."""
    placed = np.zeros(len(at_s), dtype=bool)
    for placement in run.placements:
        until_s = at_s[-1] + 1 if placement.end_s is None else placement.end_s
        placed |= (at_s >= placement.start_s) & (at_s < until_s)
    return placed


def _node_state(record: HallRecord) -> pl.DataFrame:
    """Return every change of a node's state; each is up at the start."""
    rows = [(0, node, "up") for node in range(record.plan.nodes)]
    rows += [(outage.down_s, outage.node, "down") for outage in record.outages]
    rows += [(outage.up_s, outage.node, "up") for outage in record.outages]
    rows = sorted(row for row in rows if row[0] < record.plan.days * S_PER_DAY)
    return pl.DataFrame(
        {
            "ts": instants(record, [at_s for at_s, _, _ in rows]),
            "node": text(node_name(node) for _, node, _ in rows),
            "state": text(state for _, _, state in rows),
        }
    )


def _other_sites(record: HallRecord, site: SecondSite) -> pl.DataFrame:
    return pl.DataFrame({"ts": minutes(record), "kw": record.second_site_kw}).select(
        "ts", pl.lit(site.site_id).alias("site"), "kw"
    )


def _site_meter(record: HallRecord) -> pl.DataFrame:
    return pl.DataFrame({"ts": minutes(record), "kw": record.meter_kw})


def _weather(record: HallRecord) -> pl.DataFrame:
    """Return hourly means, as weather services give them."""
    minutes_per_hour = S_PER_H // S_PER_MINUTE
    hourly_c = record.surroundings.temp_c.reshape(-1, minutes_per_hour).mean(axis=1)
    return pl.DataFrame(
        {"ts": instants(record, np.arange(len(hourly_c)) * S_PER_H), "temp_c": hourly_c}
    )
