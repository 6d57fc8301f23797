"""The digest of rows: the same on every machine, for every file layout and library version.

Here: one definition. Not here: digests of files (raw_files) and statements
(negawatt.models.settlement).
"""

import hashlib

import polars as pl

from negawatt.models.domain.errors import DataRefusedError


def frame_digest(frame: pl.DataFrame) -> str:
    r"""Return the SHA-256 of a frame's rows, in the frame's order.

    Column by column: the column's name, a zero byte, one byte a row that says whether the value is
    known, then the values. Numbers and instants (milliseconds since 1970 UTC, days for dates) are
    eight little-endian bytes each, 0 where not known, and -0.0 is 0.0; texts, flags and decimals
    are the length of their UTF-8 text in eight little-endian bytes and the text, empty where not
    known.

    Raises:
        DataRefusedError: A column has a type without a definition here.

    Examples:
        By hand: one column ``a``, one known value: the number 1, then the text ``x``.

        >>> one = b"a\x00" + b"\x01" + (1).to_bytes(8, "little")
        >>> frame_digest(pl.DataFrame({"a": [1]})) == hashlib.sha256(one).hexdigest()
        True
        >>> frame_digest(pl.DataFrame({"a": ["x"]})) == hashlib.sha256(one + b"x").hexdigest()
        True
    """
    total = hashlib.sha256()
    for column in frame.iter_columns():
        total.update(column.name.encode() + b"\0")
        total.update(column.is_not_null().cast(pl.UInt8).to_numpy().tobytes())
        total.update(_values(column))
    return total.hexdigest()


def _values(column: pl.Series) -> bytes:
    kind = column.dtype
    if isinstance(kind, pl.Datetime):
        column = column.dt.timestamp("ms")
    elif kind == pl.Date:
        column = column.cast(pl.Int32).cast(pl.Int64)
    elif kind.is_integer():
        column = column.cast(pl.Int64)
    if column.dtype == pl.Int64:
        return column.fill_null(0).to_numpy().astype("<i8").tobytes()
    if kind == pl.Float64:
        return (column.fill_null(0.0).to_numpy() + 0.0).astype("<f8").tobytes()  # -0.0 + 0.0 is 0.0
    if kind in {pl.String, pl.Boolean} or kind.is_decimal():
        texts = column.cast(pl.String).fill_null("").to_list()
        encoded = {text: _with_length(text.encode()) for text in set(texts)}  # columns repeat texts
        return b"".join(map(encoded.__getitem__, texts))
    raise DataRefusedError(
        thing=f"column {column.name!r}",
        expected="a number, instant, date, text, flag or decimal",
        found=str(kind),
        remedy="cast the column to a type of the catalog",
    )


def _with_length(text: bytes) -> bytes:
    return len(text).to_bytes(8, "little") + text
