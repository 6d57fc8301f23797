"""A statement as a utility's file: the four hours of the event at 60 kW against 100 kW."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.lifecycle import Stage
from negawatt.models.settlement.statement import Statement, StatementLine
from negawatt.pipelines.exports.upload import Upload, upload_file
from negawatt.pipelines.exports.upload_profile import UploadProfile, find_upload_profile
from negawatt.warehouse.profiles import ReadingsProfile, read_source, translate
from tests.pipelines.exports.conftest import HOUR

KW = {"heading": "kW", "column": "metered_kwh", "unit": "kW"}
START = {"heading": "Start", "column": "interval_start_utc", "format": "%Y-%m-%d %H:%M"}
ENDING = {"heading": "HE", "column": "interval_end_utc", "format": "hour_ending"}


def profile(*columns: dict[str, Any], **changes: Any) -> UploadProfile:  # noqa: ANN401 - as TOML has
    made = {"source": "by hand", "time_zone": "America/New_York", "columns": columns}
    return UploadProfile.model_validate(made | changes)


def cells(made: Upload) -> list[list[str]]:
    return list(csv.reader(io.StringIO(made.content.decode())))


@pytest.fixture
def hours(restated: Callable[..., Statement], statement: Statement) -> Callable[..., Statement]:
    """Return a function that states other hours with these energies."""

    def make(first_utc: datetime, *metered_kwh: str) -> Statement:
        lines = tuple(
            StatementLine(
                interval_start_utc=first_utc + n * HOUR,
                interval_end_utc=first_utc + (n + 1) * HOUR,
                adjusted_baseline_kwh=Decimal(energy),
                metered_kwh=Decimal(energy),
                reduction_kwh=Decimal(0),
            )
            for n, energy in enumerate(metered_kwh)
        )
        return restated(lines=lines, rounding=replace(statement.body.rounding, energy_decimals=6))

    return make


def test_columns_stand_in_the_profile_s_order_with_its_headings(statement: Statement) -> None:
    """14:00 in New York, so that the first hour is hour ending 15; 60 kWh in it are 0.06 MW."""
    constant = {"heading": "ID", "constant": "R-1"}
    power = {"heading": "Load", "column": "metered_kwh", "unit": "MW", "decimals": 3}

    made = upload_file(statement, profile(constant, ENDING, power, delimiter=";", line_end="crlf"))

    assert made.content.splitlines(keepends=True)[:2] == [b"ID;HE;Load\r\n", b"R-1;15;0.060\r\n"]
    assert made.row_count == 4
    assert made.rounded == ()


def test_a_column_of_the_statement_s_head_stands_in_every_row(statement: Statement) -> None:
    meter = {"heading": "Meter", "column": "meter_id"}

    rows = cells(upload_file(statement, profile(meter, KW, has_headings=False)))

    assert rows == [["m & m", "60"]] * 4


def test_a_figure_without_room_is_refused_unless_the_profile_says_how_it_is_rounded(
    hours: Callable[..., Statement],
) -> None:
    """10.125 and 10.375 with two decimals, half up: 10.13 and 10.38, each 0.005 more."""
    stated = hours(datetime(2026, 7, 15, 18, tzinfo=UTC), "10.125", "10.375", "10.5")

    with pytest.raises(DataRefusedError, match=r"expected 2 decimals, found 10[.]125000 of"):
        upload_file(stated, profile(START, KW | {"decimals": 2}))
    made = upload_file(stated, profile(START, KW | {"decimals": 2, "rounding": "half_up"}))

    assert [row[1] for row in cells(made)[1:]] == ["10.13", "10.38", "10.50"]
    [change] = made.rounded
    assert (change.heading, change.count) == ("kW", 2)
    assert (change.largest, change.sum_change) == (Decimal("0.005"), Decimal("0.01"))


def test_the_hour_that_the_clock_shows_twice_is_refused_or_numbered(
    hours: Callable[..., Statement],
) -> None:
    """November 1, 2026, New York: 1:00 comes twice; the day has 25 hours."""
    midnight_utc = datetime(2026, 11, 1, 4, tzinfo=UTC)
    stated = hours(midnight_utc, *(["1"] * 25))

    with pytest.raises(DataRefusedError, match="stamp 2026-11-01 01:00 of the clock America/New"):
        upload_file(stated, profile(START, KW))
    numbered = cells(upload_file(stated, profile(ENDING, KW)))[1:]
    offsets = cells(upload_file(stated, profile(START | {"format": "%H:%M%z"}, KW)))[1:]

    assert [row[0] for row in numbered] == [str(hour) for hour in range(1, 26)]
    assert [row[0] for row in offsets[1:3]] == ["01:00-0400", "01:00-0500"]


def test_a_day_of_23_hours_ends_with_hour_23(hours: Callable[..., Statement]) -> None:
    stated = hours(datetime(2026, 3, 8, 5, tzinfo=UTC), *(["1"] * 23))

    rows = cells(upload_file(stated, profile(ENDING, KW)))

    assert [row[0] for row in rows[1:]] == [str(hour) for hour in range(1, 24)]


def test_what_is_not_known_is_refused_unless_the_layout_has_a_text_for_it(
    restated: Callable[..., Statement],
) -> None:
    stated = restated(band=None)
    column = {"heading": "low", "column": "reduction_lower_kwh"}

    with pytest.raises(DataRefusedError, match="expected a value that is known, found not known"):
        upload_file(stated, profile(column))

    assert cells(upload_file(stated, profile(column | {"unknown": "N/A"})))[1] == ["N/A"]


@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)", "+cmd", "-x", "a\nb", "a\x00b", "a\u202eb"])
def test_a_name_that_is_computed_or_hidden_is_refused(
    name: str, restated: Callable[..., Statement]
) -> None:
    with pytest.raises(DataRefusedError, match="text that no program computes, in one line"):
        upload_file(restated(meter_id=name), profile({"heading": "m", "column": "meter_id"}))


def test_intervals_of_another_length_are_refused(statement: Statement) -> None:
    with pytest.raises(DataRefusedError, match=r"expected intervals of 5 min, .*, found 1:00:00"):
        upload_file(statement, profile(KW, interval_minutes=5))


def test_a_void_statement_is_not_sent(statement: Statement) -> None:
    with pytest.raises(DataRefusedError, match="found a version that voids it"):
        upload_file(replace(statement, stage=Stage.VOID), profile(KW))


def test_a_table_without_rows_is_not_sent(statement: Statement) -> None:
    column = {"heading": "amount", "column": "payment_amount"}

    with pytest.raises(DataRefusedError, match="expected rows of payments to send, found none"):
        upload_file(statement, profile(column, table="payments"))


@pytest.mark.parametrize("name", ["hour_ending_kw", "interval_end_megawatt_hour"])
def test_a_sample_writes_the_event(name: str, statement: Statement) -> None:
    sample = find_upload_profile(name)

    rows = cells(upload_file(statement, sample))

    expected = {
        "hour_ending_kw": ["R-000000", "07/15/2026", "15", "60.000", "100.000", "40.000"],
        "interval_end_megawatt_hour": [
            "RESOURCE_1",
            "PDR",
            "LOAD",
            "MWH",
            "2026-07-15T19:00:00+0000",
            "0.060000",
        ],
    }
    assert rows[1] == expected[name]


def test_what_is_exported_is_imported_again_as_the_same_energy(
    hours: Callable[..., Statement], tmp_path: Path
) -> None:
    """Through mean power in watts and local stamps with offsets, over a change of the clock."""
    energies = ["1.234567", "0.000001", "-3.5", "1000000.25"]
    stated = hours(datetime(2026, 11, 1, 4, tzinfo=UTC), *energies)
    stamp = START | {"format": "%Y-%m-%dT%H:%M:%S%z"}
    made = upload_file(stated, profile(stamp, KW | {"unit": "W", "heading": "W"}))
    path = tmp_path / "sent.csv"
    path.write_bytes(made.content)

    back = translate(
        ReadingsProfile(
            table="raw_meter__readings",
            start_column="Start",
            interval_minutes=60,
            value_column="W",
            value_unit="W",
            entity_id="m1",
        ),
        read_source(path),
        datetime(2026, 11, 2, tzinfo=UTC),
    )

    assert back["energy_kwh"].to_list() == pytest.approx([float(one) for one in energies], abs=1e-9)
    assert back["interval_start_utc"].to_list() == [
        line.interval_start_utc for line in stated.body.lines
    ]
