import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.collectors.raw_schema import GAPS, POWER_SAMPLES, SCHEMAS
from negawatt.collectors.sources.protocol import GpuIdentity
from negawatt.collectors.spool.segment import content_hash, seal, seal_gaps, verify_sealed
from negawatt.models.domain.errors import ConfigurationError, DataRefusedError

_START_UTC = datetime(2026, 7, 1, 23, 59, 58, tzinfo=UTC)


def _row(gpu: str, second: int, **changes: object) -> Mapping[str, object]:
    return {
        "node_id": "n1",
        "boot_id": "boot-1",
        "gpu_uuid": gpu,
        "observed_at_utc": _START_UTC + timedelta(seconds=second),
        "monotonic_ms": 1000 * second,
        "sequence_number": second,
        "counter_epoch": 0,
        "power_milliwatt": 500_000 + second,
        "power_instant_milliwatt": None,
        "energy_total_millijoule": 500_000 * second,
        "power_limit_milliwatt": 700_000,
        "power_scope": "gpu",
        "reading_quality": "ok",
        "read_latency_ns": None,
        **changes,
    }


def _table(rows: list[Mapping[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=SCHEMAS[POWER_SAMPLES])


def _samples() -> pa.Table:
    """Two GPUs, four seconds: two before midnight and two after."""
    return _table([_row(gpu, second) for second in range(4) for gpu in ("GPU-b", "GPU-a")])


def _seal(table: pa.Table, root: Path, **changes: str) -> list[Path]:
    return seal(
        table,
        root=root,
        site_id=changes.get("site_id", "s1"),
        source=changes.get("source", "dcgm"),
    )


def test_a_file_holds_one_utc_day_and_its_name_says_what_is_inside(tmp_path: Path) -> None:
    first, second = _seal(_samples(), tmp_path)

    assert first.parent == tmp_path / POWER_SAMPLES / "site=s1" / "date=2026-07-01"
    assert second.parent.name == "date=2026-07-02"
    assert first.name.startswith("n1_boot-1_dcgm_000000000000_000000000001_")
    assert second.name.startswith("n1_boot-1_dcgm_000000000002_000000000003_")


def test_rows_come_back_sorted_by_gpu_and_time_and_unchanged(tmp_path: Path) -> None:
    paths = _seal(_samples(), tmp_path)

    rows = [row for path in paths for row in pq.read_table(path, partitioning=None).to_pylist()]

    assert rows == [
        _row(gpu, second)
        for seconds in ((0, 1), (2, 3))
        for gpu in ("GPU-a", "GPU-b")
        for second in seconds
    ]
    assert pq.read_schema(paths[0]).equals(SCHEMAS[POWER_SAMPLES])


def test_sealing_twice_changes_nothing(tmp_path: Path) -> None:
    once = {path: path.stat().st_mtime_ns for path in _seal(_samples(), tmp_path)}

    again = {path: path.stat().st_mtime_ns for path in _seal(_samples(), tmp_path)}

    assert again == once
    assert sorted(tmp_path.rglob("*.parquet")) == sorted(once)
    assert not list(tmp_path.rglob(".*"))


@given(st.permutations(range(8)))
@settings(max_examples=5, deadline=None)  # a disk takes its time
def test_the_order_in_which_rows_came_does_not_change_a_byte(
    tmp_path_factory: pytest.TempPathFactory, order: list[int]
) -> None:
    expected = [path.name for path in _seal(_samples(), tmp_path_factory.mktemp("a"))]

    shuffled = _seal(_samples().take(order), tmp_path_factory.mktemp("b"))

    assert [path.name for path in shuffled] == expected


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    path = _seal(_samples(), tmp_path)[0]
    whole = path.read_bytes()
    verify_sealed(path)

    for position in range(0, len(whole), 211):
        path.write_bytes(_flipped(whole, 8 * position))
        with pytest.raises(DataRefusedError, match="SHA-256"):
            verify_sealed(path)


@pytest.mark.slow
def test_every_flipped_bit_of_a_file_changes_the_hash_that_its_name_states(tmp_path: Path) -> None:
    """All of some 42,000 bits, one at a time."""
    path = _seal(_samples(), tmp_path)[0]
    whole = path.read_bytes()
    stated = path.stem.rpartition("_")[2]

    assert content_hash(whole) == stated
    assert all(content_hash(_flipped(whole, bit)) != stated for bit in range(8 * len(whole)))


def _flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_columns_are_encoded_as_other_readers_expect(tmp_path: Path) -> None:
    metadata = pq.read_metadata(_seal(_samples(), tmp_path)[0])
    columns = {
        metadata.row_group(0).column(n).path_in_schema: metadata.row_group(0).column(n)
        for n in range(metadata.num_columns)
    }

    assert {c.compression for c in columns.values()} == {"ZSTD"}
    assert "DELTA_BINARY_PACKED" in columns["energy_total_millijoule"].encodings
    assert "DELTA_BINARY_PACKED" in columns["observed_at_utc"].encodings
    assert "RLE_DICTIONARY" in columns["gpu_uuid"].encodings
    assert columns["power_milliwatt"].has_column_index
    assert metadata.metadata[b"negawatt.schema_version"] == b"1"


def test_a_damaged_page_is_found_by_a_reader_that_checks(tmp_path: Path) -> None:
    path = _seal(_samples(), tmp_path)[0]
    column = pq.read_metadata(path).row_group(0).column(9)
    data = bytearray(path.read_bytes())
    data[column.data_page_offset + column.total_compressed_size - 1] ^= 1
    path.write_bytes(data)

    with pytest.raises(OSError, match="CRC"):
        pq.read_table(path, partitioning=None, page_checksum_verification=True)


def test_the_instrument_is_kept_with_the_readings(tmp_path: Path) -> None:
    gpu = GpuIdentity(gpu_uuid="GPU-a", model_name="H100", driver_version="580.1")

    path = seal(_samples(), root=tmp_path, site_id="s1", source="dcgm", identities=[gpu, gpu])[0]

    kept = json.loads(pq.read_metadata(path).metadata[b"negawatt.gpus"])
    assert [GpuIdentity(**values) for values in kept] == [gpu]


def test_no_rows_make_no_file(tmp_path: Path) -> None:
    assert _seal(_table([]), tmp_path) == []
    assert not list(tmp_path.iterdir())


def test_gaps_are_filed_under_the_day_they_begin(tmp_path: Path) -> None:
    row = {
        "node_id": "n1",
        "boot_id": "boot-1",
        "gpu_uuid": "GPU-a",
        "gap_start_utc": _START_UTC,
        "gap_end_utc": _START_UTC + timedelta(seconds=1),
        "expected_count": 1,
        "received_count": 0,
        "gap_reason": "timeout",
    }
    gaps = pa.Table.from_pylist([row], schema=SCHEMAS[GAPS])

    paths = seal_gaps(gaps, root=tmp_path, site_id="s1", source="dcgm")

    assert paths[0].parent == tmp_path / GAPS / "site=s1" / "date=2026-07-01"
    assert pq.read_table(paths[0], partitioning=None).to_pylist() == [row]
    verify_sealed(paths[0])


def test_a_required_value_that_is_null_is_refused(tmp_path: Path) -> None:
    columns = [pa.field(c.name, c.type, nullable=True) for c in SCHEMAS[POWER_SAMPLES]]
    table = pa.Table.from_pylist([_row("GPU-a", 0, monotonic_ms=None)], schema=pa.schema(columns))

    with pytest.raises(DataRefusedError, match="monotonic_ms"):
        _seal(table, tmp_path)


def test_a_null_in_a_table_that_claims_to_have_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataRefusedError, match="'power_scope' with null"):
        _seal(_table([_row("GPU-a", 0, power_scope=None)]), tmp_path)


def test_a_power_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    """2^31 mW is one more than int32 holds."""
    table = _samples().drop_columns(["power_milliwatt"])
    table = table.append_column("power_milliwatt", pa.array([2**31] * 8, pa.int64()))

    with pytest.raises(DataRefusedError, match="not in range"):
        _seal(table, tmp_path)


def test_a_missing_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataRefusedError, match="power_scope"):
        _seal(_samples().drop_columns(["power_scope"]), tmp_path)


def test_rows_of_two_nodes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataRefusedError, match="one node and one boot"):
        _seal(_table([_row("GPU-a", 0), _row("GPU-a", 1, node_id="n2")]), tmp_path)


@pytest.mark.parametrize("changes", [{"source": "d_cgm"}, {"site_id": "a/b"}])
def test_names_that_break_a_path_are_refused(tmp_path: Path, changes: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        _seal(_samples(), tmp_path, **changes)
    assert not list(tmp_path.iterdir())
