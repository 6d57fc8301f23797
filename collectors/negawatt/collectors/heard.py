"""What a run of a listener has heard so far.

Not here: how it hears (the listeners), and words for people (negawatt.cli.listen).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from negawatt.collectors.message import Outcome


@dataclass(slots=True)
class SealedSoFar:
    """What a run has sealed so far.

    Attributes:
        file_count: Files.
        row_counts: Their rows, by table.
        changed_count: Rows of them that are later revisions of an event.
    """

    file_count: int = 0
    row_counts: Counter[str] = field(default_factory=Counter)
    changed_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a run has heard so far.

    Attributes:
        counts: Messages by outcome, those with none left out.
        connected_count: How often a connection was made.
        problem: Why there is no connection; empty while there is one.
        sealed: What was sealed.
        note: What else does not work; empty where all does.
        is_dry_run: Nothing of it is kept.
    """

    counts: Mapping[Outcome, int]
    connected_count: int
    problem: str
    sealed: SealedSoFar = field(default_factory=SealedSoFar)
    note: str = ""
    is_dry_run: bool = False

    @property
    def message_count(self) -> int:
        """All messages: each has one outcome."""
        return sum(self.counts.values())

    @property
    def refused_count(self) -> int:
        """Those that are kept as refused."""
        return sum(n for outcome, n in self.counts.items() if outcome.is_refusal)
