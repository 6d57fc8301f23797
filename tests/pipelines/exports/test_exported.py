from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from negawatt.models.domain.findings import FindingCode
from negawatt.models.settlement.lifecycle import Stage
from negawatt.models.settlement.statement import Override, Statement
from negawatt.pipelines.exports.exported import EVENT_COLUMNS, export_tables


def test_every_table_has_its_columns_whether_it_has_rows_or_not(statement: Statement) -> None:
    tables = export_tables(statement)

    assert {name: rows.columns for name, rows in tables.items()} == {
        name: list(columns) for name, columns in EVENT_COLUMNS.items()
    }
    assert tables["payments"].is_empty()
    assert tables["overrides"].is_empty()


def test_the_lines_add_up_to_the_head_without_rounding(statement: Statement) -> None:
    tables = export_tables(statement)
    head = tables["statement"].row(0, named=True)

    assert tables["lines"]["reduction_kwh"].sum() == head["reduction_kwh"] == Decimal("160.000")
    assert f"{head['reduction_kwh']}" == "160.000"
    assert head["baseline_verdict"] == head["cap_verdict"] == "met"


def test_each_line_has_the_band_of_its_own_reduction(statement: Statement) -> None:
    band = statement.body.band
    assert band is not None

    lines = export_tables(statement)["lines"]

    assert tuple(lines["reduction_lower_kwh"]) == band.interval_lower_kwh
    assert len(lines) == 4


def test_the_settled_method_is_marked_among_the_others(statement: Statement) -> None:
    methods = export_tables(statement)["methods"]

    assert methods.filter("is_settled")["method_id"].to_list() == [statement.body.rule_id]
    assert methods.height == 4


def test_a_decision_is_exported_with_who_and_why(restated: Callable[..., Statement]) -> None:
    made = Override(
        finding_code=FindingCode.COVERAGE_LOW,
        subject="meter 'm & m'",
        reason="checked by hand",
        decided_by="A. Auditor",
        decided_at_utc=datetime(2026, 7, 17, tzinfo=UTC),
    )

    rows = export_tables(restated(overrides=(made,)))["overrides"]

    assert rows["decided_by"].item() == "A. Auditor"


def test_a_void_version_has_no_figure(statement: Statement) -> None:
    tables = export_tables(replace(statement, stage=Stage.VOID))

    head = tables["statement"].row(0, named=True)
    assert head["statement_stage"] == "void"
    assert head["reduction_kwh"] is head["delivered_kw_mean"] is head["baseline_verdict"] is None
    assert [name for name, rows in tables.items() if rows.height] == ["statement", "findings"]
