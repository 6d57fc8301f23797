"""A warehouse is whole or says what is not; fewer files and no forgotten ones change no row."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from negawatt.warehouse import upkeep
from negawatt.warehouse.catalog import schema
from negawatt.warehouse.delta_tables import (
    append_rows,
    read_kept,
    read_table,
    replace_partition,
    table_files,
)
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.statement_tables import HEADERS
from tests.warehouse.conftest import DAY, meter_readings, site_energy

pytestmark = pytest.mark.slow  # each test writes a warehouse

TABLE = "core_site__interval_energy"
PARTITION: dict[str, str | date] = {"site_id": "s1", "date": DAY}


@pytest.fixture
def sealed(layout: Layout) -> Path:
    """One sealed file, beside a core table of one partition."""
    replace_partition(layout, TABLE, PARTITION, site_energy())
    return seal_rows(layout, "raw_meter__readings", "s1", "test", meter_readings()).written[0]


def wrong(layout: Layout) -> list[str]:
    return [str(error) for error in upkeep.damages(layout)]


@pytest.mark.usefixtures("sealed")
def test_a_whole_warehouse_has_nothing_wrong_and_every_part_is_looked_at(layout: Layout) -> None:
    done: list[int] = []

    assert list(upkeep.damages(layout, advance=lambda: done.append(1))) == []

    names = [name for name, _ in upkeep.files_to_check(layout)]
    assert set(names) == {"raw_meter__readings", TABLE}
    assert len(done) == len(names)


def test_rows_that_were_sealed_otherwise_are_found(layout: Layout, sealed: Path) -> None:
    pl.read_parquet(sealed).with_columns(energy_kwh=pl.lit(9.0)).write_parquet(sealed)

    (found,) = wrong(layout)

    assert sealed.name in found
    assert "the content that the digest in its name is of" in found


@pytest.mark.parametrize("table", ["raw", "core"])
def test_a_file_that_breaks_off_is_found(layout: Layout, sealed: Path, table: str) -> None:
    path = sealed if table == "raw" else Path(table_files(layout, TABLE)[0])
    path.write_bytes(path.read_bytes()[:100])

    (found,) = wrong(layout)

    assert path.name in found
    assert "a Parquet file that can be read" in found


def test_a_file_in_the_folder_of_another_day_is_found(layout: Layout, sealed: Path) -> None:
    elsewhere = sealed.parent.with_name("date=2026-01-01") / sealed.name
    elsewhere.parent.mkdir()
    sealed.rename(elsewhere)

    (found,) = wrong(layout)

    assert "rows of 2026-01-01, the folder it lies in" in found


def test_files_become_fewer_and_rows_stay_also_as_of_before(layout: Layout) -> None:
    for minutes in (1, 2, 3):
        rows = site_energy(minutes=3).slice(minutes - 1, 1)
        version = append_rows(layout, TABLE, rows)
    before = read_table(layout, TABLE).frame

    found = {one.name: one for one in upkeep.compact(layout)}

    assert (found[TABLE].file_count_before, found[TABLE].file_count_after) == (3, 1)
    assert read_table(layout, TABLE).frame.equals(before)
    assert read_table(layout, TABLE, version=version).frame.equals(before)


def test_what_a_statement_cites_is_kept_and_what_nobody_does_goes(layout: Layout) -> None:
    for energy_kwh in (1.0, 2.0, 3.0):
        replace_partition(layout, TABLE, PARTITION, site_energy(energy_kwh=energy_kwh))
    header = {
        "statement_json": f'{{"provenance":{{"table_versions":{{"{TABLE}":0}}}}}}',
    }
    append_rows(layout, HEADERS, _header(**header))

    planned = dict(upkeep.vacuum(layout, kept=timedelta(0), dry_run=True))
    assert dict(upkeep.vacuum(layout, kept=timedelta(0))) == planned

    assert planned[TABLE] == 1
    kept = [read_kept(layout, TABLE, version) for version in (0, 1, 2)]
    assert [None if one is None else one["energy_kwh"][0] for one in kept] == [1.0, None, 3.0]


def test_young_files_are_kept(layout: Layout) -> None:
    for energy_kwh in (1.0, 2.0):
        replace_partition(layout, TABLE, PARTITION, site_energy(energy_kwh=energy_kwh))

    assert dict(upkeep.vacuum(layout)) == {TABLE: 0}
    assert read_kept(layout, TABLE, 0) is not None


def _header(**values: object) -> pl.DataFrame:
    """Return a statement's header, of which only some values matter."""
    kinds = schema(HEADERS)
    filler: dict[type[pl.DataType], object] = {pl.String: "x", pl.Boolean: False}
    return pl.DataFrame(
        {
            name: pl.Series([values.get(name, filler.get(type(kind), 1))]).cast(kind)
            for name, kind in kinds.items()
        }
    )
