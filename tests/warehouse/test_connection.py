from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep

import polars as pl
import pytest
from deltalake import DeltaTable
from duckdb import connect as opened

from negawatt.models.domain.errors import ConfigurationError
from negawatt.warehouse import catalog
from negawatt.warehouse.connection import publish, query
from negawatt.warehouse.delta_tables import append_rows, read_table, replace_partition
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.statement_tables import HEADERS
from negawatt.warehouse.upkeep import vacuum
from tests.warehouse.conftest import DAY, meter_readings, site_energy

pytestmark = pytest.mark.slow  # each test writes a warehouse and opens it

TABLE = "core_site__interval_energy"


def test_every_table_of_the_catalog_is_a_view_with_its_columns(layout: Layout) -> None:
    for name, table in catalog.tables().items():
        columns = query(layout, f"FROM {name}").columns

        assert columns[: len(table.columns)] == list(table.columns)


def test_a_view_shows_the_current_version_only(layout: Layout) -> None:
    append_rows(layout, TABLE, site_energy())
    replace_partition(layout, TABLE, {"site_id": "s1", "date": DAY}, site_energy(energy_kwh=2.5))

    found = query(layout, f"SELECT sum(energy_kwh) AS kwh, any_value(date) AS day FROM {TABLE}")  # noqa: S608 - a table of ours

    assert found.row(0) == (7.5, DAY)


def test_instants_come_back_in_utc(layout: Layout) -> None:
    append_rows(layout, TABLE, site_energy())

    found = query(layout, f"SELECT hour(min(interval_start_utc)) FROM {TABLE}")  # noqa: S608 - a table of ours

    assert found.item() == 0


def test_raw_files_are_seen_with_the_folders_they_lie_in(layout: Layout) -> None:
    seal_rows(layout, "raw_meter__readings", "s1", "import", meter_readings())

    found = query(layout, "SELECT site, date, energy_kwh FROM raw_meter__readings ORDER BY date")

    assert found.row(0) == ("s1", DAY, 1.0)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE t (a INTEGER)",
        "COPY (SELECT 1) TO 'x.csv'",
        "ATTACH 'x.duckdb'",
        "SET TimeZone = 'Europe/London'",
        "SELECT 1; SELECT 2",
        "",
    ],
)
def test_anything_but_one_reading_statement_is_refused(
    layout: Layout, statement: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match="one statement that only reads"):
        query(layout, statement)

    assert list(tmp_path.iterdir()) == []


def test_wrong_sql_is_explained(layout: Layout) -> None:
    with pytest.raises(ConfigurationError, match="SHOW TABLES lists the views"):
        query(layout, "SELECT nothing FROM nowhere")


@pytest.mark.parametrize("name", ["it's", "My data", 'a "b" #1', "Müller", "a; DROP TABLE x --"])
def test_the_folder_of_a_warehouse_may_have_such_a_name(name: str, tmp_path: Path) -> None:
    layout = Layout(tmp_path / name)
    append_rows(layout, TABLE, site_energy())
    seal_rows(layout, "raw_meter__readings", "s1", "import", meter_readings())

    tables = (TABLE, "raw_meter__readings")
    counts = [query(layout, f"SELECT count(*) FROM {table}").item() for table in tables]  # noqa: S608 - tables of ours

    assert counts[0] == read_table(layout, TABLE, pl.col("site_id") == "s1").frame.height > 0
    assert counts[1] > 0


@pytest.mark.parametrize("name", ["a[1]", "a*", "what?", "50%", "a\nb"])
def test_the_folder_of_a_warehouse_has_no_mark_of_a_pattern(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="folder of the warehouse"):
        Layout(tmp_path / name)


