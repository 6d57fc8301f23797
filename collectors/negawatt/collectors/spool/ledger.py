"""The account of readings that should have come: for each GPU, expected = received + gaps.

Of every GPU that a target ever names, as many readings are expected as ticks were due in the boot:
its own readings, its own gaps and the gaps filed under ``*`` add up to them. Here: opening,
extending and closing gaps. Not here: writing them, and what a gap means for the energy of an
interval, which is decided from the files.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any

from negawatt.collectors.sources.protocol import GapReason
from negawatt.collectors.spool.gaps import EVERY_GPU, GpuOfBoot, gap_values


@dataclass(slots=True)
class _Gap:
    """A run of missing readings with one reason, inside one UTC day."""

    start_utc: datetime
    reason: GapReason
    first_missing_utc: datetime
    expected_count: int = 0
    end_utc: datetime | None = None
    goes_on: bool = False  # from a gap that was cut, no reading between them


@dataclass(slots=True)
class Account:
    """Readings of one GPU: what was expected, what came, and the gaps between.

    Attributes:
        last_utc: The last reading, or the start of the account.
        expected_count: Ticks so far.
        received_count: Ticks on which a reading came.
        closed: Gaps that ended and are not yet sealed.
    """

    last_utc: datetime
    expected_count: int = 0
    received_count: int = 0
    closed: list[_Gap] = field(default_factory=list)
    _open: _Gap | None = None

    def receive(self, observed_at_utc: datetime) -> None:
        """Count a reading; it ends an open gap."""
        self.expected_count += 1
        self.received_count += 1
        self.close(observed_at_utc)
        self.last_utc = observed_at_utc

    def miss(self, tick_utc: datetime, reason: GapReason) -> None:
        """Count a reading that did not come; a new reason or a new UTC day begins a new gap."""
        self.expected_count += 1
        gap = self._open
        if gap and gap.first_missing_utc.date() != tick_utc.date():
            midnight_utc = datetime.combine(tick_utc.date(), time(), tzinfo=UTC)
            gap = self._reopen(midnight_utc, tick_utc, reason)
        elif gap and gap.reason != reason:
            gap = self._reopen(tick_utc, tick_utc, reason)
        elif not gap:
            gap = self._open = _Gap(self.last_utc, reason, tick_utc)
        gap.expected_count += 1

    def cut(self, moment_utc: datetime) -> None:
        """End an open gap here, because a file ends; it goes on in the next one."""
        if self._open:
            self._reopen(moment_utc, moment_utc, self._open.reason).goes_on = True

    def close(self, moment_utc: datetime) -> None:
        """End an open gap."""
        gap, self._open = self._open, None
        if gap and gap.expected_count:
            gap.end_utc = moment_utc
            self.closed.append(gap)

    def _reopen(self, moment_utc: datetime, tick_utc: datetime, reason: GapReason) -> _Gap:
        self.close(moment_utc)
        self._open = _Gap(moment_utc, reason, tick_utc)
        return self._open


class GapLedger:
    """The accounts of one target's GPUs.

    Every GPU that the target ever names is expected at every tick since the account began: one that
    appears late was missing until then, and one that vanishes stays missing.

    Args:
        start_utc: When the first reading was due.
        gpu_uuids: GPUs that an earlier run named.
        earlier_count: Ticks of earlier runs at which some GPU was named: a newcomer missed them.
        since_utc: When the first of these was due.
    """

    def __init__(
        self,
        start_utc: datetime,
        *,
        gpu_uuids: Iterable[str] = (),
        earlier_count: int = 0,
        since_utc: datetime | None = None,
    ) -> None:
        self.accounts = {uuid: Account(start_utc) for uuid in gpu_uuids}
        self.every_gpu_count = 0
        # The account of a GPU that was never named: what every newcomer starts from.
        self._unnamed = Account(start_utc)
        if earlier_count:
            since_utc = since_utc or start_utc
            gap = _Gap(since_utc, GapReason.NOT_IN_ANSWER, since_utc, earlier_count, start_utc)
            self._unnamed.closed.append(gap)

    def tick(
        self,
        tick_utc: datetime,
        *,
        received: Mapping[str, datetime],
        missing: Mapping[str, GapReason],
        gap_reason: GapReason,
    ) -> None:
        """Book one tick.

        Args:
            tick_utc: When the readings were due.
            received: GPUs of which a reading came, and when it was read.
            missing: GPUs named without a reading, and why.
            gap_reason: Why any other GPU is missing.
        """
        for uuid in (*received, *missing):
            if uuid not in self.accounts:
                self.accounts[uuid] = deepcopy(self._unnamed)
        for uuid, account in self.accounts.items():
            if uuid in received:
                account.receive(received[uuid])
            else:
                account.miss(tick_utc, missing.get(uuid, gap_reason))
        self._unnamed.miss(tick_utc, gap_reason)

    def expected_and_received(self) -> tuple[int, int]:
        """Return the counts of all GPUs; a target that named none counts as one GPU."""
        accounts = list(self.accounts.values()) or [self._unnamed]
        return sum(a.expected_count for a in accounts), sum(a.received_count for a in accounts)

    def take_gaps(
        self, moment_utc: datetime, *, node_id: str, boot_id: str
    ) -> list[dict[str, Any]]:
        """Return the gaps up to an instant, as rows of ``raw_gpu__gaps``, each once.

        While no GPU is named, they are filed under ``*``: every GPU the target may have.

        Args:
            moment_utc: When the next tick is due; an open gap is cut here and goes on after it.
            node_id: For the rows.
            boot_id: For the rows.
        """
        accounts = self.accounts or {EVERY_GPU: self._unnamed}
        for account in accounts.values():
            account.cut(moment_utc)
        if not self.accounts:
            self.every_gpu_count += sum(gap.expected_count for gap in self._unnamed.closed)
        rows = [
            row
            for uuid, account in accounts.items()
            for gap in account.closed
            for row in gap_values(
                GpuOfBoot(node_id, boot_id, uuid),
                start_utc=gap.start_utc,
                end_utc=gap.end_utc or moment_utc,
                missing_count=gap.expected_count,
                reason=gap.reason,
                goes_on=gap.goes_on,
            )
        ]
        for account in accounts.values():
            account.closed.clear()
        return rows
