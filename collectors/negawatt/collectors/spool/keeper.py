"""The keeper: what the agent's loop calls to have its readings kept.

What an earlier run left is recovered as it is made. The loop, on one thread, then does three things
and waits for none of them::

    log = keeper.open(place)           # once for each target; its first tick is due after this
    log.record(tick_utc, batch)        # or log.record_missed(tick_utc): each tick of it once
    keeper.tend()                      # after each tick, or as often as the log is written

Targets may have ticks of their own: each has its interval in its place. ``tend`` hands what came to
a thread that writes the log, each ``log_interval_s``, and to one that syncs it, which a disk may
take seconds for; closed segments to one that seals them, each ``seal_interval_s``; sealed files to
one that ships them, with those that others sealed beside the log. While a write lasts, readings
wait in memory, and beyond a limit are given up and booked. ``close`` writes, seals and ships the
rest, and does wait; ``ship_rest`` ships what others sealed until the very end. Here: when. Not
here: how (log, recovery, shipping).
"""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import pyarrow as pa

from negawatt.collectors.spool.block import Block
from negawatt.collectors.spool.disk import sync_file
from negawatt.collectors.spool.log import DiskLimits, SpoolLog
from negawatt.collectors.spool.manifest import Manifest
from negawatt.collectors.spool.recovery import adopt, not_sealed, recover, resume_state
from negawatt.collectors.spool.sealing import seal_segment
from negawatt.collectors.spool.shipping import Destination, ship
from negawatt.collectors.spool.target_log import SpoolPlace, TargetLog, begun
from negawatt.models.domain.clock import Clock
from negawatt.models.domain.findings import Finding
from negawatt.models.domain.units import NS_PER_S

_FILES_REMEMBERED: Final = 10_000  # an agent runs for months


@dataclass(frozen=True, slots=True, kw_only=True)
class KeeperConfig:
    """How a keeper keeps.

    Attributes:
        root: The spool directory.
        boot_id: Identity of this boot.
        log_interval_s: From one write of the log to the next [s].
        seal_interval_s: From one sealed file to the next [s].
        limits: When to keep less.
        destination: Where sealed files are shipped to, if anywhere.
        keep_days: For how many UTC days shipped files stay here; None keeps all [d].
    """

    root: Path
    boot_id: str
    log_interval_s: float
    seal_interval_s: float
    limits: DiskLimits
    destination: Destination | None = None
    keep_days: int | None = None


