from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from negawatt.warehouse import statement_tables
from negawatt.warehouse.delta_tables import read_table
from negawatt.warehouse.layout import Layout

pytestmark = pytest.mark.slow  # tables are written

START_UTC = datetime(2026, 6, 30, 18, tzinfo=UTC)


def lines(version: int, *, metered_kwh: str = "90.000") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "statement_id": "s1.e1",
            "statement_version": version,
            "interval_start_utc": START_UTC,
            "interval_end_utc": START_UTC + timedelta(hours=1),
            "adjusted_baseline_kwh": Decimal("100.000"),
            "metered_kwh": Decimal(metered_kwh),
            "reduction_kwh": Decimal("100.000") - Decimal(metered_kwh),
        }
    )


def header(version: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "statement_id": "s1.e1",
            "statement_version": version,
            "event_id": "e1",
            "site_id": "s1",
            "statement_stage": "initial" if version == 1 else "recalculated",
            "statement_digest": f"digest-{version}",
            "previous_digest": f"digest-{version - 1}" if version > 1 else None,
            "issued_at_utc": START_UTC + timedelta(days=version),
            "statement_json": "{}",
        },
        schema_overrides={"previous_digest": pl.String},
    )


def test_a_second_version_leaves_the_first_as_it_was(layout: Layout) -> None:
    statement_tables.publish_statement(layout, header(1), {statement_tables.LINES: lines(1)})
    statement_tables.publish_statement(
        layout, header(2), {statement_tables.LINES: lines(2, metered_kwh="95.000")}
    )

    found = read_table(layout, statement_tables.LINES).frame
    assert found["reduction_kwh"].to_list() == [Decimal("10.000"), Decimal("5.000")]
    assert statement_tables.statement_versions(layout, "s1.e1").height == 2


def test_an_interruption_before_the_header_leaves_the_old_version_and_heals(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement_tables.publish_statement(layout, header(1), {statement_tables.LINES: lines(1)})

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(statement_tables, "append_rows", killed)
        with pytest.raises(KeyboardInterrupt):
            statement_tables.publish_statement(
                layout, header(2), {statement_tables.LINES: lines(2, metered_kwh="1.000")}
            )
    before = statement_tables.statement_versions(layout, "s1.e1")["statement_version"].to_list()
    statement_tables.publish_statement(
        layout, header(2), {statement_tables.LINES: lines(2, metered_kwh="95.000")}
    )

    assert before == [1]
    found = read_table(layout, statement_tables.LINES).frame
    assert found["metered_kwh"].to_list() == [Decimal("90.000"), Decimal("95.000")]


def test_a_statement_that_was_never_issued_has_no_version(layout: Layout) -> None:
    assert statement_tables.latest_statement_json(layout, "s1.e9") is None


def test_the_newest_version_of_every_statement_is_found(layout: Layout) -> None:
    statement_tables.publish_statement(layout, header(1), {statement_tables.LINES: lines(1)})
    newer = header(2).with_columns(statement_json=pl.lit('{"version":2}'))
    statement_tables.publish_statement(layout, newer, {statement_tables.LINES: lines(2)})

    assert statement_tables.newest_statements_json(layout) == {"s1.e1": '{"version":2}'}
