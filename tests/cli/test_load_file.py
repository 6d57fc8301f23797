from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from negawatt.cli.load_file import read_load
from negawatt.models.domain.errors import DataRefusedError

HEAD = "interval_start_utc,energy_kwh\n"


def written(folder: Path, text: str) -> Path:
    file = folder / "hall-1.csv"
    file.write_text(text)
    return file


def test_a_missing_line_and_an_empty_value_are_not_known(tmp_path: Path) -> None:
    text = HEAD + "2026-07-01T00:00Z,1\n2026-07-01T00:30Z,\n2026-07-01T01:30Z,0\n"

    load = read_load(written(tmp_path, text))

    assert (load.meter_id, load.interval_minutes) == ("hall-1", 30)
    assert load.start_utc == datetime(2026, 7, 1, tzinfo=UTC)
    assert np.isnan(load.energy_kwh).tolist() == [False, True, True, False]
    assert load.energy_kwh[[0, 3]].tolist() == [1.0, 0.0]
    assert load.coverage_ratio.tolist() == [1.0, 0.0, 0.0, 1.0]


def test_power_becomes_the_energy_of_its_interval(tmp_path: Path) -> None:
    """90 kW over 15 minutes is 22.5 kWh; +02:00 is the same instant as 22:00 UTC the day before."""
    text = (
        "interval_start_utc,power_kw,coverage_ratio\n"
        "2026-07-01T00:15:00+02:00,60,0.5\n"
        "2026-07-01T00:00:00+02:00,90,1\n"
    )

    load = read_load(written(tmp_path, text))

    assert load.start_utc == datetime(2026, 6, 30, 22, tzinfo=UTC)
    assert load.energy_kwh.tolist() == [22.5, 15.0]
    assert load.coverage_ratio.tolist() == [1.0, 0.5]


@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_parquet_gives_what_csv_gives(tmp_path: Path, zone: str | None) -> None:
    starts = pl.Series([datetime(2026, 7, 1, hour, tzinfo=UTC) for hour in (0, 1)])
    if zone is None:
        starts = starts.dt.replace_time_zone(None)
    else:
        starts = starts.dt.convert_time_zone(zone)
    file = tmp_path / "hall-1.parquet"
    pl.DataFrame({"interval_start_utc": starts, "energy_kwh": [1.0, 2.0]}).write_parquet(file)

    load = read_load(file)

    assert load.start_utc == datetime(2026, 7, 1, tzinfo=UTC)
    assert load.start_utc.tzinfo is UTC
    assert load.energy_kwh.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,energy_kwh\n2026-07-01T00:00Z,1\n", "found columns time, energy_kwh"),
        ("interval_start_utc,energy_kwh,power_kw\n", "energy_kwh or power_kw"),
        (HEAD + "2026-07-01T00:00Z,1\n2026-07-01T00:00Z,1\n", "0 without a start, 2 repeated"),
        (HEAD + "2026-07-01T00:00Z,1\n", "two or more intervals"),
        (HEAD + "2026-07-01T00:00:00Z,1\n2026-07-01T00:00:10Z,1\n", "a step of 10 s"),
        (
            HEAD + "2026-07-01T00:00Z,1\n2026-07-01T00:10Z,1\n2026-07-01T00:25Z,1\n",
            "starts between its lines",
        ),
        (HEAD + "2026-07-01T00:05Z,1\n2026-07-01T00:20Z,1\n", "a grid counted from midnight UTC"),
        (HEAD + "2026-07-01T00:00Z,much\n2026-07-01T00:05Z,1\n", "ISO 8601 instants in UTC and"),
        (HEAD + "1 July,1\n2 July,1\n", "ISO 8601 instants in UTC and numbers"),
    ],
)
def test_a_file_that_breaks_the_grid_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DataRefusedError) as error:
        read_load(written(tmp_path, text))

    assert said in str(error.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataRefusedError, match="a readable CSV or Parquet file"):
        read_load(tmp_path / "none.csv")
