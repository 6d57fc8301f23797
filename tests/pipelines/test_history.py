"""What a run plans is in Postgres as Dagster itself writes it, in few connections."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dagster._core.storage.event_log import SqlEventLogStorageTable
from dagster_postgres.event_log import PostgresEventLogStorage

from negawatt.pipelines import run
from negawatt.pipelines.history import EventLog
from negawatt.warehouse.layout import Layout
from tests.pipelines.conftest import AFTER_UTC, FIRST_DAY, LAST_DAY, SITE, small_site
from tests.pipelines.postgres import postgres_server
from tests.pipelines.production import production

pytestmark = pytest.mark.slow  # servers are started

ASSETS, DAYS = 7, 9
OWN = "storage: {postgres: {postgres_url: {env: NEGAWATT_POSTGRES_URL}}}\n"


@contextmanager
def settings_of(layout: Layout, *, are_dagsters_own: bool) -> Iterator[None]:
    """Lay out an instance with a new database, by deploy/ or with Dagster's own storage."""
    with (
        postgres_server() as url,
        production(layout, url) as made,
        pytest.MonkeyPatch.context() as environment,
    ):
        for name, value in made.environment().items():
            environment.setenv(name, value)
        if are_dagsters_own:
            (made.home / "dagster.yaml").write_text(OWN, "utf-8")
        yield


def events_of_a_run(layout: Layout) -> list[tuple[str, str | None, str | None]]:
    """Meter nine days; return type, asset and partition of each event, and what assets say last."""
    run.run_daily_metering(layout, SITE, FIRST_DAY, LAST_DAY, fixed_utc=AFTER_UTC)
    columns = SqlEventLogStorageTable.c
    with run._instance(layout) as instance:  # noqa: SLF001 - as a command opens it
        storage = instance.event_log_storage
        assert isinstance(storage, PostgresEventLogStorage)
        with storage.index_connection() as connection:
            query = SqlEventLogStorageTable.select().with_only_columns(
                columns.dagster_event_type, columns.asset_key, columns.partition
            )
            rows = [tuple(row) for row in connection.execute(query)]
        (ran,) = instance.get_run_records()
        for one in instance.get_asset_records(instance.all_asset_keys()):
            assert one.asset_entry.last_run_id == ran.dagster_run.run_id
            planned = instance.event_log_storage.get_latest_planned_materialization_info(
                one.asset_entry.asset_key
            )
            assert planned is not None
            assert planned.run_id == ran.dagster_run.run_id
    return rows


def test_what_is_planned_stands_there_as_dagster_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections: Counter[str] = Counter()
    real = PostgresEventLogStorage._connect  # noqa: SLF001 - what opens each connection

    def counted(storage: PostgresEventLogStorage) -> object:
        connections[type(storage).__name__] += 1
        return real(storage)

    monkeypatch.setattr(PostgresEventLogStorage, "_connect", counted)
    found = {}
    for name, are_own in (("own", True), ("ours", False)):
        (tmp_path / name).mkdir()
        layout = small_site(tmp_path / name)
        with settings_of(layout, are_dagsters_own=are_own):
            found[name] = events_of_a_run(layout)

    assert Counter(found["ours"]) == Counter(found["own"])
    planned = [one for one in found["ours"] if one[0] == "ASSET_MATERIALIZATION_PLANNED"]
    assert len(set(planned)) == len(planned) == ASSETS * DAYS
    spared = connections["PostgresEventLogStorage"] - connections[EventLog.__name__]
    assert spared > 2 * ASSETS * (DAYS - 1)
