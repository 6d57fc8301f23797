from datetime import date

import polars as pl
import pytest

from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.warehouse import raw_files
from negawatt.warehouse.layout import Layout
from tests.warehouse.conftest import meter_readings

TABLE = "raw_meter__readings"
FIRST, LAST = date(2026, 6, 30), date(2026, 7, 1)


def test_rows_go_to_the_folder_of_their_own_utc_day(layout: Layout) -> None:
    raw_files.seal_rows(layout, TABLE, "s1", "import", meter_readings())

    assert raw_files.read_raw(layout, TABLE, "s1", FIRST, FIRST)["energy_kwh"].to_list() == [1.0]
    assert raw_files.read_raw(layout, TABLE, "s1", LAST, LAST)["energy_kwh"].to_list() == [2.0]


def test_importing_the_same_rows_later_changes_nothing(layout: Layout) -> None:
    raw_files.seal_rows(layout, TABLE, "s1", "import", meter_readings())

    again = raw_files.seal_rows(layout, TABLE, "s1", "import", meter_readings(available_day=2))

    assert (again.written, len(again.known), again.row_count) == ((), 2, 0)
    assert raw_files.read_raw(layout, TABLE, "s1", FIRST, LAST).height == 2


def test_a_correction_lies_beside_what_it_corrects(layout: Layout) -> None:
    raw_files.seal_rows(layout, TABLE, "s1", "import", meter_readings())

    corrected = meter_readings(energy_kwh=1.5, available_day=2)
    sealed = raw_files.seal_rows(layout, TABLE, "s1", "import", corrected)

    assert len(sealed.written) == 1
    rows = raw_files.read_raw(layout, TABLE, "s1", FIRST, FIRST)
    assert sorted(rows["energy_kwh"]) == [1.0, 1.5]


def test_the_order_of_imports_does_not_change_what_was_read(layout: Layout) -> None:
    other = Layout(layout.root.parent / "other")
    first, second = meter_readings(), meter_readings(energy_kwh=9.0, available_day=2)

    for rows in (first, second):
        raw_files.seal_rows(layout, TABLE, "s1", "import", rows)
    for rows in (second, first):
        raw_files.seal_rows(other, TABLE, "s1", "import", rows)

    found = [raw_files.read_all_raw(place, TABLE, "s1") for place in (layout, other)]
    columns = ["meter_id", "interval_start_utc", "energy_kwh"]
    assert found[0].select(columns).equals(found[1].select(columns))


def test_refused_rows_leave_nothing_behind(layout: Layout) -> None:
    broken = pl.concat([meter_readings(), meter_readings()])

    with pytest.raises(DataRefusedError, match="repeated keys"):
        raw_files.seal_rows(layout, TABLE, "s1", "import", broken)

    assert not layout.root.exists()


def test_a_half_written_file_is_not_read(layout: Layout) -> None:
    raw_files.seal_rows(layout, TABLE, "s1", "import", meter_readings())
    (layout.raw_folder(TABLE, "s1", FIRST) / ".half.parquet").write_bytes(b"PAR1")

    assert raw_files.read_raw(layout, TABLE, "s1", FIRST, LAST).height == 2


def test_a_site_name_that_would_leave_its_folder_is_refused(layout: Layout) -> None:
    with pytest.raises(ConfigurationError, match=r"site name '\.\./x'"):
        raw_files.seal_rows(layout, TABLE, "../x", "import", meter_readings())


def test_the_inventory_states_digest_and_rows_of_every_file(layout: Layout) -> None:
    raw_files.seal_rows(layout, TABLE, "s1", "import", meter_readings())

    (found,) = raw_files.raw_inventory(layout, TABLE, "s1", FIRST)

    assert (found.row_count, len(found.digest)) == (1, 64)


def test_the_days_with_readings_are_listed(layout: Layout) -> None:
    raw_files.seal_rows(layout, TABLE, "s1", "import", meter_readings())

    assert raw_files.raw_days(layout, "s1") == [FIRST, LAST]
    assert raw_files.raw_days(layout, "s2") == []


def test_a_changed_file_is_not_what_its_name_says(layout: Layout) -> None:
    raw_files.seal_rows(layout, TABLE, "s1", "import", meter_readings())
    (file,) = raw_files.raw_inventory(layout, TABLE, "s1", FIRST)
    intact = raw_files.seal_is_intact(file)

    pl.read_parquet(file.path, hive_partitioning=False).with_columns(energy_kwh=0.5).write_parquet(
        file.path
    )

    (changed,) = raw_files.raw_inventory(layout, TABLE, "s1", FIRST)
    assert (intact, raw_files.seal_is_intact(changed)) == (True, False)
