"""Rows that are too many for memory, put aside on the warehouse's own disk while a day is computed.

A part is put aside as it is done, and all are read back in the order of their owners, so that no
more than a part is in memory. Here: those files, which no table has and no reader sees. Not here:
which rows (negawatt.pipelines).
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa

from negawatt.warehouse.layout import Layout

_PREFIX: Final = ".aside-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """Rows in a file.

    Attributes:
        path: Where it lies.
        owners: Whose they are, in the order of the file.
    """

    path: Path
    owners: tuple[str, ...]


@contextmanager
def folder_aside(layout: Layout) -> Iterator[Path]:
    """Give a hidden folder of the warehouse, which is gone at the end with all that is in it.

    What runs left behind that were killed is removed first: a run locks its folder while it lives.

    Examples:
        >>> layout = Layout(Path(tempfile.mkdtemp()))
        >>> with folder_aside(layout) as folder:
        ...     folder.parent == layout.root
        True
        >>> folder.exists()
        False
    """
    layout.root.mkdir(parents=True, exist_ok=True)
    for left_behind in layout.root.glob(f"{_PREFIX}*"):
        with suppress(OSError), _locked(left_behind):
            shutil.rmtree(left_behind)
    unseen = Path(tempfile.mkdtemp(prefix=".unlocked-", dir=layout.root))
    with _locked(unseen):
        folder = unseen.rename(unseen.with_name(f"{_PREFIX}{unseen.name.rpartition('-')[2]}"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def put_aside(path: Path, rows: pl.DataFrame, owner: str) -> Aside:
    """Write rows into a file, those of each owner as a batch that can be read alone.

    Args:
        path: Where.
        rows: Rows in which those of one owner stand together.
        owner: The column that says whose a row is.
    """
    runs = rows[owner].rle().struct.unnest()
    table = rows.to_arrow()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    start = 0
    with (
        pa.OSFile(str(path), "wb") as file,
        pa.ipc.new_file(file, table.schema, options=options) as w,
    ):
        for length in runs["len"]:
            w.write(table.slice(start, length).combine_chunks().to_batches()[0])
            start += length
    return Aside(path=path, owners=tuple(runs["value"]))


def in_order(files: Sequence[Aside], at_once: int) -> Iterator[pl.DataFrame]:
    """Yield the rows of files, owner after owner by name.

    Args:
        files: Files that share no owner, in any order.
        at_once: Owners whose rows are yielded together.
    """
    alone = pa.ipc.IpcReadOptions(use_threads=False)  # for one GPU's columns, threads cost more
    readers = [pa.ipc.open_file(pa.OSFile(str(file.path)), options=alone) for file in files]
    places = sorted(
        (owner, number, batch)
        for number, file in enumerate(files)
        for batch, owner in enumerate(file.owners)
    )
    for first in range(0, len(places), at_once):
        some = places[first : first + at_once]
        batches = [readers[number].get_batch(batch) for _, number, batch in some]
        frame = pl.from_arrow(pa.Table.from_batches(batches))
        assert isinstance(frame, pl.DataFrame)  # a table is never a series  # noqa: S101
        yield frame


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, or raise OSError where a living process has it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
