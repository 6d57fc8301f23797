import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.warehouse.formats.nem12 import read_nem12
from negawatt.warehouse.formats.nem12_export import write_nem12
from tests.warehouse.formats.conftest import day, nem12, only_member

NOW_UTC = datetime(2024, 2, 3, tzinfo=UTC)
NAME = "NMI1234567.E1"
EVENTS = ("400,1,20,F14,76,", "400,21,23,A,,", "400,24,24,N,,", "400,25,48,S14,1,tree fell")
VALUES = ["0.1", "12.345", "0.000001", "7", *["0.3"] * 44]


def rows_of(content: bytes) -> pl.DataFrame:
    return read_nem12(content).rows.with_columns(pl.lit(NOW_UTC).alias("available_at_utc"))


def half_hours(count: int = 48, *, minutes: int = 30) -> pl.DataFrame:
    """Return readings from midnight of market time on 1 February 2024."""
    starts = [
        datetime(2024, 1, 31, 14, tzinfo=UTC) + timedelta(minutes=minutes * n) for n in range(count)
    ]
    return pl.DataFrame(
        {
            "meter_id": NAME,
            "interval_start_utc": starts,
            "interval_end_utc": [start + timedelta(minutes=minutes) for start in starts],
            "energy_kwh": [0.1 + n / 7 for n in range(count)],
            "reading_quality": "ok",
            "available_at_utc": NOW_UTC,
        }
    )


def test_what_is_written_reads_back_with_every_value_and_quality() -> None:
    days = (day(VALUES, "V,,,,"), *EVENTS, day(VALUES, "S52,30,,,", date="20240202"))
    rows = rows_of(nem12(*days))

    again = rows_of(write_nem12(rows, NAME, NOW_UTC))

    assert again.equals(rows)


def test_what_the_register_showed_leaves_with_its_day_and_comes_back() -> None:
    records = (day(VALUES), "500,N,,20240201121500,12.3456", "500,N,,20240201180000,13")
    parsed = read_nem12(nem12(*records))

    written = write_nem12(rows_of(nem12(*records)), NAME, NOW_UTC, parsed.registers)

    assert [line for line in written.decode().splitlines() if line[:3] == "500"] == [*records[1:]]
    assert read_nem12(written).registers.equals(parsed.registers)


def test_the_records_of_a_v_day_come_back_as_they_were() -> None:
    content = nem12(day(VALUES, "V,,,,"), *EVENTS)

    written = write_nem12(rows_of(content), NAME, NOW_UTC).decode()

    assert [line for line in written.splitlines() if line.startswith("400")] == list(EVENTS)


def test_a_float_of_seventeen_digits_comes_back_to_the_last_bit() -> None:
    rows = half_hours()

    again = rows_of(write_nem12(rows, NAME, NOW_UTC))

    assert again["energy_kwh"].to_list() == rows["energy_kwh"].to_list()


def test_an_interval_that_is_missing_comes_back_as_not_known() -> None:
    rows = half_hours(47)

    again = rows_of(write_nem12(rows, NAME, NOW_UTC))

    assert again.head(47).equals(rows.cast(again.schema))
    assert again.row(47)[3:5] == (None, "no_reading")


@pytest.mark.parametrize("minutes", [5, 15])
def test_other_interval_lengths_come_back(minutes: int) -> None:
    rows = half_hours(1440 // minutes, minutes=minutes)

    again = rows_of(write_nem12(rows, NAME, NOW_UTC))

    assert again["interval_end_utc"].to_list() == rows["interval_end_utc"].to_list()


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (pl.lit(-0.5).alias("energy_kwh"), "found -0.5 kWh"),
        (pl.lit("estimated espi 8").alias("reading_quality"), "quality 'estimated espi 8'"),
        (pl.lit("no_reading").alias("reading_quality"), "kWh with quality 'no_reading'"),
        (pl.lit(None, pl.Float64).alias("energy_kwh"), "found None kWh with quality 'ok'"),
        (
            pl.col("interval_start_utc") + timedelta(minutes=10),
            "intervals of 5, 15 or 30 minutes",
        ),
    ],
)
def test_what_the_format_cannot_say_is_refused(change: pl.Expr, found: str) -> None:
    with pytest.raises(DataRefusedError, match=found):
        write_nem12(half_hours(1).with_columns(change), NAME, NOW_UTC)


@pytest.mark.parametrize("name", ["feeder", "NMI12345678.E1", "NMI1234567.E12", "NMI-234567.E1"])
def test_a_name_that_is_no_nmi_with_suffix_is_refused(name: str) -> None:
    with pytest.raises(DataRefusedError, match="give the name with --as"):
        write_nem12(half_hours(1), name, NOW_UTC)


@pytest.mark.shared
def test_every_channel_of_every_market_test_file_comes_back_as_it_was(shared_data: Path) -> None:
    """Missing days stay missing; energy, quality, reason and text of each interval are the same."""
    path = shared_data / "formats" / "nem12" / "nemreader_examples.zip"
    with zipfile.ZipFile(path) as examples:
        names = [name for name in examples.namelist() if "/nem12/" in name and name[-1] != "/"]
        contents = [only_member(examples.read(name)) for name in names]
    channel_count = 0

    for content in contents:
        for channel in rows_of(content).partition_by("meter_id"):
            written = write_nem12(channel, channel["meter_id"][0], NOW_UTC)
            again = rows_of(written)
            channel_count += 1
            assert again.equals(channel.sort("interval_start_utc"))

    assert channel_count > 100
