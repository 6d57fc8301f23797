"""How a target is doing: healthy, degraded, failing with back-off, or gone.

Pure: what a read gave and when it was due, in; the state, and whether the next read is due, out.
Not here: reading (negawatt.collectors.rounds) and the account of what is missing, which books
every read that is left out.
"""

from dataclasses import dataclass
from enum import StrEnum

from negawatt.collectors.sources.protocol import Batch, GapReason


class TargetState(StrEnum):
    """What the last reads of a target say of it."""

    HEALTHY = "healthy"  # the last read gave every GPU that was ever seen
    DEGRADED = "degraded"  # it answers, but not with all; or it has just begun to fail
    FAILING = "failing"  # several reads in a row gave nothing: it is read less often
    GONE = "gone"  # it has been failing for long; it is still asked, now and then


@dataclass(frozen=True, slots=True, kw_only=True)
class BackOff:
    """When a target counts as failing, and how much less it is read then.

    Attributes:
        interval_ns: From one read to the next while it answers [ns].
        failing_after_count: Failed reads in a row that make it failing.
        limit_ns: Longest time from one read to the next while it fails [ns].
        gone_after_ns: Time of failing after which it is gone [ns].
    """

    interval_ns: int
    failing_after_count: int
    limit_ns: int
    gone_after_ns: int

    def pause_ns(self, failed_count: int) -> int:
        """Return the time to the next read after some failed reads in a row [ns].

        It doubles with each failed read from the one that made the target failing.

        Examples:
            >>> back_off = BackOff(interval_ns=1, failing_after_count=3, limit_ns=10,
            ...     gone_after_ns=100)
            >>> [back_off.pause_ns(count) for count in range(1, 8)]
            [1, 1, 2, 4, 8, 10, 10]
        """
        doublings = failed_count - self.failing_after_count + 1
        if doublings <= 0:
            return self.interval_ns
        return max(self.interval_ns, min(self.limit_ns, self.interval_ns << min(doublings, 62)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A change of state.

    Attributes:
        before: The state that ended.
        after: The state that began.
        failed_count: Failed reads in a row.
        reason: Why the last read gave nothing, or not all; None where it gave all.
    """

    before: TargetState
    after: TargetState
    failed_count: int
    reason: GapReason | None


class TargetWatch:
    """The state of one target; until its first read it counts as degraded.

    Args:
        back_off: When it fails, and what follows.

    Attributes:
        state: Its state.
    """

    def __init__(self, back_off: BackOff) -> None:
        self._back_off = back_off
        self._seen: set[str] = set()
        self._failed_count = 0
        self._failing_since_ns = 0
        self._not_before_ns: int | None = None
        self.state = TargetState.DEGRADED

    def is_due(self, due_ns: int) -> bool:
        """Say whether a tick that is due then [monotonic ns] is one to read on."""
        return self._not_before_ns is None or due_ns >= self._not_before_ns

    def observe(self, batch: Batch, due_ns: int, *, is_common: bool = False) -> Transition | None:
        """Take in what a read gave.

        Args:
            batch: The answer.
            due_ns: When the read was due [monotonic ns].
            is_common: Most targets failed with it: the cause is likely here, and no target is
                read less for it.
        """
        before = self.state
        found = {reading.identity.gpu_uuid for reading in batch.readings}
        if found or batch.missing:
            self._failed_count, self._not_before_ns = 0, None
            self._seen |= found | set(batch.missing)
            self.state = TargetState.HEALTHY if found == self._seen else TargetState.DEGRADED
        else:
            self._fail(due_ns)
            if is_common:
                self._not_before_ns = None
        if self.state == before:
            return None
        reason = None if self.state == TargetState.HEALTHY else _reason(batch)
        return Transition(
            before=before, after=self.state, failed_count=self._failed_count, reason=reason
        )

    def _fail(self, due_ns: int) -> None:
        back_off = self._back_off
        self._failed_count += 1
        self._not_before_ns = due_ns + back_off.pause_ns(self._failed_count)
        if self._failed_count < back_off.failing_after_count:
            self.state = TargetState.DEGRADED
            return
        if self._failed_count == back_off.failing_after_count:
            self._failing_since_ns = due_ns
        is_gone = due_ns - self._failing_since_ns >= back_off.gone_after_ns
        self.state = TargetState.GONE if is_gone else TargetState.FAILING


def _reason(batch: Batch) -> GapReason:
    return next(iter(batch.missing.values()), batch.gap_reason)
