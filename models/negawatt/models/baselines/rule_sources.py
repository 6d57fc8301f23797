"""Where a rule was read, and how well each of its facts is known.

Here: documents, facts and their confidence. Not here: what the rule fixes (rule.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Confidence(StrEnum):
    """How well a fact of a rule is known."""

    VERIFIED = "verified"
    SECONDHAND = "secondhand"
    MEMORY_HIGH = "memory-high"
    MEMORY_MEDIUM = "memory-medium"
    MEMORY_LOW = "memory-low"
    DESIGN = "design"

    @property
    def words(self) -> str:
        """How well, for a reader of a statement."""
        return _CONFIDENCE_WORDS[self]

    @property
    def needs_check(self) -> bool:
        """Whether the primary document must be read before money moves on the fact."""
        return self not in (Confidence.VERIFIED, Confidence.DESIGN)

    @property
    def is_low(self) -> bool:
        """Whether nobody read the fact and it may well be otherwise."""
        return self in (Confidence.MEMORY_MEDIUM, Confidence.MEMORY_LOW)


_CONFIDENCE_WORDS: Mapping[Confidence, str] = {
    Confidence.VERIFIED: "read in the source",
    Confidence.SECONDHAND: "read in a document that restates the source",
    Confidence.MEMORY_HIGH: "not read in any document; widely known",
    Confidence.MEMORY_MEDIUM: "not read in any document; likely",
    Confidence.MEMORY_LOW: "not read in any document; doubtful",
    Confidence.DESIGN: "a choice of negawatt's own",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A document that the rule was read from, or must be checked against.

    Attributes:
        source_id: Short name by which facts cite it.
        document: Title.
        section: Where in it.
        url: Where to find it, if that is known.
    """

    source_id: str
    document: str
    section: str
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One load-bearing statement of the rule.

    Attributes:
        parameter: The key it fixes.
        statement: What the program says, in words.
        confidence: How well it is known.
        source_id: The source that says it.
        check: What to read before money moves on it; empty where nothing is open.
    """

    parameter: str
    statement: str
    confidence: Confidence
    source_id: str
    check: str = ""

    def __post_init__(self) -> None:
        if self.confidence.needs_check and not self.check:
            raise ValueError(f"fact {self.parameter!r} is not verified: say what to check")
