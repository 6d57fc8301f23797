"""Changing single bytes of a bundle, and whether each is found where it is.

What lies where is read by the standard library's zipfile, not by our own reader.
"""

import io
import random
import zipfile

from negawatt.models.settlement.bundle.container import CONTAINER
from negawatt.models.settlement.bundle.opened import DamagedBundleError, open_bundle


def places(whole: bytes) -> list[tuple[int, int, str]]:
    """Return first offset, end and name of each member's content."""
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        starts = [(one, one.header_offset + 30 + len(one.filename)) for one in archive.infolist()]
    return [(start, start + one.file_size, one.filename) for one, start in starts]


def wrongly_located(whole: bytes, chance: random.Random, count: int) -> list[tuple[int, str]]:
    """Return the changes, of a number of random ones, that were not found where they are."""
    known = places(whole)
    wrong = []
    for _ in range(count):
        offset = chance.randrange(len(whole))
        owner = next((name for start, end, name in known if start <= offset < end), CONTAINER)
        changed = bytearray(whole)
        changed[offset] ^= chance.randrange(1, 256)
        try:
            open_bundle(bytes(changed))
            wrong.append((offset, "not found"))
        except DamagedBundleError as damage:
            if damage.place != owner:
                wrong.append((offset, damage.place))
    return wrong
