import hashlib
import struct
from datetime import UTC, date, datetime

import polars as pl
import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.warehouse.digest import frame_digest


def test_the_digest_is_the_documented_bytes() -> None:
    """By hand: a column is name, 0, a known-byte a row, values; a text is its length and itself."""
    moment_utc = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    frame = pl.DataFrame(
        {"a": [1, None], "b": [0.5, 2.0], "c": ["x", None], "d": [moment_utc, moment_utc]}
    ).with_columns(pl.lit(date(1970, 1, 3)).alias("e"))

    by_hand = b"".join(
        [
            b"a\0\x01\x00" + struct.pack("<qq", 1, 0),
            b"b\0\x01\x01" + struct.pack("<dd", 0.5, 2.0),
            b"c\0\x01\x00" + struct.pack("<q", 1) + b"x" + struct.pack("<q", 0),
            b"d\0\x01\x01" + struct.pack("<qq", 1000, 1000),
            b"e\0\x01\x01" + struct.pack("<qq", 2, 2),
        ]
    )

    assert frame_digest(frame) == hashlib.sha256(by_hand).hexdigest()


def test_null_and_zero_differ() -> None:
    zero, unknown = (
        pl.DataFrame({"a": [0.0]}),
        pl.DataFrame({"a": [None]}, schema={"a": pl.Float64}),
    )

    assert frame_digest(zero) != frame_digest(unknown)


def test_where_one_text_ends_and_the_next_begins_matters() -> None:
    """Joined with a zero byte between, both columns would be x 0 y 0 z."""
    first, second = pl.DataFrame({"a": ["x\0y", "z"]}), pl.DataFrame({"a": ["x", "y\0z"]})

    assert frame_digest(first) != frame_digest(second)


def test_the_length_of_a_text_is_counted_in_bytes() -> None:
    """The letter e with an acute accent is the two bytes C3 A9."""
    by_hand = b"a\0\x01" + struct.pack("<q", 2) + b"\xc3\xa9"

    assert frame_digest(pl.DataFrame({"a": ["\u00e9"]})) == hashlib.sha256(by_hand).hexdigest()


def test_zero_has_no_sign() -> None:
    assert frame_digest(pl.DataFrame({"a": [-0.0]})) == frame_digest(pl.DataFrame({"a": [0.0]}))


def test_row_order_matters_and_chunks_do_not() -> None:
    frame = pl.DataFrame({"a": [1, 2]})
    chunked = (
        pl.concat([frame[:1], frame[1:]], rechunk=False) if False else frame[:1].vstack(frame[1:])
    )

    assert frame_digest(chunked) == frame_digest(frame)
    assert frame_digest(frame.reverse()) != frame_digest(frame)


def test_a_type_without_a_definition_is_refused() -> None:
    with pytest.raises(DataRefusedError, match="expected a number, instant"):
        frame_digest(pl.DataFrame({"a": [[1]]}))
