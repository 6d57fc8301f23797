from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.warehouse.catalog import checked
from negawatt.warehouse.profiles import (
    EventsProfile,
    ReadingsProfile,
    read_profile,
    read_source,
    translate,
)

NOW_UTC = datetime(2026, 7, 2, tzinfo=UTC)
METER = ReadingsProfile(
    table="raw_meter__readings",
    start_column="time",
    time_zone="America/Phoenix",
    interval_minutes=1,
    value_column="watt",
    value_unit="W",
    no_reading_values=[-1.0, -2.0],
    entity_id="m1",
)
EVENTS = EventsProfile(
    table="raw_grid__events",
    event_id="{who}-{kind}",
    site_id="s1",
    program_id="pjm_economic_3day",
    event_kind="trial",
    start_column="from",
    end_column="to",
    time_zone="America/Phoenix",
    optional_columns={"target_reduction_ratio": "share"},
)


def test_one_minute_at_60_kw_is_one_kwh_and_local_time_becomes_utc() -> None:
    """60,000 W x 60 s = 3.6 MJ = 1 kWh; Phoenix is seven hours behind UTC all year."""
    source = pl.DataFrame({"time": ["2026-07-01T16:30:00"], "watt": ["60000"]})

    rows = checked("raw_meter__readings", translate(METER, source, NOW_UTC))

    assert rows["energy_kwh"].item() == pytest.approx(1.0, rel=1e-15)
    assert rows["interval_start_utc"].item() == datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    assert rows["interval_end_utc"].item() == datetime(2026, 7, 1, 23, 31, tzinfo=UTC)


@pytest.mark.parametrize(("unit", "kwh"), [("W", 0.25), ("kW", 250.0), ("Wh", 1.0), ("kWh", 1e3)])
def test_a_quarter_hour_reading_of_1000_in_each_unit(unit: str, kwh: float) -> None:
    profile = METER.model_copy(update={"value_unit": unit, "interval_minutes": 15})
    source = pl.DataFrame({"time": ["2026-07-01T00:00:00"], "watt": ["1000"]})

    rows = translate(profile, source, NOW_UTC)

    assert rows["energy_kwh"].item() == pytest.approx(kwh, rel=1e-15)


@pytest.mark.parametrize("cell", ["-1", "-2", None])
def test_a_code_for_no_reading_and_an_empty_cell_are_not_known_and_not_zero(
    cell: str | None,
) -> None:
    source = pl.DataFrame(
        {"time": ["2026-07-01T00:00:00"], "watt": [cell]}, schema_overrides={"watt": pl.String}
    )

    rows = translate(METER, source, NOW_UTC)

    assert (rows["energy_kwh"].item(), rows["reading_quality"].item()) == (None, "no_reading")


def test_a_stamp_with_an_offset_is_taken_at_its_word() -> None:
    source = pl.DataFrame({"time": ["2026-07-01T16:30:00-04:00"], "watt": ["1"]})

    rows = translate(METER, source, NOW_UTC)

    assert rows["interval_start_utc"].item() == datetime(2026, 7, 1, 20, 30, tzinfo=UTC)


def test_a_local_stamp_that_occurs_twice_is_refused() -> None:
    """New York sets its clocks back at 02:00 on 1 November 2026: 01:30 occurs twice."""
    profile = METER.model_copy(update={"time_zone": "America/New_York"})
    source = pl.DataFrame({"time": ["2026-11-01T01:30:00"], "watt": ["1"]})

    with pytest.raises(DataRefusedError, match="ambiguous"):
        translate(profile, source, NOW_UTC)


AUTUMN = METER.model_copy(
    update={
        "time_zone": "America/New_York",
        "interval_minutes": 30,
        "repeated_hour": "in_order",
        "entity_id": None,
        "entity_column": "meter",
    }
)
NIGHT = ["00:30", "01:00", "01:30", "01:00", "01:30", "02:00"]


