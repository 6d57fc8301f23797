"""Whether the process of a run that a command started is still there.

A command runs a job in its own process and holds a lock of the system while it does. The lock is
gone with the process, whatever ended it. Not here: runs that the daemon launched (launcher.py).
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import dagster as dg

KILLED = "The process of this run is gone: it was killed, or its machine went down."


@contextmanager
def run_of_a_command(home: Path) -> Iterator[str]:
    """Give the id of a run, and hold its lock until the run is over.

    Args:
        home: Folder of the Dagster instance.
    """
    run_id = str(uuid4())
    path = _lock(home, run_id)
    path.parent.mkdir(exist_ok=True)
    new = path.with_suffix(".new")  # nobody sees a lock that is not held yet
    with new.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        new.rename(path)
        yield run_id
        path.unlink()  # not after an error: fail_killed_runs looks whether the run has ended


def process_is_gone(home: Path, run_id: str) -> bool:
    """Say whether a command started the run and its process ended before the run did.

    Examples:
        >>> from tempfile import mkdtemp
        >>> home = Path(mkdtemp())
        >>> with run_of_a_command(home) as run_id:
        ...     process_is_gone(home, run_id)
        False
        >>> _lock(home, run_id).touch()
        >>> process_is_gone(home, run_id)
        True
    """
    try:
        with _lock(home, run_id).open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (BlockingIOError, FileNotFoundError):
        return False
    return True


def fail_killed_runs(instance: dg.DagsterInstance, home: Path) -> list[str]:
    """Mark as failed each run of a command whose process is gone, and return their ids."""
    killed = []
    for path in sorted(_lock(home, "*").parent.glob("*.lock")):
        run_id = str(UUID(path.stem))
        if process_is_gone(home, run_id):
            run = instance.get_run_by_id(run_id)
            if run is not None and not run.is_finished:
                instance.report_run_failed(run, KILLED)
                killed.append(run_id)
            path.unlink(missing_ok=True)
    return killed


def _lock(home: Path, run_id: str) -> Path:
    return home / "commands" / f"{run_id}.lock"
