"""Frames: how bytes lie in the log, so that every damage to them is seen.

A frame is a header and a body, and stands alone: magic ``NWFR``, schema version, length of the
body, number of the frame, the first 16 bytes of the boot identity's SHA-256, and the CRC-32C of all
of these and the body. Numbers rise by one from frame to frame in a spool directory, for ever.
CRC-32C (RFC 3720) finds every error of up to 32 neighboring bits, so every flipped bit.

Here: bytes. Not here: what a body says (negawatt.collectors.spool.block).
"""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import google_crc32c

from negawatt.collectors.raw_schema import SCHEMA_VERSION

_MAGIC: Final = b"NWFR"
_HEADER: Final = struct.Struct("<4sHxxIQ16s")  # the two bytes of padding are covered as zeros
_CRC: Final = struct.Struct("<I")
HEADER_BYTES: Final = _HEADER.size + _CRC.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One whole frame.

    Attributes:
        number: Its number in the spool directory.
        schema_version: Version of the raw columns in its body.
        boot_digest: First 16 bytes of the SHA-256 of the boot identity.
        body: What it carries.
    """

    number: int
    schema_version: int
    boot_digest: bytes
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Bytes of a file that are no frame.

    Attributes:
        offset: Where they begin [bytes].
        length: How many they are [bytes].
        is_tail: Nothing whole follows them: what a write leaves that was cut short.
    """

    offset: int
    length: int
    is_tail: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What a file holds.

    Attributes:
        frames: Whole frames, in the order of the file.
        damages: What lies between or after them; zeros at the end of preallocated space are none.
        end: First byte after the last whole frame [bytes].
    """

    frames: tuple[Frame, ...]
    damages: tuple[Damage, ...]
    end: int


def boot_digest(boot_id: str) -> bytes:
    """Return what a frame's header says of the boot."""
    return hashlib.sha256(boot_id.encode()).digest()[:16]


def encode_frame(number: int, boot_id: str, body: bytes) -> bytes:
    """Return the bytes of a frame.

    Examples:
        >>> data = encode_frame(7, "boot-1", b"abc")
        >>> len(data) == HEADER_BYTES + 3, scan(data).frames[0].number
        (True, 7)
        >>> scan(data[:-1]).damages
        (Damage(offset=0, length=42, is_tail=True),)
    """
    header = _HEADER.pack(_MAGIC, SCHEMA_VERSION, len(body), number, boot_digest(boot_id))
    return b"".join((header, _CRC.pack(_checksum(header, body)), body))


def scan(data: bytes) -> Scan:
    """Find every whole frame, also behind damage; nothing is taken whose checksum disagrees."""
    frames: list[Frame] = []
    damages: list[Damage] = []
    end = 0
    for offset, frame in _whole_frames(data):
        if offset > end:
            damages.append(Damage(offset=end, length=offset - end, is_tail=False))
        frames.append(frame)
        end = offset + HEADER_BYTES + len(frame.body)
    rest = data[end:].rstrip(b"\0")
    if rest:
        damages.append(Damage(offset=end, length=len(rest), is_tail=True))
    return Scan(frames=tuple(frames), damages=tuple(damages), end=end)


def _whole_frames(data: bytes) -> Iterator[tuple[int, Frame]]:
    offset = data.find(_MAGIC)
    while offset >= 0:
        frame = _frame_at(data, offset)
        if frame:
            yield offset, frame
        # Behind damage the next magic is looked for byte by byte.
        step = HEADER_BYTES + len(frame.body) if frame else 1
        offset = data.find(_MAGIC, offset + step)


def _frame_at(data: bytes, offset: int) -> Frame | None:
    header = data[offset : offset + _HEADER.size]
    start = offset + HEADER_BYTES
    if start > len(data):
        return None
    _, schema_version, length, number, digest = _HEADER.unpack(header)
    (checksum,) = _CRC.unpack_from(data, offset + _HEADER.size)
    body = data[start : start + length]
    if len(body) < length or _checksum(header, body) != checksum:
        return None
    return Frame(number=number, schema_version=schema_version, boot_digest=digest, body=body)


def _checksum(header: bytes, body: bytes) -> int:
    return int(google_crc32c.extend(google_crc32c.value(header), body))
