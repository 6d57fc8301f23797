"""What a test for manipulation says, what it looked at, and what it lacked.

A test that could not be made says so, and why: silence would read as a clean record. Not here: the
tests.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from negawatt.models.domain.findings import Finding, FindingCode, Severity


class ScreenOutcome(StrEnum):
    """What became of a test."""

    FOUND = "found"
    NOTHING_FOUND = "nothing found"
    NOT_SCREENED = "not screened"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenResult:
    """One test of one event.

    Attributes:
        screen_id: Name of the test.
        outcome: What became of it.
        looked_at: The values that it compared, with their limits; JSON types only.
        lacked: What it would have needed; where it was made all the same, what it left out.
        findings: The finding, or SCREEN_NOT_MADE; none where nothing was found.
    """

    screen_id: str
    outcome: ScreenOutcome
    looked_at: Mapping[str, object]
    lacked: tuple[str, ...]
    findings: tuple[Finding, ...]


def not_screened(screen_id: str, subject: str, *lacked: str) -> ScreenResult:
    """Return a test that could not be made.

    Examples:
        >>> not_screened("displacement", "event 'e1'", "load of other meters").findings[0].message
        'not screened for displacement: needs load of other meters'
    """
    finding = Finding(
        code=FindingCode.SCREEN_NOT_MADE,
        severity=Severity.INFO,
        subject=subject,
        message=f"not screened for {screen_id}: needs {' and '.join(lacked)}",
        evidence={"screen_id": screen_id, "lacked": list(lacked)},
    )
    return ScreenResult(
        screen_id=screen_id,
        outcome=ScreenOutcome.NOT_SCREENED,
        looked_at={},
        lacked=lacked,
        findings=(finding,),
    )


def screened(
    screen_id: str,
    looked_at: Mapping[str, object],
    found: Finding | None,
    *,
    lacked: tuple[str, ...] = (),
) -> ScreenResult:
    """Return a test that was made."""
    return ScreenResult(
        screen_id=screen_id,
        outcome=ScreenOutcome.NOTHING_FOUND if found is None else ScreenOutcome.FOUND,
        looked_at=looked_at,
        lacked=lacked,
        findings=() if found is None else (found,),
    )


def question(
    code: FindingCode, subject: str, message: str, evidence: Mapping[str, object]
) -> Finding:
    """Return a finding that asks a person to look; it blocks nothing."""
    return Finding(
        code=code, severity=Severity.WARNING, subject=subject, message=message, evidence=evidence
    )
