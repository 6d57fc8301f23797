"""A sealed file that was changed or damaged is told from one that is as it was sealed."""

from datetime import date
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from negawatt.warehouse import raw_files, seals
from negawatt.warehouse.layout import Layout
from tests.warehouse.conftest import meter_readings

TABLE = "raw_meter__readings"
FIRST = date(2026, 6, 30)


@pytest.mark.parametrize(
    "change",
    [pl.lit(0.5).alias("energy_kwh"), pl.col("available_at_utc") - pl.duration(days=1)],
    ids=["energy_kwh", "available_at_utc"],
)
def test_a_changed_file_is_not_what_its_name_says(layout: Layout, change: pl.Expr) -> None:
    raw_files.seal_rows(layout, TABLE, "s1", "import", meter_readings())
    (file,) = raw_files.raw_inventory(layout, TABLE, "s1", FIRST)
    intact = seals.seal_is_intact(file)

    rows = pl.read_parquet(file.path, hive_partitioning=False)
    rows.with_columns(change).write_parquet(file.path)

    (changed,) = raw_files.raw_inventory(layout, TABLE, "s1", FIRST)
    assert (intact, seals.seal_is_intact(changed)) == (True, False)


@pytest.mark.parametrize("part", range(8))
def test_a_damaged_file_is_counted_and_is_not_what_was_sealed(layout: Layout, part: int) -> None:
    """An eighth of its bytes are others: rows, footer, or the mark at its end."""
    raw_files.seal_rows(layout, TABLE, "s1", "import", meter_readings())
    (path,) = raw_files.raw_paths(layout, TABLE, "s1", FIRST, FIRST)
    content = bytearray(path.read_bytes())
    size = len(content) // 8
    content[part * size : (part + 1) * size] = bytes(size)
    path.write_bytes(content)

    (file,) = raw_files.raw_inventory(layout, TABLE, "s1", FIRST)

    assert not seals.seal_is_intact(file)


def test_a_file_that_the_system_cannot_read_is_not_called_damaged(tmp_path: Path) -> None:
    gone = tmp_path / "gone.parquet"

    with pytest.raises(FileNotFoundError), seals.refusing_damage(gone):
        pq.read_metadata(gone)


@pytest.mark.parametrize("part", ["", "short", "upper", "one more"])
def test_a_name_without_sixteen_hex_digits_says_nothing(layout: Layout, part: str) -> None:
    raw_files.seal_rows(layout, TABLE, "s1", "import", meter_readings())
    (file,) = raw_files.raw_inventory(layout, TABLE, "s1", FIRST)
    digest = file.digest
    parts = {"": "", "short": digest[:15], "upper": "ABCDEF0123456789", "one more": digest[:17]}

    forged = file.path.rename(file.path.with_name(f"forged_{parts[part]}.parquet"))

    found = seals.RawFile(path=forged, digest=digest, row_count=1)
    assert not seals.seal_is_intact(found)
    sealed = file.path.with_name(f"collector_{digest[:16]}.parquet")
    assert seals.seal_is_intact(seals.RawFile(path=sealed, digest=digest, row_count=1))
