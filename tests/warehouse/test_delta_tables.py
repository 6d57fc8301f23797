from datetime import date

import polars as pl
import pytest
from deltalake import DeltaTable

from negawatt.models.domain.errors import DataRefusedError
from negawatt.warehouse import delta_tables
from negawatt.warehouse.delta_tables import (
    append_rows,
    read_kept,
    read_table,
    refresh_partition,
    replace_days,
    replace_partition,
)
from negawatt.warehouse.layout import Layout
from tests.warehouse.conftest import DAY, site_energy

pytestmark = pytest.mark.slow  # tables are written

TABLE = "core_site__interval_energy"
PARTITION: dict[str, str | date] = {"site_id": "s1", "date": DAY}
YESTERDAY = date(2026, 6, 29)


def test_replacing_a_partition_leaves_the_others_alone(layout: Layout) -> None:
    replace_partition(layout, TABLE, {"site_id": "s1", "date": YESTERDAY}, site_energy(YESTERDAY))
    replace_partition(layout, TABLE, PARTITION, site_energy())

    replace_partition(layout, TABLE, PARTITION, site_energy(energy_kwh=5.0, minutes=1))

    found = read_table(layout, TABLE).frame
    assert found["energy_kwh"].to_list() == [1.0, 1.0, 1.0, 5.0]


def test_rows_that_are_written_in_batches_are_all_there_in_order(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delta_tables, "_ROWS_OF_A_BATCH", 2)
    rows = site_energy(minutes=5)

    replace_partition(layout, TABLE, PARTITION, rows)
    replace_partition(layout, TABLE, PARTITION, rows.reverse())

    found = read_table(layout, TABLE).frame
    assert found["interval_start_utc"].to_list() == rows["interval_start_utc"].to_list()


def test_days_that_are_written_in_parts_are_one_version_with_all_rows(layout: Layout) -> None:
    days = (site_energy(YESTERDAY), site_energy(minutes=7))
    replace_days(layout, TABLE, "s1", YESTERDAY, DAY, iter(days))
    whole = read_table(layout, TABLE)

    parts = (days[0], days[1][:3], days[1][3:3], days[1][3:])
    replace_days(layout, TABLE, "s1", YESTERDAY, DAY, iter(parts))

    written = read_table(layout, TABLE)
    assert (whole.version, written.version, written.frame.height) == (0, 1, 10)
    assert written.frame.equals(whole.frame)


def test_a_part_that_is_refused_leaves_the_table_as_it_was(layout: Layout) -> None:
    version = replace_days(layout, TABLE, "s1", DAY, DAY, site_energy())
    rows = site_energy(energy_kwh=5.0, minutes=5)
    negative = rows[3:].with_columns(coverage_ratio=pl.lit(-1.0))

    with pytest.raises(DataRefusedError, match="values are in range"):
        replace_days(layout, TABLE, "s1", DAY, DAY, iter([rows[:3], negative]))
    with pytest.raises(DataRefusedError, match="expected keys that rise from part to part"):
        replace_days(layout, TABLE, "s1", DAY, DAY, iter([rows[:3], rows[2:]]))
    with pytest.raises(DataRefusedError, match="3 others, first 2026-06-29"):
        replace_days(layout, TABLE, "s1", DAY, DAY, iter([rows, site_energy(YESTERDAY)]))

    assert read_table(layout, TABLE).version == version
    assert read_table(layout, TABLE).frame.equals(site_energy())


def test_an_earlier_version_reads_as_it_was(layout: Layout) -> None:
    first = replace_partition(layout, TABLE, PARTITION, site_energy())
    replace_partition(layout, TABLE, PARTITION, site_energy(energy_kwh=5.0))

    assert read_table(layout, TABLE, version=first).frame["energy_kwh"].to_list() == [1.0] * 3
    assert read_table(layout, TABLE).frame["energy_kwh"].to_list() == [5.0] * 3


def test_refused_rows_leave_the_old_partition(layout: Layout) -> None:
    version = replace_partition(layout, TABLE, PARTITION, site_energy())

    with pytest.raises(DataRefusedError):
        replace_partition(layout, TABLE, PARTITION, pl.concat([site_energy(), site_energy()]))

    assert read_table(layout, TABLE).version == version


def test_rows_of_another_partition_are_refused(layout: Layout) -> None:
    with pytest.raises(DataRefusedError, match="every row with date = 2026-06-30"):
        replace_partition(layout, TABLE, PARTITION, site_energy(YESTERDAY))


def test_a_table_that_does_not_exist_yet_has_its_columns_and_no_rows(layout: Layout) -> None:
    found = read_table(layout, TABLE)

    assert (found.frame.height, found.version) == (0, None)
    assert found.frame.columns == site_energy().columns


def test_a_version_that_does_not_exist_is_refused(layout: Layout) -> None:
    append_rows(layout, TABLE, site_energy())

    with pytest.raises(DataRefusedError, match="expected version 7"):
        read_table(layout, TABLE, version=7)


def test_a_filter_keeps_only_what_was_asked_for(layout: Layout) -> None:
    append_rows(layout, TABLE, site_energy())

    found = read_table(layout, TABLE, pl.col("date") == YESTERDAY)

    assert found.frame.is_empty()


def test_a_partition_that_holds_the_rows_already_is_not_written_again(layout: Layout) -> None:
    first = refresh_partition(layout, TABLE, PARTITION, site_energy())
    again = refresh_partition(layout, TABLE, PARTITION, site_energy().reverse())
    other = refresh_partition(layout, TABLE, PARTITION, site_energy(energy_kwh=5.0))

    assert (first, again, other) == (0, 0, 1)
    assert read_table(layout, TABLE).frame["energy_kwh"].to_list() == [5.0] * 3


def test_rows_of_another_partition_are_refused_where_nothing_else_differs(layout: Layout) -> None:
    refresh_partition(layout, TABLE, PARTITION, site_energy())

    with pytest.raises(DataRefusedError, match="every row with date = 2026-06-30"):
        refresh_partition(layout, TABLE, PARTITION, site_energy(YESTERDAY))


def test_a_version_that_is_no_longer_kept_is_not_known(layout: Layout) -> None:
    first = replace_partition(layout, TABLE, PARTITION, site_energy())
    replace_partition(layout, TABLE, PARTITION, site_energy(energy_kwh=5.0))
    kept = read_kept(layout, TABLE, first)
    assert kept is not None
    assert kept["energy_kwh"].to_list() == [1.0] * 3

    DeltaTable(str(layout.table_folder(TABLE))).vacuum(
        retention_hours=0, dry_run=False, enforce_retention_duration=False
    )

    assert read_kept(layout, TABLE, first) is None
    assert read_kept(layout, TABLE, 7) is None