def night(meter: str, times: list[str]) -> pl.DataFrame:
    stamps = [f"2026-11-01T{time}:00" for time in times]
    return pl.DataFrame({"time": stamps, "watt": "60000", "meter": meter})


def test_rows_in_order_tell_apart_what_the_clock_shows_twice() -> None:
    """The night has 25 hours: 00:30 is 04:30 UTC, and five half hours later it is 02:00, 07:00 UTC.

    Rows of two meters may stand between each other; a Parquet file's own stamps are read alike.
    """
    both = pl.concat([night("a", NIGHT), night("b", NIGHT)])
    mixed = both[[row + meter for row in range(6) for meter in (0, 6)]]
    first_utc = datetime(2026, 11, 1, 4, 30, tzinfo=UTC)
    expected = [first_utc + timedelta(minutes=30 * number) for number in range(6)]

    for source in (mixed, mixed.with_columns(pl.col("time").str.to_datetime())):
        rows = checked("raw_meter__readings", translate(AUTUMN, source, NOW_UTC))

        for meter in ("a", "b"):
            assert rows.filter(meter_id=meter)["interval_start_utc"].to_list() == expected


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (["00:30", "01:00", "01:30", "02:00"], "stand twice"),
        (["00:30", "01:00", "01:30", "01:00", "02:00"], "stand twice"),
        (NIGHT[::-1], "in order of time"),
        (["00:30", "01:00", "01:00", "01:30", "01:30", "02:00"], "in order of time"),
    ],
)
def test_order_that_does_not_tell_them_apart_is_refused(times: list[str], expected: str) -> None:
    with pytest.raises(DataRefusedError, match=expected):
        translate(AUTUMN, night("a", times), NOW_UTC)


def test_rows_outside_the_filter_stay_out() -> None:
    profile = METER.model_copy(update={"filter": {"series": ["total"]}})
    source = pl.DataFrame(
        {"time": ["2026-07-01T00:00:00"] * 2, "watt": ["1", "2"], "series": ["total", "job"]}
    )

    assert translate(profile, source, NOW_UTC).height == 1


def test_an_event_gets_its_name_from_the_file_and_unknown_facts_stay_unknown() -> None:
    source = pl.DataFrame(
        {
            "who": ["SRP"],
            "kind": ["step 1"],
            "from": ["2025-05-03T16:30:00"],
            "to": ["2025-05-03T19:30:00"],
            "share": ["0.25"],
        }
    )

    rows = checked("raw_grid__events", translate(EVENTS, source, NOW_UTC))

    assert rows["event_id"].item() == "srp-step-1"
    assert rows["event_start_utc"].item() == datetime(2025, 5, 3, 23, 30, tzinfo=UTC)
    assert rows["target_reduction_ratio"].item() == 0.25
    assert rows["committed_kw"].item() is None


def test_a_word_where_a_number_belongs_is_refused() -> None:
    source = pl.DataFrame({"time": ["2026-07-01T00:00:00"], "watt": ["many"]})

    with pytest.raises(DataRefusedError, match="the columns and kinds of value"):
        translate(METER, source, NOW_UTC)


def test_a_missing_column_is_refused_with_the_columns_that_are_there() -> None:
    with pytest.raises(DataRefusedError, match="the file has watt"):
        translate(METER, pl.DataFrame({"watt": ["1"]}), NOW_UTC)


def test_a_profile_must_name_the_meter_exactly_once() -> None:
    profile = METER.model_copy(update={"entity_column": "meter"})

    with pytest.raises(ConfigurationError, match="exactly one of entity_column and entity_id"):
        translate(profile, pl.DataFrame({"time": ["2026-07-01"], "watt": ["1"]}), NOW_UTC)


def test_an_unknown_key_of_a_profile_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text('table = "raw_source__discrepancies"\ncolumn = {}\n', encoding="utf-8")

    with pytest.raises(ConfigurationError, match="columns"):
        read_profile(path)


