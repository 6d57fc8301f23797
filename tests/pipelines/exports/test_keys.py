"""Key files: written once, for their owner only, and read back with their passphrase."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.pipelines.exports.keys import (
    new_key_pair,
    new_pseudonym_key,
    read_passphrase,
    read_private_key,
    read_pseudonym_key,
    read_public_key,
)


def test_a_key_pair_is_read_back_and_the_private_file_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "site.pem"

    public_path, key = new_key_pair(path)

    assert public_path == tmp_path / "keys" / "site.pub.pem"
    assert (path.stat().st_mode & 0o777, public_path.stat().st_mode & 0o700) == (0o600, 0o600)
    assert read_private_key(path).public_key() == key == read_public_key(public_path)


@pytest.mark.parametrize("existing", ["site.pem", "site.pub.pem"])
def test_a_key_is_never_overwritten(tmp_path: Path, existing: str) -> None:
    (tmp_path / existing).write_text("mine")

    with pytest.raises(ConfigurationError, match="one that exists"):
        new_key_pair(tmp_path / "site.pem")

    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [(existing, "mine")]


def test_an_encrypted_key_opens_with_its_passphrase_only(tmp_path: Path) -> None:
    (tmp_path / "words").write_bytes(b"correct horse\nsecond line\n")
    path = tmp_path / "site.pem"
    passphrase = read_passphrase(tmp_path / "words")

    _, key = new_key_pair(path, passphrase)

    assert read_private_key(path, b"correct horse").public_key() == key
    for wrong in (None, b"another"):
        with pytest.raises(ConfigurationError, match="passphrase"):
            read_private_key(path, wrong)


def test_a_passphrase_for_a_key_without_one_is_refused(tmp_path: Path) -> None:
    new_key_pair(tmp_path / "site.pem")

    with pytest.raises(ConfigurationError, match="encrypted exactly where"):
        read_private_key(tmp_path / "site.pem", b"words")


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "k.pem"
    other = generate_private_key(SECP256R1())
    path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    with pytest.raises(ConfigurationError, match="negawatt keys new"):
        read_private_key(path)
    with pytest.raises(DataRefusedError, match="no public key"):
        read_public_key(path)
    for read in (read_private_key, read_public_key, read_passphrase):
        with pytest.raises(ConfigurationError, match="can be read"):
            read(tmp_path / "absent")


def test_a_key_for_pseudonyms_is_read_back_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "names.key"

    new_pseudonym_key(path)

    assert len(read_pseudonym_key(path)) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigurationError, match="one that exists"):
        new_pseudonym_key(path)


@pytest.mark.parametrize("text", ["", "secret", "0" * 63, "g" * 64])
def test_a_weak_key_for_pseudonyms_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "names.key").write_text(text)

    with pytest.raises(ConfigurationError, match="64 hexadecimal digits"):
        read_pseudonym_key(tmp_path / "names.key")


def test_an_empty_passphrase_is_refused(tmp_path: Path) -> None:
    (tmp_path / "words").write_bytes(b"\nsecond line\n")

    with pytest.raises(ConfigurationError, match="first line"):
        read_passphrase(tmp_path / "words")
