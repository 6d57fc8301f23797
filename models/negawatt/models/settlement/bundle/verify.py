"""What is checked of a bundle, and what came of it.

Each check has a name and an outcome; a check that could not be made is never one that passed. Here:
the checks in their order. Not here: files, and words for people (negawatt.cli.verify).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from negawatt.models.baselines.registry import list_programs, program_bytes
from negawatt.models.domain.errors import NegawattError
from negawatt.models.settlement.bundle.chain import chain_back
from negawatt.models.settlement.bundle.codec import decode, from_json
from negawatt.models.settlement.bundle.manifest import INPUTS, PROGRAMS, SITE, STATEMENT
from negawatt.models.settlement.bundle.opened import DamagedBundleError, Opened, open_bundle
from negawatt.models.settlement.bundle.signatures import check_signature, key_id, signature_names
from negawatt.models.settlement.bundle.write import stated_version
from negawatt.models.settlement.canonical import from_json as statement_from_json
from negawatt.models.settlement.canonical import to_canonical_json
from negawatt.models.settlement.differences import differences
from negawatt.models.settlement.settle import SettlementInputs, settle_event
from negawatt.models.settlement.statement import Statement


class Outcome(StrEnum):
    """What came of a check."""

    AGREES = "agrees"
    DIFFERS = "differs"
    NOT_POSSIBLE = "not possible"
    NOTHING = "nothing to check"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check.

    Attributes:
        name: What was checked: ``container``, ``statement``, ``recomputation``.
        outcome: What came of it.
        detail: What was compared, or the first difference: where, the bundle's value, ours.
    """

    name: str
    outcome: Outcome
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What is known of a bundle.

    Attributes:
        checks: Every check that was made, in order; the rest of a damaged file is not looked at.
        bundle_digest: SHA-256 of its manifest, None where it is damaged.
        statement: What it states, None where that cannot be read.
    """

    checks: tuple[Check, ...]
    bundle_digest: str | None = None
    statement: Statement | None = None

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that did not agree, or could not be made."""
        passed = {Outcome.AGREES, Outcome.NOTHING}
        return tuple(check for check in self.checks if check.outcome not in passed)


def verify_bundle(
    data: bytes,
    *,
    trusted: Sequence[Ed25519PublicKey] = (),
    earlier: Sequence[Opened] = (),
) -> Verification:
    """Check everything that a bundle says, and recompute its statement.

    Args:
        data: The bytes of the file.
        trusted: Keys that must have signed it.
        earlier: Bundles at hand that it may follow.
    """
    try:
        opened = open_bundle(data)
    except DamagedBundleError as error:
        return _no_bundle(f"{error.place}: {error.found}")
    except NegawattError as error:
        return _no_bundle(str(error))
    whole = f"{len(opened.members)} files, each with the digest that the manifest states"
    checks = [Check(name="container", outcome=Outcome.AGREES, detail=whole)]
    try:
        statement = statement_from_json(opened.members[STATEMENT])
    except (NegawattError, KeyError) as error:
        detail = str(error)
        checks.append(Check(name="statement", outcome=Outcome.DIFFERS, detail=detail))
        return Verification(checks=tuple(checks), bundle_digest=opened.digest)
    made: Mapping[str, Callable[[], tuple[Outcome, str]]] = {
        "statement": partial(_statement, opened, statement),
        "rules and site": partial(_rules_and_site, opened.members, statement),
        "recomputation": partial(_recomputation, opened, statement),
        "signatures": partial(signers, opened, trusted),
        "chain": partial(followed, opened, earlier),
    }
    checks += [_check(name, check) for name, check in made.items()]
    return Verification(checks=tuple(checks), bundle_digest=opened.digest, statement=statement)


def _no_bundle(detail: str) -> Verification:
    return Verification(checks=(Check(name="container", outcome=Outcome.DIFFERS, detail=detail),))


def _check(name: str, made: Callable[[], tuple[Outcome, str]]) -> Check:
    try:
        outcome, detail = made()
    except NegawattError as error:
        outcome, detail = Outcome.DIFFERS, str(error)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        # Somebody made this file: it may hold values that no settlement was ever asked about.
        outcome, detail = Outcome.DIFFERS, f"{type(error).__name__}: {error}"
    return Check(name=name, outcome=outcome, detail=detail)


