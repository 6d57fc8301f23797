"""The loop: read every target on time, seal what came, account for what did not.

Deadlines are absolute on the monotonic clock; a tick that comes too late is counted and skipped,
never made up for by a burst. Not here: how a source reads, and what a file looks like.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

# pyarrow asks for it on any thread, and two that ask first at once end in a recursion.
import numpy.ma  # noqa: F401 - see above

from negawatt.collectors.clock import SystemClock
from negawatt.collectors.clock_watch import ClockWatch
from negawatt.collectors.config import CollectConfig
from negawatt.collectors.facility import Facility, open_facility
from negawatt.collectors.finding_counts import CountedFinding, FindingCounts
from negawatt.collectors.health import Metric, served
from negawatt.collectors.rounds import Rounds
from negawatt.collectors.self_metrics import of_agent, of_clock, of_driver, of_sources
from negawatt.collectors.sources.nvml_source import NvmlSource
from negawatt.collectors.sources.protocol import Batch, PacedSource, Source
from negawatt.collectors.spool.keeper import Keeper, KeeperConfig
from negawatt.collectors.spool.lock import spool_lock
from negawatt.collectors.spool.log import DiskLimits
from negawatt.collectors.spool.shipping import destination_of
from negawatt.collectors.spool.target_log import SpoolPlace, TargetLog, wall_time
from negawatt.collectors.target_state import TargetState
from negawatt.collectors.targets import Target, open_targets
from negawatt.models.domain.clock import Clock
from negawatt.models.domain.findings import Finding
from negawatt.models.domain.units import NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class TickReport:
    """What one tick gave, for a progress display.

    Attributes:
        tick: Position of the tick, from 0.
        tick_count: How many there will be, or None while it runs until stopped.
        reading_count: Readings that came.
    """

    tick: int
    tick_count: int | None
    reading_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a run of the agent did.

    Attributes:
        target_count: Targets read.
        tick_count: Ticks that were due.
        missed_tick_count: Ticks skipped because the agent was late.
        sample_count: Readings sealed; a GPU with two scopes gives two on a tick.
        expected_count: GPU ticks that were due; a target that never answered counts as one GPU.
        received_count: GPU ticks on which a reading came; the rest are in the gap files.
        file_count: Sealed files.
        files: The last of them (at most 10,000), in the order in which they were written.
        count_by_state: Targets in each state at the end.
        transition_count: How often a target's state changed.
        findings: What was found, each code and subject once.
    """

    target_count: int
    tick_count: int
    missed_tick_count: int
    sample_count: int
    expected_count: int
    received_count: int
    file_count: int
    files: tuple[Path, ...]
    count_by_state: dict[str, int]
    transition_count: int
    findings: tuple[CountedFinding, ...]


