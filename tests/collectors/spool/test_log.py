"""What is kept as a disk fills: on an injected figure of free space, and on a real full one."""

import errno
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from negawatt.collectors.clock import VirtualClock
from negawatt.collectors.raw_schema import GAPS, POWER_SAMPLES
from negawatt.collectors.sources.protocol import Batch, GapReason
from negawatt.collectors.spool.block import Block, newest_only
from negawatt.collectors.spool.disk import LogFile
from negawatt.collectors.spool.log import DiskLimits, SpoolLog
from negawatt.collectors.spool.recovery import recover
from negawatt.collectors.spool.target_log import TargetLog
from negawatt.models.domain.findings import Finding, FindingCode
from tests.collectors.spool.spools import (
    POWER_MILLIWATT,
    START_UTC,
    batch,
    blocks,
    jump,
    place,
    sealed_rows,
    unaccounted,
)

pytestmark = pytest.mark.slow  # each write is synced

_LIMITS = DiskLimits(
    thin_below_bytes=1000, energy_only_below_bytes=100, reserve_bytes=32768, energy_interval_s=30.0
)


def _write(
    root: Path, free: Sequence[int], *, each: int = 5, limits: DiskLimits = _LIMITS
) -> list[list[Finding]]:
    """Read two GPUs once a second, and write five seconds at a time while so much is free."""
    clock = VirtualClock(START_UTC)
    left = iter(free)
    log = SpoolLog(
        root, boot_id="boot-1", next_frame_number=0, limits=limits, free=lambda _folder: next(left)
    )
    assert log.set_aside() == []
    target = TargetLog(place(), clock)
    ticks = [("A", "B")] * (each * len(free))
    written = list(blocks(target, clock, ticks, each=each))
    found = [log.append(block, final=block is written[-1]) for block in written]
    log.close()
    return found


def test_with_room_every_reading_is_kept(tmp_path: Path) -> None:
    found = _write(tmp_path, [1000] * 3)
    recover(tmp_path)

    assert found == [[]] * 3
    assert len(sealed_rows(tmp_path, POWER_SAMPLES)) == 30
    assert sealed_rows(tmp_path, GAPS) == []


def test_below_the_first_watermark_the_newest_reading_of_each_write_is_kept(
    tmp_path: Path,
) -> None:
    """Four writes of five ticks; in the second and third, the last tick of five is kept."""
    found = _write(tmp_path, [1000, 999, 100, 1000])
    recover(tmp_path)

    rows = [r for r in sealed_rows(tmp_path, POWER_SAMPLES) if r["gpu_uuid"] == "A"]
    assert [r["sequence_number"] for r in rows] == [0, 1, 2, 3, 4, 9, 14, 15, 16, 17, 18, 19]
    gaps = sealed_rows(tmp_path, GAPS)
    assert [(g["gpu_uuid"], g["expected_count"], g["gap_reason"]) for g in gaps] == [
        ("A", 8, "disk_low"),
        ("B", 8, "disk_low"),
    ]
    assert unaccounted(tmp_path, 20) == {}
    assert [[finding.code for finding in write] for write in found] == [
        [],
        [FindingCode.SPOOL_DISK_LOW],
        [FindingCode.SPOOL_DISK_LOW],
        [],
    ]


def test_what_is_kept_is_the_newest_reading_that_has_an_energy() -> None:
    """An energy on each third tick: of the ticks 5 to 9 the last is 9, of 10 to 14 it is 12."""
    clock = VirtualClock(START_UTC)
    target = TargetLog(place(), clock)
    kept = []
    for number in range(15):
        (reading,) = batch(clock, ["A"]).readings
        if number % 3:
            reading = replace(reading, energy_total_millijoule=None)
        target.record(clock.now_utc(), Batch(readings=(reading,)))
        jump(clock, 1)
        if number % 5 == 4:
            part, rows, gaps = target.take(is_closed=False)
            block = newest_only(Block(parts=(part,), rows=rows, gaps=gaps), GapReason.DISK_LOW)
            kept += block.rows["sequence_number"].to_pylist()

    assert kept == [3, 9, 12]


def test_below_the_second_watermark_energy_goes_on_in_space_set_aside(tmp_path: Path) -> None:
    """A minute below it: a reading at once and after 30 s; it ends above the first watermark."""
    found = _write(tmp_path, [1000, *[99] * 12, 999, 1000])
    recover(tmp_path)

    rows = [r for r in sealed_rows(tmp_path, POWER_SAMPLES) if r["gpu_uuid"] == "A"]
    assert [r["sequence_number"] for r in rows if 4 < r["sequence_number"] < 70] == [9, 44, 69]
    assert {g["gap_reason"] for g in sealed_rows(tmp_path, GAPS)} == {"disk_full"}
    assert unaccounted(tmp_path, 75) == {}
    assert [len(write) for write in found] == [0, *[1] * 13, 0]


