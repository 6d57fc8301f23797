"""Everything that is kept for one target: its readings, their judgment, its account of gaps.

Not here: when to read and when to seal (negawatt.collectors.agent).
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from negawatt.collectors.freshness import CounterWatch
from negawatt.collectors.sources.protocol import Batch, GapReason
from negawatt.collectors.spool.buffer import SampleBuffer
from negawatt.collectors.spool.ledger import GapLedger
from negawatt.collectors.spool.recovery import resume_point
from negawatt.collectors.spool.segment import seal, seal_gaps
from negawatt.models.domain.findings import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolPlace:
    """Where the files of a target go.

    Attributes:
        root: Folder of the raw tables.
        site_id: The site.
        node_id: The node.
        boot_id: Identity of the boot; sequence numbers are unique within it.
        source: Short name of the source.
    """

    root: Path
    site_id: str
    node_id: str
    boot_id: str
    source: str


class TargetLog:
    """The readings of one target between two seals.

    Args:
        place: Where its files go.
        start_utc: When its first reading is due.
    """

    def __init__(self, place: SpoolPlace, start_utc: datetime) -> None:
        self._place = place
        resumed = resume_point(
            place.root,
            site_id=place.site_id,
            node_id=place.node_id,
            boot_id=place.boot_id,
            source=place.source,
        )
        self._first_sequence_number = resumed.next_sequence_number
        self._watch = CounterWatch(resumed.counters)
        self._buffer = SampleBuffer(node_id=place.node_id, boot_id=place.boot_id)
        self.ledger = GapLedger(start_utc)
        self.sample_count = 0

    def record(self, tick: int, tick_utc: datetime, batch: Batch) -> list[Finding]:
        """Keep what one read gave and book what it did not; return all findings.

        Args:
            tick: Position of the read in this run, from 0.
            tick_utc: When the read was due.
            batch: The source's answer.
        """
        findings = list(batch.findings)
        for reading in batch.readings:
            judgment = self._watch.judge(reading)
            self._buffer.add(reading, judgment, self._first_sequence_number + tick)
            if judgment.finding:
                findings.append(judgment.finding)
        self.sample_count += len(batch.readings)
        self.ledger.tick(
            tick_utc,
            received={r.identity.gpu_uuid: r.stamp.observed_at_utc for r in batch.readings},
            missing=batch.missing,
            gap_reason=batch.gap_reason,
        )
        return findings

    def record_missed(self, tick_utc: datetime) -> None:
        """Book a tick on which the agent itself was too late to read."""
        self.ledger.tick(tick_utc, received={}, missing={}, gap_reason=GapReason.TICK_MISSED)

    def seal(self, moment_utc: datetime, *, final: bool) -> list[Path]:
        """Write what was kept since the last seal, and return the files.

        Args:
            moment_utc: End of the time that the files account for.
            final: Nothing will follow.
        """
        place = self._place
        samples, identities = self._buffer.take()
        gaps = self.ledger.take_gaps(
            moment_utc, node_id=place.node_id, boot_id=place.boot_id, final=final
        )
        return [
            *seal(
                samples,
                root=place.root,
                site_id=place.site_id,
                source=place.source,
                identities=identities,
            ),
            *seal_gaps(gaps, root=place.root, site_id=place.site_id, source=place.source),
        ]
