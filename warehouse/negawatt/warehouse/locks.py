"""Locks of a warehouse: what only one process at a time may do.

A lock belongs to the process and is gone with it. Not here: what is done under it.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from negawatt.warehouse.layout import Layout


@contextmanager
def publishing(layout: Layout) -> Iterator[None]:
    """Hold the warehouse for one settlement; a second waits, and sees what the first published."""
    with _held(layout, "publishing"):
        yield


@contextmanager
def metering(layout: Layout) -> Iterator[None]:
    """Hold the core tables from reading a span of days to writing it; a second metering waits.

    Of two that meter one day at once, the one that read less could else write last.
    """
    with _held(layout, "metering"):
        yield


@contextmanager
def _held(layout: Layout, name: str) -> Iterator[None]:
    layout.root.mkdir(parents=True, exist_ok=True)
    with (layout.root / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
