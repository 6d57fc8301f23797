"""The evidence bundle of an event: from the warehouse to one file.

Here: reading statement, inputs and site facts, and refusing to bundle what does not recompute. Not
here: the bytes (negawatt.models.settlement.bundle), keys (keys.py).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.bundle.chain import link_to
from negawatt.models.settlement.bundle.container import pack
from negawatt.models.settlement.bundle.manifest import StatedVersion
from negawatt.models.settlement.bundle.opened import Opened
from negawatt.models.settlement.bundle.pseudonyms import (
    Replacement,
    names_in,
    pseudonymized,
    require_no_name,
)
from negawatt.models.settlement.bundle.verify import Outcome, verify_bundle
from negawatt.models.settlement.bundle.write import (
    Evidence,
    bundle_digest,
    bundle_members,
    signed_bundle,
)
from negawatt.models.settlement.canonical import from_json
from negawatt.models.settlement.settle import SettlementInputs
from negawatt.models.settlement.statement import Statement
from negawatt.pipelines.settlement import gather_inputs, load_window
from negawatt.warehouse.event_tables import find_event
from negawatt.warehouse.identities import site_names
from negawatt.warehouse.layout import Layout, appearing_file
from negawatt.warehouse.sites import read_site
from negawatt.warehouse.statement_tables import latest_statement_json, statement_versions


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A bundle that was written.

    Attributes:
        path: The file.
        statement: What it states.
        bundle_digest: SHA-256 of its manifest.
        size_bytes: Length of the file.
    """

    path: Path
    statement: Statement
    bundle_digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a bundle shall be.

    Attributes:
        signed_at_utc: Time of signing.
        keys: Keys to sign with.
        previous: The bundle that it follows.
        with_inputs: Whether the inputs lie in it, or their digests only.
        pseudonym_key: Replaces names of jobs, tenants, nodes and GPUs, if given.
    """

    signed_at_utc: datetime
    keys: tuple[Ed25519PrivateKey, ...] = ()
    previous: Opened | None = None
    with_inputs: bool = True
    pseudonym_key: bytes | None = None


def write_bundle(
    layout: Layout, event_id: str, wanted: Wanted, path: Path | None = None
) -> Written:
    """Write the bundle of an event's newest statement.

    Args:
        layout: Where the warehouse lies.
        event_id: A settled event.
        wanted: What it shall be.
        path: Where the file appears, all at once; below the warehouse's bundles by default.

    Raises:
        DataRefusedError: The event has no statement, the warehouse now says something else, or a
            name cannot be replaced.
    """
    evidence = read_evidence(layout, event_id, wanted.previous)
    members = bundle_members(evidence)
    _require_recomputed(pack(members), event_id)
    if wanted.pseudonym_key is not None:
        replacement = Replacement(wanted.pseudonym_key, _names(layout, evidence))
        evidence = pseudonymized(evidence, replacement)
        members = bundle_members(evidence)
        require_no_name(members, replacement)
        _require_recomputed(pack(members), event_id)
    if not wanted.with_inputs:
        members = bundle_members(evidence, with_inputs=False)
    data = signed_bundle(members, wanted.keys, wanted.signed_at_utc)
    target = path or layout.bundle_file(evidence.statement.body.statement_id)
    with appearing_file(target) as temporary:
        temporary.write_bytes(data)
    return Written(
        path=target,
        statement=evidence.statement,
        bundle_digest=bundle_digest(members),
        size_bytes=len(data),
    )


def read_evidence(layout: Layout, event_id: str, previous: Opened | None = None) -> Evidence:
    """Read what the bundle of an event's newest statement is made of.

    Raises:
        DataRefusedError: The event has no statement.
    """
    text = latest_statement_json(layout, find_event(layout, event_id).statement_id)
    if text is None:
        raise DataRefusedError(
            thing=f"event {event_id!r}",
            expected="a published statement",
            found="none",
            remedy=f"settle it first: negawatt settle {event_id}",
        )
    statement = from_json(text.encode())
    site = read_site(layout, statement.body.event.site_id)
    return Evidence(
        statement=statement,
        inputs=gather_inputs(layout, event_id, statement.body.overrides).inputs,
        site_json=site.deciding_json(),
        boundary=site.boundary,
        earlier=_earlier(layout, statement),
        previous=None if previous is None else link_to(previous),
    )


def _names(layout: Layout, evidence: Evidence) -> dict[str, set[str]]:
    """Return the names that the inputs hold, and those of the site's tables around the event."""
    event = evidence.inputs.event
    window = load_window(layout, event)
    first = event.interval.start_utc - timedelta(days=1)
    names = site_names(layout, event.site_id, first.date(), window.end_utc.date())
    for kind, name in names_in(evidence.inputs, SettlementInputs):
        names.setdefault(kind, set()).add(name)
    return names


def _earlier(layout: Layout, statement: Statement) -> tuple[StatedVersion, ...]:
    rows = statement_versions(layout, statement.body.statement_id).to_dicts()
    return tuple(
        StatedVersion(
            statement_version=row["statement_version"],
            statement_digest=row["statement_digest"],
            issued_digest=sha256(row["statement_json"].encode()).hexdigest(),
            issued_at_utc=row["issued_at_utc"].astimezone(UTC),
        )
        for row in rows
        if row["statement_version"] < statement.statement_version
    )


def _require_recomputed(data: bytes, event_id: str) -> None:
    """Refuse a bundle whose own inputs do not give its own statement."""
    for check in verify_bundle(data).checks:
        if check.outcome is Outcome.DIFFERS:
            raise DataRefusedError(
                thing=f"event {event_id!r}",
                expected="a warehouse that still gives the published statement",
                found=f"{check.name}: {check.detail}",
                remedy=f"settle it again, then bundle: negawatt settle {event_id} --metered",
            )
