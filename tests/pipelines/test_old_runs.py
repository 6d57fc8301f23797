"""Runs of more than a year ago are deleted with their logs, and nothing of the warehouse."""

from datetime import timedelta

import dagster as dg
import pytest

from negawatt.pipelines import run
from negawatt.pipelines.old_runs import KEPT, old_runs
from negawatt.pipelines.resources import ClockResource
from negawatt.warehouse.delta_tables import read_table
from negawatt.warehouse.layout import Layout
from tests.pipelines.conftest import AFTER_UTC, LAST_DAY, SITE

pytestmark = pytest.mark.slow  # importing Dagster takes seconds

LOAD = "core_site__interval_energy"


@pytest.mark.parametrize(("age", "kept"), [(-timedelta(hours=1), True), (timedelta(0), False)])
def test_a_run_is_kept_for_a_year(layout: Layout, age: timedelta, *, kept: bool) -> None:
    """The clock stands a year after a moment at which the run was over, or an hour earlier."""
    run.run_daily_metering(layout, SITE, LAST_DAY, LAST_DAY, fixed_utc=AFTER_UTC)
    rows = read_table(layout, LOAD).frame
    later_utc = ClockResource().now_utc() + KEPT + age

    with dg.DagsterInstance.from_config(str(run.dagster_home(layout))) as instance:
        (metered,) = instance.get_runs()
        waiting = instance.create_run_for_job(old_runs)
        deleting = old_runs.execute_in_process(
            instance=instance, resources={"clock": ClockResource(fixed_utc=later_utc.isoformat())}
        )

        assert instance.has_run(metered.run_id) is kept
        assert bool(instance.all_logs(metered.run_id)) is kept
        assert bool(instance.get_materialized_partitions(dg.AssetKey(LOAD))) is kept
        assert instance.has_run(deleting.run_id)
        assert instance.has_run(waiting.run_id)
    assert read_table(layout, LOAD).frame.equals(rows)
