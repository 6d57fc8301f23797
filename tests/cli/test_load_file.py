from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from negawatt.cli.load_file import read_load, read_temperature
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


LOCAL = "interval_start_local,energy_kwh\n"
NEW_YORK = "America/New_York"


def test_clock_times_are_read_in_the_zone_that_the_caller_states(tmp_path: Path) -> None:
    """Midnight in New York on 1 July is 04:00 UTC."""
    file = written(tmp_path, LOCAL + "2026-07-01 00:00:00,1\n2026-07-01 01:00:00,2\n")

    load = read_load(file, zone=NEW_YORK)

    assert load.start_utc == datetime(2026, 7, 1, 4, tzinfo=UTC)
    assert load.energy_kwh.tolist() == [1.0, 2.0]


def test_the_hour_that_the_clock_skips_is_not_known_where_the_file_leaves_it_out(
    tmp_path: Path,
) -> None:
    """Clock times 01:00 and 03:00 on 8 March 2026 are neighbors: nothing is missing."""
    file = written(tmp_path, LOCAL + "2026-03-08 01:00:00,1\n2026-03-08 03:00:00,2\n")

    assert read_load(file, zone=NEW_YORK).energy_kwh.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("text", "zone", "said"),
    [
        # 02:00 on 8 March does not exist: a zero there is a gap of the clock, not of the load.
        (LOCAL + "2026-03-08 01:00:00,5\n2026-03-08 02:00:00,0\n", NEW_YORK, "each once"),
        (LOCAL + "2026-11-01 01:00:00,5\n2026-11-01 01:00:00,6\n", NEW_YORK, "each once"),
        (LOCAL + "2026-07-01 00:00:00,5\n2026-07-01 01:00:00,6\n", None, "no zone"),
        (LOCAL + "2026-07-01T00:00+02:00,5\n2026-07-01 01:00:00,6\n", NEW_YORK, "without offset"),
        (HEAD + "2026-07-01T00:00+02:00,5\n2026-07-01T01:00,6\n", None, "instants in UTC"),
        (HEAD + "2026-07-01T00:00Z,5\n2026-07-01T01:00Z,6\n", NEW_YORK, "only with it"),
        (HEAD + "2026-07-01T00:00Z,5\n2026-07-01T01:00Z,-6\n", None, "-6 kW at 2026-07-01T01:00"),
        (HEAD + "2026-07-01T00:00Z,5\n2026-07-01T01:00Z,3e8\n", None, "kW or kWh?"),
        (HEAD + "2026-07-01T00:00Z,5\n2026-07-01T01:00Z,inf\n", None, "kW or kWh?"),
        (
            "interval_start_utc,power_w\n2026-07-01T00:00Z,5\n",
            None,
            "energy_kwh or power_kw, found columns interval_start_utc, power_w",
        ),
    ],
)
def test_what_is_ambiguous_or_cannot_be_is_refused(
    tmp_path: Path, text: str, zone: str | None, said: str
) -> None:
    with pytest.raises(DataRefusedError) as error:
        read_load(written(tmp_path, text), zone=zone)

    assert said in str(error.value)


def test_a_site_that_exports_may_have_negative_load(tmp_path: Path) -> None:
    file = written(tmp_path, HEAD + "2026-07-01T00:00Z,5\n2026-07-01T01:00Z,-6\n")

    assert read_load(file, may_export=True).energy_kwh.tolist() == [5.0, -6.0]


def test_a_temperature_file_has_the_same_grid(tmp_path: Path) -> None:
    text = "interval_start_utc,temperature_c\n2026-07-01T00:00Z,-5\n2026-07-01T02:00Z,7\n"
    text += "2026-07-01T01:00Z,\n"

    series = read_temperature(written(tmp_path, text))

    assert series.interval_minutes == 60
    assert np.isnan(series.temperature_c).tolist() == [False, True, False]
    assert series.temperature_c[[0, 2]].tolist() == [-5.0, 7.0]
