"""Versions of a statement: the same content is the same version, other content is the next one.

Nothing is overwritten; a restatement itemizes what changed. Not here: where versions are kept.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from negawatt.models.settlement.canonical import json_tree, statement_digest
from negawatt.models.settlement.statement import Difference, Provenance, Statement, StatementBody

_ABSENT: Final = object()


def issue(latest: Statement | None, body: StatementBody, provenance: Provenance) -> Statement:
    """Return the version that states a body.

    Args:
        latest: The latest earlier version of the statement, if there is one.
        body: What is to be stated now.
        provenance: Who computed it from where; used for a new version only.

    Returns:
        ``latest`` itself where it states the same body, else the next version.

    Raises:
        ValueError: The two are different statements.
    """
    digest = statement_digest(body)
    if latest is None:
        return Statement(
            body=body,
            statement_digest=digest,
            statement_version=1,
            previous_digest=None,
            differences=(),
            provenance=provenance,
        )
    if latest.body.statement_id != body.statement_id:
        raise ValueError(
            f"statement_id must be {latest.body.statement_id!r}, got {body.statement_id!r}"
        )
    if latest.statement_digest == digest:
        return latest
    return Statement(
        body=body,
        statement_digest=digest,
        statement_version=latest.statement_version + 1,
        previous_digest=latest.statement_digest,
        differences=differences(latest.body, body),
        provenance=provenance,
    )


def differences(old: StatementBody, new: StatementBody) -> tuple[Difference, ...]:
    """Return every value that differs between two bodies, by path; lists by position."""
    return tuple(_differences("", json_tree(old), json_tree(new)))


def _differences(path: str, old: Any, new: Any) -> Iterator[Difference]:  # noqa: ANN401 - JSON
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _differences(
                f"{path}.{key}".lstrip("."), old.get(key, _ABSENT), new.get(key, _ABSENT)
            )
    elif isinstance(old, list) and isinstance(new, list):
        for position in range(max(len(old), len(new))):
            yield from _differences(
                f"{path}[{position}]", _item(old, position), _item(new, position)
            )
    elif old is _ABSENT or new is _ABSENT or old != new:
        yield Difference(path=path, old_json=_json(old), new_json=_json(new))


def _item(values: list[Any], position: int) -> Any:  # noqa: ANN401 - JSON
    return values[position] if position < len(values) else _ABSENT


def _json(value: object) -> str | None:
    if value is _ABSENT:
        return None
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
