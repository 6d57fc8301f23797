"""The sensor that tells of runs that failed and of tables that are not fresh.

A run that the daemon tries again is not told of, nor one that a command started: whoever gave the
command saw it. Not here: what needs a person once a day (reminders.py).
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Final

import dagster as dg
from dagster._core.definitions.freshness import FreshnessState

from negawatt.pipelines.alerts import messages
from negawatt.pipelines.alerts.settings import read_alert_settings
from negawatt.pipelines.alerts.webhook import send
from negawatt.pipelines.assets.core import CORE_TABLES
from negawatt.pipelines.resources import ClockResource, WarehouseResource
from negawatt.pipelines.retries import is_of_a_command

_RUNS_AT_ONCE: Final = 20
_WILL_RETRY: Final = "dagster/will_retry"


@dataclass(kw_only=True)
class Told:
    """What was told already.

    Attributes:
        since_utc: Runs that changed later are looked at.
        runs: Those among them that are done with.
        stale: Tables of which was told that they are not fresh.
    """

    since_utc: str
    runs: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)


@dg.sensor(minimum_interval_seconds=30)
def alert(
    context: dg.SensorEvaluationContext, warehouse: WarehouseResource, clock: ClockResource
) -> dg.SkipReason:
    """Tell of each run that failed for good, and of tables that are not fresh, once.

    The first look tells of no run. What could not be delivered is told again at the next look, also
    what was delivered before it in the same look: receivers know it by its ``alert_id``.
    """
    settings = read_alert_settings(warehouse.layout)
    if settings is None:
        return dg.SkipReason(f"no {warehouse.layout.alerts_file.name} in the warehouse")
    if context.cursor is None:
        told = Told(since_utc=clock.now_utc().isoformat())
    else:
        told = Told(**json.loads(context.cursor))
    alerts = [*_failed_runs(context.instance, told), *_freshness(context.instance, told)]
    for one in alerts:
        send(settings, one)
    context.update_cursor(json.dumps(asdict(told)))
    return dg.SkipReason(f"{len(alerts)} alerts sent")


def _failed_runs(instance: dg.DagsterInstance, told: Told) -> Iterator[messages.Alert]:
    since_utc = datetime.fromisoformat(told.since_utc)
    records = instance.get_run_records(
        dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=since_utc),
        limit=_RUNS_AT_ONCE + len(told.runs),
        order_by="update_timestamp",
        ascending=True,
    )
    for record in records:
        run = record.dagster_run
        if run.run_id in told.runs:
            continue
        told.runs.append(run.run_id)
        if run.tags.get(_WILL_RETRY) == "true" or is_of_a_command(run):
            continue
        yield messages.run_failed(
            run_id=run.run_id,
            job=run.job_name,
            partition=run.tags.get("dagster/partition", ""),
            why=_why(instance, run.run_id),
            failed_at_utc=record.update_timestamp,
        )
    if records:
        # A moment earlier: two runs may have changed in the same microsecond.
        newest_utc = records[-1].update_timestamp - timedelta(microseconds=1)
        told.since_utc = newest_utc.isoformat()
        told.runs = [r.dagster_run.run_id for r in records if r.update_timestamp > newest_utc]


def _why(instance: dg.DagsterInstance, run_id: str) -> str:
    """Return what the first step that failed said, or else the run."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    events = [one.dagster_event for one in instance.all_logs(run_id, of_type=kinds)]
    for event in events:
        if event is not None and event.is_step_failure:
            error = event.step_failure_data.error
            while error is not None and error.cause is not None:
                error = error.cause
            if error is not None:
                return error.message.strip()
    return "; ".join(event.message for event in events if event is not None and event.message)


def _freshness(instance: dg.DagsterInstance, told: Told) -> Iterator[messages.Alert]:
    records = instance.get_freshness_state_records([dg.AssetKey(name) for name in CORE_TABLES])
    for key, record in sorted(records.items()):
        table = key.to_user_string()
        was_stale = table in told.stale
        is_stale = record.freshness_state is FreshnessState.FAIL
        if is_stale is was_stale or record.freshness_state is FreshnessState.UNKNOWN:
            continue
        (told.stale.append if is_stale else told.stale.remove)(table)
        yield messages.freshness(table=table, is_fresh=not is_stale, since_utc=record.updated_at)
