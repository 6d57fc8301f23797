from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.settlement.statement import Override, StatementBody

Settle = Callable[..., StatementBody]

BLOCKING = Finding(
    code=FindingCode.READING_ESTIMATED,
    severity=Severity.BLOCKING,
    subject="meter 'm'",
    message="1 of 2 intervals is estimated",
    evidence={"count": 1},
)
OVERRIDE = Override(
    finding_code=FindingCode.READING_ESTIMATED,
    subject="meter 'm'",
    reason="agreed",
    decided_by="A. Auditor",
    decided_at_utc=datetime(2026, 7, 2, tzinfo=UTC),
)
LATER = replace(OVERRIDE, decided_at_utc=OVERRIDE.decided_at_utc + timedelta(days=1))


def test_a_decision_stands_over_restatements(settle: Settle) -> None:
    first = settle(data_findings=(BLOCKING,), overrides=(OVERRIDE,))

    again = settle(data_findings=(BLOCKING,), standing_overrides=first.overrides)

    assert again == first


def test_a_decision_that_is_made_again_in_the_same_words_keeps_its_time(settle: Settle) -> None:
    first = settle(data_findings=(BLOCKING,), overrides=(OVERRIDE,))

    again = settle(
        data_findings=(BLOCKING,), overrides=(LATER,), standing_overrides=first.overrides
    )
    other = settle(
        data_findings=(BLOCKING,),
        overrides=(replace(LATER, reason="the utility wrote so"),),
        standing_overrides=first.overrides,
    )

    assert again == first
    assert other.overrides[0].decided_at_utc == LATER.decided_at_utc


@pytest.mark.parametrize(
    "more",
    [
        replace(BLOCKING, message="2 of 2 intervals are estimated"),
        replace(BLOCKING, evidence={"count": 2}),
    ],
)
def test_a_decision_does_not_cover_more_than_it_was_made_on(settle: Settle, more: Finding) -> None:
    first = settle(data_findings=(BLOCKING,), overrides=(OVERRIDE,))

    with pytest.raises(DataRefusedError, match="recorded override of 'reading_estimated'"):
        settle(data_findings=(more,), standing_overrides=first.overrides)


def test_a_second_finding_of_the_same_kind_needs_its_own_decision(settle: Settle) -> None:
    first = settle(data_findings=(BLOCKING,), overrides=(OVERRIDE,))
    second = replace(BLOCKING, message="1 of 2 intervals is edited")

    with pytest.raises(DataRefusedError, match="recorded override"):
        settle(data_findings=(BLOCKING, second), standing_overrides=first.overrides)


def test_a_decision_that_nothing_needs_any_more_is_dropped(settle: Settle) -> None:
    first = settle(data_findings=(BLOCKING,), overrides=(OVERRIDE,))

    assert settle(standing_overrides=first.overrides).overrides == ()
