"""Documents held against their schemas by an independent validator."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jsonschema
import polars as pl
import pytest

from negawatt.models.settlement.canonical import to_canonical_json
from negawatt.models.settlement.lifecycle import Stage
from negawatt.models.settlement.statement import Statement
from negawatt.pipelines.exports.export import EVENT_FORMAT
from negawatt.pipelines.exports.export_columns import EVENT_COLUMNS
from negawatt.pipelines.exports.exported import export_tables
from negawatt.pipelines.exports.json_tables import statement_schema, tables_schema, to_json
from tests.pipelines.exports.names import NAMES

pytestmark = pytest.mark.slow  # whole schemas are held against documents

SCHEMA = tables_schema(EVENT_FORMAT, EVENT_COLUMNS)


def document(statement: Statement) -> Any:  # noqa: ANN401 - JSON
    return json.loads(to_json(EVENT_FORMAT, export_tables(statement), "America/New_York"))


def problems(value: object, schema: dict[str, Any]) -> list[str]:
    jsonschema.Draft202012Validator.check_schema(schema)
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(value)]


def test_an_export_keeps_to_its_schema(
    statement: Statement, restated: Callable[..., Statement]
) -> None:
    bare = restated(band=None, placebo=None, sensitivity=None, response=None, attribution=None)

    for one in (statement, bare, replace(statement, stage=Stage.VOID)):
        assert not problems(document(one), SCHEMA)


def test_a_statement_keeps_to_its_schema(
    statement: Statement, restated: Callable[..., Statement]
) -> None:
    bare = restated(band=None, placebo=None, sensitivity=None, response=None, attribution=None)

    older = restated(schema_version=3)

    for one in (statement, bare, older):
        assert not problems(json.loads(to_canonical_json(one)), statement_schema())


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"reduction_kwh": 160.0}, "160.0 is not of type 'string', 'null'"),
        ({"event_id": None}, "None is not of type 'string'"),
        ({"issued_at_utc": "yesterday"}, "'yesterday' does not match"),
        ({"surplus": 1}, "Additional properties are not allowed"),
    ],
)
def test_a_document_that_says_something_else_does_not(
    statement: Statement, change: dict[str, object], found: str
) -> None:
    made = document(statement)
    made["tables"]["statement"][0] |= change

    assert found in problems(made, SCHEMA)[0]


def test_a_statement_without_one_of_its_fields_does_not(statement: Statement) -> None:
    made = json.loads(to_canonical_json(statement))
    del made["body"]["payment"]

    assert problems(made, statement_schema()) == ["'payment' is a required property"]


def test_decimals_are_text_with_every_digit(statement: Statement) -> None:
    lines = document(statement)["tables"]["lines"]

    assert lines[0]["reduction_kwh"] == str(statement.body.lines[0].reduction_kwh) == "40.000"
    assert lines[0]["interval_start_utc"] == "2026-07-15T18:00:00.000Z"


def test_names_are_kept_as_they_are() -> None:
    tables = {"jobs": pl.DataFrame({"job_id": NAMES})}

    made = json.loads(to_json(EVENT_FORMAT, tables, "UTC"))

    assert [row["job_id"] for row in made["tables"]["jobs"]] == list(NAMES)
