"""The account of readings that should have come: for each GPU, expected = received + gaps.

Here: opening, extending and closing gaps. Not here: writing them (segment), and what a gap means
for the energy of an interval, which is decided from the files.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Final

import pyarrow as pa

from negawatt.collectors.raw_schema import GAPS, SCHEMAS
from negawatt.collectors.sources.protocol import GapReason

# A target that never answered names no GPU: its gap is filed under every GPU it may have.
EVERY_GPU: Final = "*"


@dataclass(slots=True)
class _Gap:
    """A run of missing readings with one reason, inside one UTC day."""

    start_utc: datetime
    reason: GapReason
    first_missing_utc: datetime
    expected_count: int = 0
    end_utc: datetime | None = None


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
            self._reopen(moment_utc, moment_utc, self._open.reason)

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

    Every GPU that the target ever names is expected at every tick since the ledger began: one that
    appears late was missing until then, and one that vanishes stays missing.

    Args:
        start_utc: When the first reading was due.
    """

    def __init__(self, start_utc: datetime) -> None:
        self.accounts: dict[str, Account] = {}
        # The account of a GPU that was never named: what every newcomer starts from.
        self._unnamed = Account(start_utc)

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
        self, moment_utc: datetime, *, node_id: str, boot_id: str, final: bool
    ) -> pa.Table:
        """Return the gaps up to an instant, as rows of ``raw_gpu__gaps``, each once.

        While no GPU is named yet, gaps wait; at the end they are filed under ``*``.

        Args:
            moment_utc: End of the file; an open gap is cut here and goes on in the next.
            node_id: For the rows.
            boot_id: For the rows.
            final: Nothing will follow.
        """
        accounts = self.accounts
        if final and not accounts:
            accounts = {EVERY_GPU: self._unnamed}
        for account in accounts.values():
            account.cut(moment_utc)
        rows = [
            {
                "node_id": node_id,
                "boot_id": boot_id,
                "gpu_uuid": uuid,
                "gap_start_utc": gap.start_utc,
                "gap_end_utc": gap.end_utc,
                "expected_count": gap.expected_count,
                "received_count": 0,
                "gap_reason": gap.reason.value,
            }
            for uuid, account in accounts.items()
            for gap in account.closed
        ]
        for account in accounts.values():
            account.closed.clear()
        return pa.Table.from_pylist(rows, schema=SCHEMAS[GAPS])
