"""What is collected beside the readings of GPUs.

That is node meters, meter files, the jobs that labels name, and what the driver says of its GPUs
once a second. Each source is read at its own pace, off the agent's ticks. Rows are sealed as they
come in small files; a followed file goes on only behind rows that are sealed. Not here: reading
(sources), the GPUs' log (spool.keeper), and which job is where (job_facts).
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

import pyarrow as pa

from negawatt.collectors.config import CollectConfig
from negawatt.collectors.facility_sources import FacilitySource, open_sources
from negawatt.collectors.finding_counts import FindingCounts
from negawatt.collectors.job_facts import JobFacts
from negawatt.collectors.raw_schema import ALLOCATIONS, METER_READINGS, SCHEMAS
from negawatt.collectors.sources.protocol import Batch
from negawatt.collectors.spool.segment import seal_facts
from negawatt.collectors.targets import Target
from negawatt.models.domain.clock import Clock
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.units import NS_PER_S

_REMEMBERED: Final = 10_000


class Facility:
    """Collects everything but GPU readings, until it is closed.

    Args:
        config: The site, the spool directory and the pace.
        sources: What is read.
        clock: The machine's clock.
        boot_id: Identity of this boot, for the files' names.
        findings: Where findings are counted.

    Attributes:
        jobs: Which jobs hold which GPUs, as labels show it.
        files: What was sealed; the last of them.
        task: Reads all sources, once there is one.
    """

    def __init__(
        self,
        config: CollectConfig,
        sources: Sequence[FacilitySource],
        clock: Clock,
        boot_id: str,
        *,
        findings: FindingCounts,
    ) -> None:
        self._config = config
        self._sources = sources
        self._clock = clock
        self._boot_id = boot_id
        self._interval_ns = round(config.facility_interval_s * NS_PER_S)
        self._findings = findings
        self.files = deque[Path](maxlen=_REMEMBERED)
        self.task: asyncio.Task[None] | None = None
        self.jobs = JobFacts(
            config.spool_directory / "state" / "jobs.json",
            config.facility_interval_s,
            clock,
            lambda rows: self._seal(ALLOCATIONS, rows, "jobs", "labels"),
        )

    def count_by_state(self) -> Counter[tuple[str, str]]:
        """Return how many sources of each kind are in each state; the driver's GPUs are none."""
        return Counter((s.kind, s.state.value) for s in self._sources if not s.is_ours)

    def raise_failure(self) -> None:
        """Raise what ended the reading of sources, if a defect did."""
        if self.task and self.task.done() and not self.task.cancelled():
            self.task.result()

    async def run(self) -> None:
        """Read all sources at the given pace, until cancelled."""
        await asyncio.gather(*(self._follow(source) for source in self._sources))

    async def close(self) -> None:
        """Seal what is left."""
        for source in self._sources:
            if source.is_ours:
                self._take(source, await source.source.read(self._clock))
            self._findings.add(self._seal_waiting(source))
        await self.jobs.close()

    async def _follow(self, source: FacilitySource) -> None:
        next_ns = self._clock.monotonic_ns()
        while True:
            try:
                await self._read_and_store(source)
            except OSError as error:  # a full disk, a file that went: the next read tries again
                self._findings.add([_not_stored(source, str(error), 0)])
            next_ns = max(next_ns + self._interval_ns, self._clock.monotonic_ns())
            await self._clock.sleep_until_ns(next_ns)

    async def _read_and_store(self, source: FacilitySource) -> None:
        batch = await source.source.read(self._clock)
        self._take(source, batch)
        if batch.meter_readings or source.is_followed:
            await asyncio.to_thread(self._seal_meters, source.name, batch)
            await source.stored()
        if source.waiting and self._clock.monotonic_ns() >= source.seal_ns:
            self._findings.add(await asyncio.to_thread(self._seal_waiting, source))

    def _take(self, source: FacilitySource, batch: Batch) -> None:
        self._findings.add(batch.findings)
        source.keep(batch)

    def _seal_meters(self, name: str, batch: Batch) -> None:
        rows = pa.Table.from_pylist(
            [asdict(reading) for reading in batch.meter_readings], schema=SCHEMAS[METER_READINGS]
        )
        self._seal(METER_READINGS, rows, name, "files")

    def _seal_waiting(self, source: FacilitySource) -> list[Finding]:
        """Seal what waits; what the disk does not take waits on, up to a limit."""
        waiting, source.waiting = source.waiting, {}
        source.seal_ns = self._clock.monotonic_ns() + round(source.seal_interval_s * NS_PER_S)
        try:
            for name in list(waiting):
                self._seal(name, pa.concat_tables(waiting[name]), source.name, source.kind)
                del waiting[name]
        except OSError as error:
            return [_not_stored(source, str(error), source.put_back(waiting))]
        return []

    def _seal(self, name: str, rows: pa.Table, who: str, source: str) -> None:
        self.files.extend(
            seal_facts(
                name,
                rows,
                root=self._config.spool_directory,
                site_id=self._config.site_id,
                writer=(who, self._boot_id, source),
            )
        )


def _not_stored(source: FacilitySource, problem: str, given_up_count: int) -> Finding:
    return Finding(
        code=FindingCode.SPOOL_DISK_LOW,
        severity=Severity.WARNING,
        subject=f"{source.kind} of {source.name!r}",
        message=f"rows could not be stored and wait: {problem}"
        + (f"; {given_up_count} of the oldest were given up" if given_up_count else ""),
        evidence={"given_up_count": given_up_count},
    )


@asynccontextmanager
async def open_facility(
    config: CollectConfig,
    clock: Clock,
    boot_id: str,
    *,
    targets: Sequence[Target],
    findings: FindingCounts,
) -> AsyncIterator[Facility]:
    """Collect beside the agent for as long as this is open; seal what is left at its end.

    Args:
        config: The site, the spool directory, what is read and its pace.
        clock: The machine's clock.
        boot_id: Identity of this boot.
        targets: What the agent reads: its driver's GPUs are followed here too.
        findings: Where findings are counted.

    Raises:
        ConfigurationError: A certificate or a secret cannot be read.
        DataRefusedError: What an earlier run left cannot be read.
    """
    async with open_sources(config, targets, boot_id) as sources:
        facility = Facility(config, sources, clock, boot_id, findings=findings)
        facility.task = asyncio.create_task(facility.run()) if sources else None
        try:
            yield facility
        finally:
            if facility.task:
                facility.task.cancel()
                await asyncio.gather(facility.task, return_exceptions=True)
            await facility.close()
            facility.raise_failure()
