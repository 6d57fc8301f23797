"""A comparison of two statements in words and as JSON: figures first, causes beside them.

Not here: what differs (negawatt.models.settlement.comparison).
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Final

from negawatt.cli.text_table import table_lines
from negawatt.models.baselines.result import CandidateDay
from negawatt.models.domain.findings import Finding
from negawatt.models.settlement.comparison import Change, Comparison, LineChange, compare
from negawatt.models.settlement.statement import Statement

MOST_LINES: Final = 24
MOST_OTHERS: Final = 20
_ABSENT: Final = "-"


def diff_lines(old: Statement, new: Statement, between: Sequence[Statement]) -> Iterator[str]:
    """Yield the lines of a comparison.

    Args:
        old: What is compared with.
        new: What is compared.
        between: The versions after ``old`` up to ``new``, whose causes are listed.
    """
    found = compare(old, new)
    for name, statement in (("old", old), ("new", new)):
        yield (
            f"{name}  {statement.body.statement_id} version {statement.statement_version}, "
            f"{statement.stage.value}, issued {statement.provenance.issued_at_utc:%Y-%m-%d %H:%M} "
            f"UTC, {statement.statement_digest[:16]}"
        )
    yield ""
    yield from _causes(between)
    if old.statement_digest == new.statement_digest:
        yield "the same body: no figure, day or finding differs"
        return
    yield from table_lines(
        ("figure", "old", "new", "moved"), [_cells(one) for one in found.figures], right=(1, 2, 3)
    )
    yield from _intervals(found.lines)
    yield from _parts(found)
    yield from _others(found)


def diff_document(
    old: Statement, new: Statement, between: Sequence[Statement]
) -> dict[str, object]:
    """Return a comparison as JSON has it."""
    document: dict[str, object] = json.loads(json.dumps(asdict(compare(old, new)), default=str))
    return {
        "old": _head(old),
        "new": _head(new),
        "causes": [
            {"statement_version": one.statement_version, **asdict(cause)}
            for one in between
            for cause in one.causes
        ],
        **document,
    }


def _head(statement: Statement) -> dict[str, object]:
    return {
        "statement_id": statement.body.statement_id,
        "statement_version": statement.statement_version,
        "stage": statement.stage.value,
        "statement_digest": statement.statement_digest,
        "issued_at_utc": statement.provenance.issued_at_utc.isoformat(),
    }


def _causes(between: Sequence[Statement]) -> Iterator[str]:
    for statement in between:
        version, made = f"version {statement.statement_version}", statement.decision
        if made is not None:
            why = f": {made.reason}" if made.reason else ""
            yield f"{version}: {made.kind.value} by {made.decided_by}{why}"
        for cause in statement.causes:
            yield f"{version}: {cause.subject} changed: {cause.message}"
    if any(one.causes or one.decision for one in between):
        yield ""


def _cells(change: Change) -> tuple[str, str, str, str]:
    moved = change.difference or ("" if change.old == change.new else "changed")
    same = change.old == change.new
    return (change.name, change.old or _ABSENT, change.new or _ABSENT, "" if same else moved)


def _intervals(lines: Sequence[LineChange]) -> Iterator[str]:
    if not lines:
        return
    yield ""
    rows = [
        (
            f"{one.interval_start_utc:%Y-%m-%d %H:%M}",
            *(
                _ABSENT if line is None else str(getattr(line, figure))
                for figure in ("adjusted_baseline_kwh", "metered_kwh", "reduction_kwh")
                for line in (one.old, one.new)
            ),
        )
        for one in lines[:MOST_LINES]
    ]
    heads = ("interval UTC", "baseline", "now", "metered", "now", "reduction", "now")
    yield from table_lines(heads, rows, right=range(1, 7))
    if len(lines) > MOST_LINES:
        yield f"... and {len(lines) - MOST_LINES} more intervals; --json has all"


def _parts(found: Comparison) -> Iterator[str]:
    parts = [
        *(f"day {one.candidate_date}: {_use(one.old)}, now {_use(one.new)}" for one in found.days),
        *(
            f"adjustment {one.name}: {one.old or _ABSENT}, now {one.new or _ABSENT}"
            for one in found.adjustment
        ),
        *(f"finding gone: {_words(one)}" for one in found.findings_gone),
        *(f"finding new:  {_words(one)}" for one in found.findings_new),
        *(
            f"override {what}: {one.finding_code.value} of {one.subject}, by {one.decided_by}: "
            f"{one.reason}"
            for what, several in (("gone", found.overrides_gone), ("new", found.overrides_new))
            for one in several
        ),
    ]
    if parts:
        yield ""
    yield from parts


def _others(found: Comparison) -> Iterator[str]:
    if not found.others:
        return
    yield ""
    yield f"other values: {len(found.others)}"
    for one in found.others[:MOST_OTHERS]:
        yield f"  {one.path}: {_short(one.old_json)}, now {_short(one.new_json)}"
    if len(found.others) > MOST_OTHERS:
        yield f"  ... and {len(found.others) - MOST_OTHERS} more; --json has all"


def _use(day: CandidateDay | None) -> str:
    return "no candidate" if day is None else f"{day.use.value} ({day.reason})"


def _words(finding: Finding) -> str:
    return f"{finding.severity.value} {finding.code.value} of {finding.subject}: {finding.message}"


def _short(value: str | None) -> str:
    text = _ABSENT if value is None else value
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - of a line of 100
