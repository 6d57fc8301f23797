"""Everything Dagster knows, assembled in one place; defines nothing itself."""

import dagster as dg

from negawatt.pipelines.alerts.reminders import remind_in_the_morning, reminders
from negawatt.pipelines.alerts.sensor import alert
from negawatt.pipelines.assets.core import core_interval_energy
from negawatt.pipelines.assets.out import event_report, settled_event
from negawatt.pipelines.jobs import daily_metering, event_settlement
from negawatt.pipelines.many import many_settlements
from negawatt.pipelines.old_runs import forget_old_runs, old_runs
from negawatt.pipelines.resources import ClockResource, WarehouseResource
from negawatt.pipelines.sensors import (
    meter_what_arrived,
    meter_yesterday,
    restate_what_changed,
    settle_complete_events,
)


def build_definitions(warehouse: WarehouseResource, clock: ClockResource) -> dg.Definitions:
    """Return the definitions over one warehouse."""
    return dg.Definitions(
        assets=[core_interval_energy, settled_event, event_report],
        jobs=[daily_metering, event_settlement, many_settlements, reminders, old_runs],
        schedules=[meter_yesterday, remind_in_the_morning, forget_old_runs],
        sensors=[meter_what_arrived, settle_complete_events, restate_what_changed, alert],
        resources={"warehouse": warehouse, "clock": clock},
        # Within one process: a step costs milliseconds instead of seconds.
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Return the definitions over the warehouse that NEGAWATT_WAREHOUSE names."""
    return build_definitions(
        WarehouseResource(root=dg.EnvVar("NEGAWATT_WAREHOUSE")), ClockResource()
    )
