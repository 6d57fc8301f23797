"""What a run of a listener has heard so far.

Not here: how it hears (the listeners), and words for people (negawatt.cli.listen).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from negawatt.collectors.dsx.message import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a run has heard so far.

    Attributes:
        counts: Messages by outcome, those with none left out.
        connected_count: How often a connection was made.
        problem: Why there is no connection; empty while there is one.
        file_count: Files that were sealed.
        note: What else does not work; empty where all does.
    """

    counts: Mapping[Outcome, int]
    connected_count: int
    problem: str
    file_count: int
    note: str = ""

    @property
    def message_count(self) -> int:
        """All messages: each has one outcome."""
        return sum(self.counts.values())

    @property
    def refused_count(self) -> int:
        """Those that are kept as refused."""
        return sum(n for outcome, n in self.counts.items() if outcome.is_refusal)
