import google_crc32c
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.collectors.spool.frames import HEADER_BYTES, Damage, encode_frame, scan

_LOG = encode_frame(0, "boot", b"first body") + encode_frame(1, "boot", b"NWFR in a body")


def test_the_checksum_is_crc_32c() -> None:
    """RFC 3720, B.4, and the check value of the catalog of CRCs: 0xE3069283 of "123456789"."""
    assert google_crc32c.value(b"123456789") == 0xE3069283
    assert google_crc32c.implementation == "c"


def test_frames_come_back_with_their_numbers_and_bodies() -> None:
    found = scan(_LOG)

    assert [(frame.number, frame.body) for frame in found.frames] == [
        (0, b"first body"),
        (1, b"NWFR in a body"),
    ]
    assert (found.damages, found.end) == ((), len(_LOG))


def test_every_single_bit_flip_is_found() -> None:
    """All bits of a log of two frames: one frame goes, the other stays, nothing else is taken."""
    whole = scan(_LOG).frames
    for bit in range(8 * len(_LOG)):
        changed = bytearray(_LOG)
        changed[bit // 8] ^= 1 << bit % 8

        found = scan(bytes(changed))

        assert len(found.frames) == 1
        assert found.frames[0] in whole
        assert sum(damage.length for damage in found.damages) > 0


def test_a_log_that_is_cut_anywhere_keeps_its_whole_frames() -> None:
    first_end = HEADER_BYTES + len(b"first body")
    for end in range(len(_LOG)):
        found = scan(_LOG[:end])

        assert len(found.frames) == (end >= first_end)
        assert all(damage.is_tail for damage in found.damages)


def test_space_that_was_set_aside_is_no_damage() -> None:
    assert scan(_LOG + bytes(4096)).damages == ()


def test_damage_between_frames_is_told_from_a_torn_tail() -> None:
    damaged = b"x" * 5 + _LOG + b"NWFR torn"

    assert scan(damaged).damages == (
        Damage(offset=0, length=5, is_tail=False),
        Damage(offset=5 + len(_LOG), length=9, is_tail=True),
    )


@given(st.binary(max_size=400))
@settings(max_examples=50)
def test_bytes_that_are_no_log_hold_no_frame(data: bytes) -> None:
    found = scan(data)

    assert found.frames == ()
    assert sum(damage.length for damage in found.damages) == len(data.rstrip(b"\0"))
