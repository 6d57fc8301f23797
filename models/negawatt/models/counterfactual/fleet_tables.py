"""The tables of a fleet folder, translated into a fleet; column names end here.

Here: what each column means. Not here: files (the command reads them), the values themselves
(fleet.py), and which columns a table must have (fleet_format.py).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negawatt.models.counterfactual.fleet import (
    Action,
    ControlAction,
    Fleet,
    FleetEvent,
    Job,
    Progress,
    Run,
)
from negawatt.models.counterfactual.fleet_format import OPTIONAL, check_tables
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.units import MS_PER_S, S_PER_MINUTE

MINUTES_PER_DAY: Final = 1440
_MS_PER_MINUTE: Final = MS_PER_S * S_PER_MINUTE

_UP_STATES: Final = ("up", "ok", "idle", "healthy", "alloc", "allocated", "running", "mixed")


def fleet_from_tables(
    tables: Mapping[str, pl.DataFrame],
    events: Sequence[Mapping[str, object]],
    *,
    start_utc: datetime,
    gpu_power_w: NDArray[np.float32],
) -> Fleet:
    """Translate a fleet folder's tables.

    Args:
        tables: Tables by file name without ending; ``REQUIRED`` ones must be there.
        events: The entries of ``events.json``, oldest first.
        start_utc: Midnight UTC of the first day.
        gpu_power_w: Minute means, in the order of the table ``gpus`` (``minute_means``).

    Raises:
        DataRefusedError: A table or a column is missing, a row names an unknown GPU or job, or
            there is no event.
    """
    check_tables(tables)
    if not events:
        raise DataRefusedError(
            thing="events.json",
            expected="at least one event",
            found="an empty list",
            remedy="add the event to verify as the last entry",
        )
    gpus = tables["gpus"]
    clock = _Clock(start_utc, gpu_power_w.shape[1])
    jobs = _jobs(tables["jobs"], clock)
    row_of_job = {job.job_id: row for row, job in enumerate(jobs)}
    row_of_gpu = {gpu: row for row, gpu in enumerate(_text(gpus["gpu"]))}
    nodes, gpu_node = np.unique(np.array(_text(gpus["node"])), return_inverse=True)
    node_state = tables.get("node_state")
    storage = tables.get("storage")
    return Fleet(
        start_utc=start_utc,
        gpu_power_w=gpu_power_w,
        gpu_node=gpu_node.astype(np.int64),
        gpu_pool=np.array(_text(gpus["pool"])),
        jobs=jobs,
        runs=_runs(tables["placements"], clock, row_of_job, row_of_gpu),
        actions=_actions(tables.get("dispatch"), clock, row_of_job),
        progress=_progress(tables.get("job_progress"), clock, row_of_job),
        service_load=_by_job(tables.get("service_load"), "load", clock, row_of_job),
        meter_kw=_series(tables.get("site_meter"), "kw", clock),
        temp_c=_filled(_series(tables.get("weather"), "temp_c", clock)),
        storage_kw=None
        if storage is None
        else _filled(_series(storage.group_by("ts").agg(pl.col.kw.sum()), "kw", clock)),
        node_down=None if node_state is None else _down(node_state, clock, list(nodes)),
        other_sites_kw=_other_sites(tables.get("other_sites"), clock),
        events=tuple(_event(event, clock) for event in events),
        missing=tuple(cost for name, (_, cost) in OPTIONAL.items() if name not in tables and cost),
        has_dispatch="dispatch" in tables,
    )


class _Clock:
    """Instants of a table as seconds from the fleet's start."""

    def __init__(self, start_utc: datetime, n_minutes: int) -> None:
        self.n_minutes = n_minutes
        self._start_ms = round(start_utc.timestamp() * MS_PER_S)

    def seconds(self, instants: pl.Series) -> NDArray[np.float64]:
        """Return seconds [s]; NaN where an instant is null. Naive instants are UTC."""
        ms = instants.cast(pl.Datetime("ms")).dt.epoch("ms").cast(pl.Float64)
        return ((ms - self._start_ms) / MS_PER_S).fill_null(np.nan).to_numpy()

    def minute(self, text: object) -> int:
        """Return the minute of an ISO instant; without offset it is UTC."""
        try:
            moment = datetime.fromisoformat(str(text))
        except ValueError as error:
            raise DataRefusedError(
                thing="events.json",
                expected="instants in ISO 8601",
                found=repr(text),
                remedy="write them like 2026-07-01T16:00:00+00:00",
            ) from error
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return round((moment.timestamp() * MS_PER_S - self._start_ms) / _MS_PER_MINUTE)


