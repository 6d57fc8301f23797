"""Dagster left running with Postgres, by the files under deploy/: metered, killed, completed."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState

from negawatt.pipelines import partitions
from negawatt.pipelines.assets.core import CORE_TABLES
from negawatt.warehouse.delta_tables import read_table
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.upkeep import damages
from tests.pipelines.alerts.receiver import Receiver, receiving
from tests.pipelines.conftest import FIRST_DAY, LAST_DAY, SITE, meter_rows, small_site
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


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Production]:
    """A warehouse of 129 days with all services up, which look after runs once a second."""
    layout = small_site(tmp_path_factory.mktemp("production"))
    history = meter_rows(EARLIER, FIRST_DAY - timedelta(days=1))
    seal_rows(layout, "raw_meter__readings", SITE, "test", history)
    layout.alerts_file.write_text(f'url = "{receiver.url}"\n')
    with (
        postgres_server() as url,
        production(layout, url, poll_interval_seconds="1") as made,
        pytest.MonkeyPatch.context() as environment,
    ):
        for name, value in made.environment().items():
            environment.setenv(name, value)
        made.start_all()
        with made.instance() as instance:
            instance.add_dynamic_partitions("sites", [SITE])
        yield made


def test_a_day_is_metered_and_fresh_and_a_run_that_fails_is_told(
    running: Production, receiver: Receiver
) -> None:
    """An event that nobody knows cannot be settled; the daemon tells of it, and does not retry."""
    instance = running.instance()
    running.switch_on("alert")
    running.wait(lambda: running.has_looked("alert"), 120)

    # Dagster knows a pool's limit once it was in the queue: of two first runs it would hold none.
    for pool in ("metering", "settlement"):
        instance.event_log_storage.initialize_concurrency_limit_to_default(pool)
    days = [
        running.submit("daily_metering", partitions.range_tags(SITE, LAST_DAY, LAST_DAY))
        for _ in range(2)
    ]
    stranger = running.submit("event_settlement", {"dagster/partition": "nobody-knows"})

    success = {dg.DagsterRunStatus.SUCCESS}
    running.wait(lambda: {status(instance, day) for day in days} == success, 120)
    (first, second) = sorted(map(partial(in_progress, instance), days))
    assert first[1] <= second[0]  # of one pool, one after the other
    running.wait(lambda: receiver.alerts, 120)
    (told,) = receiver.alerts
    assert (told["kind"], told["run_id"]) == ("run_failed", stranger)
    assert "'nobody-knows'" in told["why"]
    keys = [dg.AssetKey(name) for name in CORE_TABLES]
    running.wait(lambda: len(instance.get_freshness_state_records(keys)) == len(keys), 120)
    states = instance.get_freshness_state_records(keys).values()
    assert {one.freshness_state for one in states} == {FreshnessState.PASS}


def in_progress(instance: dg.DagsterInstance, run_id: str) -> tuple[float, float]:
    record = instance.get_run_record_by_id(run_id)
    assert record is not None
    return record.start_time or 0.0, record.end_time or 0.0


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def test_a_killed_machine_leaves_no_run_behind_and_its_days_are_metered(
    running: Production,
) -> None:
    """All is killed in the middle of 129 days, and started again."""
    instance = running.instance()

    def metered_days() -> int:
        return read_table(running.layout, LOAD).frame["date"].n_unique()

    before = metered_days()
    many = running.submit("daily_metering", partitions.range_tags(SITE, EARLIER, LAST_DAY))
    running.wait(lambda: metered_days() > before, 120)
    running.stop()

    assert status(instance, many) is dg.DagsterRunStatus.STARTED
    spans = {before + 31 * count for count in range(1, 5)}
    assert metered_days() in spans  # each span of 31 days is whole or not there
    assert list(damages(running.layout)) == []

    running.start_all()
    running.wait(lambda: status(instance, many) is dg.DagsterRunStatus.FAILURE, 180)
    running.wait(lambda: metered_days() == 129, 180)
    (again,) = instance.get_runs(dg.RunsFilter(tags={"dagster/parent_run_id": many}))
    running.wait(lambda: status(instance, again.run_id) is dg.DagsterRunStatus.SUCCESS, 60)
    assert list(damages(running.layout)) == []
