"""A PostgreSQL server of Debian on a socket in a folder of its own, for tests of Dagster's storage.

Not here: what Dagster does with it (production.py).
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROLE = "negawatt"


def _program(name: str) -> str | None:
    """Return Debian's own of the newest version, which is not on the path, or another."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name)


@contextmanager
def postgres_server(*, syncs: bool = False) -> Iterator[str]:
    """Start a server and give the URL of its database; skip the test where there is no server.

    Args:
        syncs: Write to the disk as it does by default; a test that times nothing need not.
    """
    programs = {name: _program(name) for name in ("initdb", "postgres")}
    if missing := [name for name, path in programs.items() if path is None]:
        pytest.skip(f"{missing[0]} of PostgreSQL is not installed")
    # The server refuses to run as root, and its user must reach the folder.
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    prefix = as_user if os.geteuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="negawatt-postgres-"))
    try:
        if prefix:
            shutil.chown(folder, "postgres", "postgres")
        data = ["-D", str(folder / "data")]
        subprocess.run(  # noqa: S603 - the server's own program
            [*prefix, str(programs["initdb"]), *data, "-U", ROLE, "-A", "trust", "--no-sync"],
            check=True,
            capture_output=True,
        )
        options = [
            "-k",
            str(folder),
            "-c",
            "listen_addresses=",
            "-c",
            f"fsync={'on' if syncs else 'off'}",
        ]
        with subprocess.Popen(  # noqa: S603 - as above
            [*prefix, str(programs["postgres"]), *data, *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as server:
            try:
                _wait_for(folder / ".s.PGSQL.5432")
                yield f"postgresql://{ROLE}@/postgres?host={folder}"
            finally:
                server.send_signal(signal.SIGINT)  # clients that are still there are cut off
    finally:
        shutil.rmtree(folder)


def _wait_for(path: Path, limit_s: float = 30) -> None:
    end_s = time.monotonic() + limit_s
    while not path.exists():
        assert time.monotonic() < end_s, f"{path} did not appear"
        time.sleep(0.05)
