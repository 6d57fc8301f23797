"""A fleet folder on disk: which files are read in which order, and what is refused."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.warehouse.fleet_folder import PowerFile, open_fleet_folder

START = datetime(2026, 6, 1, tzinfo=UTC)
EVENTS = [{"start": "2026-06-01T00:10:00+00:00", "end": "2026-06-01T00:20:00+00:00"}]


def power(
    start: datetime, *, gpus: tuple[object, ...] = ("a", "b"), minutes: int = 3, step_s: int = 60
) -> pl.DataFrame:
    """Return readings GPU by GPU: 100, 101, ... W, the last one of each lost."""
    n = minutes * 60 // step_s
    ts = [start + timedelta(seconds=step_s * k) for k in range(n)]
    watt = [100.0 + k for k in range(n - 1)]
    return pl.DataFrame(
        {
            "ts": ts * len(gpus),
            "gpu": [gpu for gpu in gpus for _ in range(n)],
            "power_w": [*watt, None] * len(gpus),
        }
    )


def folder_of(folder: Path, days: dict[str, pl.DataFrame] | None = None) -> Path:
    """Write a folder with two GPUs and one day of three minutes, or the days that are given."""
    (folder / "gpu_power").mkdir()
    for name, frame in (days or {"day=00": power(START)}).items():
        frame.write_parquet(folder / "gpu_power" / f"{name}.parquet")
    gpus = pl.DataFrame({"gpu": ["a", "b"], "node": ["n", "n"], "pool": ["batch", "batch"]})
    gpus.write_parquet(folder / "gpus.parquet")
    (folder / "events.json").write_text(json.dumps(EVENTS), "utf-8")
    return folder


def days_of(folder: Path) -> list[PowerFile]:
    return [read() for read in open_fleet_folder(folder).power_files]


def refused(folder: Path) -> DataRefusedError:
    with pytest.raises(DataRefusedError) as caught:
        days_of(folder)
    error = caught.value
    assert all([error.thing, error.expected, error.found, error.remedy])
    return error


def test_a_folder_is_opened_with_its_tables_events_and_span(tmp_path: Path) -> None:
    files = open_fleet_folder(folder_of(tmp_path))

    assert files.start_utc == START
    assert files.n_minutes == 3
    assert files.tables.keys() == {"gpus"}
    assert files.events == EVENTS


def test_readings_are_known_by_the_row_of_their_gpu(tmp_path: Path) -> None:
    """The file names b first; in gpus.parquet b is the second row."""
    folder = folder_of(tmp_path, {"day=00": power(START, gpus=("b", "a"))})

    [day] = days_of(folder)

    assert day.gpu_row.tolist() == [1, 1, 1, 0, 0, 0]
    np.testing.assert_array_equal(day.power_w, [100, 101, np.nan] * 2)
    first_ms = round(START.timestamp() * 1000)
    assert (day.ts_ms - first_ms).tolist() == [0, 60_000, 120_000] * 2


def test_ten_comes_after_nine(tmp_path: Path) -> None:
    """By name day=10 would come before day=9."""
    frames = {f"day={n}": power(START + timedelta(days=n)) for n in (10, 9, 2)}

    files = open_fleet_folder(folder_of(tmp_path, frames))

    assert files.start_utc == START + timedelta(days=2)
    assert files.n_minutes == 8 * 1440 + 3
    starts = [int(read().ts_ms.min()) for read in files.power_files]
    assert starts == sorted(starts)


def test_days_that_begin_at_local_midnight_begin_the_fleet_there(tmp_path: Path) -> None:
    local = START + timedelta(hours=7)

    files = open_fleet_folder(folder_of(tmp_path, {"day=00": power(local)}))

    assert files.start_utc == local


def test_the_first_minute_is_whole_though_the_first_reading_is_not(tmp_path: Path) -> None:
    late = START + timedelta(seconds=37)

    files = open_fleet_folder(folder_of(tmp_path, {"day=00": power(late)}))

    assert files.start_utc == START
    assert files.n_minutes == 3


def test_an_event_day_may_be_finer(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"day=00": power(START, step_s=10)})

    [day] = days_of(folder)

    assert open_fleet_folder(folder).n_minutes == 3
    assert len(day.ts_ms) == 2 * 18


@pytest.mark.parametrize("zone", [None, "UTC", "America/Phoenix"])
def test_naive_instants_are_utc_and_aware_ones_what_they_say(
    tmp_path: Path, zone: str | None
) -> None:
    frame = power(START)
    ts = pl.col("ts")
    in_zone = ts.dt.replace_time_zone(None) if zone is None else ts.dt.convert_time_zone(zone)

    files = open_fleet_folder(folder_of(tmp_path, {"day=00": frame.with_columns(in_zone)}))

    assert files.start_utc == START


@pytest.mark.parametrize("unit", ["ms", "ns"])
def test_instants_of_any_unit_are_read(tmp_path: Path, unit: str) -> None:
    frame = power(START).with_columns(pl.col("ts").dt.cast_time_unit(unit))  # type: ignore[arg-type]  # a unit

    [day] = days_of(folder_of(tmp_path, {"day=00": frame}))

    assert int(day.ts_ms[0]) == round(START.timestamp() * 1000)


def test_gpus_may_be_numbered(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"day=00": power(START, gpus=(17, 4))})
    numbered = pl.DataFrame({"gpu": [4, 17], "node": ["n", "n"], "pool": ["batch", "batch"]})
    numbered.write_parquet(folder / "gpus.parquet")

    [day] = days_of(folder)

    assert day.gpu_row.tolist() == [1, 1, 1, 0, 0, 0]


def test_other_files_beside_the_days_are_let_be(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    power(START).write_parquet(folder / "gpu_power" / "old-day=07.parquet")

    assert len(open_fleet_folder(folder).power_files) == 1


def test_a_folder_without_days_is_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    (folder / "gpu_power" / "day=00.parquet").unlink()

    assert "gpu_power" in refused(folder).thing


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    assert "gpu_power" in refused(tmp_path / "nothing").thing


def test_a_folder_without_its_gpus_is_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    (folder / "gpus.parquet").unlink()

    assert "gpus.parquet" in refused(folder).thing


@pytest.mark.parametrize("text", ["", "{}", "[1]", "[{"])
def test_events_that_are_no_list_of_events_are_refused(tmp_path: Path, text: str) -> None:
    folder = folder_of(tmp_path)
    (folder / "events.json").write_text(text, "utf-8")

    error = refused(folder)

    assert "events.json" in error.thing
    assert error.expected == "a JSON list of events"


def test_a_folder_without_events_is_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    (folder / "events.json").unlink()

    assert "events.json" in refused(folder).thing


@pytest.mark.parametrize("name", ["gpu_power/day=00.parquet", "jobs.parquet"])
def test_a_file_that_is_no_parquet_is_refused_by_name(tmp_path: Path, name: str) -> None:
    folder = folder_of(tmp_path)
    (folder / name).write_bytes(b"not Parquet")

    assert Path(name).name in refused(folder).thing


@pytest.mark.parametrize("column", ["ts", "gpu", "power_w"])
def test_a_day_without_a_column_is_refused(tmp_path: Path, column: str) -> None:
    folder = folder_of(tmp_path, {"day=00": power(START).drop(column)})

    assert "day=00.parquet" in refused(folder).thing


def test_a_day_without_readings_at_the_edge_is_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"day=00": power(START).clear()})

    error = refused(folder)

    assert error.found == "no rows"


def test_a_gpu_that_the_fleet_does_not_have_is_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"day=00": power(START, gpus=("a", "stranger"))})

    assert refused(folder).found == "'stranger'"