@pytest.mark.parametrize("name", ["absent.csv", "photo.png"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        read_source(tmp_path / name)


def event_source(**cells: str | None) -> pl.DataFrame:
    row = {
        "who": "SRP",
        "kind": "step 1",
        "from": "2025-05-03T16:30:00",
        "to": "2025-05-03T19:30:00",
        "share": "0.25",
    }
    return pl.DataFrame({name: [cell] for name, cell in (row | cells).items()})


@pytest.mark.parametrize("cell", ["", " ", None])
def test_an_event_without_a_time_of_notice_has_none(cell: str | None) -> None:
    profile = EVENTS.model_copy(update={"optional_columns": {"notified_at_utc": "told"}})
    told = event_source(told="2025-05-03T09:00:00")
    source = pl.concat([told, event_source(told=cell).cast(told.schema)])

    rows = translate(profile, source, NOW_UTC)

    assert rows["notified_at_utc"].to_list() == [datetime(2025, 5, 3, 16, tzinfo=UTC), None]


def test_each_stamp_says_for_itself_whether_it_is_local() -> None:
    """16:30 in Phoenix is 23:30 UTC; 16:30-04:00 is 20:30 UTC."""
    source = pl.DataFrame(
        {"time": ["2026-07-01T16:30:00", "2026-07-01T16:30:00-04:00"], "watt": ["1", "1"]}
    )

    rows = translate(METER, source, NOW_UTC)

    assert [start.hour for start in rows["interval_start_utc"]] == [23, 20]


def test_a_stamp_of_another_form_is_refused_with_its_value() -> None:
    with pytest.raises(DataRefusedError, match=r"column 'from': .* found '30\.6\.2026'"):
        translate(EVENTS, event_source(**{"from": "30.6.2026"}), NOW_UTC)


@pytest.mark.parametrize("template", ["{whom}", "{}", "{who", "{who.name}"])
def test_an_event_name_of_columns_the_file_has_not_is_refused(template: str) -> None:
    profile = EVENTS.model_copy(update={"event_id": template})

    with pytest.raises(DataRefusedError, match="columns of the file in braces: who, kind, from"):
        translate(profile, event_source(), NOW_UTC)


@pytest.mark.parametrize("stamp", ["2026-07-01T16:30:00", datetime(2026, 7, 1)])  # noqa: DTZ001 - the point
def test_a_local_stamp_without_a_zone_is_refused_and_not_taken_for_utc(stamp: object) -> None:
    profile = METER.model_copy(update={"time_zone": None})

    with pytest.raises(DataRefusedError, match="the key time_zone in the profile"):
        translate(profile, pl.DataFrame({"time": [stamp], "watt": ["1"]}), NOW_UTC)


def test_quality_and_end_of_each_interval_may_stand_in_the_file() -> None:
    profile = METER.model_copy(
        update={
            "interval_minutes": None,
            "end_column": "end",
            "value_unit": "kWh",
            "quality_column": "quality",
        }
    )
    source = pl.DataFrame(
        {
            "time": ["2026-07-01T00:00:00"] * 3,
            "end": ["2026-07-01T00:05:00"] * 3,
            "watt": ["1", "2", None],
            "quality": ["estimated espi 8", "", None],
        }
    )

    rows = translate(profile, source, NOW_UTC)

    assert rows["reading_quality"].to_list() == ["estimated espi 8", "ok", "no_reading"]
    assert set(rows["interval_end_utc"]) == {datetime(2026, 7, 1, 7, 5, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"end_column": "end"}, "exactly one of interval_minutes and end_column"),
        ({"interval_minutes": None}, "exactly one of interval_minutes and end_column"),
        ({"interval_minutes": None, "end_column": "time"}, "interval_minutes where value_unit is"),
    ],
)
def test_the_length_of_an_interval_is_stated_once(change: dict[str, object], expected: str) -> None:
    source = pl.DataFrame({"time": ["2026-07-01T00:00:00"], "watt": ["1"]})

    with pytest.raises(ConfigurationError, match=expected):
        translate(METER.model_copy(update=change), source, NOW_UTC)
