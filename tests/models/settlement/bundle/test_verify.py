"""What verification says of a bundle that is whole, and of each thing that can be wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from negawatt.models.settlement.bundle.container import pack, unpack
from negawatt.models.settlement.bundle.manifest import (
    MANIFEST,
    SIGNATURES,
    STATEMENT,
    StatedVersion,
    member_of,
    read_manifest,
)
from negawatt.models.settlement.bundle.verify import Outcome, Verification, verify_bundle
from negawatt.models.settlement.bundle.write import (
    Evidence,
    bundle_members,
    completed,
    signed_bundle,
    stated_version,
)
from negawatt.models.settlement.canonical import statement_digest, to_canonical_json
from negawatt.models.settlement.statement import Statement
from tests.models.settlement.bundle.made import KEY, OTHER_KEY, SIGNED_AT_UTC

pytestmark = pytest.mark.slow  # each verification settles the event again

EVERY_CHECK = ["container", "statement", "rules and site", "recomputation", "signatures", "chain"]


def bundled(evidence: Evidence, keys: Sequence[Ed25519PrivateKey] = ()) -> bytes:
    return signed_bundle(bundle_members(evidence), keys, SIGNED_AT_UTC)


def outcomes(found: Verification) -> dict[str, Outcome]:
    return {check.name: check.outcome for check in found.checks}


def detail(found: Verification, name: str) -> str:
    return next(check.detail for check in found.checks if check.name == name)


def forged(data: bytes, changes: Mapping[str, bytes], **facts: object) -> bytes:
    """Return a bundle with other members, of which every digest was made to fit again."""
    members = unpack(data)
    assert isinstance(members, dict)
    manifest = read_manifest(members[MANIFEST])
    contents = {one.name: changes.get(one.name, members[one.name]) for one in manifest.members}
    listed = tuple(member_of(name, content, included=True) for name, content in contents.items())
    return pack(completed(contents, replace(manifest, members=listed, **facts)))  # type: ignore[arg-type]  # facts of a manifest


def restated(statement: Statement, **changes: object) -> Statement:
    """Return a statement with another body and the digest of that body."""
    body = replace(statement.body, **changes)  # type: ignore[arg-type]  # fields of a body
    return replace(statement, body=body, statement_digest=statement_digest(body))


def test_a_bundle_that_was_issued_agrees_in_everything(evidence: Evidence) -> None:
    found = verify_bundle(bundled(evidence, [KEY]), trusted=[KEY.public_key()])

    assert [check.name for check in found.checks] == EVERY_CHECK
    assert not found.failures
    assert found.statement == evidence.statement
    assert "2 lines" in detail(found, "recomputation")


def test_the_same_evidence_gives_the_same_bytes(evidence: Evidence) -> None:
    assert bundled(evidence, [KEY, OTHER_KEY]) == bundled(evidence, [OTHER_KEY, KEY])


def test_a_changed_reading_whose_digests_fit_is_found_by_recomputing(evidence: Evidence) -> None:
    """One hour of the event used 41 kWh and not 40: a kilowatt-hour less was reduced."""
    csv = bundle_members(evidence)["inputs/load.csv"].replace(b",40.0,", b",41.0,", 1)

    found = verify_bundle(forged(bundled(evidence), {"inputs/load.csv": csv}))

    assert [check.name for check in found.failures] == ["recomputation"]
    assert "the bundle states" in found.failures[0].detail


def test_a_changed_figure_whose_digests_fit_is_named_with_both_values(evidence: Evidence) -> None:
    first, *lines = evidence.statement.body.lines
    more_kwh = first.metered_kwh - 1
    line = replace(first, metered_kwh=more_kwh, reduction_kwh=first.reduction_kwh + 1)
    other = restated(evidence.statement, lines=(line, *lines))

    found = verify_bundle(
        forged(
            bundled(evidence),
            {STATEMENT: to_canonical_json(other)},
            versions=(stated_version(other),),
        )
    )

    assert [check.name for check in found.failures] == ["recomputation"]
    assert found.failures[0].detail == (
        'lines[2026-06-30T18:00:00Z].metered_kwh: the bundle states "39.000", '
        'recomputed "40.000" (and 1 more)'
    )
    assert more_kwh == Decimal("39.000")


def test_a_statement_with_another_digest_than_its_body_has_is_found(evidence: Evidence) -> None:
    other = replace(evidence.statement, statement_digest="0" * 64)

    found = verify_bundle(forged(bundled(evidence), {STATEMENT: to_canonical_json(other)}))

    assert outcomes(found) == {"container": Outcome.AGREES, "statement": Outcome.DIFFERS}


@pytest.mark.parametrize(
    "facts",
    [
        {"statement_id": "another"},
        {"code_version": "9"},
        {"versions": ()},
        {"versions": None},
    ],
)
def test_a_manifest_that_says_another_thing_than_the_statement_is_found(
    evidence: Evidence, facts: dict[str, object]
) -> None:
    stated = stated_version(evidence.statement)
    facts = {"versions": (stated, stated)} if facts == {"versions": None} else facts
    if facts == {"versions": ()}:
        facts = {"versions": (replace(stated, statement_version=2),)}

    found = verify_bundle(forged(bundled(evidence), {}, **facts))

    assert [check.name for check in found.failures] == ["statement"]


def test_other_site_facts_than_the_statement_names_are_found(evidence: Evidence) -> None:
    found = verify_bundle(forged(bundled(evidence), {"site.json": b"{}"}))

    assert [check.name for check in found.failures] == ["rules and site"]


def test_another_rule_file_is_found_by_recomputing(evidence: Evidence) -> None:
    """The file is the bundle's, not this version's: a comment alone makes another rule digest."""
    name = "programs/pjm_economic_3day.toml"
    other = bundle_members(evidence)[name] + b"# \n"

    found = verify_bundle(forged(bundled(evidence), {name: other}))

    assert [check.name for check in found.failures] == ["recomputation"]
    assert "rule_digest" in found.failures[0].detail
    assert name in detail(found, "rules and site")


@pytest.mark.parametrize("old", [b'"load"', b'"feeder"', b'"interval_minutes"', b"pjm_economic"])
def test_inputs_that_are_no_inputs_are_found_and_do_not_crash(
    evidence: Evidence, old: bytes
) -> None:
    changed = bundle_members(evidence)["inputs.json"].replace(old, old[:-2] + b"x" + old[-1:])

    found = verify_bundle(forged(bundled(evidence), {"inputs.json": changed}))

    assert "recomputation" in [check.name for check in found.failures]


def test_without_inputs_recomputation_is_not_possible_and_no_success(evidence: Evidence) -> None:
    members = bundle_members(evidence, with_inputs=False)

    found = verify_bundle(pack(members))

    assert not [name for name in members if name.startswith("inputs")]
    assert [(check.name, check.outcome) for check in found.failures] == [
        ("recomputation", Outcome.NOT_POSSIBLE)
    ]


def test_versions_before_are_a_chain_of_digests(evidence: Evidence) -> None:
    stated = StatedVersion(
        statement_version=1,
        statement_digest="1" * 64,
        issued_digest="1" * 64,
        issued_at_utc=SIGNED_AT_UTC,
    )
    second = replace(evidence.statement, statement_version=2, previous_digest="1" * 64)

    right = verify_bundle(bundled(replace(evidence, statement=second, earlier=(stated,))))
    wrong = verify_bundle(
        bundled(
            replace(
                evidence,
                statement=second,
                earlier=(replace(stated, issued_digest="2" * 64),),
            )
        )
    )

    assert not right.failures
    assert [check.name for check in wrong.failures] == ["statement"]
    assert SIGNATURES not in "".join(bundle_members(evidence))
