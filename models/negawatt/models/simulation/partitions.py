"""The hall as its scheduler sees it: each pool's nodes and its queue.

Here: which pool a node and a job belong to. Not here: the rules of one queue
(negawatt.models.simulation.scheduler) and time (negawatt.models.simulation.course).
"""

import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import Self

from negawatt.models.simulation.jobs import Job
from negawatt.models.simulation.layout import Pool, pool_nodes
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.scheduler import Ends, FreeGpus, Queue


class Partitions:
    """All pools of a hall, with what is free and who waits."""

    def __init__(self, plan: HallPlan) -> None:
        self._plan = plan
        nodes_of_pool = pool_nodes(plan)
        self._pool_of_node = {node: pool for pool, nodes in nodes_of_pool.items() for node in nodes}
        self._free = {
            pool: FreeGpus(self.gpus_of(node) for node in nodes)
            for pool, nodes in nodes_of_pool.items()
        }
        self._queues = {pool: Queue() for pool in Pool}

    def __copy__(self) -> Self:
        twin = type(self)(self._plan)
        twin.__dict__.update(
            _free={pool: copy.copy(free) for pool, free in self._free.items()},
            _queues={pool: copy.copy(queue) for pool, queue in self._queues.items()},
        )
        return twin

    def gpus_of(self, node: int) -> range:
        """Return the GPUs of a node."""
        size = self._plan.gpus_per_node
        return range(node * size, (node + 1) * size)

    def submit(self, index: int, job: Job) -> None:
        """Queue a job."""
        self._queues[job.pool].add(index, job)

    def withdraw(self, index: int, job: Job) -> None:
        """Take a job out of its queue, if it is there."""
        self._queues[job.pool].remove(index)

    def give_back(self, job: Job, gpus: tuple[int, ...]) -> None:
        """Return the GPUs that a job has left."""
        self._free[job.pool].give_back(gpus)

    def take_down(self, node: int) -> None:
        """Take a failed node out of its pool."""
        self._free[self._pool_of_node[node]].take_down(self.gpus_of(node))

    def bring_up(self, node: int) -> None:
        """Put a repaired node back into its pool."""
        self._free[self._pool_of_node[node]].bring_up(self.gpus_of(node))

    def waiting(self) -> Iterator[int]:
        """Return the indexes of all jobs that wait."""
        for queue in self._queues.values():
            yield from queue.indexes

    def start(
        self, now_s: int, *, may_start: Callable[[Job], bool], ends: Callable[[Pool], Ends]
    ) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Take out every job that can start now, and yield (index, GPUs) of each."""
        for pool, queue in self._queues.items():
            yield from queue.start(
                now_s,
                self._free[pool],
                may_start=may_start,
                ends=partial(ends, pool) if self._plan.backfill else None,
            )
