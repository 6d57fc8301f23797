"""Daemon, code server and runs are killed at random moments: no partial version, all completes."""

from pathlib import Path

import pytest

from tests.pipelines.conftest import SITE, small_site
from tests.pipelines.killed_services import kill_services
from tests.pipelines.postgres import postgres_server
from tests.pipelines.production import production

FULL_COUNT = 100

# Dagster's own client calls the library below it by a form that this one gives up.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Using variable_values and operation:DeprecationWarning"
)


def test_killed_services(
    tmp_path: Path,
    soak_share: float,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    count = max(6, round(FULL_COUNT * soak_share))
    layout = small_site(tmp_path)
    settings = {"poll_interval_seconds": "1", "start_timeout_seconds": "40"}
    with postgres_server() as url, production(layout, url, **settings) as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        running.start_all()
        with running.instance() as instance:
            instance.add_dynamic_partitions("sites", [SITE])

        seen = kill_services(running, count, seed=22, longest_s=10.0)

    with capsys.disabled():
        print(
            f"\n{seen.kills.total()} kills ({dict(seen.kills)}): {len(seen.partial)} partial "
            f"versions, {len(seen.damaged)} damaged files; runs ended {dict(seen.ended)}, "
            f"{seen.unfinished} left in progress, last run complete: {seen.completed}"
        )
    assert (seen.partial, seen.damaged, seen.unfinished) == ((), (), 0)
    assert seen.completed
