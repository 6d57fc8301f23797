"""Whether a sealed file still is what was sealed.

Here: one file, its digest, and what damage is. Not here: which files there are, and their rows
(raw_files.py).
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow.parquet as pq

from negawatt.models.domain.errors import DataRefusedError
from negawatt.warehouse.digest import frame_digest

IDENTITY_LENGTH: Final = 16
"""Hex digits of a digest at the end of a sealed file's name."""
DAMAGE: Final = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
"""What Polars raises where a file cannot be understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFile:
    """One sealed file.

    Attributes:
        path: Where it lies.
        digest: SHA-256 of its bytes.
        row_count: Rows in it; None where it is damaged so that nobody can tell.
    """

    path: Path
    digest: str
    row_count: int | None


def raw_file(path: Path) -> RawFile:
    """Return a sealed file with its digest.

    Raises:
        OSError: It cannot be read.
    """
    digest, row_count = _file_digest(path), None
    with suppress(DataRefusedError), refusing_damage(path):
        row_count = pq.read_metadata(path).num_rows
    return RawFile(path=path, digest=digest, row_count=row_count)


@contextmanager
def refusing_damage(path: Path) -> Iterator[None]:
    """Refuse a Parquet file that cannot be understood, though it can be read.

    Raises:
        DataRefusedError: It is damaged.
        OSError: The system cannot read it.
    """
    try:
        yield
    except (OSError, ValueError, NotImplementedError) as error:
        # Arrow says OSError of some damage too, without the number that errors of a system have.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise DataRefusedError(
            thing=f"file {str(path)!r}",
            expected="a Parquet file that can be read",
            found=str(error).splitlines()[0],
            remedy="restore it from the node or a backup",
        ) from error


def seal_is_intact(file: RawFile) -> bool:
    """Say whether a sealed file still is what its name says.

    The last part of the name is the first 16 hex digits of a digest: of the file's bytes where a
    collector sealed it, of its rows where they were imported. A name without them says nothing.
    A file that is damaged is not.
    """
    identity = file.path.stem.rpartition("_")[2]
    if not re.fullmatch(rf"[0-9a-f]{{{IDENTITY_LENGTH}}}", identity):
        return False
    if file.digest.startswith(identity):
        return True
    if file.row_count is None:
        return False
    try:
        rows = pl.read_parquet(file.path, hive_partitioning=False)
    except DAMAGE:
        return False
    return frame_digest(rows).startswith(identity)


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
