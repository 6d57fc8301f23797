"""What a person has to look at, from one small settled event that is changed as each test says."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.settlement.concerns import Concern, ConcernKind, concerns_of
from negawatt.models.settlement.lifecycle import Provenance
from negawatt.models.settlement.statement import Override, StatementBody
from negawatt.models.settlement.versions import issue
from negawatt.models.verification.verdict import Outcome

FOUND = Finding(
    code=FindingCode.COVERAGE_LOW, severity=Severity.WARNING, subject="meter 'm'", message="a gap"
)
DECIDED = Override(
    finding_code=FindingCode.COVERAGE_LOW,
    subject="meter 'm'",
    reason="read by hand",
    decided_by="A. Auditor",
    decided_at_utc=datetime(2026, 7, 17, tzinfo=UTC),
)


@pytest.fixture
def concerns(
    settle: Callable[..., StatementBody], provenance: Provenance
) -> Callable[..., list[Concern]]:
    """Return a function that gives the concerns of the event with other values."""

    def make(**changes: Any) -> list[Concern]:  # noqa: ANN401 - as replace takes them
        body = replace(settle(), **{"findings": (), "overrides": ()} | changes)
        return list(concerns_of(issue(None, body, provenance)))

    return make


def test_a_statement_without_any_has_none(concerns: Callable[..., list[Concern]]) -> None:
    assert concerns() == []


def test_a_decision_on_a_blocking_finding_comes_first_with_who_and_why(
    concerns: Callable[..., list[Concern]],
) -> None:
    blocking = replace(FOUND, severity=Severity.BLOCKING)

    first, second = concerns(findings=(FOUND, blocking), overrides=(DECIDED,))

    assert (first.kind, second.kind) == (ConcernKind.OVERRIDDEN, ConcernKind.WARNING)
    assert first.message == "meter 'm': a gap; decided by A. Auditor: read by hand"
    assert second.message == "meter 'm': a gap"


def test_what_is_only_told_is_no_concern(concerns: Callable[..., list[Concern]]) -> None:
    assert concerns(findings=(replace(FOUND, severity=Severity.INFO),)) == []


def test_a_meter_that_is_not_accepted_is_said_once(
    concerns: Callable[..., list[Concern]],
) -> None:
    told = replace(FOUND, code=FindingCode.METER_NOT_REVENUE_GRADE)

    (one,) = concerns(revenue_grade=False, findings=(told,))

    assert one.kind is ConcernKind.METER


def test_a_verdict_that_cannot_be_computed_says_what_is_not_known(
    concerns: Callable[..., list[Concern]], settle: Callable[..., StatementBody]
) -> None:
    verdicts = settle().verdicts
    baseline = replace(verdicts.baseline, outcome=Outcome.NOT_COMPUTABLE, delivered_kw_mean=None)
    cap = replace(verdicts.cap, outcome=Outcome.NOT_COMPUTABLE, limit_kw=60.0, unknown_count=3)

    found = concerns(verdicts=replace(verdicts, baseline=baseline, cap=cap))

    assert [(one.kind, one.message) for one in found] == [
        (ConcernKind.BASELINE, "the mean reduction over the event is not known"),
        (ConcernKind.CAP, "the power of 3 intervals is not known"),
    ]