class Agent:
    """Reads targets at a fixed interval and seals what they gave.

    Args:
        targets: What is read; each node once.
        config: The site, the spool directory and the intervals; what it says of targets was used
            to open them.
        clock: The machine's clock, or a virtual one.
        boot_id: Identity of this boot; sequence numbers are unique within it.
        on_batch: Told of each node's answer, and when it was due.
        findings: Where findings are counted; by default by itself.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        *,
        config: CollectConfig,
        clock: Clock,
        boot_id: str,
        on_batch: Callable[[str, Batch, datetime], None] | None = None,
        findings: FindingCounts | None = None,
    ) -> None:
        self._clock = clock
        self._on_batch = on_batch
        self._rounds = Rounds(targets, config, clock)
        self._interval_ns = round(config.scrape_interval_s * NS_PER_S)
        self._keeper = Keeper(
            KeeperConfig(
                root=config.spool_directory,
                boot_id=boot_id,
                log_interval_s=config.log_interval_s,
                seal_interval_s=config.seal_interval_s,
                limits=DiskLimits(**config.disk.model_dump()),
                destination=destination_of(**config.ship.model_dump(exclude={"keep_days"})),
                keep_days=config.ship.keep_days,
            ),
            clock,
        )
        self._start_ns = clock.monotonic_ns()
        self._polled: list[tuple[TargetLog, Source]] = []
        self._paced: list[tuple[TargetLog, PacedSource]] = []
        for target in targets:
            source, interval_ns, start_ns = target.source, self._interval_ns, self._start_ns
            if isinstance(source, PacedSource):
                interval_ns, start_ns = round(source.interval_s * NS_PER_S), source.start_ns
            place = SpoolPlace(
                site_id=config.site_id,
                node_id=target.node_id,
                boot_id=boot_id,
                source=target.source_name,
                interval_ns=interval_ns,
                start_ns=start_ns,
            )
            if isinstance(source, PacedSource):
                self._paced.append((self._keeper.open(place), source))
            else:
                self._polled.append((self._keeper.open(place), source))
        self._clock_watch = (
            ClockWatch(clock.wall_ns, clock.monotonic_ns)
            if isinstance(clock, SystemClock)
            else None
        )
        self._log_interval_ns = round(config.log_interval_s * NS_PER_S)
        self._paced_count = 0
        self._is_driver_silent = True
        self._missed_tick_count = 0
        self._findings = findings or FindingCounts()

    async def run(
        self,
        *,
        tick_count: int | None = None,
        on_tick: Callable[[TickReport], None] | None = None,
        stop: asyncio.Event | None = None,
    ) -> Summary:
        """Read until the ticks are done or ``stop`` is set; whatever happens, seal what came.

        Args:
            tick_count: How many ticks; None goes on until stopped.
            on_tick: Told of each tick.
            stop: Set it to end the run early.
        """
        tick = 0
        between = asyncio.create_task(self._keep_between_ticks()) if self._paced else None
        try:
            while tick_count is None or tick < tick_count:
                if await _stopped_before(self._clock.sleep_until_ns(self._due_ns(tick)), stop):
                    break
                reading_count = await self._read_all(tick)
                if on_tick:
                    on_tick(
                        TickReport(tick=tick, tick_count=tick_count, reading_count=reading_count)
                    )
                self._findings.add(self._keeper.tend())
                tick = self._skip_missed(tick + 1, tick_count)
        finally:
            if between:
                between.cancel()  # what it failed of fails below again
                await asyncio.gather(between, return_exceptions=True)
            try:
                self._take_all()
            finally:
                self._findings.add(self._keeper.close())
        return self._summary(tick)

    async def _keep_between_ticks(self) -> None:
        """Write what sources of a time of their own gave as often as the log is written."""
        while True:
            await self._clock.sleep_until_ns(self._clock.monotonic_ns() + self._log_interval_ns)
            self._take_all()
            self._findings.add(self._keeper.tend())

    async def _read_all(self, tick: int) -> int:
        tick_utc = self._tick_utc(tick)
        batches = await self._rounds.read(tick, self._due_ns(tick))
        for (log, _), batch in zip(self._polled, batches, strict=True):
            self._findings.add(log.record(tick_utc, batch))
            if self._on_batch:
                self._on_batch(log.node_id, batch, tick_utc)
        if self._clock_watch:
            self._findings.add(self._clock_watch.look())
        self._take_all()
        paced_count, self._paced_count = self._paced_count, 0
        self._is_driver_silent = not paced_count
        return sum(len(batch.readings) for batch in batches) + paced_count

    def _take_all(self) -> None:
        """Keep what came from the sources that keep their own time."""
        for log, source in self._paced:
            for tick in source.take():
                self._findings.add(log.record(tick.due_utc, tick.batch))
                self._paced_count += len(tick.batch.readings)

    def ship_rest(self) -> list[Finding]:
        """Ship what was sealed beside the GPUs' log until the end; call it when all is closed."""
        return self._keeper.ship_rest()

    def metrics(self) -> Iterator[Metric]:
        """Give the agent's own figures as they stand."""
        summary = self._summary(0)
        yield from of_agent(
            missed_tick_count=self._missed_tick_count,
            sample_count=summary.sample_count,
            expected_count=summary.expected_count,
            received_count=summary.received_count,
            log_age_s=self._keeper.log_age_s,
            targets_of_state=self._count_by_state(),
        )
        for _, source in self._paced:
            if isinstance(source, NvmlSource):
                yield from of_driver(source)
        if self._clock_watch:
            yield from of_clock(self._clock_watch)

    def _skip_missed(self, tick: int, tick_count: int | None) -> int:
        """Book the ticks whose deadline has passed, and return the next that can be met."""
        elapsed_ns = self._clock.monotonic_ns() - self._start_ns
        reachable = max(tick, elapsed_ns // self._interval_ns + 1)
        if tick_count is not None:
            reachable = min(reachable, max(tick, tick_count))
        for missed in range(tick, reachable):
            self._missed_tick_count += 1
            for log, _ in self._polled:
                log.record_missed(self._tick_utc(missed))
        return reachable

    def _tick_utc(self, tick: int) -> datetime:
        """Return when a tick is due, by the wall clock as it stands now."""
        return wall_time(self._clock, self._due_ns(tick))

    def _due_ns(self, tick: int) -> int:
        return self._start_ns + tick * self._interval_ns

    def _count_by_state(self) -> dict[str, int]:
        """Count targets in each state; a driver that gives nothing is failing."""
        counts = self._rounds.count_by_state()
        state = TargetState.FAILING if self._is_driver_silent else TargetState.HEALTHY
        counts[state.value] += len(self._paced)
        return counts

    def _summary(self, tick_count: int) -> Summary:
        logs = [log for log, _ in (*self._polled, *self._paced)]
        accounts = [log.ledger.expected_and_received() for log in logs]
        return Summary(
            target_count=len(logs),
            tick_count=tick_count,
            missed_tick_count=self._missed_tick_count,
            sample_count=sum(log.sample_count for log in logs),
            expected_count=sum(expected for expected, _ in accounts),
            received_count=sum(received for _, received in accounts),
            file_count=self._keeper.file_count,
            files=tuple(self._keeper.files),
            count_by_state=self._count_by_state(),
            transition_count=self._rounds.transition_count,
            findings=self._findings.counted(),
        )


async def _stopped_before(
    waiting: Coroutine[object, object, None], stop: asyncio.Event | None
) -> bool:
    """Wait, and say whether ``stop`` was set before the end of it."""
    if stop is None:
        await waiting
        return False
    tasks = [asyncio.ensure_future(waiting), asyncio.ensure_future(stop.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return stop.is_set()


async def collect(
    config: CollectConfig,
    *,
    clock: Clock,
    boot_id: str,
    tick_count: int | None = None,
    on_tick: Callable[[TickReport], None] | None = None,
    on_finding: Callable[[CountedFinding], None] | None = None,
    stop: asyncio.Event | None = None,
) -> Summary:
    """Read all targets of a configuration into its spool directory.

    Args:
        config: What to read, how often and where to.
        clock: The machine's clock, or a virtual one: with it and the same pages, two runs write
            the same bytes.
        boot_id: Identity of this boot.
        tick_count: How many ticks; None goes on until stopped. ``config.tick_count`` turns a
            duration into ticks.
        on_tick: Told of each tick.
        on_finding: Told of findings as they come; of one that repeats, ever more rarely.
        stop: Set it to end the run early; what came is sealed.

    Raises:
        ConfigurationError: Another agent writes into the directory.
        DeviceMissingError: NVML is asked for, and there is no driver.
    """
    with spool_lock(config.spool_directory):
        async with open_targets(config) as targets:
            findings = FindingCounts(on_finding)
            opened = open_facility(config, clock, boot_id, targets=targets, findings=findings)
            async with opened as facility:

                def ticked(report: TickReport) -> None:
                    facility.raise_failure()
                    if on_tick:
                        on_tick(report)

                agent = Agent(
                    targets,
                    config=config,
                    clock=clock,
                    boot_id=boot_id,
                    on_batch=facility.jobs.observe,
                    findings=findings,
                )
                async with AsyncExitStack() as stack:
                    if config.metrics.port:
                        page = served(
                            lambda: (*agent.metrics(), *of_sources(facility.count_by_state())),
                            config.metrics.host,
                            config.metrics.port,
                        )
                        await stack.enter_async_context(page)
                    summary = await agent.run(tick_count=tick_count, on_tick=ticked, stop=stop)
            findings.add(await asyncio.to_thread(agent.ship_rest))
            return _with_facility(summary, facility, findings)


def _with_facility(summary: Summary, facility: Facility, findings: FindingCounts) -> Summary:
    """Add what was found and sealed beside the GPUs."""
    return replace(
        summary,
        file_count=summary.file_count + len(facility.files),
        files=(*summary.files, *facility.files),
        findings=findings.counted(),
    )
