"""Files of collectors are read as they lie, whatever of them is not read."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from negawatt.collectors.raw_schema import POWER_SAMPLES, SCHEMAS
from negawatt.collectors.spool.segment import seal
from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.metering.gpu_minutes import SAMPLE_COLUMNS
from negawatt.warehouse.collected import ends_of, read_collected, rows_of_gpus
from negawatt.warehouse.raw_files import read_raw_files
from negawatt.warehouse.seals import DAMAGE

NOON_UTC = datetime(2026, 6, 30, 12, tzinfo=UTC)


def seal_readings(
    root: Path, node: str, qualities: str, *, first: int = 0, gpus: str = "ab", source: str = "dcgm"
) -> Path:
    """Seal a reading a second of GPUs; each letter is a quality: o for ok, l for late."""
    rows = [
        {
            "node_id": node,
            "boot_id": "b1",
            "gpu_uuid": f"GPU-{gpu}",
            "observed_at_utc": NOON_UTC + timedelta(seconds=number),
            "monotonic_ms": number * 1_000,
            "sequence_number": number,
            "counter_epoch": 3,
            "power_milliwatt": None if number == 1 else 600_000,
            "energy_total_millijoule": number * 600_000,
            "power_scope": "gpu",
            "reading_quality": {"o": "ok", "l": "late"}[quality],
        }
        for gpu in gpus
        for number, quality in enumerate(qualities, start=first)
    ]
    table = pa.Table.from_pylist(rows, schema=SCHEMAS[POWER_SAMPLES])
    (path,) = seal(table, root=root, site_id="s1", source=source)
    return path


def test_the_end_of_a_file_says_what_all_its_rows_have(tmp_path: Path) -> None:
    columns = ("observed_at_utc", "node_id", "reading_quality", "counter_epoch", "power_milliwatt")

    (end,) = ends_of([seal_readings(tmp_path, "n1", "ool")], columns, ("node_id", "gpu_uuid"))

    assert end.row_count == 6
    assert end.texts == {"node_id": ("n1",), "gpu_uuid": ("GPU-a", "GPU-b")}
    assert (end.same("node_id"), end.same("counter_epoch")) == ("n1", 3)
    assert end.same("reading_quality") is None
    assert end.same("power_milliwatt") is None  # one is NULL
    seconds = [NOON_UTC + timedelta(seconds=n) for n in range(4)]
    assert end.lies_in("observed_at_utc", seconds[0], seconds[2]) is True
    assert end.lies_in("observed_at_utc", seconds[1], seconds[3]) is None
    assert end.lies_in("observed_at_utc", seconds[3], seconds[3]) is False
    assert end.lies_in("power_milliwatt", 0, 1) is None


@pytest.mark.parametrize("where", [None, pl.col("gpu_uuid") == "GPU-a"])
def test_rows_are_those_of_a_plain_read(tmp_path: Path, where: pl.Expr | None) -> None:
    """Of n1, one file is the same in all its rows and one is not; GPU c is alone on n2."""
    paths = [
        seal_readings(tmp_path, "n1", "ooo"),
        seal_readings(tmp_path, "n1", "olo", first=3),
        seal_readings(tmp_path, "n2", "ll", gpus="c"),
    ]
    ends = ends_of(paths, ("node_id", "boot_id", "counter_epoch", "reading_quality"))

    found = read_collected(POWER_SAMPLES, ends, where, SAMPLE_COLUMNS)

    expected = read_raw_files(POWER_SAMPLES, paths, where, SAMPLE_COLUMNS)
    text = pl.col(pl.Categorical).cast(pl.String)
    assert found.with_columns(text).sort(SAMPLE_COLUMNS).equals(expected.sort(SAMPLE_COLUMNS))


def test_what_was_shipped_twice_is_read_once(tmp_path: Path) -> None:
    paths = [seal_readings(tmp_path, "n1", "ooo", source=source) for source in ("dcgm", "again")]

    found = read_collected(POWER_SAMPLES, ends_of(paths, ("node_id",)), None, SAMPLE_COLUMNS)

    assert found.height == 6


def rewritten(path: Path, change: Callable[[pa.Table], pa.Table]) -> Path:
    """Write a file again as another version of a collector might have."""
    pq.write_table(change(pq.read_table(path, partitioning=None)), path)
    return path


def test_files_of_another_schema_are_read_beside_those_of_this(tmp_path: Path) -> None:
    """The later one has stamps in microseconds and a wider power."""
    first, later = (seal_readings(tmp_path, "n1", "oo", first=number) for number in (0, 2))
    kinds = {"observed_at_utc": pa.timestamp("us", "UTC"), "power_milliwatt": pa.int64()}
    rewritten(
        later,
        lambda table: table.cast(
            pa.schema([one.with_type(kinds.get(one.name, one.type)) for one in table.schema])
        ),
    )

    ends = ends_of([first, later], ("node_id",))
    found = read_collected(POWER_SAMPLES, ends, None, SAMPLE_COLUMNS)

    alone = [read_raw_files(POWER_SAMPLES, [path], None, SAMPLE_COLUMNS) for path in (first, later)]
    text = pl.col(pl.Categorical).cast(pl.String)
    expected = pl.concat(alone).sort(SAMPLE_COLUMNS)
    assert found.with_columns(text).sort(SAMPLE_COLUMNS).equals(expected)


def test_a_file_without_a_column_is_not_read_as_if_nothing_were_known(tmp_path: Path) -> None:
    first, later = (seal_readings(tmp_path, "n1", "oo", first=number) for number in (0, 2))
    rewritten(later, lambda table: table.drop_columns(["power_milliwatt"]))

    with pytest.raises(DAMAGE):
        read_collected(POWER_SAMPLES, ends_of([first, later], ()), None, SAMPLE_COLUMNS)


def test_a_damaged_page_is_refused_with_the_name_of_the_file(tmp_path: Path) -> None:
    path = seal_readings(tmp_path, "n1", "ooo")
    ends = ends_of([path], ())
    content = bytearray(path.read_bytes())
    content[4:64] = bytes(60)  # of the first page, its header
    path.write_bytes(content)

    with pytest.raises(DataRefusedError, match=path.name):
        read_collected(POWER_SAMPLES, ends, None, ("node_id",))


def test_no_files_have_no_rows() -> None:
    assert read_collected(POWER_SAMPLES, [], None, SAMPLE_COLUMNS).columns == list(SAMPLE_COLUMNS)


def test_rows_of_gpus_are_counted_without_reading_files_of_one_node(tmp_path: Path) -> None:
    paths = [
        seal_readings(tmp_path, "n1", "ooo"),
        seal_readings(tmp_path, "n1", "o", first=3, gpus="a"),
        seal_readings(tmp_path, "n2", "oo", gpus="c"),
    ]
    moved = pl.concat(pl.read_parquet(path, hive_partitioning=False) for path in paths[::2])
    mixed = tmp_path / "mixed.parquet"
    moved.filter(pl.col("sequence_number") > 0).write_parquet(mixed)

    counts = rows_of_gpus(ends_of([*paths, mixed], (), ("node_id", "gpu_uuid")))

    assert sorted(counts.rows()) == [
        ("n1", "GPU-a", 3 + 1 + 2),
        ("n1", "GPU-b", 3 + 2),
        ("n2", "GPU-c", 2 + 1),
    ]
