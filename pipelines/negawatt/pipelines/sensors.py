"""When the jobs run by themselves: every day, as late readings arrive, once an event is complete.

Not here: what they do.
"""

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

import dagster as dg
import polars as pl
from pydantic import TypeAdapter, ValidationError

from negawatt.models.domain.errors import NegawattError
from negawatt.models.settlement.causes import changed_inputs, input_digests
from negawatt.models.settlement.lifecycle import Stage
from negawatt.pipelines import partitions
from negawatt.pipelines.arrivals import Arrival, Seen, from_cursor, to_cursor
from negawatt.pipelines.assets.core import CORE_TABLES, SPAN_DAYS, day_spans
from negawatt.pipelines.jobs import daily_metering, event_settlement
from negawatt.pipelines.publish import is_to_be_voided
from negawatt.pipelines.resources import ClockResource, WarehouseResource
from negawatt.pipelines.selection import Selection, selected
from negawatt.pipelines.settlement import data_is_complete, gather_inputs
from negawatt.warehouse.delta_tables import distinct_rows
from negawatt.warehouse.event_tables import all_events
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import file_system_ns, raw_arrivals, raw_days
from negawatt.warehouse.sites import read_sites

_DAYS_AT_ONCE = 50
_LOG = logging.getLogger(__name__)


@dg.schedule(job=daily_metering, cron_schedule="15 1 * * *", execution_timezone="UTC")
def meter_yesterday(
    context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource
) -> Iterator[dg.RunRequest]:
    """Meter the UTC day that ended, for every registered site, and what was missed before it.

    Dagster makes up for the last tick that was missed only. What has readings and was not metered,
    while nothing ran or because it was refused, is asked for in one run for each span of days.
    """
    day = (context.scheduled_execution_time - timedelta(days=1)).date()
    site_ids = sorted(read_sites(warehouse.layout))
    context.instance.add_dynamic_partitions("sites", site_ids)
    for site_id in site_ids:
        key = partitions.site_day_key(site_id, day)
        yield dg.RunRequest(run_key=str(key), partition_key=key)
    for span in day_spans(_missed(warehouse.layout, site_ids, day)):
        yield dg.RunRequest(run_key=":".join(map(str, span)), tags=partitions.range_tags(*span))


def _missed(layout: Layout, site_ids: Sequence[str], day: date) -> set[tuple[str, date]]:
    """Return the sites and days of the month before a day with readings that were not metered."""
    first = max(day - timedelta(days=SPAN_DAYS), date.fromisoformat(partitions.FIRST_DAY))
    read = {
        (site_id, one)
        for site_id in site_ids
        for one in raw_days(layout, site_id)
        if first <= one < day
    }
    metered = {
        row
        for table in CORE_TABLES
        for row in distinct_rows(
            layout, table, ["site_id", "date"], pl.col("date").is_between(first, day)
        ).iter_rows()
    }
    return read - metered


@dg.sensor(job=daily_metering, minimum_interval_seconds=5)
def meter_what_arrived(
    context: dg.SensorEvaluationContext, warehouse: WarehouseResource, clock: ClockResource
) -> dg.SensorResult | dg.SkipReason:
    """Meter again each UTC day that ended and got readings since the last look.

    Imports and collectors that were cut off bring readings of days long past. Days that follow each
    other are metered in one run. A day is left alone while files still arrive for it, and for a
    while after it was asked for: what comes in drops is metered in few runs. A site that was
    registered since becomes a partition, with or without readings, and all readings that it has
    already are news. The first look only remembers what is there. Each look begins where the one
    before began, not where it ended: a file may appear in a folder that was looked at
    already.
    """
    layout, today = warehouse.layout, clock.now_utc().date()
    began_ns = file_system_ns(layout)
    seen = from_cursor(context.cursor) if context.cursor else {}
    site_ids = sorted(read_sites(layout))
    arrived = sorted(
        Arrival(appeared_ns, site_id, day)
        for site_id in site_ids
        for day, appeared_ns in raw_arrivals(layout, site_id, _of(seen, site_id).since_ns).items()
        if date.fromisoformat(partitions.FIRST_DAY) <= day < today
    )
    is_first = context.cursor is None
    new = [one for one in arrived if not is_first and one.name not in _of(seen, one.site_id).done]
    due = [one for one in new if _of(seen, one.site_id).is_due(one, began_ns)]
    taken = due[:_DAYS_AT_ONCE]
    waiting = [one for one in new if one not in taken]
    after = seen | {
        site_id: _of(seen, site_id).after(
            [one for one in arrived if one.site_id == site_id],
            [one for one in taken if one.site_id == site_id],
            [one for one in waiting if one.site_id == site_id],
            began_ns,
        )
        for site_id in site_ids
    }
    if is_first:
        context.update_cursor(to_cursor(after))
        return dg.SkipReason("the first look: what is there counts as metered")
    return dg.SensorResult(
        run_requests=_runs_of(taken) or None,
        skip_reason=None if taken else f"no day is due; {len(waiting)} still get readings",
        dynamic_partitions_requests=[partitions.sites.build_add_request(site_ids)],
        cursor=to_cursor(after),
    )


