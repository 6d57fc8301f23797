"""Who signed a bundle and when: Ed25519 over a short text that names the bundle's digest.

Each signature is three members: the text, the 64 bytes, the public key; any tool can check them.
Not here: key files (negawatt.pipelines.exports.keys).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.interval import parse_utc
from negawatt.models.settlement.bundle.manifest import SIGNATURES

_KINDS: Final = ("txt", "sig", "pem")
_TEXT: Final = "negawatt evidence bundle\nmanifest sha256 {digest}\nsigned at {instant}\n"
_ID_DIGITS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One valid signature.

    Attributes:
        key_id: First digits of the SHA-256 of the public key's 32 bytes.
        signed_at_utc: When the signer says it was made.
    """

    key_id: str
    signed_at_utc: datetime


def key_id(key: Ed25519PublicKey) -> str:
    """Return the short name of a key: the first 16 digits of the SHA-256 of its 32 bytes."""
    return sha256(key.public_bytes_raw()).hexdigest()[:_ID_DIGITS]


def sign(key: Ed25519PrivateKey, bundle_digest: str, signed_at_utc: datetime) -> dict[str, bytes]:
    """Return the members of one signature; the same arguments give the same bytes.

    Examples:
        >>> key = Ed25519PrivateKey.from_private_bytes(bytes(32))
        >>> members = sign(key, "a" * 64, parse_utc("2026-07-01T00:00:00Z"))
        >>> sorted(members)[2], [len(content) for content in members.values()]
        ('signatures/139e3940e64b5491.txt', [137, 64, 113])
    """
    text = _text(bundle_digest, signed_at_utc)
    public = key.public_key()
    start = f"{SIGNATURES}{key_id(public)}"
    return {
        f"{start}.txt": text,
        f"{start}.sig": key.sign(text),
        f"{start}.pem": pem_of(public),
    }


def pem_of(key: Ed25519PublicKey) -> bytes:
    """Return a public key as PEM."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def public_key(pem: bytes, place: str) -> Ed25519PublicKey:
    """Read a public key from PEM.

    Raises:
        DataRefusedError: It is none, or of another kind than Ed25519.
    """
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _refused(place, "no public key") from error
    if not isinstance(key, Ed25519PublicKey):
        raise _refused(place, type(key).__name__)
    return key


def signature_names(names: Iterable[str]) -> list[str]:
    """Return the keys that signed, by the names of members."""
    inside = {name.removeprefix(SIGNATURES) for name in names if name.startswith(SIGNATURES)}
    return sorted({name.rpartition(".")[0] for name in inside})


def check_signature(name: str, members: Mapping[str, bytes], bundle_digest: str) -> Signature:
    """Return a signature that is one of this bundle, whoever made it.

    Raises:
        DataRefusedError: A part lacks, or text, key and signature do not belong together.
    """
    parts = {kind: members.get(f"{SIGNATURES}{name}.{kind}") for kind in _KINDS}
    text, signed, pem = (parts[kind] for kind in _KINDS)
    if text is None or signed is None or pem is None:
        lacking = [kind for kind, part in parts.items() if part is None]
        raise _refused(f"{SIGNATURES}{name}", f"none with the ending {lacking[0]}")
    key = public_key(pem, f"{SIGNATURES}{name}.pem")
    if pem_of(key) != pem or key_id(key) != name:
        raise _refused(f"{SIGNATURES}{name}.pem", f"the key {key_id(key)}, or other bytes for it")
    signed_at_utc = _signed_at(text, f"{SIGNATURES}{name}.txt")
    if text != _text(bundle_digest, signed_at_utc):
        raise _refused(f"{SIGNATURES}{name}.txt", "the digest of another manifest")
    try:
        key.verify(signed, text)
    except InvalidSignature as error:
        raise _refused(f"{SIGNATURES}{name}.sig", "one that this key did not make") from error
    return Signature(key_id=name, signed_at_utc=signed_at_utc)


def _text(bundle_digest: str, signed_at_utc: datetime) -> bytes:
    instant = signed_at_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
    return _TEXT.format(digest=bundle_digest, instant=instant).encode("ascii")


def _signed_at(text: bytes, place: str) -> datetime:
    try:
        return parse_utc(text.decode("ascii").splitlines()[-1].removeprefix("signed at "))
    except (ValueError, IndexError) as error:
        raise _refused(place, "no time of signing") from error


def _refused(place: str, found: str) -> DataRefusedError:
    return DataRefusedError(
        thing=place,
        expected="an Ed25519 signature of this bundle: text, 64 bytes and public key",
        found=found,
        remedy="fetch the bundle again from its signer",
    )
