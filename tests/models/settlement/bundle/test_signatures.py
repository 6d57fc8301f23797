"""Who signed, checked by another tool where it is installed."""

import shlex
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.bundle.chain import link_to
from negawatt.models.settlement.bundle.container import pack
from negawatt.models.settlement.bundle.opened import Opened, open_bundle
from negawatt.models.settlement.bundle.signatures import key_id, sign, signature_names
from negawatt.models.settlement.bundle.verify import Outcome, followed, signers
from negawatt.models.settlement.bundle.write import (
    Evidence,
    bundle_digest,
    bundle_members,
    signed_bundle,
)
from tests.models.settlement.bundle.made import KEY, OTHER_KEY, SIGNED_AT_UTC

_AS_THE_README_SAYS = "pkeyutl -verify -pubin -inkey k.pem -rawin -in k.txt -sigfile k.sig"
KEY_ID = key_id(KEY.public_key())


def signed(members: dict[str, bytes], *keys: Ed25519PrivateKey) -> dict[str, bytes]:
    digest = bundle_digest(members)
    for key in keys:
        members = members | sign(key, digest, SIGNED_AT_UTC)
    return members


def outcome(members: dict[str, bytes], *trusted: Ed25519PrivateKey) -> tuple[Outcome, str]:
    """Return what came of checking the signatures among some members."""
    try:
        return signers(open_bundle(pack(members)), [key.public_key() for key in trusted])
    except DataRefusedError as error:
        return Outcome.DIFFERS, str(error)


def test_several_may_sign_and_each_that_is_trusted_must(evidence: Evidence) -> None:
    members = bundle_members(evidence)

    assert outcome(signed(members, KEY, OTHER_KEY), KEY, OTHER_KEY)[0] is Outcome.AGREES
    assert outcome(signed(members, KEY), KEY, OTHER_KEY) == (
        Outcome.DIFFERS,
        f"no signature of key {key_id(OTHER_KEY.public_key())}, which must have signed",
    )


def test_a_key_that_nobody_named_is_said_to_be_one(evidence: Evidence) -> None:
    assert outcome(signed(bundle_members(evidence), KEY)) == (
        Outcome.AGREES,
        f"key {KEY_ID} at 2026-07-02 09:30:00 UTC, a key that you did not name",
    )


def test_no_signature_is_nothing_to_check_unless_one_is_asked_for(evidence: Evidence) -> None:
    members = bundle_members(evidence)

    assert outcome(members)[0] is Outcome.NOTHING
    assert outcome(members, KEY)[0] is Outcome.DIFFERS


@pytest.mark.parametrize("ending", ["txt", "sig", "pem"])
def test_every_part_of_a_signature_counts(evidence: Evidence, ending: str) -> None:
    """Each is replaced by that of another key or another time, and then left out."""
    members = signed(bundle_members(evidence), KEY)
    other = sign(OTHER_KEY, bundle_digest(members), SIGNED_AT_UTC + timedelta(seconds=1))
    name = f"signatures/{KEY_ID}.{ending}"
    foreign = other[f"signatures/{key_id(OTHER_KEY.public_key())}.{ending}"]

    for changed in (members | {name: foreign}, {k: v for k, v in members.items() if k != name}):
        assert outcome(changed)[0] is Outcome.DIFFERS


def test_a_signature_of_another_bundle_does_not_count(evidence: Evidence) -> None:
    members = bundle_members(evidence) | sign(KEY, "0" * 64, SIGNED_AT_UTC)

    came, found = outcome(members)

    assert came is Outcome.DIFFERS
    assert "the digest of another manifest" in found


def test_a_strange_name_among_the_signatures_is_found(evidence: Evidence) -> None:
    members = bundle_members(evidence) | {"signatures/x": b""}

    assert signature_names(members) == [""]
    assert outcome(members)[0] is Outcome.DIFFERS


@pytest.mark.slow
def test_openssl_checks_a_signature_as_the_readme_says(evidence: Evidence, tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    for ending in ("txt", "sig", "pem"):
        member = f"signatures/{KEY_ID}.{ending}"
        (tmp_path / f"k.{ending}").write_bytes(signed(bundle_members(evidence), KEY)[member])
    asked = [openssl, *shlex.split(_AS_THE_README_SAYS)]

    right = subprocess.run(asked, cwd=tmp_path, check=False, capture_output=True)  # noqa: S603 - openssl
    (tmp_path / "k.txt").write_bytes(b"another text")
    wrong = subprocess.run(asked, cwd=tmp_path, check=False, capture_output=True)  # noqa: S603 - openssl

    assert (right.returncode, wrong.returncode != 0) == (0, True)


def opened_at(evidence: Evidence, hours: int, previous: Opened | None) -> Opened:
    """Return a bundle signed some hours after the first, following another."""
    link = None if previous is None else link_to(previous)
    members = bundle_members(replace(evidence, previous=link))
    return open_bundle(signed_bundle(members, [KEY], SIGNED_AT_UTC + timedelta(hours=hours)))


def test_a_chain_is_followed_as_far_as_it_is_at_hand(evidence: Evidence) -> None:
    first = opened_at(evidence, 0, None)
    second = opened_at(evidence, 1, first)
    third = opened_at(evidence, 2, second)

    assert followed(first, []) == (Outcome.NOTHING, "it follows no other bundle")
    assert followed(third, [first, second]) == (Outcome.AGREES, "bundles before: 2, to the first")
    assert followed(third, [second]) == (
        Outcome.AGREES,
        f"bundles before: 1, the one before, {first.digest}, not at hand",
    )
    assert followed(third, [first]) == (
        Outcome.NOTHING,
        f"the one before, {second.digest}, not at hand",
    )


def test_a_chain_in_which_time_goes_backwards_is_found(evidence: Evidence) -> None:
    first = opened_at(evidence, 0, None)

    with pytest.raises(DataRefusedError, match="a signature after 2026-07-02T09:30"):
        followed(opened_at(evidence, -1, first), [first])


def test_a_chain_that_says_another_thing_of_the_bundle_before_is_found(evidence: Evidence) -> None:
    first = opened_at(evidence, 0, None)
    link = replace(link_to(first), statement_version=7)
    second = open_bundle(pack(bundle_members(replace(evidence, previous=link))))

    with pytest.raises(DataRefusedError, match="the bundle before as"):
        followed(second, [first])
