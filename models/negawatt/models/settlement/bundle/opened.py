"""A bundle taken apart: its members, as its manifest states them, and who signed it.

Here: what holds of the file itself. Not here: whether its figures follow (verify.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.bundle.container import CONTAINER, Damage, unpack
from negawatt.models.settlement.bundle.manifest import (
    MANIFEST,
    README,
    SIGNATURES,
    SUMS,
    Manifest,
    member_of,
    read_manifest,
)
from negawatt.models.settlement.bundle.write import bundle_digest, completed

_BESIDE = (MANIFEST, README, SUMS)
_AS_ISSUED = "fetch the bundle again from who issued it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A bundle of which every byte is accounted for, but by signatures and recomputation.

    Attributes:
        members: Every member by name.
        manifest: What it says of itself.
        digest: SHA-256 of the manifest.
    """

    members: Mapping[str, bytes]
    manifest: Manifest
    digest: str


class DamagedBundleError(DataRefusedError):
    """A byte of a bundle is another than was issued.

    Attributes:
        place: Name of the member it lies in, or ``container``.
    """

    def __init__(self, *, place: str, found: str) -> None:
        self.place = place
        super().__init__(
            thing=place, expected="the bytes that were issued", found=found, remedy=_AS_ISSUED
        )


def open_bundle(data: bytes) -> Opened:
    """Take a bundle apart.

    Raises:
        DamagedBundleError: A byte is not what the rest of the file says it is.
        DataRefusedError: It is no bundle of this format version.
    """
    members = unpack(data)
    if isinstance(members, Damage):
        raise DamagedBundleError(place=members.place, found=members.found)
    if MANIFEST not in members:
        raise DamagedBundleError(place=CONTAINER, found=f"no {MANIFEST}")
    manifest = read_manifest(members[MANIFEST])
    stated = {member.name: member for member in manifest.members}
    evidence = {
        name: content
        for name, content in members.items()
        if name not in _BESIDE and not name.startswith(SIGNATURES)
    }
    included = {name for name, member in stated.items() if member.included}
    for name in sorted(evidence.keys() ^ included):
        raise DamagedBundleError(
            place=name, found="a file that the manifest does not list, or none"
        )
    for name, content in sorted(evidence.items()):
        if member_of(name, content, included=True) != stated[name]:
            raise DamagedBundleError(place=name, found="another size or digest than the manifest's")
    whole = completed(evidence, manifest)
    for name in _BESIDE:
        if members.get(name) != whole[name]:
            raise DamagedBundleError(place=name, found="other bytes than follow from the manifest")
    return Opened(members=members, manifest=manifest, digest=bundle_digest(members))
