"""Versions of a statement: the same content is the same version, other content is the next one.

Nothing is overwritten: a restatement itemizes what changed and why, what is final stays as it is
until somebody reopens it, and what was cancelled is voided by a version that says so. Not here:
where versions are kept, and whether a chain of them is whole (chain.py).
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.event import Event
from negawatt.models.settlement.canonical import issued_digest, statement_digest
from negawatt.models.settlement.causes import causes
from negawatt.models.settlement.differences import differences
from negawatt.models.settlement.lifecycle import Cause, Decision, DecisionKind, Provenance, Stage
from negawatt.models.settlement.statement import Statement, StatementBody

_NO_WORDS: Final[Mapping[str, str]] = MappingProxyType({})


def issue(
    latest: Statement | None,
    body: StatementBody,
    provenance: Provenance,
    *,
    decision: Decision | None = None,
    changes: Mapping[str, str] = _NO_WORDS,
) -> Statement:
    """Return the version that states a body.

    Args:
        latest: The latest earlier version of the statement, if there is one.
        body: What is to be stated now.
        provenance: Who computed it from where; used for a new version only.
        decision: What a person decides with it: that it is final, or that a final one is reopened.
        changes: What changed inside each input, in words, by its name (causes.py).

    Returns:
        ``latest`` itself where it states the same body and nothing is decided, else the next
        version.

    Raises:
        ValueError: The two are different statements.
        DataRefusedError: The latest version is final and not reopened; or what is to become final
            was never stated, or is not what was stated last.
    """
    if latest is None:
        if decision is not None:
            raise _never_stated(body, decision)
        return Statement(
            body=body,
            statement_digest=statement_digest(body),
            statement_version=1,
            stage=Stage.INITIAL,
            decision=None,
            previous_digest=None,
            causes=(),
            differences=(),
            provenance=provenance,
        )
    if latest.body.statement_id != body.statement_id:
        raise ValueError(
            f"statement_id must be {latest.body.statement_id!r}, got {body.statement_id!r}"
        )
    finalize = decision is not None and decision.kind is DecisionKind.FINALIZE
    if latest.stage is not Stage.VOID and latest.statement_digest == statement_digest(body):
        if not finalize or latest.stage is Stage.FINAL:
            return latest
        return _next(latest, body, Stage.FINAL, provenance, decision, ())
    why = causes(latest, body, provenance, changes)
    if finalize:
        raise _not_what_was_stated(latest, why)
    decision = _reopening(latest, decision, why)
    return _next(latest, body, Stage.RECALCULATED, provenance, decision, why)


def void(
    latest: Statement, event: Event, provenance: Provenance, *, decision: Decision | None = None
) -> Statement:
    """Return the version that voids a statement whose event was cancelled.

    Its body is the one that was voided, so that a reader sees what counts no more.

    Args:
        latest: The latest version.
        event: The revision that cancels the event.
        provenance: Who voids it; the table versions of ``latest`` are kept.
        decision: A final statement must be reopened.

    Raises:
        DataRefusedError: The latest version is final and not reopened.
    """
    if latest.stage is Stage.VOID:
        return latest
    why = causes(latest, replace(latest.body, event=event), latest.provenance, _NO_WORDS)
    decision = _reopening(latest, decision, why)
    cited = replace(provenance, table_versions=latest.provenance.table_versions)
    return _next(latest, latest.body, Stage.VOID, cited, decision, why)


def _next(
    latest: Statement,
    body: StatementBody,
    stage: Stage,
    provenance: Provenance,
    decision: Decision | None,
    why: tuple[Cause, ...],
) -> Statement:
    return Statement(
        body=body,
        statement_digest=statement_digest(body),
        statement_version=latest.statement_version + 1,
        stage=stage,
        decision=decision,
        previous_digest=issued_digest(latest),
        causes=why,
        differences=differences(latest.body, body),
        provenance=provenance,
    )


def _reopening(
    latest: Statement, decision: Decision | None, why: tuple[Cause, ...]
) -> Decision | None:
    """Return the decision that reopens a final statement, None where there is nothing to reopen."""
    if latest.stage is not Stage.FINAL:
        return None
    if decision is None or decision.kind is not DecisionKind.REOPEN:
        raise DataRefusedError(
            thing=f"statement {latest.body.statement_id!r}, version {latest.statement_version}",
            expected="what a final statement was computed from, unchanged",
            found=_words(why),
            remedy=f"leave it as it is, or reopen it: `negawatt settle {latest.body.event.event_id}"
            " --reopen REASON --by NAME`",
        )
    return decision


def _never_stated(body: StatementBody, decision: Decision) -> DataRefusedError:
    return DataRefusedError(
        thing=f"statement {body.statement_id!r}",
        expected=f"a published version to {decision.kind.value}",
        found="none",
        remedy=f"settle it and look at it first: `negawatt settle {body.event.event_id}`",
    )


def _not_what_was_stated(latest: Statement, why: tuple[Cause, ...]) -> DataRefusedError:
    return DataRefusedError(
        thing=f"statement {latest.body.statement_id!r}, version {latest.statement_version}",
        expected="the figures that were published last, which are what becomes final",
        found=_words(why),
        remedy=f"settle it again and look at it first: `negawatt settle "
        f"{latest.body.event.event_id}`",
    )


def _words(why: tuple[Cause, ...]) -> str:
    return ", ".join(f"{cause.subject} changed ({cause.message})" for cause in why)
