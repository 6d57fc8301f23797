"""A statement and its inputs to the bytes of a bundle: a pure function, the same bytes each time.

Not here: where statement and inputs come from (negawatt.pipelines.exports.bundle).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from negawatt.models.settlement.bundle.codec import encode, to_json
from negawatt.models.settlement.bundle.container import pack
from negawatt.models.settlement.bundle.manifest import (
    FORMAT,
    FORMAT_VERSION,
    INPUTS,
    MANIFEST,
    README,
    SITE,
    STATEMENT,
    SUMS,
    Manifest,
    PreviousBundle,
    Pseudonyms,
    StatedVersion,
    manifest_bytes,
    member_of,
    readme,
    sums,
)
from negawatt.models.settlement.bundle.programs import program_member, referred_programs
from negawatt.models.settlement.bundle.signatures import sign
from negawatt.models.settlement.canonical import issued_digest, to_canonical_json
from negawatt.models.settlement.settle import SettlementInputs
from negawatt.models.settlement.statement import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a bundle is made of.

    Attributes:
        statement: The version that is bundled.
        inputs: What it was computed from.
        site_json: The site's deciding facts, as the statement's digest of them is of.
        boundary: What the meter sees, in the site's words.
        earlier: The statement's earlier versions, oldest first.
        pseudonyms: Set where names were replaced.
        previous: The bundle that this one follows, if it follows one.
    """

    statement: Statement
    inputs: SettlementInputs
    site_json: bytes
    boundary: str
    earlier: tuple[StatedVersion, ...] = ()
    pseudonyms: Pseudonyms | None = None
    previous: PreviousBundle | None = None


def bundle_members(evidence: Evidence, *, with_inputs: bool = True) -> dict[str, bytes]:
    """Return the members of a bundle that nobody signed yet.

    Args:
        evidence: What it is made of.
        with_inputs: Whether the inputs lie in it, or their digests only.

    Raises:
        DataRefusedError: An input has no written form.
    """
    encoded = encode(evidence.inputs, SettlementInputs, INPUTS.removesuffix(".json"))
    rules = (evidence.inputs.rule, *evidence.inputs.alternative_rules)
    contents = {
        **encoded.files,
        **{program_member(name): file for name, file in referred_programs(rules).items()},
        INPUTS: to_json(encoded.tree),
        SITE: evidence.site_json,
        STATEMENT: to_canonical_json(evidence.statement),
    }
    included = {name: with_inputs or not name.startswith("inputs") for name in contents}
    statement = evidence.statement
    manifest = Manifest(
        format=FORMAT,
        format_version=FORMAT_VERSION,
        statement_id=statement.body.statement_id,
        versions=(*evidence.earlier, stated_version(statement)),
        code_version=statement.provenance.code_version,
        boundary=evidence.boundary,
        pseudonyms=evidence.pseudonyms,
        previous_bundle=evidence.previous,
        members=tuple(
            member_of(name, content, included=included[name])
            for name, content in sorted(contents.items())
        ),
    )
    return completed(
        {name: content for name, content in contents.items() if included[name]}, manifest
    )


def completed(contents: Mapping[str, bytes], manifest: Manifest) -> dict[str, bytes]:
    """Return members with everything that follows from them and the manifest."""
    listed = {**contents, MANIFEST: manifest_bytes(manifest), README: readme(manifest)}
    return {**listed, SUMS: sums(listed)}


def signed_bundle(
    members: Mapping[str, bytes], keys: Iterable[Ed25519PrivateKey], signed_at_utc: datetime
) -> bytes:
    """Return the bytes of a bundle, signed with each key at a time."""
    digest = bundle_digest(members)
    signatures = [sign(key, digest, signed_at_utc) for key in keys]
    return pack({**members, **{name: part for one in signatures for name, part in one.items()}})


def bundle_digest(members: Mapping[str, bytes]) -> str:
    """Return the SHA-256 of the manifest, which names every other byte of evidence."""
    return sha256(members[MANIFEST]).hexdigest()


def stated_version(statement: Statement) -> StatedVersion:
    """Return what a chain says of a version."""
    return StatedVersion(
        statement_version=statement.statement_version,
        statement_digest=statement.statement_digest,
        issued_digest=issued_digest(statement),
        issued_at_utc=statement.provenance.issued_at_utc,
    )
