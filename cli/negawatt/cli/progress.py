"""Progress of long work, on a terminal only.

Not here: what is said when the work is done.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import typer

_METERING = "negawatt.pipelines.assets.core"
_SETTLING = "negawatt.pipelines.many"


@contextmanager
def bar_shown(length: int) -> Iterator[Callable[[], None]]:
    """Give a function that advances a bar by one; without a terminal it does nothing."""
    if not sys.stdout.isatty():
        yield lambda: None
        return
    with typer.progressbar(length=length, label="   ") as bar:
        yield lambda: bar.update(1)


@contextmanager
def rows_shown(length: int) -> Iterator[Callable[[int], object]]:
    """Give a function that advances a bar by some rows; without a terminal it does nothing."""
    if not sys.stdout.isatty():
        yield lambda _: None
        return
    with typer.progressbar(length=length, label="   ") as bar:
        yield bar.update


def site_days_shown(day_count: int) -> AbstractContextManager[None]:
    """Show a bar that advances with each site day that the metering job takes up."""
    return _records_shown(_METERING, day_count)


def settlements_shown(event_count: int) -> AbstractContextManager[None]:
    """Show a bar that advances with each event that is settled or refused."""
    return _records_shown(_SETTLING, event_count)


@contextmanager
def _records_shown(logger_name: str, count: int) -> Iterator[None]:
    with bar_shown(count) as advance:
        handler = _Call(advance)
        logger = logging.getLogger(logger_name)
        level = logger.level
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)


class _Call(logging.Handler):
    """Calls a function for each record."""

    def __init__(self, call: Callable[[], object]) -> None:
        super().__init__()
        self._call = call

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002 - that it came is enough
        self._call()
