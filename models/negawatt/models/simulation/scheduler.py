"""Who gets which GPUs: a queue by priority and age, and whole gangs or nothing.

Here: the queue, the free GPUs of one pool, and the claim of the job at the head. Not here: time,
work and control (negawatt.models.simulation.course).
"""

import copy
import math
from bisect import insort
from collections.abc import Callable, Iterable
from typing import Final, Self

from negawatt.models.domain.units import S_PER_H
from negawatt.models.simulation.jobs import Job

# A job that has waited this long lets nobody past it, so that large jobs start one day.
STARVING_AFTER_S: Final = 6 * S_PER_H
# How many waiting jobs a scheduler looks at for one that may pass the head.
BACKFILL_DEPTH: Final = 100

# The estimated end [s] and the GPUs of each running job.
Ends = Iterable[tuple[float, tuple[int, ...]]]


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
        self._all = [tuple(node) for node in self._free]
        self._counts = [len(node) for node in self._free]
        self._down: set[int] = set()
        self._node_size = max(self._counts, default=0)
        self._node_of = {gpu: node for node, gpus in enumerate(self._free) for gpu in gpus}

    def __bool__(self) -> bool:
        return any(self._counts)

    def __copy__(self) -> Self:
        twin = type(self)(())
        for name, value in vars(self).items():
            setattr(twin, name, copy.deepcopy(value))
        return twin

    def take(self, gpu_count: int) -> tuple[int, ...] | None:
        """Take GPUs of one node, the fullest that has room, or whole nodes; None if none fit."""
        if not self.would_fit(gpu_count, self._counts):
            return None
        if gpu_count > self._node_size:
            whole = [node for node, n in enumerate(self._counts) if n == self._node_size]
            return self._take_from(whole[: -(-gpu_count // self._node_size)], gpu_count)
        least = min(count for count in self._counts if count >= gpu_count)
        return self._take_from([self._counts.index(least)], gpu_count)

    def _take_from(self, nodes: Iterable[int], gpu_count: int) -> tuple[int, ...]:
        taken: list[int] = []
        for node in nodes:
            n_taken = min(gpu_count - len(taken), self._counts[node])
            taken += self._free[node][:n_taken]
            del self._free[node][:n_taken]
            self._counts[node] -= n_taken
        return tuple(taken)

    def give_back(self, gpus: Iterable[int]) -> None:
        """Return GPUs that a job has left; those of a node that is down stay away."""
        for gpu in gpus:
            node = self._node_of[gpu]
            if node not in self._down:
                insort(self._free[node], gpu)
                self._counts[node] += 1

    def take_down(self, gpus: Iterable[int]) -> None:
        """Take the nodes of these GPUs out of the pool."""
        for node in {self._node_of[gpu] for gpu in gpus}:
            self._down.add(node)
            self._free[node].clear()
            self._counts[node] = 0

    def bring_up(self, gpus: Iterable[int]) -> None:
        """Put the nodes of these GPUs, on which nothing runs, back into the pool."""
        for node in {self._node_of[gpu] for gpu in gpus}:
            self._down.remove(node)
            self._free[node] = list(self._all[node])
            self._counts[node] = len(self._all[node])

    def counts(self) -> list[int]:
        """Return how many GPUs of each node are free."""
        return list(self._counts)

    def add_to(self, counts: list[int], gpus: Iterable[int], sign: int = 1) -> None:
        """Add GPUs to counts of free GPUs, or take them away; a node that is down stays at 0."""
        for gpu in gpus:
            node = self._node_of[gpu]
            if node not in self._down:
                counts[node] += sign

    def would_fit(self, gpu_count: int, counts: list[int]) -> bool:
        """Say whether a gang fits where each node has so many free GPUs."""
        if gpu_count > self._node_size:
            return counts.count(self._node_size) >= -(-gpu_count // self._node_size)
        return max(counts) >= gpu_count


class Claim:
    """When the job at the head of the queue can start, by the estimates of those that run.

    A later job may pass only if it is over by then or leaves enough GPUs: EASY backfilling
    (Lifka, "The ANL/IBM SP scheduling system", JSSPP 1995).

    Args:
        free: The free GPUs now.
        gpu_count: GPUs of the job at the head.
        ends: Estimated end [s] and GPUs of each running job.
    """

    def __init__(self, free: FreeGpus, gpu_count: int, ends: Ends) -> None:
        self._free = free
        self._gpu_count = gpu_count
        self._counts = free.counts()
        self.at_s = math.inf
        for end_s, gpus in sorted(ends):
            free.add_to(self._counts, gpus)
            if free.would_fit(gpu_count, self._counts):
                self.at_s = end_s
                return

    def lets_pass(self, gpus: tuple[int, ...], end_s: float) -> bool:
        """Say whether a job may start on GPUs now, and remember them where it stays on."""
        if end_s <= self.at_s:
            return True
        self._free.add_to(self._counts, gpus, -1)
        if self._free.would_fit(self._gpu_count, self._counts):
            return True
        self._free.add_to(self._counts, gpus)
        return False


class Queue:
    """Jobs that wait for one pool, the next one first."""

    def __init__(self, waiting: Iterable[tuple[int, int, int, Job]] = ()) -> None:
        self._waiting = list(waiting)

    def __copy__(self) -> Self:
        return type(self)(self._waiting)

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
        self,
        now_s: int,
        free: FreeGpus,
        *,
        may_start: Callable[[Job], bool],
        ends: Callable[[], Ends] | None = None,
    ) -> list[tuple[int, tuple[int, ...]]]:
        """Take out every job that can start now, and return (index, GPUs) of each.

        A job that may not start is passed by always. A job that does not fit is passed by later
        ones until it is starving; where ``ends`` gives the estimated ends of running jobs, it is
        passed by those that do not delay it.
        """
        if not self._waiting or not free:
            return []
        started: list[tuple[int, tuple[int, ...]]] = []
        claim: Claim | None = None
        looked_at = 0
        for _, submit_s, index, job in self._waiting:
            if not free or looked_at == BACKFILL_DEPTH:
                break
            if not may_start(job):
                continue
            gpus = free.take(job.gpu_count)
            looked_at += claim is not None
            if gpus is None and ends is None and now_s - submit_s > STARVING_AFTER_S:
                break
            if gpus is None and ends is not None and claim is None:
                claim = Claim(free, job.gpu_count, ends())
            elif gpus is not None and claim is not None:
                end_s = now_s + (job.est_runtime_s or math.inf)
                if not claim.lets_pass(gpus, end_s):
                    free.give_back(gpus)
                    gpus = None
            if gpus is not None:
                started.append((index, gpus))
        taken = {index for index, _ in started}
        self._waiting = [entry for entry in self._waiting if entry[2] not in taken]
        return started

    def remove(self, index: int) -> None:
        """Take a job out of the queue, if it is there."""
        self._waiting = [entry for entry in self._waiting if entry[2] != index]
