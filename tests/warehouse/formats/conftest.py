"""NEM12 files by hand, after the examples of AEMO's specification (MDFF, appendix H)."""

import io
import zipfile
from collections.abc import Sequence

HEAD = "100,NEM12,202402030000,MDP1,RETAIL1"
CHANNEL = "200,NMI1234567,E1,1,E1,N1,METER01,kWh,30,"


def day(values: Sequence[str], tail: str = "A,,,20240202120025,", date: str = "20240201") -> str:
    """Return a 300 record."""
    return f"300,{date},{','.join(values)},{tail}"


def nem12(*records: str, channel: str = CHANNEL) -> bytes:
    """Return a file of one channel."""
    return "\n".join([HEAD, channel, *records, "900", ""]).encode()


def only_member(content: bytes) -> bytes:
    """Return the one file in a ZIP file."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(archive.namelist()[0])
