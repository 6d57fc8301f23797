"""Dagster's history in Postgres, where all that a run of many days plans is written at once.

Dagster writes many materializations at once, but opens two connections and commits twice for each
day and table that a run plans to write: most of what a run of a year takes by the clock. Not here:
the settings that name this storage (deploy/dagster/dagster.yaml).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from dagster._core.events import DagsterEventType
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqlEventLogStorageTable
from dagster._serdes import ConfigurableClassData
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.storage import DagsterPostgresStorage
from dagster_postgres.utils import get_token_provider_from_config, pg_url_from_config

_PLANNED = DagsterEventType.ASSET_MATERIALIZATION_PLANNED


class EventLog(PostgresEventLogStorage):
    """Dagster's log of events, with one more kind that is written many at once."""

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Write events: planned materializations as Dagster writes those that happened."""
        planned = [one for one in events if one.dagster_event_type is _PLANNED]
        if planned:
            with self._connect() as connection:
                rows = connection.execute(
                    self.prepare_insert_event_batch(planned).returning(SqlEventLogStorageTable.c.id)
                )
                ids = [int(row[0]) for row in rows]
            newest = {
                one.get_dagster_event().asset_key: (one, number)
                for one, number in zip(planned, ids, strict=True)
            }
            with self.index_transaction() as connection:
                for one, number in newest.values():
                    self._store_asset_event(connection, one, number)
        super().store_event_batch([one for one in events if one.dagster_event_type is not _PLANNED])


class History(DagsterPostgresStorage):
    """Dagster's storage in Postgres with that log; settings as of ``storage: postgres``."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """Make it from its settings."""
        url, token = pg_url_from_config(config_value), get_token_provider_from_config(config_value)
        makes_tables = config_value.get("should_autocreate_tables", True)
        made = cls(url, makes_tables, inst_data, token)
        made._event_log_storage = EventLog(url, makes_tables, token_provider=token)
        return made
