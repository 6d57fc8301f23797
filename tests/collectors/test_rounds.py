import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from negawatt.collectors.clock import VirtualClock
from negawatt.collectors.config import CollectConfig
from negawatt.collectors.config_sections import DcgmConfig, RetryConfig
from negawatt.collectors.rounds import Rounds, slots
from negawatt.collectors.sources.protocol import (
    Batch,
    GapReason,
    GpuIdentity,
    Reading,
    StopWatch,
)
from negawatt.collectors.targets import Target
from negawatt.models.domain.clock import Clock
from negawatt.models.domain.findings import FindingCode
from negawatt.models.domain.units import NS_PER_S

_START_UTC = datetime(2026, 7, 1, tzinfo=UTC)


class _Source:
    """Answers at once, unless it is told to fail; keeps when it was asked."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.is_failing = False
        self.asked_ns: list[int] = []

    async def read(self, clock: Clock) -> Batch:
        self.asked_ns.append(clock.monotonic_ns())
        if self.is_failing:
            return Batch.failed(GapReason.TIMEOUT)
        identity = GpuIdentity(gpu_uuid=self._name)
        stamp = StopWatch(clock).stamp()
        return Batch(readings=(Reading(identity=identity, stamp=stamp, power_milliwatt=1),))

    async def close(self) -> None:
        pass


def _rounds(sources: list[_Source], clock: Clock, interval_s: float = 1.0) -> Rounds:
    config = CollectConfig(
        site_id="s1",
        spool_directory=Path("unused"),
        scrape_interval_s=interval_s,
        request_timeout_s=interval_s / 2,
        retry=RetryConfig(failing_after_count=2, backoff_limit_s=4 * interval_s),
        dcgm=(DcgmConfig(url="http://unused", node_id="unused"),),
    )
    targets = [
        Target(node_id=f"n{n}", source_name="test", source=source)
        for n, source in enumerate(sources)
    ]
    return Rounds(targets, config, clock)


async def _run(rounds: Rounds, ticks: range) -> list[list[Batch]]:
    return [await rounds.read(tick, tick * NS_PER_S) for tick in ticks]


@pytest.mark.parametrize("target_count", [1, 2, 63, 64, 65, 500])
@pytest.mark.parametrize("tick", [0, 1, 17])
def test_every_target_has_one_moment_and_no_moment_has_many_more_than_another(
    target_count: int, tick: int
) -> None:
    found = slots(target_count, tick)

    assert sorted(n for slot in found for n in slot) == list(range(target_count))
    assert max(map(len, found)) - min(map(len, found)) <= 1


def test_a_target_meets_every_moment_of_its_interval_in_64_ticks() -> None:
    moments = {
        slot for tick in range(64) for slot, found in enumerate(slots(500, tick)) if 7 in found
    }

    assert moments == set(range(64))


def test_reads_begin_inside_the_spread_and_answers_keep_the_order_of_the_targets() -> None:
    """Half a second is left by the timeout: two targets are read 0 and 0.25 s after the tick."""
    sources = [_Source("a"), _Source("b")]

    rounds = asyncio.run(_run(_rounds(sources, VirtualClock(_START_UTC)), range(1)))

    assert [source.asked_ns for source in sources] == [[0], [NS_PER_S // 4]]
    assert [batch.readings[0].identity.gpu_uuid for batch in rounds[0]] == ["a", "b"]


def test_a_failing_target_is_left_out_and_booked_while_the_other_is_read() -> None:
    """Fails on 0 and 1, pauses 2 and 4: read on 3, 7; on the others it says why not."""
    sources = [_Source("a"), _Source("b")]
    sources[0].is_failing = True
    rounds = _rounds(sources, VirtualClock(_START_UTC))

    found = asyncio.run(_run(rounds, range(8)))

    reasons = [batches[0].gap_reason for batches in found]
    assert [n for n, reason in enumerate(reasons) if reason == GapReason.TIMEOUT] == [0, 1, 3, 7]
    assert [n for n, reason in enumerate(reasons) if reason == GapReason.BACKING_OFF] == [
        2,
        4,
        5,
        6,
    ]
    assert len(sources[1].asked_ns) == 8
    assert rounds.count_by_state() == {"healthy": 1, "degraded": 0, "failing": 1, "gone": 0}


def test_no_target_is_read_less_where_most_fail_at_once() -> None:
    """Ten fail on every tick: the network or this machine is at fault, and all are asked on."""
    sources = [_Source(str(n)) for n in range(10)]
    for source in sources:
        source.is_failing = True
    rounds = _rounds(sources, VirtualClock(_START_UTC))

    asyncio.run(_run(rounds, range(6)))

    assert [len(source.asked_ns) for source in sources] == [6] * 10
    assert rounds.count_by_state()["failing"] == 10


def test_changes_of_state_are_counted_and_found() -> None:
    source = _Source("a")
    rounds = _rounds([source], VirtualClock(_START_UTC))

    async def run() -> list[str]:
        batches = []
        for tick, source.is_failing in enumerate([False, True, True, False, False]):
            batches += await rounds.read(tick, tick * NS_PER_S)
        return [
            finding.message
            for batch in batches
            for finding in batch.findings
            if finding.code == FindingCode.TARGET_STATE_CHANGED
        ]

    messages = asyncio.run(run())

    assert messages == [
        "source test went from healthy to degraded: timeout",
        "source test went from degraded to failing: timeout",
        "source test went from failing to healthy: it answers again",
    ]
    assert rounds.transition_count == 4  # and from not yet known to healthy
