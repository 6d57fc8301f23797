"""Findings of a run, each code and subject once, with how often: an agent runs for months.

Here: counting, and when one is worth telling. Not here: how it is told (negawatt.cli.collect_log).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from negawatt.models.domain.findings import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedFinding:
    """A finding, and how often its code was found for its subject; the first one is shown."""

    finding: Finding
    count: int


class FindingCounts:
    """Counts findings, and tells the first, tenth, hundredth of a kind as it comes.

    Args:
        tell: Told of a finding and its count.
    """

    def __init__(self, tell: Callable[[CountedFinding], None] | None = None) -> None:
        self._tell = tell
        self._of_key: dict[tuple[str, str], CountedFinding] = {}

    def add(self, findings: Iterable[Finding]) -> None:
        """Count findings."""
        for finding in findings:
            key = (finding.code.value, finding.subject)
            known = self._of_key.get(key, CountedFinding(finding=finding, count=0))
            self._of_key[key] = replace(known, count=known.count + 1)
            if self._tell and is_told(known.count + 1):
                self._tell(CountedFinding(finding=finding, count=known.count + 1))

    def counted(self) -> tuple[CountedFinding, ...]:
        """Return every kind once, sorted by code and subject."""
        return tuple(self._of_key[key] for key in sorted(self._of_key))


def is_told(count: int) -> bool:
    """Say whether so many are worth a line: what repeats each second fills no disk.

    Examples:
        >>> [count for count in range(1, 2_000) if is_told(count)]
        [1, 10, 100, 1000]
    """
    return str(count).strip("0") == "1"
