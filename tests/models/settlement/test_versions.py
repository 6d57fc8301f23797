from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.canonical import issued_digest
from negawatt.models.settlement.lifecycle import (
    CauseKind,
    Decision,
    DecisionKind,
    Difference,
    Provenance,
    Stage,
)
from negawatt.models.settlement.statement import StatementBody
from negawatt.models.settlement.versions import issue, void

Settle = Callable[..., StatementBody]

FINAL = Decision(kind=DecisionKind.FINALIZE, decided_by="A. Auditor")
REOPEN = Decision(kind=DecisionKind.REOPEN, decided_by="A. Auditor", reason="meter was replaced")


def test_the_first_version_has_no_history(settle: Settle, provenance: Provenance) -> None:
    statement = issue(None, settle(), provenance)

    assert statement.statement_version == 1
    assert statement.stage is Stage.INITIAL
    assert statement.previous_digest is None
    assert statement.differences == ()
    assert statement.causes == ()


def test_stating_the_same_again_is_the_same_version(settle: Settle, provenance: Provenance) -> None:
    """Even later, by other code, from tables that other days were written to."""
    first = issue(None, settle(), provenance)
    later = replace(
        provenance,
        issued_at_utc=datetime(2027, 1, 1, tzinfo=UTC),
        code_version="9.9.9",
        table_versions={"core_site__interval_energy": 99},
    )

    assert issue(first, settle(), later) is first


def test_a_correction_is_the_next_version_with_every_difference(
    settle: Settle, provenance: Provenance
) -> None:
    """81 for 80 kWh in the second hour: 19.001 and, in all, 49.001 kWh; at 0.05, 2.45 USD."""
    first = issue(None, settle(), provenance)

    second = issue(first, settle(metered_kwh=(70.0, 81.0)), provenance)

    assert second.statement_version == 2
    assert second.stage is Stage.RECALCULATED
    assert second.previous_digest == issued_digest(first)
    by_path = {found.path: found for found in second.differences}
    metered = "lines[2026-07-01T17:00:00Z].metered_kwh"
    assert by_path[metered] == Difference(path=metered, old_json='"80.000"', new_json='"81.000"')
    assert by_path["totals.reduction_kwh"].new_json == '"49.001"'
    assert by_path["payment.total"].new_json == '"2.45"'
    paid = [path for path in by_path if path.endswith("[2026-07-01T17:00:00Z].exact_amount")]
    assert [by_path[path].new_json for path in paid] == ['"0.95005"']
    assert not any(path.startswith("lines[2026-07-01T16") for path in by_path)


def test_a_person_declares_final_what_was_stated_last(
    settle: Settle, provenance: Provenance
) -> None:
    first = issue(None, settle(), provenance)

    final = issue(first, settle(), provenance, decision=FINAL)

    assert (final.stage, final.decision, final.statement_version) == (Stage.FINAL, FINAL, 2)
    assert final.statement_digest == first.statement_digest
    assert final.differences == ()
    assert issue(final, settle(), provenance, decision=FINAL) is final


def test_nothing_becomes_final_that_nobody_has_seen(settle: Settle, provenance: Provenance) -> None:
    first = issue(None, settle(), provenance)

    with pytest.raises(DataRefusedError, match="a published version to finalize"):
        issue(None, settle(), provenance, decision=FINAL)
    with pytest.raises(DataRefusedError, match="the figures that were published last"):
        issue(first, settle(metered_kwh=(70.0, 81.0)), provenance, decision=FINAL)


def test_a_final_statement_changes_only_when_somebody_reopens_it(
    settle: Settle, provenance: Provenance
) -> None:
    final = issue(issue(None, settle(), provenance), settle(), provenance, decision=FINAL)
    changed = settle(metered_kwh=(70.0, 81.0))

    with pytest.raises(DataRefusedError, match=r"final statement .* unchanged"):
        issue(final, changed, provenance)
    reopened = issue(final, changed, provenance, decision=REOPEN)

    assert issue(final, settle(), provenance) is final
    assert (reopened.stage, reopened.decision) == (Stage.RECALCULATED, REOPEN)
    assert reopened.statement_version == 3


def test_what_was_never_final_is_not_reopened(settle: Settle, provenance: Provenance) -> None:
    first = issue(None, settle(), provenance)

    second = issue(first, settle(metered_kwh=(70.0, 81.0)), provenance, decision=REOPEN)

    assert second.decision is None


def test_a_cancelled_event_voids_its_statement_once(settle: Settle, provenance: Provenance) -> None:
    first = issue(None, settle(), provenance)
    cancelled = replace(first.body.event, revision=2, cancelled=True)

    voided = void(first, cancelled, replace(provenance, table_versions={}))

    assert (voided.stage, voided.body) == (Stage.VOID, first.body)
    assert [(cause.kind, cause.message) for cause in voided.causes] == [
        (CauseKind.EVENT, "cancelled False to True")
    ]
    assert voided.provenance.table_versions == first.provenance.table_versions
    assert void(voided, cancelled, provenance) is voided


def test_a_final_statement_is_voided_only_when_somebody_reopens_it(
    settle: Settle, provenance: Provenance
) -> None:
    final = issue(issue(None, settle(), provenance), settle(), provenance, decision=FINAL)
    cancelled = replace(final.body.event, revision=2, cancelled=True)

    with pytest.raises(DataRefusedError, match="cancelled False to True"):
        void(final, cancelled, provenance)

    assert void(final, cancelled, provenance, decision=REOPEN).decision == REOPEN


def test_an_event_that_takes_place_after_all_is_stated_again(
    settle: Settle, provenance: Provenance
) -> None:
    first = issue(None, settle(), provenance)
    voided = void(first, replace(first.body.event, revision=2, cancelled=True), provenance)

    assert issue(voided, settle(), provenance).stage is Stage.RECALCULATED


def test_versions_of_different_statements_are_not_chained(
    settle: Settle, provenance: Provenance
) -> None:
    first = issue(None, settle(), provenance)

    with pytest.raises(ValueError, match="statement_id"):
        issue(first, settle(statement_id="other"), provenance)


@pytest.mark.parametrize(
    ("kind", "by", "reason"),
    [(DecisionKind.FINALIZE, " ", "r"), (DecisionKind.REOPEN, "me", ""), ("reopen", "me", " ")],
)
def test_a_decision_names_who_and_where_needed_why(kind: str, by: str, reason: str) -> None:
    with pytest.raises(ValueError, match="must"):
        Decision(kind=DecisionKind(kind), decided_by=by, reason=reason)