class Keeper:
    """Keeps the readings of an agent's targets. Whoever makes it holds the spool's lock.

    Args:
        config: How to keep.
        clock: The machine's clock, or a virtual one.

    Attributes:
        file_count: Sealed files, so far.
        files: The last of them, at most 10,000.

    Raises:
        DataRefusedError: The log of an earlier run was written by another version.
    """

    def __init__(self, config: KeeperConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        recovery = recover(config.root)
        self._states = recovery.states
        self._sealed_states = recovery.sealed_states
        self._findings = list(recovery.findings)
        self._targets: list[TargetLog] = []
        self._log = SpoolLog(
            config.root,
            boot_id=config.boot_id,
            next_frame_number=recovery.states.next_frame_number,
            limits=config.limits,
        )
        self._findings += self._log.set_aside()
        self._writer = ThreadPoolExecutor(1, "spool-writer")
        self._syncer = ThreadPoolExecutor(1, "spool-syncer")
        self._sealer = ThreadPoolExecutor(1, "spool-sealer")
        self._shipper = ThreadPoolExecutor(1, "spool-shipper")
        self._write: Future[list[Finding]] | None = None
        self._sync: Future[list[Finding]] | None = None
        self._seals: deque[Future[list[Finding]]] = deque()
        self._shipping: Future[list[Finding]] | None = None
        self._written_ns = self._sealed_ns = clock.monotonic_ns()
        self.file_count = 0
        self.files: deque[Path] = deque(maxlen=_FILES_REMEMBERED)

    @property
    def log_age_s(self) -> float:
        """How long ago a write of the log was begun last [s]."""
        return (self._clock.monotonic_ns() - self._written_ns) / NS_PER_S

    def open(self, place: SpoolPlace) -> TargetLog:
        """Return where a target's readings go; its account goes on where an earlier run stopped."""
        resumed = resume_state(self._config.root, self._states, begun(place, self._clock))
        self._targets.append(TargetLog(place, self._clock, resumed))
        return self._targets[-1]

    def tend(self) -> list[Finding]:
        """Start what is due, wait for nothing, and return what was found since the last call."""
        now_ns = self._clock.monotonic_ns()
        seal_is_due = now_ns - self._sealed_ns >= self._config.seal_interval_s * NS_PER_S
        write_is_due = now_ns - self._written_ns >= self._config.log_interval_s * NS_PER_S
        if seal_is_due or (write_is_due and (self._write is None or self._write.done())):
            self._collect_write()
            self._start_write(is_closed=False)
            self._written_ns = now_ns
        if seal_is_due:
            self._start_seal()
            self._sealed_ns = now_ns
        while self._seals and self._seals[0].done():
            self._findings += self._seals.popleft().result()
            self._start_shipping()
        found, self._findings = self._findings, []
        return found

    def close(self) -> list[Finding]:
        """Write and seal what is left, wait for it, and return what was found."""
        self._collect_write()
        self._start_write(is_closed=True)
        self._start_seal()
        self._collect_write()
        while self._seals:
            self._findings += self._seals.popleft().result()
        self._collect_shipping()
        self._start_shipping()
        self._collect_shipping()
        for executor in (self._writer, self._syncer, self._sealer, self._shipper):
            executor.shutdown()
        self._log.close()
        return self._findings

    def ship_rest(self) -> list[Finding]:
        """Enter and ship what was sealed beside the log, after all is closed; waits for it."""
        findings = adopt(self._config.root, Manifest(self._config.root))[1]
        if self._config.destination:
            findings += self._ship(self._config.destination)
        return findings

    def _collect_write(self) -> None:
        if self._write:
            self._findings += self._write.result()
            self._write = None

    def _start_write(self, *, is_closed: bool) -> None:
        if not self._targets:
            return
        taken = [target.take(is_closed=is_closed) for target in self._targets]
        block = Block(
            parts=tuple(part for part, _, _ in taken),
            rows=pa.concat_batches([rows for _, rows, _ in taken]),
            gaps=pa.concat_batches([gaps for _, _, gaps in taken]),
        )
        self._write = self._writer.submit(self._log.append, block, final=is_closed)
        if self._sync is None or self._sync.done():  # else the next one: a disk may take seconds
            self._findings += self._sync.result() if self._sync else []
            self._sync = self._syncer.submit(self._sync_after, self._write)

    def _sync_after(self, write: Future[list[Finding]]) -> list[Finding]:
        wait([write])
        return self._log.sync()

    def _start_seal(self) -> None:
        rotated = self._writer.submit(self._log.rotate)
        self._seals.append(self._sealer.submit(self._seal, rotated))

    def _start_shipping(self) -> None:
        """Ship what waits, unless that goes on already: the next seal will."""
        if self._config.destination and (self._shipping is None or self._shipping.done()):
            self._collect_shipping()
            self._shipping = self._shipper.submit(self._ship, self._config.destination)

    def _collect_shipping(self) -> None:
        if self._shipping:
            self._findings += self._shipping.result()
            self._shipping = None

    def _ship(self, destination: Destination) -> list[Finding]:
        days = self._config.keep_days
        keep_from = days and self._clock.now_utc().date() - timedelta(days=days)
        return list(ship(self._config.root, destination, keep_from=keep_from or None).findings)

    def _seal(self, rotated: Future[list[Path]]) -> list[Finding]:
        """Seal what is closed, in its order; what the disk has no room for waits."""
        findings: list[Finding] = []
        root = self._config.root
        manifest = Manifest(root)
        for path in rotated.result():
            if not path.exists():
                continue
            try:
                sync_file(path)
                sealed = seal_segment(
                    path, root=root, manifest=manifest, states=self._sealed_states
                )
            except OSError as error:
                return [*findings, not_sealed(path, error)]
            self._sealed_states = sealed.states
            self.file_count += len(sealed.files)
            self.files.extend(sealed.files)
            findings += sealed.findings
        findings += adopt(root, manifest)[1]
        return findings + self._writer.submit(self._log.set_aside).result()
