"""Deleting Dagster's runs of long ago, with their logs: by itself Dagster keeps them for ever.

No figure is lost: the warehouse needs none of it. Not here: old ticks, which Dagster deletes
(``retention`` in instance.yaml).
"""

from datetime import timedelta
from typing import Final

import dagster as dg

from negawatt.pipelines.resources import ClockResource

KEPT: Final = timedelta(days=365)
_OVER: Final = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]


@dg.op
def delete_old_runs(context: dg.OpExecutionContext, clock: ClockResource) -> None:
    """Delete the runs that are over and were asked for more than a year ago."""
    old = dg.RunsFilter(statuses=_OVER, created_before=clock.now_utc() - KEPT)
    run_ids = [run.run_id for run in context.instance.get_runs(old)]
    for run_id in run_ids:
        context.instance.delete_run(run_id)
    context.log.info("%d runs deleted", len(run_ids))


@dg.job(description="Delete what Dagster keeps of runs of more than a year ago.")
def old_runs() -> None:
    """Delete old runs."""
    delete_old_runs()


forget_old_runs = dg.ScheduleDefinition(
    name="forget_old_runs", job=old_runs, cron_schedule="30 3 * * 0", execution_timezone="UTC"
)
