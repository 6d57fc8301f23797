import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.settlement.canonical import from_json, statement_digest, to_canonical_json
from negawatt.models.settlement.lifecycle import Provenance
from negawatt.models.settlement.statement import StatementBody
from negawatt.models.settlement.versions import issue
from tests.models.settlement.conftest import market_at

Settle = Callable[..., StatementBody]

NOTE = Finding(
    code=FindingCode.SAMPLE_GAP, severity=Severity.INFO, subject="node 'n'", message="12 s"
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def test_the_bytes_are_sorted_spaceless_utf8_with_decimals_as_text(
    settle: Settle, provenance: Provenance
) -> None:
    body = settle(statement_id="Zürich.e1", market=None)  # the words of a rule have spaces

    data = to_canonical_json(issue(None, body, provenance))

    assert data.startswith(b'{"body":{"adjustment":{"applied_value":1.0,')
    assert "Zürich.e1".encode() in data
    assert b'"reduction_kwh":"30.000"' in data
    assert b'"issued_at_utc":"2026-07-03T00:00:00Z"' in data
    assert b": " not in data.replace(b"hour: ", b"")


def test_the_digest_is_the_sha256_of_the_bodys_part_of_the_bytes(
    settle: Settle, provenance: Provenance
) -> None:
    """Anyone can check it with a JSON parser and sha256."""
    statement = issue(None, settle(), provenance)
    tree = json.loads(to_canonical_json(statement))

    text = json.dumps(tree["body"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    assert statement.statement_digest == hashlib.sha256(text.encode()).hexdigest()


def test_the_digest_does_not_depend_on_who_computed_it_when(
    settle: Settle, provenance: Provenance
) -> None:
    later = Provenance(
        issued_at_utc=datetime(2027, 1, 1, tzinfo=UTC),
        code_version="9.9.9",
        code_digest="e" * 64,
        library_versions={},
        parameters={},
        table_versions={},
    )

    first, second = issue(None, settle(), provenance), issue(None, settle(), later)

    assert first.statement_digest == second.statement_digest
    assert to_canonical_json(first) != to_canonical_json(second)


def test_any_figure_changes_the_digest(settle: Settle) -> None:
    changed = settle(metered_kwh=(70.0, 80.001))

    assert statement_digest(settle()) != statement_digest(changed)


@given(
    energies_kwh=st.lists(st.floats(0, 1e7), min_size=4, max_size=4),
    price=st.none() | st.decimals(-100, 100, places=6),
    evidence=st.dictionaries(st.text(max_size=5), json_values, max_size=3),
)
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_written_is_read_back(
    settle: Settle,
    provenance: Provenance,
    energies_kwh: list[float],
    price: Decimal | None,
    evidence: dict[str, object],
) -> None:
    body = settle(
        adjusted_baseline_kwh=energies_kwh[:2],
        metered_kwh=energies_kwh[2:],
        data_findings=(replace(NOTE, evidence=evidence),),
        market=None if price is None else market_at(price, price),
    )
    statement = issue(None, body, provenance)

    read = from_json(to_canonical_json(statement))

    assert read == statement


def test_a_statement_with_differences_is_read_back(settle: Settle, provenance: Provenance) -> None:
    first = issue(None, settle(), provenance)
    second = issue(first, settle(metered_kwh=(70.0, 81.0)), provenance)

    assert from_json(to_canonical_json(second)) == second


def test_a_changed_figure_is_noticed(settle: Settle, provenance: Provenance) -> None:
    """Metered 70 to 60 and the reduction with it: a line that adds up, but not what was issued."""
    data = to_canonical_json(issue(None, settle(), provenance))
    forged = data.replace(b'"metered_kwh":"70.000"', b'"metered_kwh":"60.000"').replace(
        b'"reduction_kwh":"30.000"', b'"reduction_kwh":"40.000"'
    )

    with pytest.raises(DataRefusedError, match="a body with digest"):
        from_json(forged)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"metered_kwh":"70.000"', b'"metered_kwh":"60.000"', "must be 40.000"),
        (b'{"body":', b'{ "body":', "canonical bytes"),
        (b'{"body":', b'{"added":1,"body":', "canonical bytes"),
        (b'"statement_version":1', b'"statement_version":"one"', "statement_version"),
        (b'{"body":', b"", "Invalid JSON"),
    ],
)
def test_bytes_that_are_no_issued_statement_are_refused(
    settle: Settle, provenance: Provenance, old: bytes, new: bytes, message: str
) -> None:
    data = to_canonical_json(issue(None, settle(), provenance))
    assert old in data

    with pytest.raises(DataRefusedError, match=message):
        from_json(data.replace(old, new))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_a_value_without_a_json_form_is_refused(settle: Settle, value: object) -> None:
    finding = replace(NOTE, evidence={"value": value})

    with pytest.raises(DataRefusedError, match="values with a JSON form"):
        statement_digest(replace(settle(), findings=(finding,)))


def test_a_body_of_an_older_schema_is_read_and_written_as_it_was(
    settle: Settle, provenance: Provenance
) -> None:
    """Version 3 had no corroboration; its digest was taken without the key."""
    body = replace(settle(), schema_version=3)
    old = issue(None, body, provenance)

    data = to_canonical_json(old)

    assert b"corroboration" not in data
    assert from_json(data) == old
    stated = json.dumps(
        json.loads(data)["body"], sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    assert old.statement_digest == hashlib.sha256(stated.encode()).hexdigest()


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b'"schema_version":4', b'"schema_version":5', "schema version 4 or older"),
        (b'"schema_version":4', b'"schema_version":3', "canonical bytes"),
    ],
)
def test_a_schema_version_that_the_fields_do_not_have_is_refused(
    settle: Settle, provenance: Provenance, old: bytes, new: bytes, why: str
) -> None:
    data = to_canonical_json(issue(None, settle(), provenance))
    assert data.count(old) == 1

    with pytest.raises(DataRefusedError, match=why):
        from_json(data.replace(old, new))
