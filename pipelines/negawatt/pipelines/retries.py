"""Steps that are tried again: those that the machine stopped, not those that the data did.

Not here: runs that died, which the daemon tries again (instance.yaml).
"""

from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from typing import Final

import dagster as dg

BY_A_COMMAND: Final = {"negawatt/started_by": "command"}
MAX_RETRIES: Final = 3
FIRST_WAIT_S: Final = 30


@contextmanager
def again_after_trouble_of_the_machine(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Try a step again after an error of files or network: three times, after 30, 60 and 120 s.

    So it is where a process that works for the step was killed, as for want of memory. What is
    refused is not tried again: the data has to change. A command is told at once.
    """
    try:
        yield
    except (OSError, BrokenExecutor) as error:
        if is_of_a_command(context.run):
            raise
        wait_s = FIRST_WAIT_S * 2**context.retry_number
        raise dg.RetryRequested(max_retries=MAX_RETRIES, seconds_to_wait=wait_s) from error


def is_of_a_command(run: dg.DagsterRun) -> bool:
    """Say whether a command started a run, and a person waits for it."""
    return run.tags.items() >= BY_A_COMMAND.items()
