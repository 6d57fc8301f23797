"""What was read of files that are followed, kept on disk: how far, and what is about to be stored.

Not here: the files (meter_file).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from negawatt.collectors.spool.json_state import load_state, save_state


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a file that is read at once.

    Attributes:
        file_name: The file's name when it was found.
        identity: What the file is known by.
        start: First byte.
        end: First byte after it.
    """

    file_name: str
    identity: str
    start: int
    end: int


class FollowState:
    """Positions in files, and the parts that were announced and are not stored yet.

    Args:
        path: A JSON file; it is replaced, never changed.

    Attributes:
        parts: What was announced.
        announced_utc: When.

    Raises:
        DataRefusedError: The file is not one that this class wrote.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._positions: dict[str, int] = {}
        self.parts: tuple[Part, ...] = ()
        self.announced_utc = datetime.min.replace(tzinfo=UTC)
        if path.exists():
            self._load()

    def position(self, identity: str) -> int:
        """Return how far a file was stored [bytes]."""
        return self._positions.get(identity, 0)

    def announce(self, parts: Sequence[Part], now_utc: datetime) -> None:
        """Write down what is about to be stored."""
        self.parts, self.announced_utc = tuple(parts), now_utc
        self._save()

    def commit(self) -> None:
        """Write down that what was announced is stored."""
        self._positions |= {part.identity: part.end for part in self.parts}
        self.parts = ()
        self._save()

    def _load(self) -> None:
        values = load_state(self._path, _is_state)
        self._positions = values["positions"]
        self.parts = tuple(Part(**part) for part in values["parts"])
        self.announced_utc = datetime.fromisoformat(values["announced_utc"])

    def _save(self) -> None:
        save_state(
            self._path,
            {
                "positions": self._positions,
                "parts": [asdict(part) for part in self.parts],
                "announced_utc": self.announced_utc.isoformat(),
            },
        )


def _is_state(values: object) -> bool:
    return isinstance(values, dict) and set(values) == {"positions", "parts", "announced_utc"}
