"""Progress of long work, on a terminal only.

Not here: what is said when the work is done.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

_METERING = "negawatt.pipelines.assets.core"


@contextmanager
def site_days_shown(day_count: int) -> Iterator[None]:
    """Show a bar that advances with each site day that the metering job takes up."""
    with typer.progressbar(length=day_count, label="   ") as bar:
        handler = _Call(lambda: bar.update(1))
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
