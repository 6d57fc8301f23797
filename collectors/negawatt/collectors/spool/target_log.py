"""Everything that is kept for one target: its readings, their judgment, its account of gaps.

Not here: when to read (negawatt.collectors.agent) and where to write (negawatt.collectors.spool).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import pyarrow as pa

from negawatt.collectors.freshness import CounterWatch
from negawatt.collectors.sources.protocol import Batch, GapReason, GpuIdentity
from negawatt.collectors.spool.block import Part, TargetState
from negawatt.collectors.spool.buffer import SampleBuffer
from negawatt.collectors.spool.gaps import EVERY_GPU, GpuOfBoot, gap_batch, gap_values
from negawatt.collectors.spool.ledger import GapLedger
from negawatt.models.domain.clock import Clock
from negawatt.models.domain.findings import Finding
from negawatt.models.domain.units import NS_PER_MS, NS_PER_S

_MAX_WAITING_ROWS: Final = 200_000  # about 50 MB; at 8 GPUs and 100 Hz, four minutes of a dead disk
_ROUNDING_NS: Final = 1_000  # of a wall clock in microseconds: no tick was due in it


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolPlace:
    """Where the rows of a target belong, and when it is read.

    Attributes:
        site_id: The site.
        node_id: The node.
        boot_id: Identity of the boot; sequence numbers are unique within it.
        source: Short name of the source.
        interval_ns: From one tick to the next [ns].
        start_ns: When its first tick is due, by the monotonic clock; None is now [ns].
    """

    site_id: str
    node_id: str
    boot_id: str
    source: str
    interval_ns: int
    start_ns: int | None = None


class TargetLog:
    """The readings of one target that are not in the log yet, and its account.

    Args:
        place: Where its rows belong.
        clock: The clock of the agent.
        resumed: Where an earlier run stopped. The ticks since then are a gap: in the same boot they
            are numbered on, by the monotonic clock where it has not begun anew; in another boot the
            old account is closed with them, by the wall clock.
    """

    def __init__(self, place: SpoolPlace, clock: Clock, resumed: TargetState | None = None) -> None:
        self._clock = clock
        self._due_ns = clock.monotonic_ns() if place.start_ns is None else place.start_ns
        start_utc = wall_time(clock, self._due_ns)
        missed_count = _missed_count(place, resumed, self._due_ns, start_utc) if resumed else 0
        self._place = place
        self._gaps = _gaps_since(resumed, start_utc, missed_count) if resumed else []
        self._ended = None
        if resumed and resumed.boot_id != place.boot_id:
            number = resumed.next_sequence_number + missed_count
            self._ended = replace(resumed, next_sequence_number=number, due_utc=start_utc)
            resumed, missed_count = None, 0
        state = replace(resumed or begun(place, clock), site_id=place.site_id, source=place.source)
        self._state = state
        self._next_sequence_number = state.next_sequence_number + missed_count
        self._gpus = {gpu.gpu_uuid: gpu for gpu in state.gpus}
        self._every_gpu_count = state.every_gpu_count + missed_count * (not state.gpus)
        earlier_count = self._next_sequence_number - state.first_sequence_number
        self._watch = CounterWatch(state.counters)
        self._buffer = SampleBuffer(node_id=place.node_id, boot_id=place.boot_id)
        self.ledger = GapLedger(
            start_utc,
            gpu_uuids=self._gpus,
            earlier_count=earlier_count - self._every_gpu_count,
            since_utc=state.since_utc,
        )
        self.sample_count = 0

    @property
    def node_id(self) -> str:
        """The node whose readings these are."""
        return self._place.node_id

    def record(self, tick_utc: datetime, batch: Batch) -> list[Finding]:
        """Keep what one read gave and book what it did not; return all findings.

        Args:
            tick_utc: When the read was due; ticks come in their order, each once.
            batch: The source's answer.
        """
        if len(self._buffer) >= _MAX_WAITING_ROWS:  # the disk does not answer
            batch = replace(batch, readings=(), missing={}, gap_reason=GapReason.LOG_BACKLOG)
        findings = list(batch.findings)
        for reading in batch.readings:
            judgment = self._watch.judge(reading)
            self._buffer.add(reading, judgment, self._next_sequence_number)
            self._gpus[reading.identity.gpu_uuid] = reading.identity
            if judgment.finding:
                findings.append(judgment.finding)
        self.sample_count += len(batch.readings)
        self._book(tick_utc, batch)
        return findings

    def record_missed(self, tick_utc: datetime) -> None:
        """Book a tick on which the agent itself was too late to read."""
        self._book(tick_utc, Batch.failed(GapReason.TICK_MISSED))

    def take(self, *, is_closed: bool) -> tuple[Part, pa.RecordBatch, pa.RecordBatch]:
        """Return what was kept since the last call, and forget it.

        Args:
            is_closed: Nothing will follow.

        Returns:
            The account, the readings and the gaps, up to when the next tick is due.
        """
        before, due_utc = self._state, wall_time(self._clock, self._due_ns)
        gaps = self._gaps + self.ledger.take_gaps(
            due_utc, node_id=self._place.node_id, boot_id=self._place.boot_id
        )
        for uuid in self.ledger.accounts:
            self._gpus.setdefault(uuid, GpuIdentity(gpu_uuid=uuid))
        self._state = replace(
            before,
            next_sequence_number=self._next_sequence_number,
            every_gpu_count=self._every_gpu_count + self.ledger.every_gpu_count,
            due_utc=due_utc,
            due_monotonic_ns=self._due_ns,
            gpus=tuple(self._gpus.values()),
            counters=self._watch.states,
            is_closed=is_closed,
        )
        part = Part(
            first_sequence_number=before.next_sequence_number,
            start_utc=before.due_utc,
            state=self._state,
            ended=self._ended,
        )
        self._gaps, self._ended = [], None
        return part, self._buffer.take(), gap_batch(gaps)

    def _book(self, tick_utc: datetime, batch: Batch) -> None:
        self._next_sequence_number += 1
        self._due_ns += self._place.interval_ns
        self.ledger.tick(
            tick_utc,
            received={r.identity.gpu_uuid: r.stamp.observed_at_utc for r in batch.readings},
            missing=batch.missing,
            gap_reason=batch.gap_reason,
        )


def wall_time(clock: Clock, moment_ns: int) -> datetime:
    """Return the wall-clock time of an instant of the monotonic clock [ns], as both stand now."""
    ahead_ns = moment_ns - clock.monotonic_ns()
    return clock.now_utc() + timedelta(milliseconds=ahead_ns / NS_PER_MS)


def begun(place: SpoolPlace, clock: Clock) -> TargetState:
    """Return an account that begins with a target's first tick."""
    start_ns = clock.monotonic_ns() if place.start_ns is None else place.start_ns
    start_utc = wall_time(clock, start_ns)
    return TargetState(
        site_id=place.site_id,
        node_id=place.node_id,
        boot_id=place.boot_id,
        source=place.source,
        since_utc=start_utc,
        due_utc=start_utc,
        due_monotonic_ns=start_ns,
    )


def _missed_count(
    place: SpoolPlace, resumed: TargetState, start_ns: int, start_utc: datetime
) -> int:
    """Return how many ticks were due between two runs, the first of the new one not among them."""
    elapsed_ns = start_ns - resumed.due_monotonic_ns
    if place.boot_id != resumed.boot_id or elapsed_ns < -place.interval_ns:
        elapsed_ns = round((start_utc - resumed.due_utc).total_seconds() * NS_PER_S)
    return max(0, -(-(elapsed_ns - _ROUNDING_NS) // place.interval_ns))


def _gaps_since(
    resumed: TargetState, start_utc: datetime, missed_count: int
) -> list[dict[str, object]]:
    """Return the time between two runs as gaps of the boot that was left."""
    reason = GapReason.AGENT_STOPPED if resumed.is_closed else GapReason.AGENT_LOST
    return [
        row
        for uuid in [gpu.gpu_uuid for gpu in resumed.gpus] or [EVERY_GPU]
        for row in gap_values(
            GpuOfBoot(resumed.node_id, resumed.boot_id, uuid),
            start_utc=resumed.due_utc,
            end_utc=start_utc,
            missing_count=missed_count,
            reason=reason,
        )
    ]
