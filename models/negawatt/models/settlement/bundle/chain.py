"""The chain of bundles: each names the digest of the one it follows, and signs that with its time.

Not here: the chain of versions of one statement, which the statement itself carries.
"""

from collections.abc import Mapping, Sequence

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.bundle.manifest import Manifest, PreviousBundle
from negawatt.models.settlement.bundle.opened import Opened
from negawatt.models.settlement.bundle.signatures import check_signature, signature_names


def link_to(previous: Opened) -> PreviousBundle:
    """Return what a bundle says of the one it follows."""
    latest = previous.manifest.versions[-1]
    return PreviousBundle(
        bundle_digest=previous.digest,
        statement_id=previous.manifest.statement_id,
        statement_version=latest.statement_version,
        issued_at_utc=latest.issued_at_utc,
    )


def chain_back(bundle: Opened, at_hand: Sequence[Opened]) -> list[Opened]:
    """Return the bundles that one follows, newest first, as far as they are at hand.

    Raises:
        DataRefusedError: A bundle says of the one before what that does not say of itself, time
            goes backwards, or a signature in the chain does not hold.
    """
    by_digest: Mapping[str, Opened] = {one.digest: one for one in at_hand}
    followed: list[Opened] = []
    later = bundle
    while later.manifest.previous_bundle:
        earlier = by_digest.get(later.manifest.previous_bundle.bundle_digest)
        if earlier is None:
            break
        _require_link(later, earlier)
        followed.append(earlier)
        later = earlier
    return followed


def _require_link(later: Opened, earlier: Opened) -> None:
    named = later.manifest.previous_bundle
    if named != link_to(earlier):
        raise _broken(later.manifest, f"the bundle before as {link_to(earlier)}", str(named))
    if earlier.manifest.statement_id == later.manifest.statement_id:
        stated = earlier.manifest.versions
        if later.manifest.versions[: len(stated)] != stated:
            raise _broken(later.manifest, "the versions that the bundle before states", "others")
    signed_before = [
        check_signature(name, earlier.members, earlier.digest).signed_at_utc
        for name in signature_names(earlier.members)
    ]
    signed = [
        check_signature(name, later.members, later.digest).signed_at_utc
        for name in signature_names(later.members)
    ]
    if signed and signed_before and min(signed) < min(signed_before):
        raise _broken(
            later.manifest,
            f"a signature after {min(signed_before).isoformat()}, when the one before was signed",
            min(signed).isoformat(),
        )


def _broken(manifest: Manifest, expected: str, found: str) -> DataRefusedError:
    return DataRefusedError(
        thing=f"chain at {manifest.statement_id!r}",
        expected=expected,
        found=found,
        remedy="ask the signer which of the two was issued",
    )
