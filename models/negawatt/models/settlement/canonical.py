"""The bytes of a statement: one text for one value, on any machine, and back.

Sorted keys, no spaces, UTF-8, decimals as strings, instants in ISO 8601 with Z, floats by their
shortest text that reads back, NaN and infinity refused. Not here: what a statement holds.
"""

import hashlib
import json
import math
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.statement import (
    ADDED_IN,
    SCHEMA_VERSION,
    Statement,
    StatementBody,
)

_STATEMENT: Final = TypeAdapter(Statement)
_BODY: Final = TypeAdapter(StatementBody)


def to_canonical_json(statement: Statement) -> bytes:
    """Return the bytes of a statement that is stored, bundled and compared.

    Raises:
        DataRefusedError: A value has no JSON form: NaN, infinity, or no JSON type.
    """
    return _canonical(_STATEMENT, statement, statement.body.statement_id)


def issued_digest(statement: Statement) -> str:
    """Return the SHA-256 of an issued version's canonical bytes, by which the next one names it.

    ``sha256sum`` of the stored file says the same.
    """
    return hashlib.sha256(to_canonical_json(statement)).hexdigest()


def statement_digest(body: StatementBody) -> str:
    """Return the SHA-256 of the body's canonical bytes, 64 hexadecimal digits.

    Issue time, version chain, code version and table versions are no part of a body: who
    recomputes it later, from the same inputs, gets the same digest.

    Raises:
        DataRefusedError: A value has no JSON form.
    """
    return hashlib.sha256(_canonical(_BODY, body, body.statement_id)).hexdigest()


def json_tree(body: StatementBody) -> dict[str, Any]:
    """Return the body as mappings, lists and JSON values, with the fields of its schema version."""
    tree: dict[str, Any] = _BODY.dump_python(body, mode="json")
    return _with_fields_of_its_time(tree)


def from_json(data: bytes) -> Statement:
    """Read a statement back, also one whose body has fewer fields than bodies have now.

    A field that the body lacks is None, and the same bytes are written again.

    Raises:
        DataRefusedError: The bytes are no statement, are not canonical, or the body is not the
            one that its digest names.
    """
    try:
        statement = _STATEMENT.validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise DataRefusedError(
            thing=f"statement, key {'.'.join(map(str, first['loc']))!r}",
            expected="a statement of this version of negawatt",
            found=f"{first['msg']} ({first['input']!r:.80})",
            remedy="read it with the version that wrote it, or issue it again",
        ) from error
    if statement.body.schema_version > SCHEMA_VERSION:
        raise DataRefusedError(
            thing=f"statement {statement.body.statement_id!r}",
            expected=f"a body of schema version {SCHEMA_VERSION} or older",
            found=f"schema version {statement.body.schema_version}",
            remedy="read it with the version of negawatt that wrote it, or a newer one",
        )
    if to_canonical_json(statement) != data:
        raise DataRefusedError(
            thing=f"statement {statement.body.statement_id!r}",
            expected="canonical bytes: known keys only, sorted, no spaces",
            found="other bytes for the same values",
            remedy="use the bytes as they were issued",
        )
    digest = statement_digest(statement.body)
    if digest != statement.statement_digest:
        raise DataRefusedError(
            thing=f"statement {statement.body.statement_id!r}",
            expected=f"a body with digest {statement.statement_digest}",
            found=digest,
            remedy="the body was changed after it was issued; fetch the issued bytes",
        )
    return statement


def _canonical(adapter: TypeAdapter[Any], value: object, statement_id: str) -> bytes:
    try:
        # The adapter would write NaN inside evidence as null.
        _require_finite(adapter.dump_python(value))
        text = json.dumps(
            _with_fields_of_its_time(adapter.dump_python(value, mode="json")),
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
            allow_nan=False,
        )
    except (ValueError, PydanticSerializationError) as error:
        raise DataRefusedError(
            thing=f"statement {statement_id!r}",
            expected="values with a JSON form",
            found=str(error),
            remedy="state what is not known as None, and evidence in JSON types",
        ) from error
    return text.encode()


def _with_fields_of_its_time(tree: dict[str, Any]) -> dict[str, Any]:
    """Return a statement or a body without the fields that bodies had not yet when it was made."""
    if "body" in tree:
        return tree | {"body": _with_fields_of_its_time(tree["body"])}
    version = tree["schema_version"]
    return {name: value for name, value in tree.items() if ADDED_IN.get(name, 0) <= version}


def _require_finite(value: object) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no JSON number")
    if isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            _require_finite(item)
