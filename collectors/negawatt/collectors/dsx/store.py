"""What was taken in, on disk: acknowledged behind the log, sealed as raw tables from time to time.

Sealing writes the rows, then the memory that they led to, then begins the log anew. Sealed files
are named by their content: a crash between these steps makes the same files again, or none. Not
here: what messages say (intake) and how they come (client).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow as pa

from negawatt.collectors.dsx.intake import Intake, Terms
from negawatt.collectors.dsx.journal import Journal
from negawatt.collectors.dsx.memory import Memory, is_saved
from negawatt.collectors.dsx.message import Message
from negawatt.collectors.raw_schema import GRID_EVENTS, SCHEMAS
from negawatt.collectors.spool.json_state import load_state, save_state
from negawatt.collectors.spool.segment import seal_facts

_SOURCE: Final = "dsx"


class Store:
    """Keeps messages, and makes raw tables of them.

    Args:
        root: Folder of the raw tables.
        folder: Folder of log and memory.
        client_id: Who hears; part of the names of sealed files.
        terms: What messages are held against.

    Attributes:
        intake: What was taken in and is not sealed.
        file_count: Files that were sealed.

    Raises:
        DataRefusedError: What an earlier run left cannot be read.
    """

    def __init__(self, root: Path, folder: Path, client_id: str, terms: Terms) -> None:
        self._root = root
        self._state_path = folder / "memory.json"
        self._client_id = client_id
        self._terms = terms
        self._journal = Journal(folder / "messages.log", client_id)
        memory = Memory.of_json(load_state(self._state_path, is_saved))
        self.intake = Intake(terms, memory)
        self.file_count = 0
        self._newest_utc = datetime.min.replace(tzinfo=UTC)
        self._is_empty = True
        for batch in self._journal.read():
            self._take(batch)
        self.seal()
        self._journal.begin_anew()  # also where nothing whole was in it

    @property
    def waiting_count(self) -> int:
        """Rows that are not sealed yet."""
        return sum(map(len, self.intake.rows.values()))

    @property
    def has_event(self) -> bool:
        """Whether a row of an event waits."""
        return bool(self.intake.rows.get(GRID_EVENTS))

    def keep(self, batch: Sequence[Message]) -> None:
        """Make a batch safe, then take it in; when this returns it may be acknowledged.

        Raises:
            OSError: The disk did not take it: nothing may be acknowledged.
        """
        self._journal.append(batch)
        self._take(batch)

    def seal(self) -> list[Path]:
        """Seal what waits, and return the files that hold it."""
        if self._is_empty:
            return []
        rows, self.intake.rows = self.intake.rows, {}
        sealed = []
        # Events come last: whoever sees one finds the message that asked for it.
        for name in sorted(rows, key=lambda name: (name == GRID_EVENTS, name)):
            sealed += seal_facts(
                name,
                _table(name, rows[name]),
                root=self._root,
                site_id=self._terms.site_id,
                writer=(self._client_id, _SOURCE, "mqtt"),
            )
        self.intake.memory.forget(self._newest_utc, self._terms.max_age)
        save_state(self._state_path, self.intake.memory.to_json())
        self._journal.begin_anew()
        self._is_empty = True
        self.file_count += len(sealed)
        return sealed

    def close(self) -> None:
        """Seal what waits."""
        self.seal()
        self._journal.close()

    def _take(self, batch: Sequence[Message]) -> None:
        for message in batch:
            self.intake.take(message)
            self._newest_utc = message.received_utc
            self._is_empty = False


def _table(name: str, rows: Sequence[tuple[object, ...]]) -> pa.Table:
    schema = SCHEMAS[name]
    columns = zip(*rows, strict=True)
    arrays = [
        pa.array(values, type=field.type) for values, field in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
