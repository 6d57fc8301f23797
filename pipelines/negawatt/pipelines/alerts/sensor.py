"""The sensor that tells of runs that failed and of tables that are not fresh.

A run that the daemon tries again is not told of, nor one that a command started: whoever gave the
command saw it. Not here: what needs a person once a day (reminders.py).
"""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import dagster as dg
from dagster._core.definitions.freshness import FreshnessState
from pydantic import TypeAdapter, ValidationError

from negawatt.models.domain.errors import DataRefusedError, DeviceMissingError
from negawatt.pipelines.alerts import messages
from negawatt.pipelines.alerts.settings import AlertSettings, read_alert_settings
from negawatt.pipelines.alerts.webhook import send
from negawatt.pipelines.assets.core import CORE_TABLES
from negawatt.pipelines.partitions import said_of
from negawatt.pipelines.resources import ClockResource, WarehouseResource
from negawatt.pipelines.retries import is_of_a_command

SEND_S: Final = 30.0
"""No alert is tried later in a look [s]; with the wait for an answer, less than Dagster's 60 s."""
LONGEST_WAIT_S: Final = 20.0
"""Longest time to wait for an answer in a look [s]."""
KEPT: Final = timedelta(days=7)
MOST_LATE: Final = 200
_RUNS_AT_ONCE: Final = 20
_WILL_RETRY: Final = "dagster/will_retry"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """An alert that was not taken yet.

    Attributes:
        since_utc: When it was due.
        alert: What it says.
    """

    since_utc: datetime
    alert: dict[str, Any]


@dataclass(kw_only=True)
class Told:
    """What was told already.

    Attributes:
        since_utc: Runs that changed later are looked at.
        runs: Those among them that are done with.
        stale: Tables of which was told that they are not fresh.
        late: What was not taken yet.
    """

    since_utc: datetime
    runs: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    late: list[Late] = field(default_factory=list)


_CURSOR: Final = TypeAdapter(Told)


@dg.sensor(minimum_interval_seconds=30)
def alert(
    context: dg.SensorEvaluationContext, warehouse: WarehouseResource, clock: ClockResource
) -> dg.SkipReason:
    """Tell of each run that failed for good, and of tables that are not fresh, once.

    The first look tells of no run. What was not taken is told again at the next looks, after what
    is new, for a week; what the receiver does not want is told once. Each look tries each alert
    once at most, and ends before the minute that Dagster gives it.
    """
    settings = read_alert_settings(warehouse.layout)
    if settings is None:
        return dg.SkipReason(f"no {warehouse.layout.alerts_file.name} in the warehouse")
    now_utc = clock.now_utc()
    told = _told(context.cursor, now_utc)
    found = [*_failed_runs(context.instance, told), *_freshness(context.instance, told)]
    due = [*(Late(since_utc=now_utc, alert=dict(one)) for one in found), *told.late]
    sent, told.late, said = _delivered(settings, due, now_utc)
    for one in said:
        context.log.error(one)
    context.update_cursor(_CURSOR.dump_json(told).decode())
    return dg.SkipReason("; ".join([f"{sent} alerts sent, {len(told.late)} late", *said[:3]]))


def _delivered(
    settings: AlertSettings, due: Sequence[Late], now_utc: datetime
) -> tuple[int, list[Late], list[str]]:
    """Send alerts, each once; return how many were taken, those to send again, and what is wrong.

    None waits for another that is not taken, and those not tried yet come first the next time.
    """
    once = settings.model_copy(
        update={"attempts": 1, "timeout_s": min(settings.timeout_s, LONGEST_WAIT_S)}
    )
    end_s = time.monotonic() + SEND_S
    sent, tried, untried, said = 0, list[Late](), list[Late](), list[str]()
    for one in due:
        if time.monotonic() >= end_s:
            untried.append(one)
            continue
        try:
            send(once, one.alert)
            sent += 1
        except DataRefusedError as error:
            said.append(f"{error}; not sent again")
        except DeviceMissingError as error:
            said.append(str(error))
            tried.append(one)
    again = [one for one in (*untried, *tried) if now_utc - one.since_utc < KEPT][:MOST_LATE]
    given_up = len(untried) + len(tried) - len(again)
    return sent, again, [*said, f"{given_up} alerts given up"] if given_up else said


def _told(cursor: str | None, now_utc: datetime) -> Told:
    if cursor is not None:
        try:
            return _CURSOR.validate_json(cursor)
        except ValidationError as error:
            _LOG.warning("the cursor is not understood, as at the first look: %s", error)
    return Told(since_utc=now_utc)


def _failed_runs(instance: dg.DagsterInstance, told: Told) -> Iterator[messages.Alert]:
    records = instance.get_run_records(
        dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=told.since_utc),
        limit=_RUNS_AT_ONCE + len(told.runs),
        order_by="update_timestamp",
        ascending=True,
    )
    undecided = []
    for record in records:
        run = record.dagster_run
        if run.run_id in told.runs:
            continue
        # Dagster says that a run failed, and a moment later whether it is tried again.
        if instance.run_retries_enabled and _WILL_RETRY not in run.tags:
            undecided.append(record)
            continue
        told.runs.append(run.run_id)
        if run.tags.get(_WILL_RETRY) == "true" or is_of_a_command(run):
            continue
        yield messages.run_failed(
            run_id=run.run_id,
            job=run.job_name,
            partition=said_of(run.tags),
            why=_why(instance, run.run_id),
            failed_at_utc=record.update_timestamp,
        )
    if records:
        # A moment earlier: two runs may have changed in the same microsecond.
        newest = (undecided or records[-1:])[0]
        told.since_utc = newest.update_timestamp - timedelta(microseconds=1)
        later = [r.dagster_run.run_id for r in records if r.update_timestamp > told.since_utc]
        told.runs = [run_id for run_id in later if run_id in told.runs]


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
