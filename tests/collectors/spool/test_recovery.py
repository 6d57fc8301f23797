import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from negawatt.collectors.clock import VirtualClock
from negawatt.collectors.freshness import CounterState
from negawatt.collectors.raw_schema import GAPS, POWER_SAMPLES, SCHEMAS
from negawatt.collectors.sources.protocol import PowerScope
from negawatt.collectors.spool.block import TargetState
from negawatt.collectors.spool.manifest import Manifest, States, read_states
from negawatt.collectors.spool.recovery import recover, resume_state
from negawatt.collectors.spool.segment import seal
from negawatt.collectors.spool.target_log import begun
from negawatt.models.domain.findings import FindingCode
from tests.collectors.spool.spools import (
    START_UTC,
    files,
    jump,
    place,
    sealed_rows,
    unaccounted,
    write_log,
)

pytestmark = pytest.mark.slow  # each write is synced

_TICKS = [("A",), ("A", "B"), (), ("B",)]


def test_what_a_killed_agent_left_is_sealed_with_its_gaps(tmp_path: Path) -> None:
    """A is missing in ticks 2 and 3, B in ticks 0 and 2: of eight readings four came."""
    write_log(tmp_path, _TICKS)

    recovery = recover(tmp_path)

    assert len(sealed_rows(tmp_path, POWER_SAMPLES)) == 4
    gaps = sealed_rows(tmp_path, GAPS)
    assert sorted((g["gpu_uuid"], g["expected_count"], g["gap_reason"]) for g in gaps) == [
        ("A", 2, "timeout"),
        ("B", 1, "timeout"),
        ("B", 1, "timeout"),
    ]
    assert unaccounted(tmp_path, 4) == {}
    assert recovery.findings == ()
    assert not list((tmp_path / "spool").glob("*.log"))
    assert recovery.states.of_node["n1"].next_sequence_number == 4


def test_recovering_twice_changes_nothing(tmp_path: Path) -> None:
    write_log(tmp_path, _TICKS)
    recover(tmp_path)
    once = files(tmp_path)

    again = recover(tmp_path)

    assert files(tmp_path) == once
    assert again.segments == {}


class _PowerCutError(BaseException):
    """Nothing catches it, as nothing catches a power cut."""