def _text(column: pl.Series) -> list[str]:
    return column.cast(pl.String).to_list()


def _rows(table: str, column: pl.Series, row_of: Mapping[str, int]) -> NDArray[np.int64]:
    """Return the row that each name stands for."""
    names = _text(column)
    unknown = next((name for name in names if name not in row_of), None)
    if unknown is not None:
        raise DataRefusedError(
            thing=f"fleet folder, table {table}",
            expected=f"a {column.name} of the fleet",
            found=repr(unknown),
            remedy="add it to its own table, or remove the row",
        )
    return np.array([row_of[name] for name in names], dtype=np.int64)


def _jobs(table: pl.DataFrame, clock: _Clock) -> tuple[Job, ...]:
    submit_s, start_s, end_s = (clock.seconds(table[name]) for name in ("submit", "start", "end"))
    submit_s = np.where(np.isnan(submit_s), start_s, submit_s)
    if "priority" in table.columns:
        priority = table["priority"].cast(pl.Float64).fill_null(0.0)
    else:
        priority = pl.Series(np.zeros(table.height))
    return tuple(
        Job(
            job_id=job_id,
            job_class=job_class,
            tier=tier,
            gpu_count=gpu_count,
            pool=pool,
            submit_s=submitted_s,
            end_s=np.inf if np.isnan(ended_s) else ended_s,
            est_runtime_s=estimate_s,
            priority=its_priority,
        )
        for (
            job_id,
            job_class,
            tier,
            gpu_count,
            pool,
            submitted_s,
            ended_s,
            estimate_s,
            its_priority,
        ) in zip(
            _text(table["job_id"]),
            _text(table["class"]),
            table["tier"].cast(pl.Int64).to_list(),
            table["gpus"].cast(pl.Int64).to_list(),
            _text(table["pool"]),
            submit_s.tolist(),
            end_s.tolist(),
            table["est_runtime_s"].cast(pl.Float64).fill_null(np.nan).to_list(),
            priority.to_list(),
            strict=True,
        )
    )


def _runs(
    table: pl.DataFrame,
    clock: _Clock,
    row_of_job: Mapping[str, int],
    row_of_gpu: Mapping[str, int],
) -> tuple[Run, ...]:
    """Gather a placement's rows, one for each GPU, into runs."""
    placed = pl.DataFrame(
        {
            "job": _rows("placements", table["job_id"], row_of_job),
            "gpu": _rows("placements", table["gpu"], row_of_gpu),
            "start_s": clock.seconds(table["start"]),
            "end_s": np.nan_to_num(clock.seconds(table["end"]), nan=np.inf),
        }
    ).filter(pl.col.start_s.is_not_nan())
    grouped = placed.group_by("job", "start_s", "end_s").agg(pl.col.gpu.sort())
    grouped = grouped.sort("start_s", "job", "end_s")
    return tuple(
        Run(job=job, gpus=np.array(gpus), start_s=start_s, end_s=end_s)
        for job, start_s, end_s, gpus in grouped.iter_rows()
    )


def _actions(
    table: pl.DataFrame | None, clock: _Clock, row_of_job: Mapping[str, int]
) -> tuple[ControlAction, ...]:
    if table is None:
        return ()
    known = {action.value for action in Action}
    found = set(_text(table["action"])) - known
    if found:
        raise DataRefusedError(
            thing="fleet folder, table dispatch",
            expected="actions " + ", ".join(sorted(known)),
            found=", ".join(sorted(found)),
            remedy="translate the operator's word into one of these",
        )
    table = table.sort("ts", maintain_order=True)
    return tuple(
        ControlAction(at_s=at_s, job=job, action=Action(action), power_ratio=ratio)
        for at_s, job, action, ratio in zip(
            clock.seconds(table["ts"]).tolist(),
            _rows("dispatch", table["job_id"], row_of_job).tolist(),
            _text(table["action"]),
            table["power_fraction"].cast(pl.Float64).fill_null(np.nan).to_list(),
            strict=True,
        )
    )


