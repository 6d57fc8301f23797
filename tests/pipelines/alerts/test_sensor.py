"""Runs that failed for good and tables that are not fresh are told, each once."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange
from dagster._core.storage.runs.schema import RunsTable
from dagster._serdes import serialize_value

from negawatt.pipelines.alerts import sensor
from negawatt.pipelines.alerts.sensor import alert
from negawatt.pipelines.assets.core import CORE_TABLES
from negawatt.pipelines.partitions import range_tags
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
        self.resources: dict[str, object] = {"warehouse": WarehouseResource(root=str(layout.root))}
        self.at("2020-01-01T00:00:00+00:00")
        self.instance = dg.DagsterInstance.local_temp(str(folder))
        self.cursor: str | None = None

    def at(self, moment_utc: str) -> None:
        """Set the clock; the runs fail by the system's."""
        self.resources["clock"] = ClockResource(fixed_utc=moment_utc)

    def look(self) -> str:
        """Look once, and return what it says."""
        with dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, resources=self.resources
        ) as context:
            said = alert(context)
        self.cursor = context.cursor
        assert isinstance(said, dg.SkipReason)
        return said.skip_message or ""

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


def test_what_was_not_taken_is_told_at_the_next_look_and_holds_up_no_other(
    looks: Looks, receiver: Receiver
) -> None:
    first, second = looks.fail(), looks.fail()
    receiver.answers += [503, 204]

    said = looks.look()
    looks.look()
    looks.look()

    assert [one["run_id"] for one in receiver.alerts] == [first, second, first]
    assert "1 alerts sent, 1 late" in said
    assert "status 503" in said


def test_what_the_receiver_does_not_want_is_told_once(looks: Looks, receiver: Receiver) -> None:
    looks.fail()
    second = looks.fail()
    receiver.answers += [400, 204]

    said = looks.look()
    looks.look()

    assert [one["run_id"] for one in receiver.alerts[1:]] == [second]
    assert "not sent again" in said


def test_an_alert_is_given_up_after_a_week(looks: Looks, receiver: Receiver) -> None:
    looks.look()
    looks.fail()
    receiver.answers += [503] * 9
    said = []
    for day in (1, 4, 7, 8, 9):
        looks.at(f"2020-01-{day:02}T00:00:00+00:00")
        said.append(looks.look())

    assert len(receiver.alerts) == 4
    assert "1 late" in said[2]
    assert "given up" in said[3]


def test_a_receiver_that_hangs_takes_no_longer_than_a_look_has(
    looks: Looks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the first of two alerts there is no time for the second, which comes first next."""
    first, second = looks.fail(), looks.fail()
    receiver.answers += [503]
    monkeypatch.setattr(sensor, "SEND_S", 1e-9)
    clock_s = iter([0.0, 0.0, 1.0, *[2.0] * 9])
    monkeypatch.setattr(sensor, "time", SimpleNamespace(monotonic=lambda: next(clock_s)))
    said = looks.look()
    before = [one["run_id"] for one in receiver.alerts]
    monkeypatch.undo()
    looks.look()

    assert (before, "0 alerts sent, 2 late" in said) == ([first], True)
    assert [one["run_id"] for one in receiver.alerts] == [first, second, first]
    assert sensor.SEND_S + sensor.LONGEST_WAIT_S < 60


def test_a_run_of_which_nobody_knows_yet_whether_it_is_tried_again_holds_up_no_other(
    looks: Looks, receiver: Receiver, tmp_path: Path
) -> None:
    """Dagster tags a run after it says that it failed; a look in between sees no tag."""
    settings = {"run_retries": {"enabled": True, "retry_on_asset_or_op_failure": False}}
    (tmp_path / "retrying").mkdir()
    looks.instance = dg.DagsterInstance.local_temp(str(tmp_path / "retrying"), overrides=settings)
    first, second, third = looks.fail(), looks.fail(), looks.fail()
    tags = _take_tag(looks.instance, second)

    looks.look()
    looks.look()
    before = [one["run_id"] for one in receiver.alerts]
    looks.instance.add_run_tags(second, {"dagster/will_retry": tags["dagster/will_retry"]})
    looks.look()
    looks.look()

    assert before == [first, third]
    assert [one["run_id"] for one in receiver.alerts] == [first, third, second]


def _take_tag(instance: dg.DagsterInstance, run_id: str) -> dict[str, str]:
    """Take from a run whether it is tried again, which Dagster cannot; return its tags before."""
    run = instance.get_run_by_id(run_id)
    assert run is not None
    tags = {key: value for key, value in run.tags.items() if key != "dagster/will_retry"}
    storage: Any = instance.run_storage
    with storage.connect() as connection:
        table = RunsTable.update().where(RunsTable.c.run_id == run_id)
        connection.execute(table.values(run_body=serialize_value(run.with_tags(tags))))
    return dict(run.tags)


def test_a_run_of_many_days_is_told_with_its_first_and_last(
    looks: Looks, receiver: Receiver
) -> None:
    looks.fail(**range_tags("s1", date(2026, 6, 1), date(2026, 6, 30)))

    looks.look()

    assert receiver.alerts[0]["partition"] == "2026-06-01|s1 to 2026-06-30|s1"


@pytest.mark.parametrize("cursor", ["5", "{}", "yesterday"])
def test_a_cursor_that_is_not_understood_stops_no_alert(
    looks: Looks, receiver: Receiver, cursor: str
) -> None:
    looks.cursor = cursor

    looks.look()
    run_id = looks.fail()
    looks.look()

    assert receiver.alerts[-1]["run_id"] == run_id


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
