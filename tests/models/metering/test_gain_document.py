"""A gain's record as bytes: who signed it decides, and nothing of it can be changed."""

import json
from datetime import date

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.metering.gain import GainDocument, GainFit
from negawatt.models.metering.gain_document import checked_gain, encode_gain, sign_gain

_LAB, _OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))
_TRUSTED = [_LAB.public_key().public_bytes_raw().hex()]
_DOCUMENT = GainDocument(
    gpu_uuid="GPU-a",
    driver_version="535.54",
    measured_on=date(2026, 7, 1),
    meter="class 0.2",
    fit=GainFit(gain_ratio=0.95, lower_ratio=0.94, upper_ratio=0.96, run_count=8),
)
_CONTENT = encode_gain(_DOCUMENT)


def test_a_record_reads_back_as_it_was_written() -> None:
    found = checked_gain(_CONTENT, sign_gain(_CONTENT, _LAB), _TRUSTED, "a.json")

    assert found.document == _DOCUMENT
    assert found.public_key == _TRUSTED[0]


def test_a_record_that_another_key_signed_is_refused() -> None:
    with pytest.raises(DataRefusedError, match="none that one of them made"):
        checked_gain(_CONTENT, sign_gain(_CONTENT, _OTHER), _TRUSTED, "a.json")


def test_a_record_is_refused_where_no_key_is_trusted() -> None:
    with pytest.raises(DataRefusedError):
        checked_gain(_CONTENT, sign_gain(_CONTENT, _LAB), [], "a.json")


def test_no_byte_of_record_or_signature_can_be_changed() -> None:
    signature = sign_gain(_CONTENT, _LAB)

    for n in range(len(_CONTENT) + len(signature)):
        both = bytearray(_CONTENT + signature)
        both[n] ^= 1
        with pytest.raises(DataRefusedError):
            checked_gain(
                bytes(both[: len(_CONTENT)]), bytes(both[len(_CONTENT) :]), _TRUSTED, "a.json"
            )


def test_a_signature_of_the_bare_record_is_none_of_a_gain() -> None:
    """What is signed names what it is: a signature made for another purpose does not serve."""
    with pytest.raises(DataRefusedError):
        checked_gain(_CONTENT, _LAB.sign(_CONTENT), _TRUSTED, "a.json")


@pytest.mark.parametrize(
    "change",
    [{"gain_ratio": 0.0, "lower_ratio": 0.0}, {"gain_ratio": -1.0}, {"gain_ratio": 0.97}],
)
def test_a_gain_that_cannot_be_one_is_refused_whoever_signed_it(change: dict[str, float]) -> None:
    """0, below 0, and above the upper edge of its own interval."""
    values = json.loads(_CONTENT)
    values["fit"] |= change
    content = json.dumps(values, indent=1).encode() + b"\n"

    with pytest.raises(DataRefusedError):
        checked_gain(content, sign_gain(content, _LAB), _TRUSTED, "a.json")


def test_a_record_with_a_key_that_nobody_knows_is_refused() -> None:
    content = json.dumps({**json.loads(_CONTENT), "note": "x"}, indent=1).encode() + b"\n"

    with pytest.raises(DataRefusedError, match="the bytes that negawatt writes"):
        checked_gain(content, sign_gain(content, _LAB), _TRUSTED, "a.json")
