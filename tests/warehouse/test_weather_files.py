"""Files of outdoor temperatures."""

from datetime import UTC, datetime

import polars as pl
import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.warehouse.catalog import check
from negawatt.warehouse.profiles import translate
from negawatt.warehouse.weather_files import WEATHER, WeatherProfile

NOW_UTC = datetime(2026, 7, 2, tzinfo=UTC)
PROFILE = WeatherProfile(
    table="raw_site__weather",
    station_id="KPHX",
    time_column="time",
    time_zone="America/Phoenix",
    temperature_column="temp",
    unit="F",
    filter={"kind": ["FM-15"]},
)


def rows(temp: str, unit: str = "F") -> pl.DataFrame:
    source = pl.DataFrame(
        {
            "time": ["2026-07-01 13:51", "2026-07-01 13:55"],
            "temp": [temp, "1"],
            "kind": ["FM-15", "SOD"],
        }
    )
    return translate(PROFILE.model_copy(update={"unit": unit}), source, NOW_UTC)


def test_local_stamps_and_fahrenheit_become_utc_and_celsius() -> None:
    """13:51 in Phoenix is 20:51 UTC; 113 °F are (113 - 32) 5/9 = 45 °C; the daily row is left."""
    assert rows("113").rows() == [("KPHX", datetime(2026, 7, 1, 20, 51, tzinfo=UTC), 45.0, NOW_UTC)]


@pytest.mark.parametrize(("temp", "unit", "celsius"), [("300.15", "K", 27.0), ("-5", "C", -5.0)])
def test_kelvin_and_celsius_are_read(temp: str, unit: str, celsius: float) -> None:
    assert rows(temp, unit)["outdoor_temperature_c"].to_list() == [pytest.approx(celsius)]


def test_an_empty_cell_is_not_known() -> None:
    assert rows("")["outdoor_temperature_c"].to_list() == [None]


def test_a_temperature_that_no_weather_has_breaks_a_rule_of_the_table() -> None:
    """113 read as degrees Celsius: a file whose unit was told wrong."""
    passed = [
        {outcome.name: outcome.passed for outcome in check(WEATHER, rows("113", unit))}
        for unit in ("C", "F")
    ]

    assert [one["values_are_in_range"] for one in passed] == [False, True]


def test_a_cell_that_is_no_number_is_refused() -> None:
    with pytest.raises(DataRefusedError, match="rows for raw_site__weather"):
        rows("hot")