def test_the_reserve_is_used_up_ever_more_slowly(tmp_path: Path) -> None:
    """Of 2 x 4 KiB a frame takes about 700 bytes: the pauses grow with 8 KiB over what is left."""
    limits = DiskLimits(
        thin_below_bytes=1, energy_only_below_bytes=1, reserve_bytes=4096, energy_interval_s=5.0
    )
    _write(tmp_path, [0] * 120, limits=limits)
    recover(tmp_path)

    numbers = [r["sequence_number"] for r in sealed_rows(tmp_path, POWER_SAMPLES)]
    pauses = [later - earlier for earlier, later in pairwise(sorted(set(numbers)))]
    assert pauses[0] == 10  # 5 s x 8192 / (8192 - 700) is more than one write of 5 s
    assert pauses[:-1] == sorted(pauses[:-1])
    assert pauses[-2] > 50
    assert unaccounted(tmp_path, 600) == {}


def test_a_write_that_fails_leaves_no_half_frame_and_costs_no_energy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second write stops after 100 bytes, on a disk that claims to have room.

    For ten seconds it is not asked again: two writes keep the newest of their five readings.
    """
    whole = os.pwrite
    calls = []

    def pwrite(descriptor: int, data: memoryview, offset: int) -> int:
        calls.append(offset)
        if len(calls) == 2:
            return whole(descriptor, data[:100], offset)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    found = _write(tmp_path, [1000] * 4)
    monkeypatch.undo()
    recovery = recover(tmp_path)

    assert "No space left" in found[1][0].message
    assert recovery.findings == ()
    rows = [r for r in sealed_rows(tmp_path, POWER_SAMPLES) if r["gpu_uuid"] == "A"]
    assert [r["sequence_number"] for r in rows] == [0, 1, 2, 3, 4, 9, 14, 15, 16, 17, 18, 19]
    assert unaccounted(tmp_path, 20) == {}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(  # noqa: S603 - a fixed command
        ["/bin/mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"no file system may be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["/bin/umount", str(folder)], check=True)  # noqa: S603 - a fixed command


def test_on_a_disk_that_is_really_full_energy_goes_on_and_all_is_accounted_for(
    small_disk: Path,
) -> None:
    """A megabyte; something else fills it in minute 2 and lets go of it in minute 5."""
    clock = VirtualClock(START_UTC)
    limits = DiskLimits(
        thin_below_bytes=0, energy_only_below_bytes=0, reserve_bytes=65536, energy_interval_s=10.0
    )
    log = SpoolLog(small_disk, boot_id="boot-1", next_frame_number=0, limits=limits)
    assert log.set_aside() == []
    target = TargetLog(place(), clock)
    filler = small_disk / "filler"
    found = []

    for second, block in enumerate(blocks(target, clock, [("A", "B")] * 420)):
        if second == 120:
            _fill(filler)
        if second == 300:
            filler.unlink()
        found += log.append(block, final=second == 419)
    log.close()
    recovery = recover(small_disk)

    assert recovery.findings == ()
    assert {finding.evidence["errno"] for finding in found} - {None} == {errno.ENOSPC}
    rows = [r for r in sealed_rows(small_disk, POWER_SAMPLES) if r["gpu_uuid"] == "A"]
    seconds = [r["sequence_number"] for r in rows]
    assert max(later - earlier for earlier, later in pairwise(seconds)) <= 25
    assert {s for s in range(420) if s < 118 or s > 330} <= set(seconds)
    energies = [r["energy_total_millijoule"] for r in rows]
    assert energies == [POWER_MILLIWATT * second for second in seconds]
    assert {g["gap_reason"] for g in sealed_rows(small_disk, GAPS)} == {"disk_full"}
    assert unaccounted(small_disk, 420) == {}


def _fill(path: Path) -> None:
    """Write until nothing more goes in."""
    file = LogFile.new(path)
    for size in (65536, 4096, 1):
        with pytest.raises(OSError, match="No space left"):
            _append_for_ever(file, bytes(size))
    file.close()


def _append_for_ever(file: LogFile, data: bytes) -> None:
    while True:
        file.append(data)
