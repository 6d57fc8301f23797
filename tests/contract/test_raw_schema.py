"""Collectors and warehouse meet in Parquet: both must state the same columns."""

import tomllib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from negawatt.collectors.raw_schema import SCHEMA_VERSION, SCHEMAS

_CATALOG = Path(__file__).parents[2] / "warehouse" / "negawatt" / "warehouse"
_ARROW_TYPE_OF = {
    "text": pa.string(),
    "instant": pa.timestamp("ms", tz="UTC"),
    "flag": pa.bool_(),
    "integer": pa.int64(),
    "integer32": pa.int32(),
    "number": pa.float64(),
}


def _catalog(name: str) -> dict[str, Any]:
    return tomllib.loads((_CATALOG / name).read_text("utf-8"))


@pytest.mark.parametrize("table_name", sorted(SCHEMAS))
def test_the_catalog_states_the_columns_that_collectors_write(table_name: str) -> None:
    table = _catalog("tables.toml")[table_name]
    fields = _catalog("fields.toml")
    expected = [
        (
            name,
            pa.decimal128(12 + fields[name]["decimals"], fields[name]["decimals"])
            if name in table.get("decimal", ())
            else _ARROW_TYPE_OF[fields[name]["type"]],
            fields[name].get("unit"),
            name in table["optional"],
        )
        for name in table["columns"]
    ]

    written = [
        (
            column.name,
            column.type,
            (column.metadata or {}).get(b"unit", b"").decode() or None,
            column.nullable,
        )
        for column in SCHEMAS[table_name]
    ]

    assert written == expected
    assert table["schema_version"] == SCHEMA_VERSION
    assert SCHEMAS[table_name].metadata[b"negawatt.schema_version"] == str(SCHEMA_VERSION).encode()
