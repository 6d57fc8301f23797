"""Jobs that the labels of all nodes name, kept as rows of ``raw_job__allocations``.

What is held is remembered on disk, so that a restarted agent neither ends a job nor begins it
again. Not here: labels (sources.dcgm_fields) and one node's watch (allocations).
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from negawatt.collectors.allocations import Allocation, AllocationWatch
from negawatt.collectors.raw_schema import ALLOCATIONS, SCHEMAS
from negawatt.collectors.sources.protocol import Batch
from negawatt.collectors.spool.json_state import load_state, save_state
from negawatt.models.domain.clock import Clock
from negawatt.models.domain.units import NS_PER_S

Held = dict[str, list[list[str]]]  # node: GPU, job and since when
_TIMES = ("allocation_start_utc", "allocation_end_utc", "available_at_utc")


class JobFacts:
    """Follows the jobs of all nodes, and stores what changes.

    Args:
        state_path: Where it is remembered what is held.
        interval_s: Least time from one write to the next [s].
        clock: The machine's clock, or a virtual one.
        seal: Stores rows of ``raw_job__allocations``.

    Raises:
        DataRefusedError: What an earlier run remembered cannot be read.
    """

    def __init__(
        self, state_path: Path, interval_s: float, clock: Clock, seal: Callable[[pa.Table], None]
    ) -> None:
        self._state_path = state_path
        self._interval_ns = round(interval_s * NS_PER_S)
        self._clock = clock
        self._seal = seal
        self._next_ns = clock.monotonic_ns()
        self._write: asyncio.Future[None] | None = None
        state = load_state(state_path, _is_state)
        known: Held = state.get("held", {})
        seal(_table(state.get("rows", [])))  # again: a crash may have come before
        self._watches = {
            node_id: AllocationWatch(
                node_id,
                {
                    (job_id, uuid): datetime.fromisoformat(since).astimezone(UTC)
                    for uuid, job_id, since in rows
                },
            )
            for node_id, rows in known.items()
        }

    def observe(self, node_id: str, batch: Batch, observed_at_utc: datetime) -> None:
        """Take in what a read shows; now and then, start to store what changed."""
        watch = self._watches.setdefault(node_id, AllocationWatch(node_id))
        watch.observe(batch, observed_at_utc)
        is_free = self._write is None or self._write.done()
        if watch.has_changed and is_free and self._clock.monotonic_ns() >= self._next_ns:
            self._next_ns = self._clock.monotonic_ns() + self._interval_ns
            loop = asyncio.get_running_loop()
            self._write = loop.run_in_executor(None, self._store, *self._taken())

    async def close(self) -> None:
        """Store what is left."""
        if self._write:
            await self._write
        self._store(*self._taken())

    def _taken(self) -> tuple[list[Allocation], Held]:
        held = {
            node_id: [[uuid, job, since.isoformat()] for (job, uuid), since in sorted(open_)]
            for node_id, watch in self._watches.items()
            if (open_ := watch.open_since_utc.items())
        }
        return [change for watch in self._watches.values() for change in watch.take()], held

    def _store(self, changed: list[Allocation], held: Held) -> None:
        """Remember what is about to be sealed, then seal it; a crash between is made good."""
        if not changed:
            return
        available = self._clock.now_utc().isoformat()
        rows = [_row(change) | {"available_at_utc": available} for change in changed]
        save_state(self._state_path, {"held": held, "rows": rows})
        self._seal(_table(rows))


def _row(change: Allocation) -> dict[str, str | None]:
    return {
        "job_id": change.job_id,
        "gpu_uuid": change.gpu_uuid,
        "node_id": change.node_id,
        "allocation_start_utc": change.start_utc.isoformat(),
        "allocation_end_utc": change.end_utc.isoformat() if change.end_utc else None,
    }


def _table(rows: list[dict[str, str | None]]) -> pa.Table:
    values: list[dict[str, object]] = [
        {
            name: datetime.fromisoformat(text) if text and name in _TIMES else text
            for name, text in row.items()
        }
        for row in rows
    ]
    return pa.Table.from_pylist(values, schema=SCHEMAS[ALLOCATIONS])


def _is_state(values: object) -> bool:
    return isinstance(values, dict) and set(values) == {"held", "rows"}
