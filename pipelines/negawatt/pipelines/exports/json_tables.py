"""Tables as one JSON document, and the JSON Schema that every such document keeps to.

Names are the catalog's. Decimals are text, so that no reader rounds them; instants are text in UTC;
what is not known is null. Not here: which tables there are (exported.py, portfolio_tables.py).
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import polars as pl
from pydantic import TypeAdapter

from negawatt.models.settlement.statement import ADDED_IN, Statement
from negawatt.pipelines.exports.headings import HEADINGS

FORMAT_VERSION: Final = 1
"""Rises when a table or column goes, or changes its meaning; what is added raises nothing."""
Tables = Mapping[str, Mapping[str, pl.DataType]]
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_INSTANT: Final = "%Y-%m-%dT%H:%M:%S%.3fZ"
_ALWAYS: Final = frozenset(
    {
        "event_id",
        "finding_code",
        "interval_end_utc",
        "interval_start_utc",
        "message",
        "severity",
        "site_id",
        "statement_digest",
        "statement_id",
        "statement_version",
    }
)


def to_json(format_name: str, tables: Mapping[str, pl.DataFrame], time_zone: str | None) -> bytes:
    """Return the document: a head, and each table as a list of rows.

    Examples:
        >>> tables = {"jobs": pl.DataFrame({"job_id": ["a"]})}
        >>> json.loads(to_json("negawatt-event", tables, "UTC"))["tables"]
        {'jobs': [{'job_id': 'a'}]}
    """
    document = {
        "format": format_name,
        "format_version": FORMAT_VERSION,
        "time_zone": time_zone,
        "tables": {name: _written(rows).to_dicts() for name, rows in tables.items()},
    }
    text = json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return f"{text}\n".encode()


def tables_schema(format_name: str, tables: Tables) -> dict[str, Any]:
    """Return the JSON Schema of such documents.

    Args:
        format_name: What a document is called.
        tables: Columns with their types, by table.
    """
    properties = {
        "format": {"const": format_name},
        "format_version": {"const": FORMAT_VERSION},
        "time_zone": {"type": ["string", "null"], "description": "IANA name of the site's clock"},
        "tables": _object({name: _rows_schema(columns) for name, columns in tables.items()}),
    }
    return {"$schema": _DIALECT, "title": format_name} | _object(properties)


def statement_schema() -> dict[str, Any]:
    """Return the JSON Schema of statement.json: a statement as it was issued.

    Fields that older schema versions of a body lack are not required.
    """
    made = TypeAdapter(Statement).json_schema(mode="serialization")
    for part in (made, *made["$defs"].values()):
        if "properties" in part:
            fields = {name: _plain(value) for name, value in part["properties"].items()}
            part.update(_object(fields))
            part["required"] = [name for name in part["required"] if name not in ADDED_IN]
    return {"$schema": _DIALECT} | made


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """Return a property without what is of no use to a reader: every field is always written."""
    return {key: said for key, said in value.items() if key not in {"default", "title"}}


def _written(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(
        pl.col(name).dt.strftime(_INSTANT)
        if isinstance(kind, pl.Datetime)
        else pl.col(name).cast(pl.String)
        for name, kind in rows.schema.items()
        if isinstance(kind, pl.Datetime | pl.Date | pl.Decimal)
    )


def _rows_schema(columns: Mapping[str, pl.DataType]) -> dict[str, Any]:
    values = {name: _value_schema(name, kind) for name, kind in columns.items()}
    return {"type": "array", "items": _object(values)}


def _value_schema(name: str, kind: pl.DataType) -> dict[str, Any]:
    made: dict[str, Any]
    if isinstance(kind, pl.Datetime):
        made = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}
    elif isinstance(kind, pl.Date):
        made = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d\d-\d\d$"}
    elif isinstance(kind, pl.Decimal):
        made = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}
    elif isinstance(kind, pl.Boolean):
        made = {"type": "boolean"}
    elif kind.is_integer():
        made = {"type": "integer"}
    else:
        made = {"type": "number" if kind.is_float() else "string"}
    if name not in _ALWAYS:
        made["type"] = [made["type"], "null"]
    return made | {"description": HEADINGS[name]}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
    }
