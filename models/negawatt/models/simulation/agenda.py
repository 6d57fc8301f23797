"""What is going to happen in the hall, in order: a heap of moments.

Here: the order. Not here: what happens (negawatt.models.simulation.course).
"""

import heapq
from collections.abc import Iterator, Sequence
from enum import IntEnum

from negawatt.models.simulation.jobs import Job
from negawatt.models.simulation.outages import Outage


class Kind(IntEnum):
    """Order of what happens in one second: ends free GPUs before arrivals and control see them."""

    END = 0
    CANCEL = 1
    DOWN = 2
    UP = 3
    SUBMIT = 4
    CONTROL = 5


# When [s], what, to whom or by whom (a number), and which version of a plan.
Entry = tuple[int, Kind, int, int]


class Agenda:
    """Moments to come.

    Examples:
        >>> agenda = Agenda([(60, Kind.SUBMIT, 7, 0), (60, Kind.END, 3, 1)])
        >>> agenda.next_before(61), agenda.next_before(60)
        ((60, <Kind.END: 0>, 3, 1), None)
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = list(entries)
        heapq.heapify(self._entries)

    def __copy__(self) -> "Agenda":
        return Agenda(self._entries)

    def add(self, at_s: int, kind: Kind, number: int, version: int = 0) -> None:
        """Put something on the agenda."""
        heapq.heappush(self._entries, (at_s, kind, number, version))

    def next_before(self, end_s: int) -> Entry | None:
        """Take out what is next, None where nothing is left before a second."""
        if not self._entries or self._entries[0][0] >= end_s:
            return None
        return heapq.heappop(self._entries)


def known_beforehand(jobs: Sequence[Job], outages: Sequence[Outage]) -> Iterator[Entry]:
    """Return what does not depend on the course: submissions, cancellations, failures, repairs."""
    for index, job in enumerate(jobs):
        yield job.submit_s, Kind.SUBMIT, index, 0
        if job.cancel_s is not None:
            yield job.cancel_s, Kind.CANCEL, index, 0
    for number, outage in enumerate(outages):
        yield outage.down_s, Kind.DOWN, number, 0
        yield outage.up_s, Kind.UP, number, 0
