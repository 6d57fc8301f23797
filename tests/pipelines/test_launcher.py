"""Runs whose process is gone are found; those of which nothing is known are left alone."""

import json
import socket
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest
from dagster._core.launcher.base import WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG

from negawatt.models.domain.errors import ConfigurationError
from negawatt.pipelines import launcher, run
from negawatt.pipelines.launcher import WatchedRunLauncher
from negawatt.pipelines.liveness import KILLED, fail_killed_runs, run_of_a_command
from negawatt.warehouse.layout import Layout

pytestmark = pytest.mark.slow  # importing Dagster takes seconds


@pytest.fixture
def instance(layout: Layout) -> dg.DagsterInstance:
    return dg.DagsterInstance.from_config(str(run.dagster_home(layout)))


def health(instance: dg.DagsterInstance, **facts: object) -> WorkerStatus:
    assert isinstance(instance.run_launcher, WatchedRunLauncher)
    one = dg.DagsterRun(job_name="daily_metering", **facts)  # type: ignore[arg-type]  # as named
    return instance.run_launcher.check_run_worker_health(one).status


def served_at(path: Path) -> dict[str, str]:
    return {GRPC_INFO_TAG: json.dumps({"host": "localhost", "socket": str(path)})}


def test_a_run_of_a_code_server_that_stays_away_is_gone(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its socket is not there, or nobody listens at what is left of it; two minutes are waited."""
    left = tmp_path / "left.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(left))
        server.listen()
    runs = {str(uuid4()): served_at(path) for path in (left, tmp_path / "never.sock")}

    def found() -> set[WorkerStatus]:
        return {health(instance, run_id=run_id, tags=tags) for run_id, tags in runs.items()}

    soon = found()
    monkeypatch.setattr(launcher, "PATIENCE_S", 0)

    assert soon == {WorkerStatus.RUNNING}
    assert found() == {WorkerStatus.NOT_FOUND}


def test_a_run_of_a_server_that_does_not_answer_is_left_alone(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "_TIMEOUT_S", 1)
    busy = tmp_path / "busy.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(busy))
        server.listen()

        assert health(instance, tags=served_at(busy)) is WorkerStatus.RUNNING


def test_a_run_of_a_command_is_gone_once_its_lock_is_free(instance: dg.DagsterInstance) -> None:
    home = Path(instance.root_directory)
    with run_of_a_command(home) as run_id:
        during = health(instance, run_id=run_id)
    (home / "commands" / f"{run_id}.lock").touch()

    assert during is WorkerStatus.RUNNING
    assert health(instance, run_id=run_id) is WorkerStatus.NOT_FOUND


def test_a_run_of_which_nothing_is_known_is_left_alone(instance: dg.DagsterInstance) -> None:
    assert health(instance, run_id=str(uuid4())) is WorkerStatus.RUNNING


def test_killed_runs_of_commands_are_failed_once(instance: dg.DagsterInstance) -> None:
    """A run that ended leaves its lock after an error; that one is only cleared away."""
    home = Path(instance.root_directory)
    job = dg.GraphDefinition(name="nothing").to_job()
    killed = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED).run_id
    ended = instance.create_run_for_job(job, status=dg.DagsterRunStatus.CANCELED).run_id
    (home / "commands").mkdir(exist_ok=True)
    for one in (killed, ended):
        (home / "commands" / f"{one}.lock").touch()

    with run_of_a_command(home):
        first, second = fail_killed_runs(instance, home), fail_killed_runs(instance, home)

    assert (first, second) == ([killed], [])
    found = instance.get_run_by_id(killed)
    assert found is not None
    assert found.status is dg.DagsterRunStatus.FAILURE
    assert KILLED in [event.message for event in instance.all_logs(killed)]


def test_settings_that_name_a_variable_nobody_set_are_refused(layout: Layout) -> None:
    settings = run.dagster_home(layout) / "dagster.yaml"
    added = "storage: {postgres: {postgres_url: {env: NEGAWATT_TEST_NOT_SET}}}\n"
    settings.write_text(settings.read_text("utf-8") + added, "utf-8")

    with pytest.raises(ConfigurationError, match="NEGAWATT_TEST_NOT_SET"):
        run.run_many_settlements(layout, ["e1"])
