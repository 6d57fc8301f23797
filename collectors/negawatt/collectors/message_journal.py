"""The log of what was acknowledged and is not sealed yet: a crash loses nothing of it.

A batch of messages is one checksummed frame (negawatt.collectors.spool.frames), synced before it is
acknowledged. What a cut-off write leaves was never acknowledged, so that the broker sends it again.
Not here: what messages say.
"""

import struct
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from negawatt.collectors.message import Message
from negawatt.collectors.spool.disk import LogFile, make_folder, remove
from negawatt.collectors.spool.frames import encode_frame, scan
from negawatt.models.domain.errors import DataRefusedError

_HEADER: Final = struct.Struct("<HIQQ")  # bytes of topic, of payload, ms since 1970, byte_count
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class Journal:
    """A log that is taken in again at the start and begun anew behind each seal.

    Args:
        path: Where it lies.
        writer: Who writes, for the frames' headers.
    """

    def __init__(self, path: Path, writer: str) -> None:
        self._path = path
        self._writer = writer
        self._number = 0
        self._file: LogFile | None = None

    def read(self) -> list[list[Message]]:
        """Return the batches that an earlier run acknowledged and did not seal.

        Raises:
            DataRefusedError: Bytes in their midst are damaged.
        """
        if not self._path.exists():
            return []
        found = scan(self._path.read_bytes())
        for damage in found.damages:
            if not damage.is_tail:
                raise DataRefusedError(
                    thing=f"log {self._path}",
                    expected="frames whose checksums agree",
                    found=f"{damage.length} damaged bytes at {damage.offset}",
                    remedy="keep a copy, move the file away, and ask the senders for what it held",
                )
        return [list(_messages(frame.body)) for frame in found.frames]

    def append(self, batch: Sequence[Message]) -> None:
        """Write a batch; when this returns it survives a power cut.

        Raises:
            OSError: The disk did not take it.
        """
        if self._file is None:
            make_folder(self._path.parent)
            self._file = LogFile.new(self._path)
        body = b"".join(map(_bytes, batch))
        self._file.append(encode_frame(self._number, self._writer, body))
        self._number += 1

    def begin_anew(self) -> None:
        """Let go of what was written: it is sealed."""
        self.close()
        self._number = 0
        if self._path.exists():
            remove(self._path)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _bytes(message: Message) -> bytes:
    topic = message.topic.encode()
    milliseconds = (message.received_utc - _EPOCH) // _MILLISECOND
    header = _HEADER.pack(len(topic), len(message.payload), milliseconds, message.byte_count)
    return b"".join((header, topic, message.payload))


def _messages(body: bytes) -> Iterator[Message]:
    offset = 0
    while offset < len(body):
        topic_bytes, payload_bytes, milliseconds, byte_count = _HEADER.unpack_from(body, offset)
        start = offset + _HEADER.size
        middle, offset = start + topic_bytes, start + topic_bytes + payload_bytes
        yield Message(
            topic=body[start:middle].decode(),
            payload=body[middle:offset],
            received_utc=_EPOCH + milliseconds * _MILLISECOND,
            byte_count=byte_count,
        )
