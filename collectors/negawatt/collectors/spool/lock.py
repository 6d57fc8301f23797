"""One agent for one spool directory.

Not here: locks between machines; a spool lies on the node's own disk.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from negawatt.models.domain.errors import ConfigurationError


@contextmanager
def spool_lock(root: Path) -> Iterator[None]:
    """Hold the lock of a spool directory, which is made if it is not there.

    The operating system lets go of it when the process ends, however it ends.

    Raises:
        ConfigurationError: Another process holds it.
    """
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigurationError(
                thing=f"spool directory {root}",
                expected="no other agent writing into it",
                found="its lock is held",
                remedy="stop the other agent, or give this one a directory of its own",
            ) from error
        yield
