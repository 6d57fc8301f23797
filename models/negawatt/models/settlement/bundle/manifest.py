"""The manifest: what a bundle holds and what it is about, and the texts that stand beside it.

The digest of the manifest's bytes is the bundle's digest: it names every other byte that is
evidence. Here: its fields, the check sums and the README. Not here: signatures, which name it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.bundle.codec import decode, encode, from_json, to_json

FORMAT: Final = "negawatt evidence bundle"
FORMAT_VERSION: Final = 1
MANIFEST: Final = "manifest.json"
SUMS: Final = "SHA256SUMS"
README: Final = "README.txt"
STATEMENT: Final = "statement.json"
INPUTS: Final = "inputs.json"
SITE: Final = "site.json"
PROGRAMS: Final = "programs/"
SIGNATURES: Final = "signatures/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file of the bundle.

    Attributes:
        name: Its name.
        size_bytes: Its length.
        sha256: Digest of its bytes, 64 hexadecimal digits.
        included: False where only its digest is given.
    """

    name: str
    size_bytes: int
    sha256: str
    included: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedVersion:
    """One version of the statement.

    Attributes:
        statement_version: 1 for the first.
        statement_digest: Digest of its body.
        issued_digest: SHA-256 of its bytes as issued, by which the next version names it.
        issued_at_utc: When it was issued.
    """

    statement_version: int
    statement_digest: str
    issued_digest: str
    issued_at_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviousBundle:
    """The bundle that this one follows.

    Attributes:
        bundle_digest: SHA-256 of its manifest.
        statement_id: Its statement.
        statement_version: Which version of it.
        issued_at_utc: When that version was issued.
    """

    bundle_digest: str
    statement_id: str
    statement_version: int
    issued_at_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pseudonyms:
    """That names were replaced, and of which statement.

    Attributes:
        scheme: How a name became another.
        original: What ties this statement to the one with the real names, for the holder of the
            key: the keyed digest of its digest, 64 hexadecimal digits.
    """

    scheme: str
    original: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a bundle holds and what it is about.

    Attributes:
        format: ``negawatt evidence bundle``.
        format_version: Which version of docs/bundle-format.md it keeps to.
        statement_id: Stable name of the statement over all versions.
        versions: The statement's versions, oldest first; the last is the one in the bundle.
        code_version: Version of negawatt that computed it.
        boundary: What the meter sees, in the site's words.
        pseudonyms: Set where names were replaced.
        previous_bundle: The bundle that this one follows, if it follows one.
        members: Every file but manifest, check sums and signatures, by name.
    """

    format: str
    format_version: int
    statement_id: str
    versions: tuple[StatedVersion, ...]
    code_version: str
    boundary: str
    pseudonyms: Pseudonyms | None
    previous_bundle: PreviousBundle | None
    members: tuple[Member, ...]


def member_of(name: str, content: bytes, *, included: bool) -> Member:
    """Return what the manifest says of a file."""
    digest = sha256(content).hexdigest()
    return Member(name=name, size_bytes=len(content), sha256=digest, included=included)


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return the manifest as it lies in the bundle."""
    return to_json(encode(manifest, Manifest, MANIFEST).tree)


def read_manifest(data: bytes) -> Manifest:
    """Read a manifest back.

    Raises:
        DataRefusedError: It is none, or one of another format version.
    """
    tree = from_json(data, MANIFEST)
    stated = (tree.get("format"), tree.get("format_version")) if isinstance(tree, dict) else None
    if stated != (FORMAT, FORMAT_VERSION):
        raise DataRefusedError(
            thing=MANIFEST,
            expected=f"{FORMAT}, format version {FORMAT_VERSION}",
            found=str(stated),
            remedy="verify it with the version of negawatt that knows this format",
        )
    manifest: Manifest = decode(tree, Manifest, {}, MANIFEST)
    return manifest


def sums(contents: Mapping[str, bytes]) -> bytes:
    r"""Return check sums in the form that ``sha256sum --check`` reads.

    Examples:
        >>> sums({"a": b""}).decode()[58:]
        '52b855  a\n'
    """
    rows = (f"{sha256(content).hexdigest()}  {name}\n" for name, content in _sorted(contents))
    return "".join(rows).encode("ascii")


def readme(manifest: Manifest) -> bytes:
    """Return the text that says what is in the bundle and how to check it by hand."""
    latest = manifest.versions[-1]
    withheld = sum(not member.included for member in manifest.members)
    return _README.format(
        statement=f"{manifest.statement_id} version {latest.statement_version}",
        issued=f"{latest.issued_at_utc:%Y-%m-%d %H:%M:%S}",
        digest=latest.statement_digest,
        code=manifest.code_version,
        inputs=(
            f"{withheld} files of inputs are not in this bundle. manifest.json gives their sizes\n"
            "and digests; without the files the figures cannot be recomputed."
            if withheld
            else "inputs.json and inputs/ are all that the statement was computed from."
        ),
        names=(
            "Jobs, tenants, nodes and GPUs have other names than at the site, the same in all its\n"
            "bundles. Every figure is computed from the inputs as they stand here.\n\n"
            if manifest.pseudonyms
            else ""
        ),
    ).encode()


def _sorted(contents: Mapping[str, bytes]) -> Iterable[tuple[str, bytes]]:
    return sorted(contents.items())


_README: Final = """\
EVIDENCE OF A SETTLEMENT STATEMENT

statement   {statement}
issued      {issued} UTC, computed by negawatt {code}
digest      {digest}

WHAT IS IN IT

statement.json   the statement as it was issued: its body, its digest, what changed since the
                 version before, who computed it and from where
inputs.json      event, rules, terms, findings and names of series that it was computed from
inputs/          load series: one row for each interval, times in UTC, energy in kWh; an empty
                 field is a value that is not known
programs/        the program's rules, as the files that were read
site.json        facts of the site that decide a figure
manifest.json    every file with its size and digest, versions of the statement, the bundle before
SHA256SUMS       digests of all of them
signatures/      who signed the manifest and when, if somebody did: a text, the 64 bytes of its
                 Ed25519 signature, and the public key

{inputs}

{names}HOW TO CHECK IT

Recompute everything, offline:

    pip install 'negawatt[pipelines]'
    negawatt verify BUNDLE

By hand, without negawatt: the bundle is an ordinary ZIP file. Unpack it and compare the digests:

    unzip BUNDLE -d bundle && cd bundle
    sha256sum --check SHA256SUMS

A signature is checked with OpenSSL 3, for the key of signatures/NAME.pem:

    openssl pkeyutl -verify -pubin -inkey signatures/NAME.pem -rawin \\
        -in signatures/NAME.txt -sigfile signatures/NAME.sig

The text that is signed names the digest of manifest.json. Whether the key is the signer's own is
for you to know: compare it with one that you got another way.

The digest of a statement is the SHA-256 of its body: the value of "body" in statement.json, as
JSON without spaces and with sorted keys. The format is written down in docs/bundle-format.md of
negawatt's sources.
"""
