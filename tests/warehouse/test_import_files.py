import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.warehouse.import_files import read_incoming
from tests.warehouse.formats.conftest import day, nem12

NOW_UTC = datetime(2026, 7, 2, tzinfo=UTC)
METERS = ("raw_meter__readings",)
CONTENT = nem12(day(["1"] * 48), day(["x"] * 48, date="20240202"))


def zipped(*contents: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, content in enumerate(contents):
            # Of one time: names of tests hold these bytes, alike in every process.
            archive.writestr(zipfile.ZipInfo(f"{number}.csv"), content)
    return buffer.getvalue()


@pytest.mark.parametrize("content", [CONTENT, zipped(CONTENT), b"\xef\xbb\xbf\n" + CONTENT])
def test_a_nem12_file_is_known_by_its_content_whatever_its_name(
    content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "readings.dat"
    path.write_bytes(content)

    incoming = read_incoming(path, METERS, None, NOW_UTC)

    assert (incoming.table, incoming.rows.height, len(incoming.refused)) == (METERS[0], 48, 1)
    assert set(incoming.rows["available_at_utc"]) == {NOW_UTC}


def test_a_nem12_file_without_its_head_is_refused_and_no_profile_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    path.write_bytes(CONTENT.split(b"\n", 1)[1])

    with pytest.raises(DataRefusedError, match="a first record 100,NEM12"):
        read_incoming(path, METERS, None, NOW_UTC)


def test_a_format_of_meters_is_no_format_of_events(tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    path.write_bytes(CONTENT)

    with pytest.raises(ConfigurationError, match="--profile FILE with a CSV file"):
        read_incoming(path, ("raw_grid__events",), None, NOW_UTC)


@pytest.mark.parametrize(
    ("content", "found"),
    [(zipped(CONTENT, b"x"), "found 2 files"), (zipped(CONTENT)[:90], "found File is not a zip")],
)
def test_a_zip_file_of_anything_but_one_file_is_refused(
    content: bytes, found: str, tmp_path: Path
) -> None:
    path = tmp_path / "readings.zip"
    path.write_bytes(content)

    with pytest.raises(DataRefusedError, match=found):
        read_incoming(path, METERS, None, NOW_UTC)


def test_an_empty_or_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    with pytest.raises(ConfigurationError, match=r"readings\.csv"):
        read_incoming(path, METERS, None, NOW_UTC)

    path.touch()

    with pytest.raises(ConfigurationError, match="found an empty file"):
        read_incoming(path, METERS, None, NOW_UTC)


def test_a_file_too_large_to_read_at_once_is_refused_also_inside_a_zip_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("negawatt.warehouse.import_files._MAX_BYTES", 100_000)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.csv", b"0" * 100_001)
    assert len(bomb.getvalue()) < 1000

    for content in (b"0" * 100_001, bomb.getvalue()):
        (tmp_path / "readings.csv").write_bytes(content)
        with pytest.raises(DataRefusedError, match="at most 100000 bytes"):
            read_incoming(tmp_path / "readings.csv", METERS, None, NOW_UTC)
