from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.chain import require_chain
from negawatt.models.settlement.lifecycle import Decision, DecisionKind, Provenance, Stage
from negawatt.models.settlement.statement import Statement, StatementBody
from negawatt.models.settlement.versions import issue, void

Settle = Callable[..., StatementBody]

FINAL = Decision(kind=DecisionKind.FINALIZE, decided_by="A. Auditor")
REOPEN = Decision(kind=DecisionKind.REOPEN, decided_by="A. Auditor", reason="late reading")


@pytest.fixture
def chain(settle: Settle, provenance: Provenance) -> list[Statement]:
    """Return a statement's life: stated, corrected, final, reopened, voided."""
    first = issue(None, settle(), provenance)
    second = issue(first, settle(metered_kwh=(70.0, 81.0)), provenance)
    final = issue(second, second.body, provenance, decision=FINAL)
    fourth = issue(final, settle(metered_kwh=(70.0, 82.0)), provenance, decision=REOPEN)
    cancelled = replace(fourth.body.event, revision=2, cancelled=True)
    return [first, second, final, fourth, void(fourth, cancelled, provenance)]


def test_the_life_of_a_statement_is_a_whole_chain(chain: list[Statement]) -> None:
    require_chain(chain)
    require_chain([])


@pytest.mark.parametrize("gone", [0, 1, 2, 3])
def test_a_version_that_is_missing_is_noticed(chain: list[Statement], gone: int) -> None:
    del chain[gone]

    with pytest.raises(DataRefusedError, match="a version is missing"):
        require_chain(chain)


@pytest.mark.parametrize("position", [0, 1, 2, 3])
def test_a_time_of_issue_that_was_changed_later_is_noticed(
    chain: list[Statement], position: int
) -> None:
    """It stands outside the digest of the body, and inside the chain."""
    was = chain[position].provenance
    later = replace(was, issued_at_utc=was.issued_at_utc.replace(year=2030))
    chain[position] = replace(chain[position], provenance=later)

    with pytest.raises(DataRefusedError, match="version before"):
        require_chain(chain)


@pytest.mark.parametrize(
    ("position", "changes", "what"),
    [
        (0, {"stage": Stage.RECALCULATED}, "stage"),
        (0, {"previous_digest": "a" * 64}, "version before"),
        (1, {"stage": Stage.INITIAL}, "stage"),
        (4, {"stage": Stage.RECALCULATED}, "body"),
        (4, {"decision": REOPEN}, "decision"),
        (4, {"statement_version": 6}, "version"),
        (4, {"statement_digest": "a" * 64}, "digest"),
    ],
)
def test_a_version_that_says_what_cannot_follow_is_refused(
    chain: list[Statement], position: int, changes: dict[str, Any], what: str
) -> None:
    chain[position] = replace(chain[position], **changes)

    with pytest.raises(DataRefusedError, match=f"version [0-9], {what}:"):
        require_chain(chain)


def test_differences_that_were_left_out_are_noticed(chain: list[Statement]) -> None:
    fewer = replace(chain[1], differences=chain[1].differences[1:])

    with pytest.raises(DataRefusedError, match="differences"):
        require_chain([chain[0], fewer])


@pytest.mark.slow
@given(metered_kwh=st.lists(st.sampled_from([70.0, 75.0, 80.0]), max_size=6))
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_however_often_it_is_restated_the_versions_are_a_chain(
    settle: Settle, provenance: Provenance, metered_kwh: list[float]
) -> None:
    """One version for each change, none where the load is what it was."""
    versions: list[Statement] = []
    for energy_kwh in metered_kwh:
        latest = versions[-1] if versions else None
        issued = issue(latest, settle(metered_kwh=(energy_kwh, 80.0)), provenance)
        if issued is not latest:
            versions.append(issued)

    require_chain(versions)
    changes = [now for was, now in pairwise([None, *metered_kwh]) if was != now]
    assert len(versions) == len(changes)
