"""Who gets which GPUs: a queue by priority and age, and whole gangs or nothing.

Here: the queue and the free GPUs of one pool. Not here: time, work and control
(negawatt.models.simulation.world).
"""

from bisect import insort
from collections.abc import Callable, Iterable
from typing import Final

from negawatt.models.domain.units import S_PER_H
from negawatt.models.simulation.jobs import Job

# A job that has waited this long lets nobody past it, so that large jobs start one day.
STARVING_AFTER_S: Final = 6 * S_PER_H


class FreeGpus:
    """The free GPUs of a pool, node by node.

    Examples:
        Two nodes of four: three GPUs come from one node, and then no whole node is left for two.

        >>> free = FreeGpus([range(0, 4), range(4, 8)])
        >>> free.take(3), free.take(8)
        ((0, 1, 2), None)
        >>> free.take(4), free.take(1), free.take(1)
        ((4, 5, 6, 7), (3,), None)
    """

    def __init__(self, nodes: Iterable[range]) -> None:
        self._free = [list(node) for node in nodes]
        self._node_size = max((len(node) for node in self._free), default=0)
        self._node_of = {gpu: node for node, gpus in enumerate(self._free) for gpu in gpus}

    def __bool__(self) -> bool:
        return any(self._free)

    def take(self, gpu_count: int) -> tuple[int, ...] | None:
        """Take GPUs of one node, the fullest that has room, or whole nodes; None if none fit."""
        if gpu_count > self._node_size:
            whole = [gpus for gpus in self._free if len(gpus) == self._node_size]
            n_nodes = -(-gpu_count // self._node_size)
            return self._take_from(whole[:n_nodes], gpu_count) if len(whole) >= n_nodes else None
        fitting = [gpus for gpus in self._free if len(gpus) >= gpu_count]
        return self._take_from([min(fitting, key=len)], gpu_count) if fitting else None

    @staticmethod
    def _take_from(nodes: list[list[int]], gpu_count: int) -> tuple[int, ...]:
        taken: list[int] = []
        for gpus in nodes:
            n_taken = min(gpu_count - len(taken), len(gpus))
            taken += gpus[:n_taken]
            del gpus[:n_taken]
        return tuple(taken)

    def give_back(self, gpus: Iterable[int]) -> None:
        """Return GPUs that a job has left."""
        for gpu in gpus:
            insort(self._free[self._node_of[gpu]], gpu)


class Queue:
    """Jobs that wait for one pool, the next one first."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, int, Job]] = []

    def add(self, index: int, job: Job) -> None:
        """Queue a job: higher priority first, then the older, then the lower index."""
        insort(
            self._waiting, (-job.priority, job.submit_s, index, job), key=lambda entry: entry[:3]
        )

    @property
    def indexes(self) -> list[int]:
        """The waiting jobs' indexes, the next one first."""
        return [index for _, _, index, _ in self._waiting]

    def start(
        self, now_s: int, free: FreeGpus, *, may_start: Callable[[Job], bool]
    ) -> list[tuple[int, tuple[int, ...]]]:
        """Take out every job that can start now, and return (index, GPUs) of each.

        A job that does not fit is passed by later ones until it is starving. A job that may not
        start is passed by always.
        """
        started: list[tuple[int, tuple[int, ...]]] = []
        remaining: list[tuple[int, int, int, Job]] = []
        blocked = not free
        for entry in self._waiting:
            _, submit_s, index, job = entry
            gpus = None
            if not blocked and may_start(job):
                gpus = free.take(job.gpu_count)
                blocked = not free or (gpus is None and now_s - submit_s > STARVING_AFTER_S)
            if gpus is None:
                remaining.append(entry)
            else:
                started.append((index, gpus))
        self._waiting = remaining
        return started
