"""Progress of long work, on a terminal only.

Not here: what is said when the work is done.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

_METERING = "negawatt.pipelines.assets.core"


@contextmanager
def bar_shown(length: int) -> Iterator[Callable[[], None]]:
    """Give a function that advances a bar by one; without a terminal it does nothing."""
    if not sys.stdout.isatty():
        yield lambda: None
        return
    with typer.progressbar(length=length, label="   ") as bar:
        yield lambda: bar.update(1)


@contextmanager
def site_days_shown(day_count: int) -> Iterator[None]:
    """Show a bar that advances with each site day that the metering job takes up."""
    with bar_shown(day_count) as advance:
        handler = _Call(advance)
        logger = logging.getLogger(_METERING)
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
