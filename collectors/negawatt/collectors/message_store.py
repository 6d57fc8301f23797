"""What was taken in, on disk: acknowledged behind the log, sealed as raw tables from time to time.

Sealing writes the rows, then the memory that they led to, then begins the log anew. Sealed files
are named by their content: a crash between these steps makes the same files again, or none. Not
here: what messages say (the listeners' intakes) and how they come (their clients).
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

import pyarrow as pa

from negawatt.collectors.heard import SealedSoFar
from negawatt.collectors.message import Message, Outcome
from negawatt.collectors.message_journal import Journal
from negawatt.collectors.raw_schema import GRID_EVENTS, GRID_STRESS, MARKET_PRICES, SCHEMAS
from negawatt.collectors.spool.json_state import save_state
from negawatt.collectors.spool.lock import spool_lock
from negawatt.collectors.spool.segment import seal_facts

_FOLDERS = {MARKET_PRICES: "market", GRID_STRESS: "market"}  # of no site


class MessageIntake(ABC):
    """Makes rows of messages.

    Attributes:
        rows: New rows by table, in the order in which they came; values in the order of the
            table's columns.
        counts: How many messages had which outcome.
    """

    def __init__(self) -> None:
        self.rows: dict[str, list[tuple[Any, ...]]] = {}
        self.counts = Counter[Outcome]()

    @abstractmethod
    def take(self, message: Message) -> Outcome:
        """Take one message in, and say what became of it."""

    @abstractmethod
    def remembered(self, newest_utc: datetime) -> Mapping[str, Any]:
        """Let go of what cannot matter any more, and return the rest as JSON has it."""

    def _add(self, table: str, *values: Any) -> None:  # noqa: ANN401 - the columns' own types
        self.rows.setdefault(table, []).append(values)


Intake = TypeVar("Intake", bound=MessageIntake)


class MessageStore(Generic[Intake]):
    """Keeps messages, and makes raw tables of them.

    Args:
        root: Folder of the raw tables.
        folder: Folder of log and memory, ``memory.json``.
        site_id: The site.
        writer: Who writes, for the names of sealed files: who hears, by what, and how.
        intake: Makes rows of messages, on the memory of an earlier run.

    Attributes:
        intake: What was taken in and is not sealed.
        sealed: What was sealed in this run.

    Raises:
        DataRefusedError: What an earlier run left cannot be read.
    """

    def __init__(
        self, root: Path, folder: Path, site_id: str, writer: tuple[str, str, str], intake: Intake
    ) -> None:
        self._root = root
        self._state_path = folder / "memory.json"
        self._site_id = site_id
        self._writer = writer
        self._journal = Journal(folder / "messages.log", writer[0])
        self.intake = intake
        self.sealed = SealedSoFar()
        self._newest_utc = datetime.min.replace(tzinfo=UTC)
        self._is_empty = True
        # At the first list that it is given pyarrow imports pandas, where that is installed: half a
        # second or more, which the first event would wait for.
        pa.array([""])
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
        rows = self.intake.rows
        sealed = []
        # Events come last: whoever sees one finds the message that asked for it.
        for name in sorted(rows, key=lambda name: (name == GRID_EVENTS, name)):
            sealed += seal_facts(
                name,
                _table(name, rows[name]),
                root=self._root,
                site_id=_FOLDERS.get(name, self._site_id),
                writer=self._writer,
            )
        save_state(self._state_path, self.intake.remembered(self._newest_utc))
        self._journal.begin_anew()
        self._count(rows)
        self.intake.rows, self._is_empty = {}, True  # only now: what failed is sealed by the next
        self.sealed.file_count += len(sealed)
        return sealed

    def _count(self, rows: Mapping[str, Sequence[tuple[Any, ...]]]) -> None:
        revision = SCHEMAS[GRID_EVENTS].get_field_index("revision")
        self.sealed.row_counts.update({name: len(of_table) for name, of_table in rows.items()})
        self.sealed.changed_count += sum(row[revision] > 1 for row in rows.get(GRID_EVENTS, ()))

    def close(self) -> None:
        """Seal what waits."""
        self.seal()
        self._journal.close()

    def _take(self, batch: Sequence[Message]) -> None:
        for message in batch:
            self.intake.take(message)
            self._newest_utc = message.received_utc
            self._is_empty = False


@contextmanager
def opened_store(
    root: Path, site_id: str, writer: tuple[str, str, str], intake_of: Callable[[Path], Intake]
) -> Iterator[MessageStore[Intake]]:
    """Yield the store of one listener, locked, and seal what waits at the end.

    Args:
        root: Folder of the raw tables; log and memory lie below it, in a folder of the listener.
        site_id: The site.
        writer: Who hears, by what, and how.
        intake_of: Returns what makes rows of messages, on the memory in a folder.

    Raises:
        ConfigurationError: Another listener of this name writes into the same folder.
        DataRefusedError: What an earlier run left cannot be read.
    """
    folder = root / "state" / f"{writer[1]}-{writer[0]}"
    with spool_lock(folder):
        store = MessageStore(root, folder, site_id, writer, intake_of(folder))
        try:
            yield store
        finally:
            store.close()


def _table(name: str, rows: Sequence[tuple[object, ...]]) -> pa.Table:
    schema = SCHEMAS[name]
    columns = zip(*rows, strict=True)
    arrays = [
        pa.array(values, type=field.type) for values, field in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