def _cut_after(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the machine stop before one of the calls that change the disk or sync it."""
    left = [count]

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def stopped(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the call has it
            if not left[0]:
                raise _PowerCutError
            left[0] -= 1
            return call(*args, **kwargs)

        return stopped

    for owner, names in (
        (os, ("fsync", "fdatasync", "pwrite", "truncate", "ftruncate")),
        (Path, ("replace", "unlink", "mkdir")),
    ):
        for name in names:
            monkeypatch.setattr(owner, name, counted(getattr(owner, name)))


def test_after_a_power_cut_at_every_step_of_a_recovery_the_next_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two segments, the second torn; the cut comes before each of some fifty calls in turn."""
    left = tmp_path / "left"
    clock = VirtualClock(START_UTC)
    write_log(left, _TICKS, clock=clock)
    state = recover(shutil.copytree(left, tmp_path / "first")).states.of_node["n1"]
    torn = write_log(left, _TICKS, clock=clock, resumed=state, number=4)
    torn.write_bytes(torn.read_bytes()[:-7])
    whole = shutil.copytree(left, tmp_path / "whole")
    recover(whole)

    for count in range(500):
        cut = shutil.copytree(left, tmp_path / f"cut-{count}")
        with monkeypatch.context() as patch:
            _cut_after(count, patch)
            try:
                recover(cut)
            except _PowerCutError:
                pass
            else:
                break
        recover(cut)
        assert files(cut) == files(whole)
        shutil.rmtree(cut)

    assert count > 30


def test_a_torn_tail_is_kept_aside_and_said(tmp_path: Path) -> None:
    """Of the last of four frames seven bytes are missing: its tick never was."""
    segment = write_log(tmp_path, _TICKS)
    segment.write_bytes(segment.read_bytes()[:-7])

    recovery = recover(tmp_path)

    assert [finding.code for finding in recovery.findings] == [FindingCode.SPOOL_LOG_TORN]
    assert len(list((tmp_path / "spool" / "quarantine").iterdir())) == 1
    assert unaccounted(tmp_path, 3) == {}


def test_a_segment_that_takes_the_name_of_one_without_a_whole_frame_is_sealed(
    tmp_path: Path,
) -> None:
    torn = write_log(tmp_path, [("A",)])
    torn.write_bytes(torn.read_bytes()[:50])
    recover(tmp_path)

    assert write_log(tmp_path, [("A",)] * 2).name == torn.name
    recover(tmp_path)

    assert len(sealed_rows(tmp_path, POWER_SAMPLES)) == 2


def test_a_damaged_frame_is_a_gap_between_whole_ones(tmp_path: Path) -> None:
    """The third of five frames is damaged: its tick is missing of both GPUs, and counted."""
    ticks = [("A", "B")] * 5
    segment = write_log(tmp_path, ticks)
    data = segment.read_bytes()
    segment.write_bytes(_flipped(data, 8 * (len(data) // 2)))

    recovery = recover(tmp_path)

    gaps = sealed_rows(tmp_path, GAPS)
    assert [(g["gpu_uuid"], g["expected_count"], g["gap_reason"]) for g in gaps] == [
        ("A", 1, "log_damaged"),
        ("B", 1, "log_damaged"),
    ]
    assert unaccounted(tmp_path, 5) == {}
    assert [finding.code for finding in recovery.findings] == [FindingCode.SPOOL_LOG_DAMAGED]


def test_a_gpu_that_was_named_first_in_a_damaged_frame_is_accounted_for(tmp_path: Path) -> None:
    """B appears in the frame that is damaged, and with it its gap of two ticks."""
    segment = write_log(tmp_path, [(), ("A",), ("A",), ("A", "B"), ("A", "B")])
    frames = segment.read_bytes().split(b"NWFR")
    frames[4] = frames[4][:-1] + bytes([frames[4][-1] ^ 1])
    segment.write_bytes(b"NWFR".join(frames))

    recover(tmp_path)

    assert unaccounted(tmp_path, 5) == {}


def _flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize(
    ("first", "second"),
    [(("A",), ("A",)), (("A",), ("B",)), ((), ("A",)), (("A",), ()), ((), ())],
)
def test_the_account_goes_on_across_a_kill(
    tmp_path: Path, first: tuple[str, ...], second: tuple[str, ...]
) -> None:
    """Two ticks, killed, 3.5 s of nothing (four ticks), two ticks: eight were due."""
    clock = VirtualClock(START_UTC)
    write_log(tmp_path, [first] * 2, clock=clock)
    recovery = recover(tmp_path)
    jump(clock, 3.5)
    state = recovery.states.of_node["n1"]
    write_log(tmp_path, [second] * 2, clock=clock, resumed=state, number=2)

    after = recover(tmp_path)

    assert after.states.of_node["n1"].next_sequence_number == 8
    assert unaccounted(tmp_path, 8) == {}


def test_time_that_the_node_was_down_belongs_to_the_boot_before(tmp_path: Path) -> None:
    """Two ticks, a reboot of 60 s, one tick of another boot that has one GPU less."""
    write_log(tmp_path, [("A", "B")] * 2)
    state = replace(recover(tmp_path).states.of_node["n1"], is_closed=True)
    clock = VirtualClock(START_UTC)
    jump(clock, 62)
    write_log(tmp_path, [("A",)], clock=clock, resumed=state, number=2, boot_id="boot-2")

    recover(tmp_path)

    gaps = sealed_rows(tmp_path, GAPS)
    assert {(g["boot_id"], g["gpu_uuid"], g["expected_count"], g["gap_reason"]) for g in gaps} == {
        ("boot-1", "A", 60, "agent_stopped"),
        ("boot-1", "B", 60, "agent_stopped"),
    }
    spans = Manifest(tmp_path).accounts()
    assert spans["n1", "boot-1"].next_sequence_number == 62
    assert spans["n1", "boot-2"].next_sequence_number == 1


def test_sealed_files_that_the_manifest_does_not_name_are_entered(tmp_path: Path) -> None:
    write_log(tmp_path, _TICKS)
    recover(tmp_path)
    (tmp_path / "spool" / "manifest").unlink()

    recovery = recover(tmp_path)

    assert len(recovery.adopted) == 2
    assert set(Manifest(tmp_path).files()) == {
        path.relative_to(tmp_path).as_posix() for path in recovery.adopted
    }


def test_sealed_files_of_a_folder_that_never_had_a_log_are_entered(tmp_path: Path) -> None:
    write_log(tmp_path, _TICKS)
    recover(tmp_path)
    shutil.rmtree(tmp_path / "spool")

    recovery = recover(tmp_path)

    assert set(Manifest(tmp_path).files()) == {
        path.relative_to(tmp_path).as_posix() for path in recovery.adopted
    }


def test_without_its_states_a_spool_goes_on_behind_what_is_sealed(tmp_path: Path) -> None:
    write_log(tmp_path, _TICKS)
    recover(tmp_path)
    (tmp_path / "spool" / "states").unlink()

    states = recover(tmp_path).states
    state = resume_state(tmp_path, states, _empty("n1", "boot-1"))

    assert states.next_frame_number == 4
    assert state is not None
    assert state.next_sequence_number == 4


def _empty(node: str = "n", boot: str = "b") -> TargetState:
    return begun(place(node, boot), VirtualClock(START_UTC))


def _seal(root: Path, node: str, rows: list[tuple[int, int | None]]) -> None:
    values = [
        {
            "node_id": node,
            "boot_id": "b",
            "gpu_uuid": "GPU-a",
            "observed_at_utc": datetime(2026, 7, 1, 0, 0, number % 60, tzinfo=UTC),
            "monotonic_ms": 0,
            "sequence_number": number,
            "counter_epoch": 2,
            "energy_total_millijoule": energy_millijoule,
            "power_scope": "gpu",
            "reading_quality": "ok",
        }
        for number, energy_millijoule in rows
    ]
    table = pa.Table.from_pylist(values, schema=SCHEMAS[POWER_SAMPLES])
    seal(table, root=root, site_id="s1", source="dcgm")


def _resume(root: Path, node: str = "n", boot: str = "b") -> TargetState | None:
    return resume_state(root, States(next_frame_number=0, of_node={}), _empty(node, boot))


def test_without_a_log_counting_goes_on_after_the_highest_number_of_any_file(
    tmp_path: Path,
) -> None:
    """Numbers 99 to 101 were sealed in two files; the counter last stood at 70 mJ, in epoch 2."""
    _seal(tmp_path, "n", [(99, 60)])
    _seal(tmp_path, "n", [(100, 70), (101, None)])

    resumed = _resume(tmp_path)

    assert resumed is not None
    assert resumed.first_sequence_number == resumed.next_sequence_number == 102
    assert resumed.counters == {("GPU-a", PowerScope.GPU): CounterState(70, 2)}


def test_files_that_were_sealed_before_there_was_a_log_are_entered(tmp_path: Path) -> None:
    _seal(tmp_path, "n", [(1, 60)])

    assert len(recover(tmp_path).adopted) == 1
    assert len(Manifest(tmp_path).files()) == 1


def test_another_boot_or_a_node_with_a_longer_name_begins_at_the_beginning(tmp_path: Path) -> None:
    _seal(tmp_path, "x_n", [(5, 60)])

    assert _resume(tmp_path) is _resume(tmp_path, "x_n", "b2") is None
    longer = _resume(tmp_path, "x_n")
    assert longer is not None
    assert longer.next_sequence_number == 6


def test_a_damaged_states_file_is_no_state(tmp_path: Path) -> None:
    write_log(tmp_path, _TICKS)
    recover(tmp_path)
    path = tmp_path / "spool" / "states"
    path.write_bytes(_flipped(path.read_bytes(), 400))

    assert read_states(tmp_path) == States(next_frame_number=0, of_node={})
