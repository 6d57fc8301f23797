"""The manifest: which segments of the log were sealed into which files; and where accounts stand.

Both are frames with JSON in them, so that damage is seen. The manifest only grows; the states are
replaced all at once, and can be missing: then the sealed files say where to go on. Here: reading
and writing both. Not here: what is done with them.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from negawatt.collectors.spool.block import TargetState, state_from, state_values
from negawatt.collectors.spool.disk import LogFile, make_folder, publish
from negawatt.collectors.spool.frames import encode_frame, scan
from negawatt.collectors.spool.log import LOG_FOLDER

_MANIFEST: Final = "manifest"
_STATES: Final = "states"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedFile:
    """One sealed file.

    Attributes:
        path: Below the spool directory.
        sha256: Of its bytes, in hexadecimal.
    """

    path: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSpan:
    """The ticks of one target and boot that are accounted for, so far.

    Attributes:
        node_id: The node.
        boot_id: The boot.
        first_sequence_number: The first of them.
        next_sequence_number: The first after them.
    """

    node_id: str
    boot_id: str
    first_sequence_number: int
    next_sequence_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What became of one segment, or sealed files that no entry named and a recovery found.

    Attributes:
        segment: Name of the segment, or None for files that were found.
        next_frame_number: First number behind its frames.
        files: What it was sealed into.
        accounts: What these files account for.
    """

    segment: str | None
    next_frame_number: int
    files: tuple[SealedFile, ...]
    accounts: tuple[AccountSpan, ...] = ()


class Manifest:
    """The manifest of a spool directory, open for appending.

    Args:
        root: The spool directory.
    """

    def __init__(self, root: Path) -> None:
        self._path = root / LOG_FOLDER / _MANIFEST
        found = scan(self._path.read_bytes() if self._path.exists() else b"")
        self.entries = [_entry(json.loads(frame.body)) for frame in found.frames]
        self.damages = found.damages
        self._end = found.end

    def append(self, entry: Entry) -> None:
        """Make an entry durable; a torn entry behind the last whole one is overwritten."""
        body = json.dumps(asdict(entry), separators=(",", ":")).encode()
        if self._path.exists():
            os.truncate(self._path, self._end)
            file = LogFile(self._path, self._end)
        else:
            make_folder(self._path.parent)
            file = LogFile.new(self._path)
        try:
            file.append(encode_frame(len(self.entries), "", body))
        finally:
            file.close()
        self._end = file.end
        self.entries.append(entry)

    def segments(self) -> set[str]:
        """Return the names of all segments that were sealed."""
        return {entry.segment for entry in self.entries if entry.segment}

    def next_frame_number(self) -> int:
        """Return the first number that no sealed frame had."""
        return max((entry.next_frame_number for entry in self.entries), default=0)

    def files(self) -> dict[str, SealedFile]:
        """Return all sealed files by their path."""
        return {file.path: file for entry in self.entries for file in entry.files}

    def accounts(self) -> dict[tuple[str, str], AccountSpan]:
        """Return what is accounted for, by node and boot."""
        spans: dict[tuple[str, str], AccountSpan] = {}
        for span in (span for entry in self.entries for span in entry.accounts):
            spans[span.node_id, span.boot_id] = span
        return spans


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """Where a spool directory stands.

    Attributes:
        next_frame_number: First number that no sealed frame had.
        of_node: The account of each node.
    """

    next_frame_number: int
    of_node: dict[str, TargetState]


def read_states(root: Path) -> States:
    """Return where the sealed part of a spool stands; its beginning, if nothing whole says more."""
    path = root / LOG_FOLDER / _STATES
    frames = scan(path.read_bytes() if path.exists() else b"").frames
    if not frames:
        return States(next_frame_number=0, of_node={})
    states = [state_from(values) for values in json.loads(frames[-1].body)]
    return States(
        next_frame_number=frames[-1].number, of_node={state.node_id: state for state in states}
    )


def write_states(root: Path, states: States) -> None:
    """Replace the states."""
    body = json.dumps([state_values(state) for state in states.of_node.values()]).encode()
    publish(root / LOG_FOLDER / _STATES, encode_frame(states.next_frame_number, "", body))


def _entry(values: dict[str, Any]) -> Entry:
    return Entry(
        segment=values["segment"],
        next_frame_number=values["next_frame_number"],
        files=tuple(SealedFile(**file) for file in values["files"]),
        accounts=tuple(AccountSpan(**span) for span in values["accounts"]),
    )
