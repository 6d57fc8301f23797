"""The tables of a fleet made by hand, in the columns of the exchange.

Here: translation only, as an operator's own script might do it. Instants are naive UTC.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from negawatt.models.counterfactual.fleet import Fleet
from negawatt.models.counterfactual.fleet_tables import fleet_from_tables
from tests.models.counterfactual.fleets import (
    DAY,
    INF,
    Work,
    cap,
    fleet_of,
    hold,
    pause,
    release,
    worked,
)

INSTANT = pl.Datetime("ms")


def tables_of(fleet: Fleet) -> dict[str, pl.DataFrame]:
    """Return the tables of a fleet, all but its power."""
    name = [job.job_id for job in fleet.jobs]
    minute = range(fleet.n_minutes)
    placed = [(name[run.job], gpu, run) for run in fleet.runs for gpu in run.gpus.tolist()]
    done = [
        (name[job], at_s, work_s)
        for job, its in fleet.progress.items()
        for at_s, work_s in zip(its.at_s.tolist(), its.work_s.tolist(), strict=True)
    ]
    loads = [
        (name[job], at, kw) for job, its in fleet.service_load.items() for at, kw in enumerate(its)
    ]
    starts = {run.job: run.start_s for run in reversed(fleet.runs)}
    tables = {
        "gpus": pl.DataFrame(
            {
                "gpu": [f"gpu-{gpu}" for gpu in range(fleet.n_gpus)],
                "node": [f"node-{node}" for node in fleet.gpu_node.tolist()],
                "pool": fleet.gpu_pool.tolist(),
            }
        ),
        "jobs": pl.DataFrame(
            {
                "job_id": name,
                "class": [job.job_class for job in fleet.jobs],
                "tier": [job.tier for job in fleet.jobs],
                "gpus": [job.gpu_count for job in fleet.jobs],
                "submit": instants(fleet, [job.submit_s for job in fleet.jobs]),
                "start": instants(fleet, [starts.get(j, math.inf) for j in range(len(name))]),
                "end": instants(fleet, [job.end_s for job in fleet.jobs]),
                "est_runtime_s": pl.Series([job.est_runtime_s for job in fleet.jobs]).fill_nan(
                    None
                ),
                "pool": [job.pool for job in fleet.jobs],
                "priority": [job.priority for job in fleet.jobs],
            }
        ),
        "placements": pl.DataFrame(
            {
                "job_id": [job_id for job_id, _, _ in placed],
                "gpu": [f"gpu-{gpu}" for _, gpu, _ in placed],
                "start": instants(fleet, [run.start_s for _, _, run in placed]),
                "end": instants(fleet, [run.end_s for _, _, run in placed]),
            }
        ),
        "dispatch": pl.DataFrame(
            {
                "ts": instants(fleet, [action.at_s for action in fleet.actions]),
                "job_id": [name[action.job] for action in fleet.actions],
                "action": [action.action.value for action in fleet.actions],
                "power_fraction": [action.power_ratio for action in fleet.actions],
            },
            schema_overrides={"job_id": pl.String, "action": pl.String},
        ).with_columns(pl.col("power_fraction").fill_nan(None)),
        "job_progress": pl.DataFrame(
            {
                "ts": instants(fleet, [at_s for _, at_s, _ in done]),
                "job_id": pl.Series([job_id for job_id, _, _ in done], dtype=pl.String),
                "work_s": pl.Series([work_s for _, _, work_s in done], dtype=pl.Float64),
            }
        ),
        "service_load": pl.DataFrame(
            {
                "ts": instants(fleet, [60.0 * at for _, at, _ in loads]),
                "job_id": pl.Series([job_id for job_id, _, _ in loads], dtype=pl.String),
                "load": pl.Series([load for _, _, load in loads], dtype=pl.Float64),
            }
        ),
        "site_meter": pl.DataFrame(
            {"ts": instants(fleet, [60.0 * at for at in minute]), "kw": fleet.meter_kw}
        ),
        "weather": pl.DataFrame(
            {"ts": instants(fleet, [60.0 * at for at in minute]), "temp_c": fleet.temp_c}
        ),
    }
    if fleet.node_down is not None:
        tables["node_state"] = _node_state(fleet, fleet.node_down)
    return tables


def _node_state(fleet: Fleet, node_down: np.ndarray) -> pl.DataFrame:
    rows = [
        (f"node-{node}", 60.0 * at, "down" if row[at] else "up")
        for node, row in enumerate(node_down)
        for at in [0, *(np.flatnonzero(np.diff(row)) + 1).tolist()]
    ]
    return pl.DataFrame(
        {
            "ts": instants(fleet, [at_s for _, at_s, _ in rows]),
            "node": [node for node, _, _ in rows],
            "state": [state for _, _, state in rows],
        }
    )


def instants(fleet: Fleet, seconds: Iterable[float]) -> pl.Series:
    """Return instants, null where a time is infinite."""
    start = fleet.start_utc.replace(tzinfo=None)
    found: list[datetime | None] = [
        start + timedelta(seconds=at_s) if math.isfinite(at_s) else None for at_s in seconds
    ]
    return pl.Series(found, dtype=INSTANT)


def events_of(fleet: Fleet) -> list[dict[str, object]]:
    """Return the entries of ``events.json``."""
    return [
        {
            "start": fleet.at(event.start_minute).isoformat(),
            "end": fleet.at(event.end_minute).isoformat(),
            "target_fraction": 0.25,
        }
        | (
            {}
            if event.notified_minute is None
            else {"notified": fleet.at(event.notified_minute).isoformat()}
        )
        for event in fleet.events
    ]


def read_back(fleet: Fleet, tables: dict[str, pl.DataFrame]) -> Fleet:
    """Return the fleet that tables tell, with the power and the events of a fleet."""
    return fleet_from_tables(
        tables, events_of(fleet), start_utc=fleet.start_utc, gpu_power_w=fleet.gpu_power_w
    )


@cache
def busy_day() -> Fleet:
    """Two nodes: a capped job that ends, a paused one, a held one, a failure, a service."""
    works = [
        Work(name="101", runs=[(10, 770, [0, 1])], drawn=[(600, 700, 300.0)]),
        Work(name="102", runs=[(20, INF, [2, 3])], drawn=[(620, 660, 50.0), (680, 690, 120.0)]),
        Work(name="103", runs=[(781, 1200, [4, 5])], submit=630, priority=2.0),
        Work(name="104", runs=[(30, 640, [6]), (700, 900, [6])], power_w=250.0),
        Work(name="105", submit=640, estimate=300, asked=2, job_class="tune", tier=3),
        Work(name="106", runs=[(0, 100, [7])], job_class="tune", power_w=222.0),
    ]
    acts = [cap(600, "101", 0.6), release(700, "101"), pause(620, "102"), release(660, "102")]
    fleet = fleet_of(
        works,
        [*acts, hold(630, "103")],
        nodes=2,
        progress={"101": worked((600, 700, 0.7), until=770)},
    )
    rate = 1.0 + np.sin(np.arange(DAY) / 50)
    return replace(
        fleet,
        service_load={3: rate},
        meter_kw=np.arange(DAY) / 10,
        temp_c=20.0 + np.arange(DAY) / 100,
    )


def write_folder(folder: Path, fleet: Fleet) -> Path:
    """Write a fleet as a folder, one file for each day from its start; lost readings are null."""
    (folder / "gpu_power").mkdir(parents=True)
    for name, table in tables_of(fleet).items():
        table.write_parquet(folder / f"{name}.parquet")
    for day in range(-(-fleet.n_minutes // DAY)):
        minutes = range(day * DAY, min((day + 1) * DAY, fleet.n_minutes))
        power_w = fleet.gpu_power_w[:, minutes.start : minutes.stop]
        pl.DataFrame(
            {
                "ts": instants(fleet, [60.0 * minute for minute in minutes] * fleet.n_gpus),
                "gpu": [f"gpu-{gpu}" for gpu in range(fleet.n_gpus) for _ in minutes],
                "power_w": power_w.ravel(),
            }
        ).with_columns(pl.col("power_w").fill_nan(None)).write_parquet(
            folder / "gpu_power" / f"day={day:02d}.parquet"
        )
    (folder / "events.json").write_text(json.dumps(events_of(fleet)), "utf-8")
    return folder
