"""The log: every block on disk about a second after it was read, whatever room the disk has.

    <spool directory>/spool/<number of its first frame>.log     a segment of the log
    <spool directory>/spool/reserve-<n>                         space set aside for a full disk

As the disk fills, less is kept: below the first watermark the newest reading of each block, below
the second, or where a write fails, one reading of each GPU a minute, in the space that was set
aside. The rest is booked as gaps. Energy goes on: its counter needs no more. Here: which file a
block goes to. Not here: sealing (negawatt.collectors.spool.sealing).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from negawatt.collectors.sources.protocol import GapReason
from negawatt.collectors.spool.block import Block, encode_block, joined, newest_only
from negawatt.collectors.spool.disk import (
    LogFile,
    free_bytes,
    make_folder,
    set_aside,
    sync_file,
    sync_folder,
)
from negawatt.collectors.spool.frames import encode_frame
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.units import NS_PER_S

LOG_FOLDER: Final = "spool"
_RESERVE_COUNT: Final = 2  # one may wait to be sealed while the other is written
_RETRY_NS: Final = 10 * NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskLimits:
    """When to keep less.

    Attributes:
        thin_below_bytes: Free space under which only the newest reading of a block is kept.
        energy_only_below_bytes: Free space under which the disk is left alone.
        reserve_bytes: Size of each of two files that are set aside.
        energy_interval_s: From one reading to the next in them; longer as they fill, in proportion
            to their size over what is left of it, so that they never are full.
    """

    thin_below_bytes: int = 1 << 30
    energy_only_below_bytes: int = 256 << 20
    reserve_bytes: int = 8 << 20
    energy_interval_s: float = 60.0


class SpoolLog:
    """Writes blocks. All calls come from one thread, which is not the one that samples.

    Args:
        root: The spool directory.
        boot_id: Identity of the boot.
        next_frame_number: First number that no frame of the directory ever had.
        limits: When to keep less.
        free: Tells the free space of a folder [bytes].
    """

    def __init__(
        self,
        root: Path,
        *,
        boot_id: str,
        next_frame_number: int,
        limits: DiskLimits,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self._folder = root / LOG_FOLDER
        self._boot_id = boot_id
        self._number = next_frame_number
        self._limits = limits
        self._free = free
        self._plain: LogFile | None = None
        self._reserve: LogFile | None = None
        self._named: Path | None = None  # the last segment whose name survives a power cut
        self._held: list[Block] = []
        self._failed_ns: int | None = None
        self._reserved_ns: int | None = None
        make_folder(self._folder)

    def set_aside(self) -> list[Finding]:
        """Make the reserve whole where there is room for it."""
        size = self._limits.reserve_bytes
        for path in self._reserves():
            if not path.exists():
                try:
                    set_aside(path, size)
                except OSError as error:
                    return [self._finding(f"no {size} bytes could be set aside: {error}", error)]
        return []

    def append(self, block: Block, *, final: bool = False) -> list[Finding]:
        """Write a block, or what the disk has room for; the rest is booked in it as gaps.

        From here on it survives the end of the process; after the next ``sync``, a power cut.

        Args:
            block: What was read since the last call.
            final: Nothing will follow: whatever is held back is written now.
        """
        block = joined([*self._held, block])
        self._held = []
        now_ns = block.parts[0].state.due_monotonic_ns
        findings = []
        free = self._free(self._folder)
        if free >= self._least() and not self._failed_lately(now_ns):
            thin = free < self._limits.thin_below_bytes
            try:
                self._write_plain(newest_only(block, GapReason.DISK_LOW) if thin else block)
            except OSError as error:
                self._failed_ns = now_ns
                findings.append(self._finding(f"the log could not be written: {error}", error))
            else:
                self._failed_ns = None
                return [self._finding(f"{free} bytes are free: readings are thinned")] * thin
        else:
            findings.append(self._finding(f"{free} bytes are free: only energy is kept"))
        return findings + self._keep_energy(
            newest_only(block, GapReason.DISK_FULL), now_ns, final=final
        )

    def sync(self) -> list[Finding]:
        """Make what was written survive a power cut; from any thread, and while others write."""
        file = self._plain
        try:
            if file and file.path.exists():
                sync_file(file.path)
                if file.path != self._named:
                    sync_folder(self._folder)
                    self._named = file.path
        except OSError as error:
            return [self._finding(f"the log could not be synced: {error}", error)]
        return []

    def rotate(self) -> list[Path]:
        """End the segment, so that the next block begins another; return those that may be sealed.

        They are in the order of their frames.
        """
        if self._plain:
            self._plain.close()
            self._plain = None
        return [path for path in segments(self._folder.parent) if not self._writes(path)]

    def close(self) -> None:
        """Let go of all files."""
        for file in (self._plain, self._reserve):
            if file:
                file.close()
        self._plain = self._reserve = None

    def _least(self) -> int:
        """Return the free space needed to write plainly: once it was left, more [bytes]."""
        limits = self._limits
        return limits.thin_below_bytes if self._reserve else limits.energy_only_below_bytes

    def _failed_lately(self, now_ns: int) -> bool:
        return self._failed_ns is not None and now_ns - self._failed_ns < _RETRY_NS

    def _write_plain(self, block: Block) -> None:
        data = self._frame(block)
        file = self._plain or LogFile(self._segment_path())
        try:
            file.append(data, sync=False)
        except OSError:
            file.close()
            if not file.end:
                file.path.unlink()
            self._plain = None
            raise
        self._plain = file
        self._number += 1
        if self._reserve:
            self._reserve.close()
            self._reserve = None

    def _keep_energy(self, block: Block, now_ns: int, *, final: bool) -> list[Finding]:
        if self._plain:  # what comes now is in another file: this one is done
            self._plain.close()
            self._plain = None
        if not final and not self._energy_is_due(now_ns):
            self._held = [block]
            return []
        try:
            self._write_reserve(self._frame(block))
        except OSError as error:
            self._held = [block]
            return [self._finding(f"the reserve could not be written: {error}", error)]
        self._reserved_ns = now_ns
        self._number += 1
        return []

    def _energy_is_due(self, now_ns: int) -> bool:
        left = sum(path.stat().st_size for path in self._reserves() if path.exists())
        size = _RESERVE_COUNT * self._limits.reserve_bytes
        if self._reserve:
            left += self._reserve.capacity - self._reserve.end
        interval_ns = self._limits.energy_interval_s * NS_PER_S * size / max(left, 1)
        return self._reserved_ns is None or now_ns - self._reserved_ns >= interval_ns

    def _write_reserve(self, data: bytes) -> None:
        if self._reserve is None or self._reserve.capacity - self._reserve.end < len(data):
            self._reserve = self._next_reserve()
        self._reserve.append(data)

    def _next_reserve(self) -> LogFile:
        """Turn the next file of the reserve into a segment; that takes no space."""
        if self._reserve:
            self._reserve.close()
            self._reserve = None
        path = self._segment_path()
        for reserve in self._reserves():
            if reserve.exists():
                reserve.replace(path)
                sync_folder(self._folder)
                return LogFile(path)
        return LogFile.new(path)  # all is used up: the disk may have room for one block

    def _frame(self, block: Block) -> bytes:
        return encode_frame(self._number, self._boot_id, encode_block(block))

    def _segment_path(self) -> Path:
        return self._folder / f"{self._number:012d}.log"

    def _reserves(self) -> Iterator[Path]:
        return (self._folder / f"reserve-{n}" for n in range(_RESERVE_COUNT))

    def _writes(self, path: Path) -> bool:
        return any(file is not None and file.path == path for file in (self._plain, self._reserve))

    def _finding(self, message: str, error: OSError | None = None) -> Finding:
        return Finding(
            code=FindingCode.SPOOL_DISK_LOW,
            severity=Severity.WARNING,
            subject=f"spool {self._folder}",
            message=message,
            evidence={"errno": error.errno if error else None},
        )


def segments(root: Path) -> list[Path]:
    """Return the segments of a spool directory's log, in the order of their frames."""
    return sorted((root / LOG_FOLDER).glob("[0-9]*.log"))
