"""When the jobs run by themselves: every day for every site, and once an event's data is complete.

Not here: what they do.
"""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from negawatt.pipelines import partitions
from negawatt.pipelines.jobs import daily_metering, event_settlement
from negawatt.pipelines.publish import is_to_be_voided
from negawatt.pipelines.resources import ClockResource, WarehouseResource
from negawatt.pipelines.settlement import data_is_complete
from negawatt.warehouse.event_tables import all_events
from negawatt.warehouse.sites import read_sites


@dg.schedule(job=daily_metering, cron_schedule="15 1 * * *", execution_timezone="UTC")
def meter_yesterday(
    context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource
) -> Iterator[dg.RunRequest]:
    """Meter the UTC day that ended, for every registered site."""
    day = (context.scheduled_execution_time - timedelta(days=1)).date()
    site_ids = sorted(read_sites(warehouse.layout))
    context.instance.add_dynamic_partitions("sites", site_ids)
    for site_id in site_ids:
        key = partitions.site_day_key(site_id, day)
        yield dg.RunRequest(run_key=str(key), partition_key=key)


@dg.sensor(job=event_settlement, minimum_interval_seconds=300)
def settle_complete_events(
    warehouse: WarehouseResource, clock: ClockResource
) -> dg.SensorResult | dg.SkipReason:
    """Settle each revision of an event once its load is metered to the end of its aftermath.

    A revision that cancels a settled event voids its statement.
    """
    ready = [
        event
        for event in all_events(warehouse.layout)
        if data_is_complete(warehouse.layout, event, clock.now_utc())
        or is_to_be_voided(warehouse.layout, event)
    ]
    if not ready:
        return dg.SkipReason("no event whose data is complete")
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                run_key=f"{event.event_id}:{event.revision}", partition_key=event.event_id
            )
            for event in ready
        ],
        dynamic_partitions_requests=[
            partitions.events.build_add_request([event.event_id for event in ready])
        ],
    )
