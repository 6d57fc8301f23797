"""The container: members to one ZIP file of which every byte is determined, and back.

Members are stored as they are: what a compressor writes depends on its version. Order, times and
attributes are fixed, so the file is a function of its members, and every byte that differs shows.
Nothing is ever extracted to disk. Not here: what the members hold.
"""

import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from negawatt.models.domain.errors import DataRefusedError

CONTAINER: Final = "container"
"""Where damage lies that is in no member: headers, directory, what was put before or after."""

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_LOCAL: Final = struct.Struct("<4s5H3I2H")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_END: Final = struct.Struct("<4s4H2IH")
_LOCAL_MARK, _CENTRAL_MARK, _END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_NEEDED: Final = 20  # ZIP 2.0, which every reader knows
_MADE_BY: Final = 3 << 8 | _NEEDED  # Unix: the attributes below are a Unix mode
_STORED: Final = 0
_DATE: Final = 1 << 5 | 1  # 1980-01-01, the first that the format knows
_MODE: Final = 0o100644 << 16
_MAX_BYTES: Final = 2**32 - 1
_MAX_MEMBERS: Final = 2**16 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """The first thing that is wrong with a container.

    Attributes:
        place: Name of the member it lies in, or ``container``.
        found: What was found there.
    """

    place: str
    found: str


def pack(members: Mapping[str, bytes]) -> bytes:
    """Return the container of some members; their order does not matter.

    Raises:
        ValueError: A name could leave the folder it is unpacked in.
        DataRefusedError: There is more than a ZIP file without extensions can hold.

    Examples:
        >>> pack({"b": b"2", "a": b"1"}) == pack({"a": b"1", "b": b"2"})
        True
        >>> pack({"../a": b""})
        Traceback (most recent call last):
            ...
        ValueError: member names are words joined by '/', got '../a'
    """
    size_bytes = sum(len(content) + len(name) * 2 + 128 for name, content in members.items())
    if size_bytes > _MAX_BYTES or len(members) > _MAX_MEMBERS:
        raise DataRefusedError(
            thing="evidence bundle",
            expected=f"at most {_MAX_BYTES} bytes in {_MAX_MEMBERS} members",
            found=f"about {size_bytes} bytes in {len(members)}",
            remedy="leave the inputs out: --inputs digests",
        )
    for name in members:
        if not _NAME.fullmatch(name):
            raise ValueError(f"member names are words joined by '/', got {name!r}")
    return _written(members, {name: zlib.crc32(content) for name, content in members.items()})


def unpack(data: bytes) -> dict[str, bytes] | Damage:
    """Return the members of a container, or where the first damage lies.

    Every single byte that differs from what ``pack`` writes is found: in a member by its CRC-32,
    elsewhere because the whole container is written again and compared.

    Examples:
        >>> whole = pack({"a": b"one", "b": b"two"})
        >>> unpack(whole)
        {'a': b'one', 'b': b'two'}
        >>> unpack(whole.replace(b"two", b"twi")).place, unpack(whole + b" ").place
        ('b', 'container')
    """
    members, stated = _members(data)
    again = _written(members, stated)
    if again != data:
        return Damage(place=CONTAINER, found=f"another byte at offset {_first_change(data, again)}")
    for name, content in members.items():
        if zlib.crc32(content) != stated[name]:
            return Damage(place=name, found="other bytes than its CRC-32 is of")
        if not _NAME.fullmatch(name):
            return Damage(place=CONTAINER, found=f"the member name {name!r}")
    return members


def _written(members: Mapping[str, bytes], crc: Mapping[str, int]) -> bytes:
    body, directory, offset = [], [], 0
    for name, content in sorted(members.items()):
        label, size = name.encode("latin-1"), len(content)
        common = (_NEEDED, 0, _STORED, 0, _DATE, crc[name], size, size, len(label), 0)
        body += [_LOCAL.pack(_LOCAL_MARK, *common), label, content]
        directory += [
            _CENTRAL.pack(_CENTRAL_MARK, _MADE_BY, *common, 0, 0, 0, _MODE, offset),
            label,
        ]
        offset += _LOCAL.size + len(label) + size
    listed, count = b"".join(directory), len(members)
    end = _END.pack(_END_MARK, 0, 0, count, count, len(listed), offset, 0)
    return b"".join([*body, listed, end])


def _members(data: bytes) -> tuple[dict[str, bytes], dict[str, int]]:
    """Walk the members from the start: their bytes, and the CRC-32 that each header states."""
    members: dict[str, bytes] = {}
    stated: dict[str, int] = {}
    offset = 0
    while data.startswith(_LOCAL_MARK, offset) and len(data) - offset >= _LOCAL.size:
        fields = _LOCAL.unpack_from(data, offset)
        crc, size, label_length = fields[6], fields[7], fields[9]
        start = offset + _LOCAL.size + label_length
        name = data[offset + _LOCAL.size : start].decode("latin-1")
        members[name], stated[name] = data[start : start + size], crc
        offset = start + size
    return members, stated


def _first_change(data: bytes, again: bytes) -> int:
    """Return the first offset at which two texts differ.

    Examples:
        >>> _first_change(b"abc", b"abd"), _first_change(b"ab", b"abc")
        (2, 2)
    """
    low, high = 0, min(len(data), len(again))
    if data[:high] == again[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if data[low:middle] != again[low:middle] else (middle, high)
    return low