def _of(seen: Mapping[str, Seen], site_id: str) -> Seen:
    return seen.get(site_id, Seen())


def _runs_of(taken: Sequence[Arrival]) -> list[dg.RunRequest]:
    """Return a run for each span of days that follow each other at a site."""
    names = {(one.site_id, one.day): one.name for one in taken}
    requests = []
    for site_id, first, last in day_spans(names):
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        said = ",".join(names[site_id, day] for day in days)
        requests.append(
            dg.RunRequest(
                run_key=said if first == last else hashlib.sha256(said.encode()).hexdigest(),
                tags=partitions.range_tags(site_id, first, last),
            )
        )
    return requests


@dg.sensor(job=event_settlement, minimum_interval_seconds=5)
def settle_complete_events(
    context: dg.SensorEvaluationContext, warehouse: WarehouseResource, clock: ClockResource
) -> dg.SensorResult:
    """Settle each revision of an event once its load is metered to the end of its aftermath.

    A revision that cancels a settled event voids its statement. What was asked for is not looked at
    again, so that a look takes no longer after years of events.
    """
    layout, now_utc = warehouse.layout, clock.now_utc()
    asked = _asked(context.cursor)
    revisions = {f"{event.event_id}:{event.revision}": event for event in all_events(layout)}
    ready = {
        name: event.event_id
        for name, event in revisions.items()
        if name not in asked
        and (data_is_complete(layout, event, now_utc) or is_to_be_voided(layout, event))
    }
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(run_key=name, partition_key=event_id) for name, event_id in ready.items()
        ]
        or None,
        skip_reason=None if ready else "no event whose data is complete",
        dynamic_partitions_requests=[partitions.events.build_add_request([*ready.values()])],
        cursor=json.dumps(sorted((asked | ready.keys()) & revisions.keys())),
    )


def _asked(cursor: str | None) -> set[str]:
    """Return what was asked for; nothing where that cannot be read: no run key runs twice."""
    try:
        return set(TypeAdapter(list[str]).validate_json(cursor or "[]"))
    except ValidationError as error:
        _LOG.warning("the cursor is not understood: %s", error)
        return set()


@dg.sensor(job=event_settlement, minimum_interval_seconds=1800)
def restate_what_changed(warehouse: WarehouseResource) -> dg.SensorResult | dg.SkipReason:
    """State again each statement whose inputs are no longer what it was computed from.

    Once for each version and content of the inputs, so that what is refused is not asked for again
    and again, and inputs that come back are.
    What is final or void is left alone: a person reopens it.
    """
    requests = []
    for one in selected(warehouse.layout, Selection()):
        if one.statement is None or one.statement.stage in {Stage.FINAL, Stage.VOID}:
            continue
        now = _inputs_of_now(warehouse.layout, one.event.event_id)
        if now is not None and changed_inputs(input_digests(one.statement.body), now):
            content = hashlib.sha256(json.dumps(now, sort_keys=True).encode()).hexdigest()
            version = one.statement.statement_version
            requests.append(
                dg.RunRequest(
                    run_key=f"{one.event.event_id}:{version}:{content[:16]}",
                    partition_key=one.event.event_id,
                )
            )
    if not requests:
        return dg.SkipReason("every statement says what its inputs say")
    return dg.SensorResult(run_requests=requests)


def _inputs_of_now(layout: Layout, event_id: str) -> dict[str, str] | None:
    """Return the digest of each input as it is now; None where they cannot be read."""
    try:
        return dict(gather_inputs(layout, event_id).inputs.input_sha256)
    except NegawattError:
        return None
