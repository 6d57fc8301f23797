from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from negawatt.models.domain.findings import FindingCode
from negawatt.models.settlement.lifecycle import Stage
from negawatt.models.settlement.paid import PaidInterval
from negawatt.models.settlement.statement import Override, Statement
from negawatt.pipelines.exports.export_columns import EVENT_COLUMNS
from negawatt.pipelines.exports.exported import export_tables
from tests.pipelines.exports.conftest import HOUR, START_UTC
from tests.pipelines.exports.many_events import payment


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


def test_what_each_interval_adds_to_a_payment_is_exported_exactly(
    restated: Callable[..., Statement],
) -> None:
    """Two hours at 0.05875 a kWh: 40 kW are 2.35; a third of a cent has twenty places."""
    hours = [
        PaidInterval(
            interval_start_utc=START_UTC + n * HOUR,
            interval_end_utc=START_UTC + (n + 1) * HOUR,
            counted_kw=Decimal(40),
            price_per_kwh=Decimal("0.05875"),
            exact_amount=amount,
        )
        for n, amount in enumerate((Decimal("2.35"), Decimal(1) / 300))
    ]
    made = payment("2.35")
    line = replace(made.lines[0], intervals=tuple(hours))

    rows = export_tables(restated(payment=replace(made, lines=(line,))))["paid_intervals"]

    assert [f"{price}" for price in rows["price_per_kwh"]] == ["0.05875"] * 2
    assert [f"{amount}" for amount in rows["exact_amount"]] == [
        "2.35000000000000000000",
        "0.00333333333333333333",
    ]
