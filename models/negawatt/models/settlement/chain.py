"""Whether the versions of a statement are one whole chain, each naming the bytes before it.

Here: the check. Not here: how a version is issued (versions.py).
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.canonical import issued_digest, statement_digest
from negawatt.models.settlement.differences import differences
from negawatt.models.settlement.lifecycle import DecisionKind, Stage
from negawatt.models.settlement.statement import Statement


def require_chain(versions: Sequence[Statement]) -> None:
    """Refuse versions of a statement that are not one whole chain from the first on.

    Every version names the SHA-256 of the bytes of the one before, so that neither a figure nor a
    decision, a cause or a time of issue can be changed later without all that follows.

    Args:
        versions: Oldest first.

    Raises:
        DataRefusedError: A version is missing, was changed after it was issued, itemizes other
            differences than there are, or does not follow from its stage.
    """
    for number, statement in enumerate(versions, start=1):
        _require(statement, "version", str(number), str(statement.statement_version))
        _require(statement, "digest", statement_digest(statement.body), statement.statement_digest)
    if versions:
        first = versions[0]
        _require(first, "version before", "none", first.previous_digest or "none")
        _require(first, "stage", Stage.INITIAL.value, first.stage.value)
    for before, statement in pairwise(versions):
        found = statement.previous_digest or "none"
        _require(statement, "version before", issued_digest(before), found)
        for what, expected, is_now in _followed(before, statement):
            _require(statement, what, expected, is_now)


def _followed(before: Statement, statement: Statement) -> Iterator[tuple[str, str, str]]:
    """Yield what a version must say about the one before, and what it says."""
    itemized = differences(before.body, statement.body)
    if itemized != statement.differences:
        yield "differences", f"{len(itemized)} values", f"{len(statement.differences)} others"
    kind = None if statement.decision is None else statement.decision.kind
    wanted = None
    if statement.stage is Stage.FINAL:
        wanted = DecisionKind.FINALIZE
    elif before.stage is Stage.FINAL:
        wanted = DecisionKind.REOPEN
    yield "decision", str(wanted), str(kind)
    if statement.stage is Stage.INITIAL:
        yield "stage", "one that follows another", statement.stage.value
    same = before.statement_digest == statement.statement_digest
    if same != (statement.stage in {Stage.FINAL, Stage.VOID}):
        yield "body", "one that its stage allows", f"{statement.stage.value}, same body: {same}"


def _require(statement: Statement, what: str, expected: str, found: str) -> None:
    if expected != found:
        raise DataRefusedError(
            thing=f"statement {statement.body.statement_id!r}, version "
            f"{statement.statement_version}, {what}",
            expected=expected,
            found=found,
            remedy="a version is missing, or was changed after it was issued; fetch the issued "
            "bytes of all versions",
        )
