"""The loop against real exporters on loopback, on a virtual clock; and against slow sources."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from negawatt.collectors.agent import Agent, Summary, TickReport, collect
from negawatt.collectors.clock import SystemClock, VirtualClock
from negawatt.collectors.config import CollectConfig
from negawatt.collectors.config_sections import DcgmConfig
from negawatt.collectors.emulated_page import EmulatedGpu, render_page
from negawatt.collectors.emulator import Emulator, Failure
from negawatt.collectors.raw_schema import GAPS, POWER_SAMPLES
from negawatt.collectors.sources.protocol import (
    Batch,
    GapReason,
    GpuIdentity,
    Reading,
    Source,
    StopWatch,
)
from negawatt.collectors.sources.replay import ReplaySource
from negawatt.collectors.spool.gaps import EVERY_GPU
from negawatt.collectors.spool.segment import verify_sealed
from negawatt.collectors.targets import Target
from negawatt.models.domain.clock import Clock
from negawatt.models.domain.errors import ConfigurationError
from negawatt.models.domain.findings import FindingCode
from negawatt.models.domain.units import MS_PER_S, NS_PER_MS, NS_PER_S

_START_UTC = datetime(2026, 7, 1, 23, 59, 50, tzinfo=UTC)
_NODES = ("n1", "n2")


def _config(root: Path, url: Callable[[str], str], seal_interval_s: float = 900.0) -> CollectConfig:
    return CollectConfig(
        site_id="s1",
        spool_directory=root,
        seal_interval_s=seal_interval_s,
        log_interval_s=900.0,  # what is written when is tested in spool/; a write takes real time
        scrape_spread_ratio=0.0,
        dcgm=tuple(DcgmConfig(url=url(node), node_id=node) for node in _NODES),
    )


def _page(clock: VirtualClock) -> Callable[[str], bytes]:
    """Two GPUs a node at a constant 500 W: 500,000 mJ more each second."""

    def page(node: str) -> bytes:
        elapsed_s = clock.monotonic_ns() // NS_PER_S
        return render_page(
            [
                EmulatedGpu(
                    gpu_uuid=f"GPU-{node}-{n}",
                    index=n,
                    power_milliwatt=500_000,
                    energy_total_millijoule=10**9 + 500_000 * elapsed_s,
                )
                for n in range(2)
            ]
        )

    return page


def _collect(
    root: Path,
    *,
    tick_count: int = 20,
    before_tick: Callable[[int, Emulator], None] = lambda _tick, _emulator: None,
    page_of: Callable[[VirtualClock], Callable[[str], bytes]] = _page,
    start_utc: datetime = _START_UTC,
    seal_interval_s: float = 900.0,
) -> Summary:
    async def run() -> Summary:
        clock = VirtualClock(start_utc)
        async with Emulator(page_of(clock)) as emulator:
            before_tick(0, emulator)
            return await collect(
                _config(root, emulator.url, seal_interval_s),
                clock=clock,
                boot_id="boot-1",
                tick_count=tick_count,
                on_tick=lambda report: before_tick(report.tick + 1, emulator),
            )

    return asyncio.run(run())


def _rows(summary: Summary, table_name: str) -> list[dict[str, Any]]:
    return [
        row
        for path in summary.files
        if table_name in path.parts
        for row in pq.read_table(path, partitioning=None).to_pylist()
    ]


def _unaccounted(summary: Summary, tick_count: int) -> dict[str, int]:
    """Expected less received less gaps, for each GPU; nothing may remain."""
    counts = Counter(row["gpu_uuid"] for row in _rows(summary, POWER_SAMPLES))
    for row in _rows(summary, GAPS):
        counts[row["gpu_uuid"]] += row["expected_count"] - row["received_count"]
    return {gpu: tick_count - count for gpu, count in counts.items() if count != tick_count}


def test_every_reading_of_every_gpu_is_sealed(tmp_path: Path) -> None:
    """2 nodes x 2 GPUs x 20 s; midnight comes after 10 s, so each node has two files."""
    summary = _collect(tmp_path)

    rows = _rows(summary, POWER_SAMPLES)
    assert (summary.sample_count, summary.expected_count, summary.received_count) == (80, 80, 80)
    assert len(rows) == 80
    assert len(summary.files) == 4
    of_one = sorted(
        (row["observed_at_utc"], row["sequence_number"], row["energy_total_millijoule"])
        for row in rows
        if row["gpu_uuid"] == "GPU-n1-0"
    )
    assert of_one == [
        (_START_UTC + timedelta(seconds=n), n, 10**9 + 500_000 * n) for n in range(20)
    ]
    assert {row["reading_quality"] for row in rows} == {"ok"}
    assert _rows(summary, GAPS) == []
    assert summary.findings == ()


def test_two_runs_on_a_virtual_clock_write_the_same_bytes(tmp_path: Path) -> None:
    first = _collect(tmp_path / "a", seal_interval_s=7.0)
    second = _collect(tmp_path / "b", seal_interval_s=7.0)

    assert [p.relative_to(tmp_path / "a") for p in first.files] == [
        p.relative_to(tmp_path / "b") for p in second.files
    ]
    assert [p.read_bytes() for p in first.files] == [p.read_bytes() for p in second.files]
    for path in first.files:
        verify_sealed(path)


def test_readings_are_sealed_each_interval_and_at_midnight(tmp_path: Path) -> None:
    """Seals after the ticks of seconds 7 and 14 and at the end; midnight is at second 10."""
    summary = _collect(tmp_path, seal_interval_s=7.0)

    spans = sorted(path.name.split("_")[3:5] for path in summary.files if path.name[:3] == "n1_")
    assert [(int(first), int(last)) for first, last in spans] == [
        (0, 7),
        (8, 9),
        (10, 14),
        (15, 19),
    ]


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (Failure.HTTP_500, GapReason.HTTP_ERROR),
        (Failure.EMPTY, GapReason.EMPTY_PAGE),
        (Failure.TRUNCATED, GapReason.PAGE_TRUNCATED),
        (Failure.CLOSE_DELIMITED, GapReason.PAGE_NOT_DELIMITED),
    ],
)
def test_what_an_exporter_fails_to_say_is_a_gap_with_its_reason(
    tmp_path: Path, failure: Failure, reason: GapReason
) -> None:
    """n1 fails on ticks 3 to 5; the readings of seconds 2 and 6 bound the gap; n2 goes on."""

    def fail(tick: int, emulator: Emulator) -> None:
        emulator.failures = {"n1": failure} if 3 <= tick <= 5 else {}

    summary = _collect(tmp_path, tick_count=8, before_tick=fail)

    gaps = _rows(summary, GAPS)
    assert [
        (g["gpu_uuid"], g["gap_start_utc"], g["gap_end_utc"], g["expected_count"], g["gap_reason"])
        for g in gaps
    ] == [
        (gpu, _START_UTC + timedelta(seconds=2), _START_UTC + timedelta(seconds=6), 3, reason)
        for gpu in ("GPU-n1-0", "GPU-n1-1")
    ]
    assert _unaccounted(summary, 8) == {}
    assert summary.expected_count - summary.received_count == 6
    assert (summary.findings[0].finding.code, summary.findings[0].count) == ("sample_gap", 3)


def test_a_page_without_a_final_newline_is_not_read(tmp_path: Path) -> None:
    """Content-Length matches, but the last number has lost digits."""

    def cut(clock: VirtualClock) -> Callable[[str], bytes]:
        return lambda node: _page(clock)(node)[:-3]

    summary = _collect(tmp_path, tick_count=2, page_of=cut)

    assert summary.sample_count == 0
    assert {row["gap_reason"] for row in _rows(summary, GAPS)} == {"page_truncated"}


def test_a_gpu_that_vanishes_stays_missing(tmp_path: Path) -> None:
    def page_of(clock: VirtualClock) -> Callable[[str], bytes]:
        def page(node: str) -> bytes:
            gpus = [f"GPU-{node}-0"] + [f"GPU-{node}-1"] * (clock.monotonic_ns() < 3 * NS_PER_S)
            return render_page([EmulatedGpu(gpu_uuid=gpu, power_milliwatt=1000) for gpu in gpus])

        return page

    summary = _collect(tmp_path, tick_count=5, page_of=page_of)

    assert [
        (g["gpu_uuid"], g["expected_count"], g["gap_reason"]) for g in _rows(summary, GAPS)
    ] == [("GPU-n1-1", 2, "not_in_answer"), ("GPU-n2-1", 2, "not_in_answer")]
    assert _unaccounted(summary, 5) == {}


def test_a_target_that_never_answers_is_accounted_for(tmp_path: Path) -> None:
    def fail(_tick: int, emulator: Emulator) -> None:
        emulator.failures = {"n2": Failure.HTTP_500}

    summary = _collect(tmp_path, tick_count=3, before_tick=fail)

    gaps = _rows(summary, GAPS)
    assert [(g["node_id"], g["gpu_uuid"], g["expected_count"]) for g in gaps] == [
        ("n2", EVERY_GPU, 3)
    ]
    # The third tick accounts for the time until a fourth would be due.
    assert gaps[0]["gap_start_utc"] == _START_UTC
    assert gaps[0]["gap_end_utc"] == _START_UTC + timedelta(seconds=3)
    assert summary.expected_count == 9  # two GPUs of n1, and n2 as one


def test_an_exporter_slower_than_the_scrape_gives_repeats(tmp_path: Path) -> None:
    """The exporter polls each 2 s and is read each 1 s: every second reading is a repeat."""

    def page_of(clock: VirtualClock) -> Callable[[str], bytes]:
        def page(node: str) -> bytes:
            polled_s = clock.monotonic_ns() // (2 * NS_PER_S) * 2
            gpu = EmulatedGpu(
                gpu_uuid=f"GPU-{node}",
                power_milliwatt=500_000,
                energy_total_millijoule=500_000 * polled_s,
            )
            return render_page([gpu])

        return page

    summary = _collect(tmp_path, tick_count=6, page_of=page_of)

    of_one = [r for r in _rows(summary, POWER_SAMPLES) if r["gpu_uuid"] == "GPU-n1"]
    assert [row["reading_quality"] for row in of_one] == ["ok", "repeat"] * 3


def test_a_restarted_agent_goes_on_counting_where_the_last_one_stopped(tmp_path: Path) -> None:
    """The counter starts again at 1e9 mJ; the runs begin 3,600 ticks apart, and three were read."""
    first = _collect(tmp_path, tick_count=3, start_utc=_START_UTC - timedelta(hours=1))
    second = _collect(tmp_path, tick_count=2)

    rows = [r for r in _rows(second, POWER_SAMPLES) if r["gpu_uuid"] == "GPU-n1-0"]
    assert {r["sequence_number"] for r in _rows(first, POWER_SAMPLES)} == {0, 1, 2}
    assert [(r["sequence_number"], r["counter_epoch"], r["reading_quality"]) for r in rows] == [
        (3600, 1, "reset_epoch"),
        (3601, 1, "ok"),
    ]
    gaps = [g for g in _rows(second, GAPS) if g["gpu_uuid"] == "GPU-n1-0"]
    assert [(g["expected_count"], g["gap_reason"]) for g in gaps] == [(3597, "agent_stopped")]
    assert [c.finding.code for c in second.findings] == [FindingCode.COUNTER_RESET] * 4


def test_a_second_agent_in_one_directory_is_refused(tmp_path: Path) -> None:
    async def both() -> None:
        config = _config(tmp_path, "http://127.0.0.1:9/{}".format)
        stop = asyncio.Event()
        first = asyncio.create_task(
            collect(config, clock=SystemClock(), boot_id="b", tick_count=None, stop=stop)
        )
        await asyncio.sleep(0.05)
        try:
            with pytest.raises(ConfigurationError, match="its lock is held"):
                await collect(config, clock=SystemClock(), boot_id="b", tick_count=1)
        finally:
            stop.set()
            await first

    asyncio.run(both())


class _SlowSource:
    """Takes as long as it is told for each read, on a virtual clock."""

    def __init__(self, *durations_ms: int) -> None:
        self._durations_ms = list(durations_ms)

    async def read(self, clock: Clock) -> Batch:
        watch = StopWatch(clock)
        duration_ms = self._durations_ms.pop(0)
        await clock.sleep_until_ns(clock.monotonic_ns() + duration_ms * NS_PER_MS)
        return Batch(
            readings=(
                Reading(
                    identity=GpuIdentity(gpu_uuid="GPU-a"),
                    stamp=watch.stamp(),
                    power_milliwatt=1000,
                ),
            )
        )

    async def close(self) -> None:
        pass


def _agent(root: Path, source: Source, clock: Clock, name: str = "test") -> Agent:
    return Agent(
        [Target(node_id="n1", source_name=name, source=source)],
        config=_config(root, "http://unused/{}".format),
        clock=clock,
        boot_id="boot-1",
    )


def test_ticks_that_come_too_late_are_counted_and_never_made_up_for(tmp_path: Path) -> None:
    """The read of tick 1 takes 2.5 s: ticks 2 and 3 are missed, tick 4 is on time."""
    clock = VirtualClock(_START_UTC)
    ticks: list[int] = []

    async def run() -> Summary:
        source = _SlowSource(0, 2 * MS_PER_S + 500, 0, 0)
        return await _agent(tmp_path, source, clock).run(
            tick_count=6, on_tick=lambda report: ticks.append(report.tick)
        )

    summary = asyncio.run(run())

    assert ticks == [0, 1, 4, 5]
    assert summary.missed_tick_count == 2
    samples = _rows(summary, POWER_SAMPLES)
    assert [row["sequence_number"] for row in samples] == [0, 1, 4, 5]
    assert samples[1]["observed_at_utc"] == _START_UTC + timedelta(seconds=2.25)
    assert samples[1]["read_latency_ns"] == 2500 * NS_PER_MS
    gaps = [(g["expected_count"], g["gap_reason"]) for g in _rows(summary, GAPS)]
    assert gaps == [(2, "tick_missed")]
    assert _unaccounted(summary, 6) == {}


def test_a_run_accounts_for_no_tick_after_its_last(tmp_path: Path) -> None:
    """The last of three ticks takes 2.5 s; ticks 3 and 4 were never due."""
    agent = _agent(tmp_path, _SlowSource(0, 0, 2 * MS_PER_S + 500), VirtualClock(_START_UTC))

    summary = asyncio.run(agent.run(tick_count=3))

    assert (summary.tick_count, summary.missed_tick_count, summary.expected_count) == (3, 0, 3)


def test_a_stopped_agent_seals_what_came(tmp_path: Path) -> None:
    async def run() -> Summary:
        stop = asyncio.Event()

        def stop_after_three(report: TickReport) -> None:
            if report.tick == 2:
                stop.set()

        agent = _agent(tmp_path, _SlowSource(*[0] * 9), VirtualClock(_START_UTC))
        return await agent.run(on_tick=stop_after_three, stop=stop)

    summary = asyncio.run(run())

    assert summary.tick_count == 3
    assert len(_rows(summary, POWER_SAMPLES)) == 3


def test_a_defect_in_a_source_does_not_lose_what_came_before(tmp_path: Path) -> None:
    """The fourth read raises IndexError: the agent ends with it, after sealing three readings."""
    agent = _agent(tmp_path, _SlowSource(0, 0, 0), VirtualClock(_START_UTC))

    with pytest.raises(IndexError):
        asyncio.run(agent.run(tick_count=9))

    assert [pq.read_metadata(path).num_rows for path in tmp_path.rglob("[!.]*.parquet")] == [3]


def test_a_replayed_file_is_sealed_again_with_the_same_rows(tmp_path: Path) -> None:
    """Replay what was collected with a gap at second 1; the hash in the name shows equal bytes."""

    def fail(tick: int, emulator: Emulator) -> None:
        emulator.failures = {"n1": Failure.HTTP_500} if tick == 1 else {}

    recorded = _collect(tmp_path / "a", tick_count=4, before_tick=fail)
    paths = [p for p in recorded.files if POWER_SAMPLES in p.parts and p.name.startswith("n1_")]

    async def run() -> Summary:
        clock = VirtualClock(_START_UTC)
        return await _agent(tmp_path / "b", ReplaySource(paths), clock, "dcgm").run(tick_count=5)

    replayed = asyncio.run(run())

    assert [p.name for p in replayed.files if POWER_SAMPLES in p.parts] == [p.name for p in paths]
    gaps = [(g["expected_count"], g["gap_reason"]) for g in _rows(replayed, GAPS)]
    assert gaps == [(1, "not_in_answer"), (1, "replay_ended")] * 2
