"""Dagster left running with Postgres, by the files under deploy/: metered, killed, completed."""

from collections.abc import Iterator
from datetime import date, timedelta

import dagster as dg
import pytest

from negawatt.pipelines import partitions
from negawatt.warehouse.delta_tables import read_table
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.upkeep import damages
from tests.pipelines.conftest import FIRST_DAY, LAST_DAY, SITE, meter_rows
from tests.pipelines.postgres import postgres_server
from tests.pipelines.production import Production, production

pytestmark = [
    pytest.mark.slow,  # servers are started
    # Dagster's own client calls the library below it by a form that this one gives up.
    pytest.mark.filterwarnings(
        "ignore:Using variable_values and operation_name:DeprecationWarning"
    ),
]

LOAD = "core_site__interval_energy"
EARLIER = FIRST_DAY - timedelta(days=120)


@pytest.fixture
def running(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> Iterator[Production]:
    """A warehouse of 129 days with all services up, which look after runs once a second."""
    history = meter_rows(EARLIER, FIRST_DAY - timedelta(days=1))
    seal_rows(layout, "raw_meter__readings", SITE, "test", history)
    with postgres_server() as url, production(layout, url, poll_interval_seconds="1") as made:
        for name, value in made.environment().items():
            monkeypatch.setenv(name, value)
        made.start_all()
        with made.instance() as instance:
            instance.add_dynamic_partitions("sites", [SITE])
        yield made


def _tags(first: date, last: date) -> dict[str, str]:
    return {
        "dagster/asset_partition_range_start": str(partitions.site_day_key(SITE, first)),
        "dagster/asset_partition_range_end": str(partitions.site_day_key(SITE, last)),
    }


def test_a_killed_machine_leaves_no_run_behind_and_its_days_are_metered(
    running: Production,
) -> None:
    """All is killed in the middle of 129 days, with a day metered before, and started again."""
    instance = running.instance()

    def status(run_id: str) -> dg.DagsterRunStatus:
        run = instance.get_run_by_id(run_id)
        assert run is not None
        return run.status

    def metered_days() -> int:
        return read_table(running.layout, LOAD).frame["date"].n_unique()

    day = running.submit("daily_metering", _tags(LAST_DAY, LAST_DAY))
    running.wait(lambda: status(day) is dg.DagsterRunStatus.SUCCESS, 90)
    assert metered_days() == 1
    many = running.submit("daily_metering", _tags(EARLIER, LAST_DAY))
    running.wait(lambda: metered_days() > 1, 60)
    running.stop()

    assert status(many) is dg.DagsterRunStatus.STARTED
    left = metered_days()
    assert left in {32, 63, 94, 125}  # the day, and spans of 31 days, each whole or not there
    assert list(damages(running.layout)) == []

    running.start_all()
    running.wait(lambda: status(many) is dg.DagsterRunStatus.FAILURE, 90)
    running.wait(lambda: metered_days() == 129, 90)
    (again,) = instance.get_runs(dg.RunsFilter(tags={"dagster/parent_run_id": many}))
    running.wait(lambda: status(again.run_id) is dg.DagsterRunStatus.SUCCESS, 30)
    assert list(damages(running.layout)) == []
