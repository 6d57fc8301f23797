"""Key files: Ed25519 keys as PEM, made, read, and never printed.

Not here: what is signed (negawatt.models.settlement.bundle.signatures).
"""

import os
import re
import secrets
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from negawatt.models.domain.errors import ConfigurationError
from negawatt.models.settlement.bundle.signatures import pem_of, public_key

_KEY_BYTES = 32
_OWNER_ONLY = 0o600
_PUBLIC = 0o644


def new_key_pair(path: Path, passphrase: bytes | None = None) -> tuple[Path, Ed25519PublicKey]:
    """Write a new private key, and its public key beside it with the ending ``.pub.pem``.

    Args:
        path: Where the private key goes, readable by its owner only.
        passphrase: Encrypts the private key, if given.

    Returns:
        The path of the public key, and the key.

    Raises:
        ConfigurationError: A file of either name exists: a key is never overwritten.
    """
    key = Ed25519PrivateKey.generate()
    hidden: KeySerializationEncryption = (
        BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    )
    public_path = path.with_name(f"{path.name.removesuffix('.pem')}.pub.pem")
    for existing in (path, public_path):
        if existing.exists():
            raise _not_a_key(existing, "a new file", "one that exists", "give another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden)
    _write_new(path, private, _OWNER_ONLY)
    _write_new(public_path, pem_of(key.public_key()), _PUBLIC)
    return public_path, key.public_key()


def read_private_key(path: Path, passphrase: bytes | None = None) -> Ed25519PrivateKey:
    """Read a private key.

    Raises:
        ConfigurationError: It is none, of another kind than Ed25519, or the passphrase is wrong.
    """
    try:
        key = load_pem_private_key(_bytes(path), passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _not_a_key(
            path,
            "an Ed25519 private key, encrypted exactly where a passphrase is given",
            "none that can be read so",
            "give the right key, and its passphrase with --passphrase-file",
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        kind = type(key).__name__
        raise _not_a_key(path, "an Ed25519 private key", kind, "make one: negawatt keys new")
    return key


def read_public_key(path: Path) -> Ed25519PublicKey:
    """Read a public key.

    Raises:
        ConfigurationError: It cannot be read.
        DataRefusedError: It is none, or of another kind than Ed25519.
    """
    return public_key(_bytes(path), str(path))


def new_pseudonym_key(path: Path) -> None:
    """Write a new key for pseudonyms: 64 hexadecimal digits, for its owner only.

    Raises:
        ConfigurationError: The file exists: a key is never overwritten.
    """
    if path.exists():
        raise _not_a_key(path, "a new file", "one that exists", "give another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_new(path, f"{secrets.token_hex(_KEY_BYTES)}\n".encode("ascii"), _OWNER_ONLY)


def read_pseudonym_key(path: Path) -> bytes:
    """Return a key for pseudonyms.

    Raises:
        ConfigurationError: The file cannot be read, or holds no 64 hexadecimal digits.
    """
    text = _bytes(path).decode("latin-1").strip()
    if not re.fullmatch(f"[0-9a-f]{{{2 * _KEY_BYTES}}}", text):
        raise _not_a_key(
            path, "64 hexadecimal digits", "others", "make one: negawatt keys pseudonyms"
        )
    return bytes.fromhex(text)


def read_passphrase(path: Path) -> bytes:
    """Return the first line of a file.

    Raises:
        ConfigurationError: It cannot be read, or the line is empty.
    """
    lines = _bytes(path).splitlines()
    if not lines or not lines[0]:
        raise _not_a_key(path, "a passphrase in its first line", "none", "write one there")
    return lines[0]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        found = error.strerror or type(error).__name__
        raise _not_a_key(path, "a file that can be read", found, "correct the path") from error


def _write_new(path: Path, content: bytes, mode: int) -> None:
    """Write a file that must not exist yet; nobody else can ever open a private one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _not_a_key(path: Path, expected: str, found: str, remedy: str) -> ConfigurationError:
    return ConfigurationError(
        thing=f"key file {str(path)!r}", expected=expected, found=found, remedy=remedy
    )