def _progress(
    table: pl.DataFrame | None, clock: _Clock, row_of_job: Mapping[str, int]
) -> dict[int, Progress]:
    if table is None:
        return {}
    table = table.drop_nulls("work_s").sort("job_id", "ts")
    jobs = _rows("job_progress", table["job_id"], row_of_job)
    at_s = clock.seconds(table["ts"])
    work_s = table["work_s"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    return {
        int(jobs[part.start]): Progress(at_s=at_s[part], work_s=work_s[part])
        for part in _stretches(jobs)
    }


def _by_job(
    table: pl.DataFrame | None, column: str, clock: _Clock, row_of_job: Mapping[str, int]
) -> dict[int, NDArray[np.float64]]:
    if table is None:
        return {}
    table = table.sort("job_id", "ts")
    jobs = _rows("service_load", table["job_id"], row_of_job)
    return {
        int(jobs[part.start]): _filled(_series(table[part], column, clock))
        for part in _stretches(jobs)
    }


def _stretches(keys: NDArray[np.int64]) -> list[slice]:
    """Return the slices of equal neighbors."""
    if len(keys) == 0:
        return []
    edges = np.flatnonzero(np.diff(keys)) + 1
    return [slice(a, b) for a, b in zip([0, *edges], [*edges, len(keys)], strict=True)]


def _series(table: pl.DataFrame | None, column: str, clock: _Clock) -> NDArray[np.float64]:
    """Return a column on the grid of minutes: the mean of what starts in each, NaN where none."""
    values = np.full(clock.n_minutes, np.nan)
    if table is None:
        return values
    minute = np.floor(clock.seconds(table["ts"]) / S_PER_MINUTE).astype(np.int64)
    value = table[column].cast(pl.Float64).fill_null(np.nan).to_numpy()
    known = (minute >= 0) & (minute < clock.n_minutes) & ~np.isnan(value)
    sums = np.bincount(minute[known], weights=value[known], minlength=clock.n_minutes)
    counts = np.bincount(minute[known], minlength=clock.n_minutes)
    np.divide(sums, counts, out=values, where=counts > 0)
    return values


def _filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Join known values with straight lines: weather and traffic are given in coarser steps."""
    known = ~np.isnan(values)
    if not known.any():
        return values
    minutes = np.arange(len(values))
    return np.interp(minutes, minutes[known], values[known])


def _down(table: pl.DataFrame, clock: _Clock, nodes: list[str]) -> NDArray[np.bool_]:
    """Return when each node was out of service: from a row that says so until the next row."""
    down = np.zeros((len(nodes), clock.n_minutes), dtype=bool)
    row_of = {node: row for row, node in enumerate(nodes)}
    table = table.sort("ts", maintain_order=True)
    for node, at_s, state in zip(
        _rows("node_state", table["node"], row_of),
        clock.seconds(table["ts"]),
        _text(table["state"]),
        strict=True,
    ):
        minute = min(max(0, int(at_s // S_PER_MINUTE)), clock.n_minutes)
        down[node, minute:] = state.lower() not in _UP_STATES
    return down


def _other_sites(table: pl.DataFrame | None, clock: _Clock) -> dict[str, NDArray[np.float64]]:
    if table is None:
        return {}
    parts: dict[tuple[object, ...], pl.DataFrame] = table.partition_by("site", as_dict=True)
    return {
        str(site): _series(part, "kw", clock) for (site,), part in sorted(parts.items(), key=str)
    }


def _event(entry: Mapping[str, object], clock: _Clock) -> FleetEvent:
    absent = {"start", "end"} - set(entry)
    if absent:
        raise DataRefusedError(
            thing="events.json",
            expected="start and end in every event",
            found="no " + ", no ".join(sorted(absent)),
            remedy="give both as ISO 8601 instants in UTC",
        )
    start, end = clock.minute(entry["start"]), clock.minute(entry["end"])
    if not 0 <= start < end <= clock.n_minutes:
        raise DataRefusedError(
            thing="events.json",
            expected="events inside the days of gpu_power",
            found=f"{entry['start']} to {entry['end']}",
            remedy="add the missing days, or correct the event",
        )
    notified = entry.get("notified")
    return FleetEvent(
        start_minute=start,
        end_minute=end,
        notified_minute=None if notified is None else clock.minute(notified),
    )
