"""Signed content: a JWS in compact form, and the public keys that may have made it.

The envelope around it is not signed, so that a key speaks for one source, and no other. Source: RFC
7515; DSX Flex 1.7.0, "Data Field Security (JWS)": ES256 or RS256, ``kid`` names the key.

Not here: what the content says (flex), and whether it came before (intake).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from negawatt.collectors.message import MessageRefusedError, Outcome
from negawatt.models.domain.errors import ConfigurationError

_ALGORITHM_OF: Final = {ECKey: "ES256", RSAKey: "RS256"}
# A header of a name that the library does not know is left alone, as RFC 7515 asks, section 4.
_RULES: Final = jws.JWSRegistry(algorithms=list(_ALGORITHM_OF.values()), strict_check_header=False)
_MINIMUM_RSA_BITS: Final = 2048
_KEY_REMEDY: Final = "give the public key of a signer as PEM: EC P-256 or RSA of 2048 bits or more"


@dataclass(frozen=True, slots=True)
class Signer:
    """A public key, and whom it speaks for.

    Attributes:
        source: ``//grid/v1/<role>/<identifier>``.
        key: The key.
    """

    source: str
    key: ECKey | RSAKey


@dataclass(frozen=True, slots=True)
class Signed:
    """Content whose signature holds.

    Attributes:
        key_id: The key.
        content: The signed object.
        content_sha256: SHA-256 of what was signed, header and payload. The signature is left out:
            of one ES256 signature anyone can make a second that holds as well.
        expires_s: Its ``exp`` [s since 1970], in header or content; None without.
    """

    key_id: str
    content: Mapping[str, Any]
    content_sha256: str
    expires_s: float | None


def read_public_key(path: Path) -> ECKey | RSAKey:
    """Read a public key.

    Raises:
        ConfigurationError: The file holds no public key of a kind that is taken.
    """
    data = path.read_bytes()
    for kind in (ECKey, RSAKey):
        try:
            key = kind.import_key(data)
        except (JoseError, ValueError, TypeError):
            continue
        if not key.is_private and _is_strong(key):
            return key
    raise ConfigurationError(
        thing=f"key {path}",
        expected="a public key for ES256 or RS256",
        found="a private key, another kind of key, or none",
        remedy=_KEY_REMEDY,
    )


def verify(token: str, signers: Mapping[str, Signer], source: str) -> Signed:
    """Return the content of a JWS whose signature holds.

    Args:
        token: The JWS in compact form.
        signers: Keys by their ``kid``.
        source: Whom the envelope says it is from.

    Raises:
        MessageRefusedError: The algorithm, the key or the signature is not right, or what was
            signed is no JSON object.
    """
    try:
        unchecked = jws.extract_compact(token.encode())
        header = unchecked.headers()
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise MessageRefusedError(Outcome.NOT_UNDERSTOOD) from error
    algorithm, key_id = header.get("alg"), header.get("kid")
    if algorithm not in _ALGORITHM_OF.values():
        raise MessageRefusedError(Outcome.ALGORITHM_REFUSED)
    signer = signers.get(key_id) if isinstance(key_id, str) else None
    if signer is None:
        raise MessageRefusedError(Outcome.UNKNOWN_KEY)
    if algorithm != _ALGORITHM_OF[type(signer.key)]:
        raise MessageRefusedError(Outcome.ALGORITHM_REFUSED)
    try:
        checked = jws.deserialize_compact(token, signer.key, registry=_RULES)
    except (JoseError, ValueError, TypeError) as error:
        raise MessageRefusedError(Outcome.FORGED) from error
    if signer.source != source:
        raise MessageRefusedError(Outcome.WRONG_KEY)
    content = _content(checked.payload)
    return Signed(
        key_id=str(key_id),
        content=content,
        content_sha256=hashlib.sha256(token.rpartition(".")[0].encode()).hexdigest(),
        expires_s=_earliest(header.get("exp"), content.get("exp")),
    )


def _content(payload: bytes | None) -> Mapping[str, Any]:
    try:
        content = json.loads(payload or b"")
    except (ValueError, RecursionError) as error:
        raise MessageRefusedError(Outcome.NOT_UNDERSTOOD) from error
    if not isinstance(content, dict):
        raise MessageRefusedError(Outcome.NOT_UNDERSTOOD)
    return content


def _earliest(*said: object) -> float | None:
    """Return the earliest of the instants that are told; what is no number is not understood."""
    told = [one for one in said if one is not None]
    if any(type(one) not in {int, float} for one in told):
        raise MessageRefusedError(Outcome.NOT_UNDERSTOOD)
    # Without `float`: a whole number of JSON may be larger than any.
    return min((one for one in told if isinstance(one, int | float)), default=None)


def _is_strong(key: ECKey | RSAKey) -> bool:
    if isinstance(key, ECKey):
        return key.curve_name == "P-256"
    return int(key.raw_value.key_size) >= _MINIMUM_RSA_BITS
