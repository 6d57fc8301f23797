"""Why a version differs from the one before: what changed among the things it was computed from.

Here: comparing two issued states, input by input. Not here: reading tables to say which of their
rows changed, which the caller does and passes in; and the differences themselves (differences.py).
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Final

from negawatt.models.domain.event import Event
from negawatt.models.settlement.lifecycle import Cause, CauseKind, Provenance
from negawatt.models.settlement.statement import Override, Statement, StatementBody

_KINDS: Final = (("program ", CauseKind.RULE), ("site ", CauseKind.SITE))
_SHORT: Final = 12


def causes(
    old: Statement, body: StatementBody, provenance: Provenance, changes: Mapping[str, str]
) -> tuple[Cause, ...]:
    """Return what changed since a version and may have moved a figure of the body.

    Args:
        old: The version before.
        body: What is stated now.
        provenance: Who computed it from where.
        changes: What changed inside an input, in words, by the input's name; an input without
            words is known by its digests alone.

    Returns:
        The event's own revision first, then inputs, rules and sites, overrides, and what computes.
        Never empty where the bodies differ: where nothing else changed, it was the computation.
    """
    found = [
        *_event(old.body.event, body.event),
        *_inputs(old.body, body, changes),
        *_overrides(old.body.overrides, body.overrides),
        *_code(old.provenance, provenance),
    ]
    if not found and old.body != body:
        found = [_unexplained(provenance)]
    return tuple(found)


def changed_inputs(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the inputs whose digest differs, or that one side lacks.

    Examples:
        >>> changed_inputs({"load": "a", "jobs": "b"}, {"load": "c", "jobs": "b", "prices": "d"})
        ('load', 'prices')
    """
    return tuple(name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name))


def input_digests(body: StatementBody) -> dict[str, str]:
    """Return the digest of each input of a body, by name."""
    return {entry.name: entry.sha256 for entry in body.inputs}


def _event(old: Event, new: Event) -> Iterator[Cause]:
    if old == new:
        return
    changed = [
        f"{field.name} {getattr(old, field.name)!s} to {getattr(new, field.name)!s}"
        for field in fields(Event)
        if field.name != "revision" and getattr(old, field.name) != getattr(new, field.name)
    ]
    yield Cause(
        kind=CauseKind.EVENT,
        subject=f"event {new.event_id}",
        message="; ".join(changed) or "another revision that says the same",
        old=f"revision {old.revision}",
        new=f"revision {new.revision}",
    )


def _inputs(old: StatementBody, new: StatementBody, changes: Mapping[str, str]) -> Iterator[Cause]:
    before, now = input_digests(old), input_digests(new)
    for name in changed_inputs(before, now):
        kinds = [kind for prefix, kind in _KINDS if name.startswith(prefix)]
        yield Cause(
            kind=kinds[0] if kinds else CauseKind.INPUT,
            subject=name,
            message=changes.get(name, _by_digest(before.get(name), now.get(name))),
            old=before.get(name),
            new=now.get(name),
        )


def _by_digest(old: str | None, new: str | None) -> str:
    if old is None:
        return "read for the first time"
    return "read no more" if new is None else f"content {old[:_SHORT]} to {new[:_SHORT]}"


def _overrides(old: tuple[Override, ...], new: tuple[Override, ...]) -> Iterator[Cause]:
    before = {(made.finding_code, made.subject): made for made in old}
    now = {(made.finding_code, made.subject): made for made in new}
    for key in sorted(before.keys() | now.keys()):
        made, was = now.get(key), before.get(key)
        if made == was:
            continue
        decision = made or was
        assert decision is not None  # one of the two has the key  # noqa: S101
        yield Cause(
            kind=CauseKind.OVERRIDE,
            subject=f"{decision.finding_code.value} of {decision.subject}",
            message=f"settled in spite of it by {decision.decided_by}: {decision.reason}"
            if made
            else "not needed any more",
            old=None if was is None else f"{was.decided_by}: {was.reason}",
            new=None if made is None else f"{made.decided_by}: {made.reason}",
        )


def _code(old: Provenance, new: Provenance) -> Iterator[Cause]:
    if (old.code_version, old.code_digest) != (new.code_version, new.code_digest):
        yield Cause(
            kind=CauseKind.CODE,
            subject="negawatt",
            message=f"version {old.code_version} to {new.code_version}"
            if old.code_version != new.code_version
            else f"other code of version {new.code_version}",
            old=old.code_digest,
            new=new.code_digest,
        )
    for before, now in (
        (old.library_versions, new.library_versions),
        (_texts(old.parameters), _texts(new.parameters)),
    ):
        for name in changed_inputs(before, now):
            was, is_now = before.get(name), now.get(name)
            yield Cause(
                kind=CauseKind.CODE,
                subject=name,
                message=f"{was or 'none'} to {is_now or 'none'}",
                old=was,
                new=is_now,
            )


def _texts(parameters: Mapping[str, float]) -> dict[str, str]:
    return {name: f"{value:g}" for name, value in parameters.items()}


def _unexplained(provenance: Provenance) -> Cause:
    return Cause(
        kind=CauseKind.CODE,
        subject="negawatt",
        message="nothing that was recorded changed; report this as a bug",
        old=provenance.code_digest,
        new=provenance.code_digest,
    )
