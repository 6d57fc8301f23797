"""Runs that failed for good and tables that are not fresh are told, each once."""

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

from negawatt.models.domain.errors import DeviceMissingError
from negawatt.pipelines.alerts.sensor import alert
from negawatt.pipelines.assets.core import CORE_TABLES
from negawatt.pipelines.resources import ClockResource, WarehouseResource
from negawatt.warehouse.layout import Layout
from tests.pipelines.alerts.receiver import Receiver
from tests.pipelines.conftest import AFTER_UTC

pytestmark = pytest.mark.slow  # importing Dagster takes seconds


@dg.op
def refuse() -> None:
    raise RuntimeError("the disk is full")


@dg.job
def failing() -> None:
    refuse()


class Looks:
    """The sensor, looking again and again at one instance."""

    def __init__(self, layout: Layout, folder: Path) -> None:
        self.resources = {
            "warehouse": WarehouseResource(root=str(layout.root)),
            "clock": ClockResource(fixed_utc="2020-01-01T00:00:00+00:00"),
        }
        self.instance = dg.DagsterInstance.local_temp(str(folder))
        self.cursor: str | None = None

    def look(self) -> None:
        """Look once; after an error the cursor stays."""
        context = dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, resources=self.resources
        )
        try:
            alert(context)
        finally:
            self.cursor = context.cursor

    def fail(self, **tags: str) -> str:
        """Let a run fail, and return its id."""
        ran = failing.execute_in_process(
            instance=self.instance, raise_on_error=False, tags={"dagster/partition": "p1", **tags}
        )
        return ran.run_id


@pytest.fixture
def looks(layout: Layout, tmp_path: Path, receiver: Receiver) -> Looks:
    layout.alerts_file.write_text(f'url = "{receiver.url}"\nattempts = 1\n')
    (tmp_path / "instance").mkdir()
    return Looks(layout, tmp_path / "instance")


def test_a_run_that_failed_is_told_once_with_what_it_said(looks: Looks, receiver: Receiver) -> None:
    first, second = looks.fail(), looks.fail()

    for _ in range(3):
        looks.look()

    assert [one["run_id"] for one in receiver.alerts] == [first, second]
    assert receiver.alerts[0]["text"] == (
        "failing of p1 failed, and is not tried again: RuntimeError: the disk is full"
    )
    third = looks.fail()
    looks.look()
    assert receiver.alerts[-1]["run_id"] == third
    assert len(receiver.alerts) == 3


def test_neither_a_run_that_is_tried_again_nor_one_of_a_command_is_told(
    looks: Looks, receiver: Receiver
) -> None:
    looks.instance.add_run_tags(looks.fail(), {"dagster/will_retry": "true"})
    looks.fail(**{"negawatt/started_by": "command"})

    looks.look()

    assert receiver.alerts == []


def test_what_could_not_be_delivered_is_told_at_the_next_look(
    looks: Looks, receiver: Receiver
) -> None:
    run_id = looks.fail()
    receiver.answers.append(503)

    with pytest.raises(DeviceMissingError):
        looks.look()
    looks.look()
    looks.look()

    assert [one["alert_id"] for one in receiver.alerts] == [f"run_failed:{run_id}"] * 2


def test_many_failed_runs_are_told_over_some_looks(looks: Looks, receiver: Receiver) -> None:
    failed = [looks.fail() for _ in range(25)]

    for _ in range(3):
        looks.look()

    assert [one["run_id"] for one in receiver.alerts] == failed


def test_a_table_that_is_not_fresh_is_told_once_and_once_more_when_it_is_again(
    looks: Looks, receiver: Receiver
) -> None:
    table = CORE_TABLES[0]
    told = []
    for state in ("UNKNOWN", "PASS", "FAIL", "FAIL", "PASS"):
        looks.instance._report_runless_asset_event(  # noqa: SLF001 - as Dagster's daemon does
            FreshnessStateChange(
                key=dg.AssetKey(table),
                new_state=FreshnessState(state),
                previous_state=FreshnessState.UNKNOWN,
                state_change_timestamp=AFTER_UTC.timestamp(),
            )
        )
        looks.look()
        told.append([one["kind"] for one in receiver.alerts])

    assert told == [[], [], ["not_fresh"], ["not_fresh"], ["not_fresh", "fresh_again"]]
    assert {one["table"] for one in receiver.alerts} == {table}


def test_without_settings_nothing_is_told(looks: Looks, receiver: Receiver, layout: Layout) -> None:
    layout.alerts_file.unlink()
    looks.fail()

    looks.look()

    assert receiver.alerts == []