def test_as_of_a_moment_tables_and_raw_rows_are_those_of_then(layout: Layout) -> None:
    """Readings came on day 1 and were corrected to 1.5 kWh on day 2; a day was metered twice."""
    raw = "raw_meter__readings"
    seal_rows(layout, raw, "s1", "test", meter_readings())
    seal_rows(layout, raw, "s1", "test", meter_readings(energy_kwh=1.5, available_day=2))
    append_rows(layout, TABLE, site_energy())
    committed_ms = max(one["timestamp"] for one in DeltaTable(layout.table_folder(TABLE)).history())
    between_utc = datetime.fromtimestamp(committed_ms / 1000, UTC)
    sleep(0.01)  # commits are stamped to the millisecond
    replace_partition(layout, TABLE, {"site_id": "s1", "date": DAY}, site_energy(energy_kwh=2.5))
    first_utc = query(layout, f"SELECT min(available_at_utc) FROM {raw}").item()  # noqa: S608 - ours

    def asked(name: str, as_of_utc: datetime | None) -> list[float]:
        sql = f"SELECT DISTINCT energy_kwh FROM {name} ORDER BY 1"  # noqa: S608 - ours
        return query(layout, sql, as_of_utc=as_of_utc)["energy_kwh"].to_list()

    assert 1.5 not in asked(raw, first_utc)
    assert 1.5 in asked(raw, None)
    assert asked(TABLE, between_utc) == [1.0]
    assert asked(TABLE, None) == [2.5]
    assert asked(TABLE, first_utc - timedelta(days=365)) == []


def test_a_span_of_time_is_told_as_text(layout: Layout) -> None:
    found = query(layout, 'SELECT INTERVAL 90 seconds AS "a ""b""", 1 AS n')

    assert found.rows() == [("00:01:30", 1)]


def test_any_duckdb_client_sees_every_table(layout: Layout, tmp_path: Path) -> None:
    append_rows(layout, TABLE, site_energy())
    path = tmp_path / "site.duckdb"
    publish(layout, path)
    publish(layout, path)

    with opened(str(path), read_only=True) as connection:
        kwh = connection.sql(f"SELECT sum(energy_kwh) FROM {TABLE}").fetchall()  # noqa: S608 - ours
        rows = connection.sql("SELECT count(*) FROM out_settlement__statements").fetchall()
    assert (kwh, rows) == ([(3.0,)], [(0,)])


def test_a_moment_whose_files_are_gone_refuses_that_table_and_no_other(layout: Layout) -> None:
    append_rows(layout, TABLE, site_energy())
    committed_ms = max(one["timestamp"] for one in DeltaTable(layout.table_folder(TABLE)).history())
    then_utc = datetime.fromtimestamp(committed_ms / 1000, UTC)
    sleep(0.01)
    replace_partition(layout, TABLE, {"site_id": "s1", "date": DAY}, site_energy(energy_kwh=2.5))
    dict(vacuum(layout, kept=timedelta(0)))

    assert query(layout, "SELECT 1", as_of_utc=then_utc).item() == 1
    with pytest.raises(ConfigurationError, match="files of it that vacuum removed"):
        query(layout, f"FROM {TABLE}", as_of_utc=then_utc)


def test_the_log_of_a_table_forgets_no_version(layout: Layout) -> None:
    """Else versions that statements cite are gone a month after a hundred commits."""
    append_rows(layout, TABLE, site_energy())

    kept = DeltaTable(layout.table_folder(TABLE)).metadata().configuration
    assert kept["delta.enableExpiredLogCleanup"] == "false"


def test_a_read_of_a_table_opens_ten_commits_at_most(layout: Layout) -> None:
    for _ in range(12):
        append_rows(layout, TABLE, site_energy())

    log = layout.table_folder(TABLE) / "_delta_log"
    assert read_table(layout, TABLE).version == 11
    assert [path.name[:20] for path in log.glob("*.checkpoint.parquet")] == ["0" * 19 + "9"]


def test_the_log_of_statements_does_not_hold_their_text(layout: Layout) -> None:
    """By default it has the least and greatest text of each file: every statement, twice."""
    text = '{"said": "' + "x" * 10_000 + '"}'
    row = dict.fromkeys(catalog.schema(HEADERS)) | {
        "statement_id": "s.e",
        "statement_version": 1,
        "event_id": "e",
        "site_id": "s",
        "statement_stage": "initial",
        "statement_digest": "0" * 64,
        "statement_json": text,
        "issued_at_utc": datetime(2026, 7, 1, tzinfo=UTC),
    }
    append_rows(layout, HEADERS, pl.DataFrame([row], schema=catalog.schema(HEADERS)))

    (log,) = (layout.table_folder(HEADERS) / "_delta_log").glob("*.json")
    assert "xxxx" not in log.read_text("utf-8")
    assert "statement_id" in log.read_text("utf-8").partition("minValues")[2]
