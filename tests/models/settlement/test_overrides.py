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


RESIDUAL = Finding(
    code=FindingCode.RECONCILIATION_RESIDUAL_HIGH,
    severity=Severity.WARNING,
    subject="meter 'm'",
    message="9 % is left unexplained",
    evidence={"residual_ratio": 0.09},
)
KNOWN_REASON = replace(
    OVERRIDE,
    finding_code=FindingCode.RECONCILIATION_RESIDUAL_HIGH,
    reason="the cooling plant was serviced",
)


def test_a_residual_above_the_limit_withholds_the_attribution_and_no_figure(
    settle: Settle,
) -> None:
    plain, withheld = settle(), settle(data_findings=(RESIDUAL,))

    assert plain.attribution is not None
    assert withheld.attribution is None
    assert withheld.totals == plain.totals
    assert withheld.overrides == ()


def test_a_decision_gives_the_attribution_back_while_the_residual_is_the_same(
    settle: Settle,
) -> None:
    decided = settle(data_findings=(RESIDUAL,), overrides=(KNOWN_REASON,))

    again = settle(data_findings=(RESIDUAL,), standing_overrides=decided.overrides)
    larger = replace(RESIDUAL, evidence={"residual_ratio": 0.2})
    other = settle(data_findings=(larger,), standing_overrides=decided.overrides)

    assert decided.attribution == settle().attribution
    assert again == decided
    assert other.attribution is None
    assert other.overrides == ()


def test_a_decision_on_a_residual_within_the_limit_is_refused(settle: Settle) -> None:
    with pytest.raises(DataRefusedError, match="findings that block or withhold something"):
        settle(overrides=(KNOWN_REASON,))
