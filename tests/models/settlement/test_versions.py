from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from negawatt.models.settlement.statement import Difference, Provenance, StatementBody
from negawatt.models.settlement.versions import differences, issue

Settle = Callable[..., StatementBody]


def test_the_first_version_has_no_history(settle: Settle, provenance: Provenance) -> None:
    statement = issue(None, settle(), provenance)

    assert statement.statement_version == 1
    assert statement.previous_digest is None
    assert statement.differences == ()


def test_stating_the_same_again_is_the_same_version(settle: Settle, provenance: Provenance) -> None:
    """Even later, by other code, from tables that other days were written to."""
    first = issue(None, settle(), provenance)
    later = Provenance(
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
    assert second.previous_digest == first.statement_digest
    by_path = {found.path: found for found in second.differences}
    assert by_path["lines[1].metered_kwh"] == Difference(
        path="lines[1].metered_kwh", old_json='"80.000"', new_json='"81.000"'
    )
    assert by_path["totals.reduction_kwh"].new_json == '"49.001"'
    assert by_path["payment.total"].new_json == '"2.45"'
    assert by_path["payment.lines[0].intervals[1].exact_amount"].new_json == '"0.95005"'
    assert not any(path.startswith("lines[0]") for path in by_path)


def test_equal_bodies_differ_in_nothing(settle: Settle) -> None:
    assert differences(settle(), settle()) == ()


def test_what_is_added_or_gone_has_one_side_only(settle: Settle) -> None:
    body = settle()
    shorter = replace(body, days=body.days[:1], band=None)

    found = {entry.path: entry for entry in differences(body, shorter)}

    assert found.keys() == {"band", "days[1]"}
    assert found["band"].new_json == "null"
    assert found["days[1]"].new_json is None
    assert [entry.old_json for entry in differences(shorter, body)] == ["null", None]


def test_versions_of_different_statements_are_not_chained(
    settle: Settle, provenance: Provenance
) -> None:
    first = issue(None, settle(), provenance)

    with pytest.raises(ValueError, match="statement_id"):
        issue(first, settle(statement_id="other"), provenance)