def _statement(opened: Opened, statement: Statement) -> tuple[Outcome, str]:
    """Compare the statement with what the manifest says of it and of the versions before."""
    versions = opened.manifest.versions
    numbers = tuple(one.statement_version for one in versions)
    before = versions[-2].issued_digest if len(versions) > 1 else None
    for what, stated, found in (
        ("statement_id", opened.manifest.statement_id, statement.body.statement_id),
        ("code_version", opened.manifest.code_version, statement.provenance.code_version),
        ("the last of versions", versions[-1:], (stated_version(statement),)),
        ("the numbers of versions", numbers, tuple(range(1, len(versions) + 1))),
        ("the digest of the version before", before, statement.previous_digest),
    ):
        if stated != found:
            return Outcome.DIFFERS, f"manifest.json states {stated} for {what}, found {found}"
    return Outcome.AGREES, f"body with digest {statement.statement_digest}"


def _rules_and_site(members: Mapping[str, bytes], statement: Statement) -> tuple[Outcome, str]:
    """Compare site facts with the statement's digest, and programs with those of this version.

    A rule is recomputed from the bundle's file. One that it switches to or compares with is read
    from this version of negawatt, so that it must be the same there.
    """
    site = f"site {statement.body.event.site_id}"
    stated = {one.name: one.sha256 for one in statement.body.inputs}.get(site)
    found = sha256(members[SITE]).hexdigest() if SITE in members else None
    if stated != found:
        return Outcome.DIFFERS, f"{SITE} has the digest {found}, the statement names {stated}"
    programs = sorted(name for name in members if name.startswith(PROGRAMS))
    other = [name for name in programs if not _is_installed(name, members[name])]
    note = f"; other in this version of negawatt: {', '.join(other)}" if other else ""
    return Outcome.AGREES, f"{SITE} and {len(programs)} program files{note}"


def _recomputation(opened: Opened, statement: Statement) -> tuple[Outcome, str]:
    """Settle again from the inputs and compare the whole statement, byte for byte."""
    if INPUTS not in opened.members:
        return Outcome.NOT_POSSIBLE, "the bundle holds digests of its inputs only"
    tree = from_json(opened.members[INPUTS], INPUTS)
    inputs: SettlementInputs = decode(tree, SettlementInputs, opened.members, INPUTS)
    body = settle_event(inputs).body
    stated_version = min(statement.body.schema_version, body.schema_version)
    again = replace(statement, body=replace(body, schema_version=stated_version))
    if to_canonical_json(again) == opened.members[STATEMENT]:
        lines = len(statement.body.lines)
        return Outcome.AGREES, f"the same statement byte for byte: {lines} lines, every figure"
    first, *others = differences(statement.body, again.body)
    more = f" (and {len(others)} more)" if others else ""
    return (
        Outcome.DIFFERS,
        f"{first.path}: the bundle states {first.old_json}, recomputed {first.new_json}{more}",
    )


def signers(opened: Opened, trusted: Sequence[Ed25519PublicKey]) -> tuple[Outcome, str]:
    """Check every signature, and that each trusted key made one.

    Raises:
        DataRefusedError: A signature is none of this bundle.
    """
    names = signature_names(opened.members)
    made = [check_signature(name, opened.members, opened.digest) for name in names]
    for key in trusted:
        if key_id(key) not in names:
            return Outcome.DIFFERS, f"no signature of key {key_id(key)}, which must have signed"
    if not made:
        return Outcome.NOTHING, "nobody signed"
    known = {key_id(key) for key in trusted}
    return Outcome.AGREES, "; ".join(
        f"key {one.key_id} at {one.signed_at_utc:%Y-%m-%d %H:%M:%S} UTC"
        + ("" if one.key_id in known else ", a key that you did not name")
        for one in made
    )


def followed(opened: Opened, earlier: Sequence[Opened]) -> tuple[Outcome, str]:
    """Check the chain of bundles before, as far as they are at hand.

    Raises:
        DataRefusedError: A link does not hold.
    """
    previous = opened.manifest.previous_bundle
    if previous is None:
        return Outcome.NOTHING, "it follows no other bundle"
    before = chain_back(opened, earlier)
    last = before[-1].manifest.previous_bundle if before else previous
    rest = "to the first" if last is None else f"the one before, {last.bundle_digest}, not at hand"
    if not before:
        return Outcome.NOTHING, rest
    return Outcome.AGREES, f"bundles before: {len(before)}, {rest}"


def _is_installed(member: str, content: bytes) -> bool:
    program_id = member.removeprefix(PROGRAMS).removesuffix(".toml")
    return program_id in list_programs() and program_bytes(program_id) == content
