"""One round over all targets: each at its own moment of the tick, unless it is backing off.

Reads are spread over a part of the interval, so that many targets do not come all at once, and each
target's place in it moves from tick to tick, so that no periodic load is always met in the same
phase. Not here: when a tick is due (negawatt.collectors.agent) and how a source reads.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from negawatt.collectors.config import CollectConfig
from negawatt.collectors.sources.protocol import Batch, GapReason, PacedSource
from negawatt.collectors.target_state import BackOff, TargetState, TargetWatch, Transition
from negawatt.collectors.targets import Target
from negawatt.models.domain.clock import Clock
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.units import NS_PER_S

_SLOTS: Final = 64  # moments in a tick at which reads begin
_COMMON_COUNT: Final = 8  # of so many targets or more, most do not fail at once by themselves
_STEP: Final = 39  # slots by which targets move each tick: nearly the golden ratio of 64


class Rounds:
    """Reads targets, and knows how each of them is doing.

    Args:
        targets: What is read; those that keep a time of their own are left out.
        config: The interval, the spread and when a target counts as failing.
        clock: The machine's clock, or a virtual one.

    Attributes:
        transition_count: Changes of a target's state so far.
    """

    def __init__(self, targets: Sequence[Target], config: CollectConfig, clock: Clock) -> None:
        polled = [(t, t.source) for t in targets if not isinstance(t.source, PacedSource)]
        self._targets = [target for target, _ in polled]
        self._sources = [source for _, source in polled]
        self._clock = clock
        self._spread_ns = round(config.spread_s * NS_PER_S)
        back_off = BackOff(
            interval_ns=round(config.scrape_interval_s * NS_PER_S),
            failing_after_count=config.retry.failing_after_count,
            limit_ns=round(config.retry.backoff_limit_s * NS_PER_S),
            gone_after_ns=round(config.retry.gone_after_s * NS_PER_S),
        )
        self._watches = [TargetWatch(back_off) for _ in polled]
        self.transition_count = 0

    def count_by_state(self) -> dict[str, int]:
        """Return how many targets are in each state."""
        counts = Counter(watch.state for watch in self._watches)
        return {state.value: counts[state] for state in TargetState}

    async def read(self, tick: int, due_ns: int) -> list[Batch]:
        """Read every target once and return the answers in the order of the targets.

        Args:
            tick: Position of the tick, which decides each target's moment.
            due_ns: When the tick is due [monotonic ns].
        """
        reads: dict[int, asyncio.Task[Batch]] = {}
        for slot, indexes in enumerate(slots(len(self._targets), tick)):
            if indexes:
                await self._clock.sleep_until_ns(due_ns + self._spread_ns * slot // _SLOTS)
            for n in indexes:
                if self._watches[n].is_due(due_ns):
                    reads[n] = asyncio.create_task(self._sources[n].read(self._clock))
            await asyncio.sleep(0)  # let them begin
        answers = await asyncio.gather(*reads.values())
        failed_count = sum(not (answer.readings or answer.missing) for answer in answers)
        is_common = len(answers) >= _COMMON_COUNT and failed_count > len(answers) / 2
        return [
            self._observed(n, reads[n].result(), due_ns, is_common=is_common)
            if n in reads
            else Batch.failed(GapReason.BACKING_OFF)
            for n in range(len(self._targets))
        ]

    def _observed(self, index: int, batch: Batch, due_ns: int, *, is_common: bool) -> Batch:
        transition = self._watches[index].observe(batch, due_ns, is_common=is_common)
        if transition is None:
            return batch
        self.transition_count += 1
        finding = _finding(self._targets[index], transition)
        return replace(batch, findings=(*batch.findings, finding)) if finding else batch


def slots(target_count: int, tick: int) -> list[list[int]]:
    """Return which targets are read at each moment of a tick.

    Examples:
        Two targets stand opposite each other, and move by 39 of 64 slots a tick.

        >>> [[n for n, slot in enumerate(slots(2, tick)) if slot] for tick in range(3)]
        [[0, 32], [7, 39], [14, 46]]
    """
    found: list[list[int]] = [[] for _ in range(_SLOTS)]
    for n in range(target_count):
        found[(n * _SLOTS // target_count + tick * _STEP) % _SLOTS].append(n)
    return found


def _finding(target: Target, transition: Transition) -> Finding | None:
    """Return a change of state as a finding; that a target answers from the start is none."""
    if transition.reason is None:
        if transition.before == TargetState.DEGRADED:
            return None
        severity, cause = Severity.INFO, "it answers again"
    else:
        severity, cause = Severity.WARNING, transition.reason.value
    return Finding(
        code=FindingCode.TARGET_STATE_CHANGED,
        severity=severity,
        subject=f"node {target.node_id!r}",
        message=f"source {target.source_name} went from {transition.before} to "
        f"{transition.after}: {cause}",
        evidence={
            "before": transition.before.value,
            "after": transition.after.value,
            "failed_count": transition.failed_count,
        },
    )
