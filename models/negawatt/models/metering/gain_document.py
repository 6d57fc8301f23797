"""The record of a card's gain as bytes, and who signed it: Ed25519 over the record's digest.

A record is one JSON text with sorted keys; any tool can check its signature. Here: bytes to a
record that a trusted key signed, and back. Not here: fitting and applying the gain (gain.py), and
where records lie (negawatt.pipelines.gains).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import TypeAdapter, ValidationError

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.metering.gain import GainDocument

_DOCUMENT: Final = TypeAdapter(GainDocument)
_TEXT: Final = "negawatt gain document\nsha256 {digest}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedGain:
    """A record whose signature was checked.

    Attributes:
        document: What is known of the card.
        digest: SHA-256 of the record's bytes, 64 hexadecimal digits.
        public_key: The key that signed it, 64 hexadecimal digits.
    """

    document: GainDocument
    digest: str
    public_key: str


def encode_gain(document: GainDocument) -> bytes:
    """Return a record's bytes: the same values give the same bytes."""
    return _DOCUMENT.dump_json(document, indent=1) + b"\n"


def sign_gain(content: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return the 64 bytes of a signature of a record's bytes."""
    return key.sign(_signed_text(content))


def checked_gain(
    content: bytes, signature: bytes, public_keys: Iterable[str], place: str
) -> SignedGain:
    """Return a record that one of the keys signed.

    Args:
        content: The record's bytes.
        signature: Its signature.
        public_keys: Keys that are trusted, 64 hexadecimal digits each.
        place: Where the record lies, for a refusal.

    Raises:
        DataRefusedError: None of the keys signed it, or it is no record of a gain.

    Examples:
        >>> from datetime import date
        >>> from negawatt.models.metering.gain import GainFit
        >>> key = Ed25519PrivateKey.from_private_bytes(bytes(32))
        >>> fit = GainFit(gain_ratio=0.95, lower_ratio=0.94, upper_ratio=0.96, run_count=8)
        >>> content = encode_gain(GainDocument(gpu_uuid="GPU-a", driver_version="535.54",
        ...     measured_on=date(2026, 7, 1), meter="class 0.2", fit=fit))
        >>> trusted = [key.public_key().public_bytes_raw().hex()]
        >>> checked_gain(content, sign_gain(content, key), trusted, "a.json").document.gpu_uuid
        'GPU-a'
    """
    for public_key in public_keys:
        if _is_signed_by(public_key, content, signature):
            digest = sha256(content).hexdigest()
            return SignedGain(
                document=_document(content, place), digest=digest, public_key=public_key
            )
    raise _refused(
        place, "a signature of one of the site's gain_keys", "none that one of them made"
    )


def _is_signed_by(public_key: str, content: bytes, signature: bytes) -> bool:
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
    try:
        key.verify(signature, _signed_text(content))
    except InvalidSignature:
        return False
    return True


def _signed_text(content: bytes) -> bytes:
    """Return a text that no signature of anything else is of."""
    return _TEXT.format(digest=sha256(content).hexdigest()).encode("ascii")


def _document(content: bytes, place: str) -> GainDocument:
    try:
        document = _DOCUMENT.validate_json(content)
    except ValidationError as error:
        raise _refused(place, "the record of a gain", str(error.errors()[0]["msg"])) from error
    if encode_gain(document) != content:
        raise _refused(place, "the bytes that negawatt writes", "others for the same values")
    fit = document.fit
    ratios = (0.0, fit.lower_ratio, fit.gain_ratio, fit.upper_ratio)
    if not (all(map(math.isfinite, ratios)) and sorted(ratios) == list(ratios)) or not ratios[1]:
        raise _refused(place, "a gain above 0 within its interval", f"{ratios[1:]}")
    return document


def _refused(place: str, expected: str, found: str) -> DataRefusedError:
    return DataRefusedError(
        thing=f"gain document {place}",
        expected=expected,
        found=found,
        remedy="get it again from whoever measured the card, or register their key in gain_keys",
    )
