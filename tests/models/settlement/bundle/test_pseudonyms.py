"""Names are replaced everywhere and by nothing else; the figures are those of the original."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.settlement.bundle.container import pack
from negawatt.models.settlement.bundle.manifest import StatedVersion
from negawatt.models.settlement.bundle.pseudonyms import (
    Replacement,
    names_in,
    pseudonymized,
    require_no_name,
)
from negawatt.models.settlement.bundle.verify import verify_bundle
from negawatt.models.settlement.bundle.write import bundle_members
from negawatt.models.settlement.lifecycle import Cause, CauseKind, Difference
from negawatt.models.settlement.settle import SettlementInputs
from negawatt.models.settlement.statement import Override
from tests.models.settlement.bundle.made import SIGNED_AT_UTC, evidence_of, made_inputs

KEY = b"k" * 32
JOB = "job 'a'/../\x01"
NAMES = {"job": [JOB, "llama-7b"], "node": ["node-n1"], "gpu": ["GPU-1", "GPU-12"], "tenant": ["7"]}


@pytest.fixture(scope="module")
def hidden() -> Replacement:
    return Replacement(KEY, NAMES)


def test_a_name_is_keyed_and_stable(hidden: Replacement) -> None:
    again = Replacement(KEY, {"job": ["llama-7b"]})

    assert again.names["llama-7b"] == hidden.names["llama-7b"]
    assert Replacement(b"l" * 32, NAMES).names["llama-7b"] != hidden.names["llama-7b"]
    assert len(set(hidden.names.values())) == len(hidden.names)


def test_a_name_is_replaced_in_every_form_it_is_written_in(hidden: Replacement) -> None:
    other = hidden.names[JOB]

    assert hidden.text(JOB) == other
    assert hidden.text(f"of {JOB}, {JOB!r} and job 'llama-7b'") == (
        f"of {other}, \"{other}\" and job '{hidden.names['llama-7b']}'"
    )
    assert hidden.text("[\"job 'a'/../\\u0001\"]") == f'["{other}"]'


def test_a_longer_word_is_another_name(hidden: Replacement) -> None:
    assert hidden.text("GPU-123 xGPU-1") == "GPU-123 xGPU-1"
    assert hidden.text("GPU-12, GPU-1.") == f"{hidden.names['GPU-12']}, {hidden.names['GPU-1']}."


def test_a_short_name_is_replaced_where_it_is_quoted_only(hidden: Replacement) -> None:
    assert hidden.text("found 7 of tenant '7'") == f"found 7 of tenant '{hidden.names['7']}'"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Fields that name something, and some that do not."""

    job_id: str
    node_id: str | None
    note: str
    of_job: tuple[tuple[int, str], ...]
    job_loads: Mapping[str, int]


def test_names_are_found_in_fields_that_name_something() -> None:
    facts = Facts(
        job_id="j1", node_id="n1", note="x", of_job=((1, "y"),), job_loads={"j2": 1, "j3": 2}
    )

    assert sorted(names_in((facts,), tuple[Facts, ...])) == [
        ("job", "j1"),
        ("job", "j2"),
        ("job", "j3"),
        ("node", "n1"),
    ]
    assert sorted(names_in(made_inputs(), SettlementInputs)) == [("job", JOB)]


@pytest.mark.slow
def test_no_name_remains_in_any_byte_and_every_figure_is_the_originals(
    hidden: Replacement,
) -> None:
    gap = Finding(
        code=FindingCode.SAMPLE_GAP,
        severity=Severity.BLOCKING,
        subject="GPU 'GPU-12'",
        message=f"node 'node-n1' lost job {JOB!r}",
        evidence={"jobs": {JOB: ["llama-7b", 7]}},
    )
    inputs = made_inputs(JOB)
    decided = Override(
        finding_code=gap.code,
        subject=gap.subject,
        reason="GPU-12 was idle",
        decided_by="A. Person",
        decided_at_utc=SIGNED_AT_UTC,
    )
    evidence = evidence_of(
        replace(
            inputs,
            data_findings=(*inputs.data_findings, gap),
            terms=replace(inputs.terms, overrides=(decided,)),
        )
    )
    old = StatedVersion(
        statement_version=1,
        statement_digest="1" * 64,
        issued_digest="1" * 64,
        issued_at_utc=evidence.statement.provenance.issued_at_utc,
    )
    changed = Difference(path="findings[0].subject", old_json="\"GPU 'GPU-1'\"", new_json=None)
    cause = Cause(
        kind=CauseKind.INPUT, subject="a table", message="of GPU-1", old="1" * 64, new=None
    )
    statement = replace(
        evidence.statement,
        statement_version=2,
        previous_digest="1" * 64,
        differences=(changed,),
        causes=(cause,),
    )
    evidence = replace(evidence, statement=statement, earlier=(old,), boundary="of llama-7b")

    other = pseudonymized(evidence, hidden)

    data = pack(bundle_members(other))
    forms = {form for name in hidden.names if len(name) > 1 for form in (name, repr(name)[1:-1])}
    assert not [form for form in forms if form.encode() in data]
    assert (b"1" * 64) not in data
    assert evidence.statement.statement_digest.encode() not in data
    assert not verify_bundle(data).failures
    body, original = other.statement.body, evidence.statement.body
    assert (body.lines, body.totals, body.band) == (original.lines, original.totals, original.band)
    assert body.attribution
    assert [one.job_id for one in body.attribution.jobs] == [hidden.names[JOB]]
    assert other.pseudonyms
    assert other.pseudonyms.original == hidden.keyed(evidence.statement.statement_digest)
    require_no_name(bundle_members(other), hidden)


def test_a_name_inside_one_that_stays_is_refused() -> None:
    """The event is called e1 and its statement s1.e1, which stand as they are."""
    hidden = Replacement(KEY, {"job": ["s1.e1"]})
    evidence = evidence_of(made_inputs())

    with pytest.raises(DataRefusedError, match=r"'s1\.e1'"):
        require_no_name(bundle_members(evidence), hidden)
