"""Which decisions stand: a blocking finding is settled only where somebody decided on it.

A finding may also withhold a part of the statement and not its figures; a decision gives it back.

Here: matching findings and decisions. Not here: making findings, and recording a statement.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.event import Event
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.settlement.statement import Override

WITHHOLDS_ATTRIBUTION: Final = frozenset({FindingCode.RECONCILIATION_RESIDUAL_HIGH})
"""Findings under which a reduction is not attributed, unless somebody decides so."""

_Key = tuple[FindingCode, str]


class OverrideNeededError(DataRefusedError):
    """A blocking finding that nobody decided on.

    Attributes:
        finding: The finding.
    """

    def __init__(self, *, event: Event, finding: Finding) -> None:
        self.finding = finding
        super().__init__(
            thing=f"event {event.event_id!r}",
            expected=f"no blocking finding, or a recorded override of {finding.code.value!r} "
            f"for {finding.subject}",
            found=finding.message,
            remedy="correct the data, or record who settles in spite of it and why",
        )


def settled_overrides(
    event: Event,
    findings: Sequence[Finding],
    overrides: Iterable[Override],
    standing: Iterable[Override],
) -> tuple[Override, ...]:
    """Return the decisions under which an event is settled, by code and subject.

    A decision of an earlier version stands while exactly the findings it was decided on are found
    again; a decision that is made again in the same words keeps its time.

    Args:
        event: What is settled.
        findings: Everything that was found, in an order that no stage decides.
        overrides: Decisions made now.
        standing: Decisions of the latest version.

    Raises:
        DataRefusedError: A blocking finding has no decision, or a decision that is made now is
            about nothing that blocks or withholds.
    """
    blocking = _blocking(findings)
    kept = {_key(one): one for one in standing if one.decided_on == blocking.get(_key(one))}
    made = {_key(one): replace(one, decided_on=blocking.get(_key(one))) for one in overrides}
    decided = kept | {
        key: kept[key] if key in kept and _said(kept[key]) == _said(one) else one
        for key, one in made.items()
    }
    for finding in findings:
        key = (finding.code, finding.subject)
        if finding.severity is Severity.BLOCKING and key not in decided:
            raise OverrideNeededError(event=event, finding=finding)
    for code, subject in sorted(made.keys() - blocking.keys()):
        raise DataRefusedError(
            thing=f"event {event.event_id!r}",
            expected="overrides of findings that block or withhold something",
            found=f"one of {code.value!r} for {subject}, which does not",
            remedy="leave it out",
        )
    return tuple(decided[key] for key in sorted(decided))


def attribution_stands(findings: Iterable[Finding], overrides: Iterable[Override]) -> bool:
    """Say whether a reduction may be attributed: no finding withholds it without a decision."""
    decided = {_key(one) for one in overrides}
    return all(
        (finding.code, finding.subject) in decided
        for finding in findings
        if finding.code in WITHHOLDS_ATTRIBUTION
    )


def _blocking(findings: Iterable[Finding]) -> Mapping[_Key, str]:
    """Return the digest of all findings of one code and subject that a decision can be about."""
    texts: dict[_Key, list[str]] = defaultdict(list)
    for finding in findings:
        if finding.severity is Severity.BLOCKING or finding.code in WITHHOLDS_ATTRIBUTION:
            key = (finding.code, finding.subject)
            texts[key].append(f"{finding.message}\n{finding.evidence_json()}\n")
    return {key: _digest(sorted(several)) for key, several in texts.items()}


def _digest(texts: Sequence[str]) -> str:
    return hashlib.sha256("".join(texts).encode()).hexdigest()


def _key(override: Override) -> _Key:
    return (override.finding_code, override.subject)


def _said(override: Override) -> tuple[str, str]:
    return (override.reason, override.decided_by)
