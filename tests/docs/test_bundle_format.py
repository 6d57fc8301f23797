"""Bundles are read by the words of docs/bundle-format.md, with no code of ours."""

import ast
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from negawatt.models.settlement.bundle.chain import link_to
from negawatt.models.settlement.bundle.codec import hints
from negawatt.models.settlement.bundle.container import pack
from negawatt.models.settlement.bundle.manifest import (
    Manifest,
    Member,
    PreviousBundle,
    Pseudonyms,
    StatedVersion,
)
from negawatt.models.settlement.bundle.opened import open_bundle
from negawatt.models.settlement.bundle.write import Evidence, bundle_members, signed_bundle
from tests.docs import bundle_reader
from tests.docs.console import text_of
from tests.models.settlement.bundle.made import (
    KEY,
    OTHER_KEY,
    SIGNED_AT_UTC,
    evidence_of,
    made_inputs,
)

pytestmark = pytest.mark.slow  # each test changes a whole bundle

PAGE = text_of("docs/bundle-format.md")


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return evidence_of(made_inputs())


@pytest.fixture(scope="module")
def signed(evidence: Evidence) -> bytes:
    return signed_bundle(bundle_members(evidence), [KEY, OTHER_KEY], SIGNED_AT_UTC)


def test_the_reader_knows_nothing_of_our_code() -> None:
    tree = ast.parse(Path(bundle_reader.__file__).read_text(encoding="utf-8"))
    imported = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([one.name for one in node.names] if isinstance(node, ast.Import) else [])
        + ([str(node.module)] if isinstance(node, ast.ImportFrom) else [])
    }

    assert imported
    assert not [name for name in imported if name.startswith(("negawatt", "tests"))]


def test_a_bundle_holds_what_the_page_says(signed: bytes) -> None:
    assert bundle_reader.problems(signed) == []


def test_a_bundle_of_digests_holds_what_the_page_says(evidence: Evidence) -> None:
    members = bundle_members(evidence, with_inputs=False)

    assert "inputs.json" not in members
    assert bundle_reader.withheld(pack(members)) == [
        "inputs.json",
        *sorted(name for name in bundle_members(evidence) if name.startswith("inputs/")),
    ]


@pytest.mark.parametrize(
    ("name", "old", "new", "found"),
    [
        ("statement.json", b'"metered_kwh":"40.000"', b'"metered_kwh":"41.000"', "body"),
        ("inputs/load.csv", b"2026-06-30T18", b"2026-06-30T28", "inputs/load.csv"),
        ("inputs/load.csv", b",40.0,", b",40.00,", "inputs/load.csv"),
        ("site.json", b"true", b"false", "site"),
        ("SHA256SUMS", b"a", b"b", "sums"),
        ("manifest.json", b"one feeder", b"two feeders", "sums"),
    ],
)
def test_the_reader_notices_a_change(
    signed: bytes, name: str, old: bytes, new: bytes, found: str
) -> None:
    members = bundle_reader.members_of(signed)
    members = {one: content for one, content in members.items() if "signatures" not in one}
    assert old in members[name]

    changed = pack(members | {name: members[name].replace(old, new, 1)})

    assert found in bundle_reader.problems(changed)


def test_the_reader_follows_a_chain(evidence: Evidence, signed: bytes) -> None:
    later = replace(evidence, previous=link_to(open_bundle(signed)))
    bundle = signed_bundle(bundle_members(later), [KEY], SIGNED_AT_UTC + timedelta(hours=1))

    assert bundle_reader.link_holds(bundle, signed)
    assert not bundle_reader.link_holds(signed, bundle)


@pytest.mark.parametrize("kind", [Manifest, Member, PreviousBundle, Pseudonyms, StatedVersion])
def test_the_page_names_every_key_of_the_manifest(kind: type) -> None:
    assert not [name for name in hints(kind) if f"`{name}`" not in PAGE and f".{name}`" not in PAGE]
