import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from negawatt.collectors.raw_schema import SCHEMAS
from negawatt.collectors.spool.segment import seal
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

    assert (again.written, again.known_count, again.row_count) == ((), 2, 0)
    assert raw_files.read_raw(layout, TABLE, "s1", FIRST, LAST).height == 2


def _collected(layout: Layout, numbers: list[int]) -> Path:
    """Seal a reading a second of one GPU, as a collector does, in the warehouse's folders."""
    rows = [
        {
            "node_id": "n1",
            "boot_id": "b1",
            "gpu_uuid": "GPU-a",
            "observed_at_utc": datetime(2026, 6, 30, 12, 0, number, tzinfo=UTC),
            "monotonic_ms": number,
            "sequence_number": number,
            "counter_epoch": 0,
            "power_scope": "gpu",
            "reading_quality": "ok",
        }
        for number in numbers
    ]
    table = pa.Table.from_pylist(rows, schema=SCHEMAS["raw_gpu__power_samples"])
    return seal(table, root=layout.root, site_id="s1", source="nvml")[0]


def _numbers(layout: Layout) -> list[int]:
    rows = raw_files.read_raw(layout, "raw_gpu__power_samples", "s1", FIRST, FIRST)
    return sorted(rows["sequence_number"])


@pytest.mark.parametrize("copy", ["again-{}", "copy.parquet"])
def test_a_file_that_is_there_twice_counts_once(layout: Layout, copy: str) -> None:
    path = _collected(layout, [0, 1, 2])
    shutil.copy(path, path.with_name(copy.format(path.name)))

    assert _numbers(layout) == [0, 1, 2]


def test_readings_that_two_files_hold_count_once_by_their_number(layout: Layout) -> None:
    _collected(layout, [0, 1, 2])
    _collected(layout, [2, 3])

    assert _numbers(layout) == [0, 1, 2, 3]


def test_a_correction_lies_beside_what_it_corrects(layout: Layout) -> None:
    raw_files.seal_rows(layout, TABLE, "s1", "import", meter_readings())

    corrected = meter_readings(energy_kwh=1.5, available_day=2)
    sealed = raw_files.seal_rows(layout, TABLE, "s1", "import", corrected)

    assert len(sealed.written) == 1
    rows = raw_files.read_raw(layout, TABLE, "s1", FIRST, FIRST)
    assert sorted(rows["energy_kwh"]) == [1.0, 1.5]


def test_a_retracted_correction_is_the_newest_version_again(layout: Layout) -> None:
    """1.0, corrected to 1.5, retracted to 1.0: the third import is news, the fourth is not."""
    for available_day, energy_kwh in enumerate((1.0, 1.5, 1.0, 1.0), start=1):
        rows = meter_readings(energy_kwh=energy_kwh, available_day=available_day)
        raw_files.seal_rows(layout, TABLE, "s1", "import", rows)

    stored = raw_files.read_raw(layout, TABLE, "s1", FIRST, FIRST).sort("available_at_utc")
    assert stored["energy_kwh"].to_list() == [1.0, 1.5, 1.0]


def test_only_the_rows_of_a_day_that_changed_are_written(layout: Layout) -> None:
    """An unknown energy that stays unknown is no news; of two readings of a day one changed."""
    before = meter_readings().with_columns(
        interval_start_utc=pl.col("interval_start_utc") + pl.duration(hours=1),
        energy_kwh=pl.Series([1.0, None]),
    )
    raw_files.seal_rows(layout, TABLE, "s1", "import", before)

    after = before.with_columns(
        energy_kwh=pl.Series([1.5, None]),
        available_at_utc=pl.col("available_at_utc") + pl.duration(days=1),
    )
    sealed = raw_files.seal_rows(layout, TABLE, "s1", "import", after)

    assert (sealed.row_count, sealed.known_count) == (1, 1)


def test_several_versions_in_one_import_are_known_the_second_time(layout: Layout) -> None:
    versions = pl.concat(
        meter_readings(energy_kwh=energy_kwh, available_day=day)
        for day, energy_kwh in enumerate((1.0, 1.5, 1.0), start=1)
    )
    first = raw_files.seal_rows(layout, TABLE, "s1", "import", versions)

    again = raw_files.seal_rows(layout, TABLE, "s1", "import", versions)

    assert (first.row_count, again.row_count, again.known_count) == (6, 0, 6)


def discrepancy(available_day: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "discrepancy_item": "peak",
            "first_value": "1 kW",
            "first_place": "a.csv",
            "second_value": "2 kW",
            "second_place": "b.csv",
            "available_at_utc": datetime(2026, 7, available_day, 12, tzinfo=UTC),
        }
    )


def test_a_table_of_arrival_days_knows_its_rows_on_another_day(layout: Layout) -> None:
    name = "raw_source__discrepancies"
    raw_files.seal_rows(layout, name, "s1", "import", discrepancy(available_day=1))

    again = raw_files.seal_rows(layout, name, "s1", "import", discrepancy(available_day=9))

    assert (again.written, again.known_count) == ((), 1)


def test_rows_without_a_time_of_arrival_are_known_by_their_file(layout: Layout) -> None:
    rows = pl.DataFrame(
        {
            "node_id": "n1",
            "meter_id": "m1",
            "observed_at_utc": datetime(2026, 7, 1, tzinfo=UTC),
            "power_w": [None],
            "energy_total_kwh": [None],
            "reading_quality": "no_reading",
        },
        schema_overrides={"power_w": pl.Float64, "energy_total_kwh": pl.Float64},
    )
    name = "raw_node__power_samples"
    raw_files.seal_rows(layout, name, "s1", "import", rows)

    again = raw_files.seal_rows(layout, name, "s1", "import", rows)

    assert (again.written, again.known_count) == ((), 1)


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


def test_what_is_said_of_a_job_arrives_on_each_day_of_readings_on_which_it_ran(
    layout: Layout,
) -> None:
    """From 29 June to what is known on 2 July; there are readings of 30 June and 1 July."""
    raw_files.seal_rows(layout, TABLE, "s1", "import", meter_readings())
    since_ns = raw_files.file_system_ns(layout)
    job = pl.DataFrame(
        {
            "job_id": "j1",
            "job_class": None,
            "flexibility_tier": None,
            "gpu_uuid": "GPU-1",
            "node_id": None,
            "allocation_start_utc": datetime(2026, 6, 29, 12, tzinfo=UTC),
            "allocation_end_utc": None,
            "available_at_utc": datetime(2026, 7, 2, 12, tzinfo=UTC),
        }
    )

    raw_files.seal_rows(layout, "raw_job__allocations", "s1", "import", job)

    assert sorted(raw_files.raw_arrivals(layout, "s1", since_ns + 1)) == [FIRST, LAST]


def test_a_damaged_import_of_jobs_hides_no_arrival_of_readings(layout: Layout) -> None:
    folder = layout.raw_folder("raw_job__allocations", "s1", FIRST)
    folder.mkdir(parents=True)
    (folder / "import_0123456789abcdef.parquet").write_bytes(b"PAR1 damaged PAR1")

    raw_files.seal_rows(layout, TABLE, "s1", "import", meter_readings())

    assert sorted(raw_files.raw_arrivals(layout, "s1", 1)) == [FIRST, LAST]
