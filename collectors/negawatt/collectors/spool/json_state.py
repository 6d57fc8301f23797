"""Small facts that outlive a run, as one JSON file that is replaced, never changed.

Not here: readings, which have a log of their own (log), and sealed files (segment).
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from negawatt.collectors.spool.disk import publish
from negawatt.models.domain.errors import DataRefusedError


def load_state(path: Path, is_valid: Callable[[Any], bool]) -> Any:  # noqa: ANN401 - JSON is anything
    """Return what was saved, or an empty object if nothing was.

    Args:
        path: The file.
        is_valid: Says whether a value is one that was saved.

    Raises:
        DataRefusedError: The file holds something else.
    """
    if not path.exists():
        return {}
    try:
        values = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _refused(path, str(error)) from error
    if not is_valid(values):
        raise _refused(path, "another content")
    return values


def save_state(path: Path, values: object) -> None:
    """Let a state appear, whole and synced, in place of the one before."""
    publish(path, json.dumps(values, sort_keys=True).encode())


def _refused(path: Path, found: str) -> DataRefusedError:
    return DataRefusedError(
        thing=f"state {path}",
        expected="what an earlier run saved",
        found=found,
        remedy="restore the file; without it rows would be stored twice",
    )
