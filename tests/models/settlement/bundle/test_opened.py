"""A bundle is taken apart only if every byte is what the rest says; damage is located."""

import random
from dataclasses import replace

import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.bundle.container import pack
from negawatt.models.settlement.bundle.manifest import (
    MANIFEST,
    STATEMENT,
    manifest_bytes,
    read_manifest,
)
from negawatt.models.settlement.bundle.opened import DamagedBundleError, open_bundle
from negawatt.models.settlement.bundle.write import Evidence, bundle_members, signed_bundle
from tests.models.settlement.bundle.made import KEY, SIGNED_AT_UTC
from tests.models.settlement.bundle.tamper import wrongly_located


def test_a_bundle_without_inputs_names_the_digests_of_those_with_them(evidence: Evidence) -> None:
    whole, bare = (
        read_manifest(bundle_members(evidence, with_inputs=included)[MANIFEST]).members
        for included in (True, False)
    )

    assert [replace(one, included=True) for one in bare] == list(whole)


@pytest.mark.parametrize("changes", [{"format_version": 2}, {"format": "another"}])
def test_a_manifest_of_another_format_is_refused(
    evidence: Evidence, changes: dict[str, object]
) -> None:
    members = bundle_members(evidence)
    manifest = replace(read_manifest(members[MANIFEST]), **changes)  # type: ignore[arg-type]  # facts of a manifest

    with pytest.raises(DataRefusedError, match="format version 1"):
        open_bundle(pack(members | {MANIFEST: manifest_bytes(manifest)}))


def test_a_member_that_the_manifest_does_not_list_is_found(evidence: Evidence) -> None:
    members = bundle_members(evidence) | {"more.txt": b""}

    with pytest.raises(DamagedBundleError) as found:
        open_bundle(pack(members))

    assert found.value.place == "more.txt"


@pytest.mark.parametrize("name", ["README.txt", "SHA256SUMS", "inputs.json", STATEMENT])
def test_a_member_that_was_replaced_with_its_crc_is_located(evidence: Evidence, name: str) -> None:
    members = bundle_members(evidence)
    members[name] += b" "

    with pytest.raises(DamagedBundleError) as found:
        open_bundle(pack(members))

    assert found.value.place == name


def test_random_bytes_of_a_signed_bundle_are_located(evidence: Evidence) -> None:
    """A short form of the soak, tests/pipelines/exports/test_tampering.py."""
    whole = signed_bundle(bundle_members(evidence), [KEY], SIGNED_AT_UTC)

    assert not wrongly_located(whole, random.Random(6), 300)  # noqa: S311 - any places
