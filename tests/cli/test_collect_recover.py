import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from negawatt.cli.collect import app
from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from tests.collectors.spool.spools import files, write_log

pytestmark = pytest.mark.slow  # each write is synced


def _recover(*arguments: str | Path) -> str:
    runner = CliRunner()
    return runner.invoke(app, ["recover", *map(str, arguments)], catch_exceptions=False).stdout


def test_what_a_crash_left_is_sealed_checked_and_added_up(tmp_path: Path) -> None:
    """Three ticks of two GPUs, of which B misses one."""
    write_log(tmp_path, [("A", "B"), ("A",), ("A", "B")])

    words = _recover(tmp_path)

    assert words == (
        "000000000000.log: 3 frames, 5 readings sealed into 2 files, 0 lost\n"
        "2 sealed files are what was sealed\n"
        "A in boot boot-1: 3 expected, 3 received, 0 in gaps, 0 unaccounted\n"
        "B in boot boot-1: 3 expected, 2 received, 1 in gaps, 0 unaccounted\n"
    )


def test_a_dry_run_says_what_there_is_and_changes_nothing(tmp_path: Path) -> None:
    write_log(tmp_path, [("A",)] * 3)
    before = files(tmp_path)

    values = json.loads(_recover(tmp_path, "--dry-run", "--json"))

    assert files(tmp_path) == before
    assert values["unsealed_segments"] == {
        "000000000000.log": {"frame_count": 3, "damaged_bytes": 0}
    }
    assert values["sealed_segments"] == {}


def test_a_sealed_file_that_was_changed_is_refused(tmp_path: Path) -> None:
    write_log(tmp_path, [("A",)] * 3)
    _recover(tmp_path)
    (path,) = tmp_path.rglob("raw_gpu__power_samples/*/*/*.parquet")
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

    with pytest.raises(DataRefusedError, match="1 findings, 0 readings unaccounted"):
        _recover(tmp_path)


def test_a_sealed_file_that_is_gone_is_missed(tmp_path: Path) -> None:
    write_log(tmp_path, [("A",)] * 3)
    _recover(tmp_path)
    for path in tmp_path.rglob("raw_gpu__power_samples/*/*/*.parquet"):
        path.unlink()

    with pytest.raises(DataRefusedError, match="1 findings"):
        _recover(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="expected a folder"):
        _recover(tmp_path / "nowhere")
