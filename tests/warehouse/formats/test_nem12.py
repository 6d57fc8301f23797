import csv
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.units import exact_decimal
from negawatt.warehouse.formats.nem12 import read_nem12
from tests.warehouse.formats.conftest import CHANNEL, HEAD, day, nem12, only_member

EXAMPLES = "formats/nem12/nemreader_examples.zip"
VALUES = [f"{n}.{n:03}" for n in range(48)]
V_DAY = day(VALUES, "V,,,20240202120025,")


def test_midnight_of_market_time_is_14_utc_of_the_day_before_in_summer_and_in_winter() -> None:
    """MDFF 2.3: all times are UTC+10; clocks of New South Wales change on 7 April 2024."""
    content = nem12(day(VALUES), day(VALUES, date="20240408"))

    starts = read_nem12(content).rows["interval_start_utc"]

    assert starts[0] == datetime(2024, 1, 31, 14, tzinfo=UTC)
    assert starts[48] == datetime(2024, 4, 7, 14, tzinfo=UTC)


def test_each_value_is_the_literal_in_the_file_in_its_order() -> None:
    rows = read_nem12(nem12(day(VALUES))).rows

    assert rows["energy_kwh"].to_list() == [float(value) for value in VALUES]
    assert set(rows["reading_quality"]) == {"ok"}
    assert set(rows["meter_id"]) == {"NMI1234567.E1"}


@pytest.mark.parametrize(
    ("unit", "kwh"), [("Wh", 0.0101), ("kWh", 10.1), ("KWH", 10.1), ("MWh", 10100.0)]
)
def test_a_value_is_scaled_as_a_decimal_and_not_as_a_float(unit: str, kwh: float) -> None:
    """10.1 / 1000 is 0.010100000000000001 in floats; the literal is 0.0101."""
    content = nem12(day(["10.1"] * 48), channel=CHANNEL.replace("kWh", unit))

    assert read_nem12(content).rows["energy_kwh"][0] == kwh


@pytest.mark.parametrize(("minutes", "count"), [(5, 288), (15, 96), (30, 48)])
def test_a_day_has_1440_minutes_of_intervals(minutes: int, count: int) -> None:
    channel = CHANNEL.replace(",30,", f",{minutes},")

    rows = read_nem12(nem12(day(["1"] * count), channel=channel)).rows

    lengths = (rows["interval_end_utc"] - rows["interval_start_utc"]).dt.total_minutes()
    assert (rows.height, set(lengths)) == (count, {minutes})


def test_400_records_say_the_quality_of_each_interval_of_a_v_day() -> None:
    """The example of MDFF: 1 to 20 final substitutes, 21 to 24 actual, the others substitutes."""
    events = ("400,1,20,F14,76,", "400,21,24,A,,", "400,25,48,S14,1,tree fell")

    qualities = read_nem12(nem12(V_DAY, *events)).rows["reading_quality"].to_list()

    assert qualities == (
        ["final_substituted nem12 F14,76"] * 20
        + ["ok"] * 4
        + ["substituted nem12 S14,1,tree fell"] * 24
    )


def test_a_500_record_with_a_reading_is_what_the_register_showed() -> None:
    """12:15 of market time is 02:15 UTC; 12345.6 Wh are 12.3456 kWh. One states no reading."""
    content = nem12(
        day(VALUES),
        "500,N,,20240201121500,12345.6",
        "500,N,,20240201121500,12345.6",
        "500,C,S10189,20240201101101,",
        channel=CHANNEL.replace("kWh", "Wh"),
    )

    parsed = read_nem12(content)

    read_utc = datetime(2024, 2, 1, 2, 15, tzinfo=UTC)
    assert parsed.registers.rows() == [("NMI1234567", "E1", read_utc, None, 12.3456, "ok")]
    assert (parsed.rows.height, parsed.refused) == (48, ())


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        (["500,N,,20240201121500,12a"], "reading in digits"),
        (["500,N,,20241301121500,12"], "a time YYYYMMDDhhmmss from 1900 on"),
        (["500,N,,2024020112150,12"], "YYYYMMDDhhmmss"),
        (["500,N,,202402011215,12"], "a time YYYYMMDDhhmmss is expected"),
        (["500,N,,00010101000000,12"], "from 1900 on"),
        ([f"500,N,,20240201121500,{'1' * 41}"], "reading in digits"),
        (["500,N,,20240201121500,12,more"], "five printable fields"),
        (["500,N\x1b,,20240201121500,12"], "five printable fields"),
        (["500,N,,20240201121500,1", "500,N,,20240201121500,2"], "another reading of this time"),
    ],
)
def test_a_500_record_that_is_none_is_refused_alone(records: list[str], reason: str) -> None:
    parsed = read_nem12(nem12(day(VALUES), *records))

    assert [reason in one.reason for one in parsed.refused] == [True] * len(records)
    assert (parsed.rows.height, parsed.registers.height) == (48, 0)
    assert parsed.days is not None
    assert parsed.days["index_reads_json"].to_list() == ["[]"]


def test_a_500_record_above_all_days_is_refused_alone() -> None:
    parsed = read_nem12(nem12("500,N,,20240201121500,12", day(VALUES)))

    assert [one.reason for one in parsed.refused] == ["a record 300 is expected above it"]
    assert (parsed.rows.height, parsed.registers.height) == (48, 0)


@pytest.mark.parametrize(
    ("channel", "reason"),
    [
        (f"{CHANNEL},x", "record 200: 10 fields are expected"),
        (CHANNEL.replace("METER01", "\x1b[31m"), "record 200: printable characters are expected"),
        (f"{CHANNEL}20241301", "a time YYYYMMDDhhmmss from 1900 on is expected"),
    ],
)
def test_a_channel_whose_record_is_broken_is_refused_with_its_days(
    channel: str, reason: str
) -> None:
    parsed = read_nem12(nem12(day(VALUES), channel=channel))

    (refused,) = parsed.refused
    assert reason in refused.reason
    assert refused.reason.endswith("; with it 1 days")
    assert parsed.rows.is_empty()


def test_null_data_is_not_known_whatever_the_cell_holds() -> None:
    content = nem12(V_DAY, "400,1,47,A,,", "400,48,48,N,,")

    rows = read_nem12(content).rows

    assert rows["energy_kwh"][-1] is None
    assert rows["reading_quality"][-1] == "no_reading"
    assert rows["energy_kwh"].null_count() == 1


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ((day(VALUES[:47]),), "48 values and then a quality are expected, found ''"),
        ((day(["1"] * 96),), "48 values and then a quality are expected, found '1'"),
        ((day([*VALUES[:47], ""]),), "value 48: digits are expected, found ''"),
        ((day(["1e3", *VALUES[1:]]),), "value 1: digits are expected, found '1e3'"),
        ((day(["-1", *VALUES[1:]]),), "value 1: digits are expected, found '-1'"),
        ((day(["nan", *VALUES[1:]]),), "value 1: digits are expected, found 'nan'"),
        ((day(VALUES, date="20240230"),), "a day of the calendar is expected, found '20240230'"),
        ((day(VALUES, date="2024-2-1"),), "a date YYYYMMDD is expected, found '2024-2-1'"),
        ((day(VALUES, date="00010101"),), "a day from 1900 on is expected, found '00010101'"),
        ((day(VALUES, "A,,,2024-02-02,"),), "a time YYYYMMDDhhmmss from 1900 on is expected"),
        ((day(VALUES, "A,,,,20240230000000"),), "found '20240230000000'"),
        ((day(VALUES, "X,,,,"),), "a quality A, E, F, N or S is expected, found 'X'"),
        ((day(VALUES, "S,76,,,"), "400,1,48,A,,"), "records 400 stand below a day whose quality"),
        ((day(VALUES, "S52,30,\x1b[31m,,"),), "a reason in printable characters is expected"),
        ((V_DAY,), "records 400 for 48 intervals are expected, found them for 0"),
        ((V_DAY, "400,1,24,A,,"), "records 400 for 48 intervals are expected, found them for 24"),
        ((V_DAY, "400,2,48,A,,"), "found 2 to 48 where 1 comes next"),
        ((V_DAY, "400,1,9,A,,", "400,9,48,A,,"), "found 9 to 48 where 10 comes next"),
        ((V_DAY, "400,1,49,A,,"), "found 1 to 49 where 1 comes next"),
        ((V_DAY, "400,1,48,V,,"), "record 400: a quality A, E, F, N or S is expected, found 'V'"),
        ((V_DAY, "400,one,48,A,,"), "two intervals are expected, found 'one' and '48'"),
    ],
)
def test_a_broken_day_is_refused_whole_and_the_next_is_taken(
    records: tuple[str, ...], reason: str
) -> None:
    parsed = read_nem12(nem12(*records, day(VALUES, date="20240301")))

    (refused,) = parsed.refused
    assert reason in refused.reason
    assert refused.place == "line 3"
    assert parsed.rows.height == 48


def test_a_day_that_stands_twice_is_refused_at_both_places() -> None:
    parsed = read_nem12(nem12(day(VALUES), day(["2"] * 48)))

    assert [one.place for one in parsed.refused] == ["line 3", "line 4"]
    assert parsed.rows.is_empty()


def test_reactive_energy_is_left_out_and_an_unknown_unit_refused_each_with_its_days() -> None:
    reactive = CHANNEL.replace("kWh", "kVArh")
    unknown = CHANNEL.replace("kWh", "GJ")
    text = "\n".join([HEAD, reactive, day(VALUES), unknown, day(VALUES), "900"])

    parsed = read_nem12(text.encode())

    assert [one.reason for one in parsed.left_out] == ["unit 'kVArh' is no energy; with it 1 days"]
    assert [one.reason for one in parsed.refused] == [
        "a unit of MDFF is expected, found 'GJ'; with it 1 days"
    ]


def test_below_a_line_that_is_no_record_nothing_of_the_channel_is_taken() -> None:
    """The line may have been the 200 record of another channel, in another unit."""
    content = nem12(day(VALUES), "20,NMI1234567,B1", day(VALUES, date="20240202"), CHANNEL)

    parsed = read_nem12(content)

    assert [one.place for one in parsed.refused] == ["line 4", "line 5"]
    assert parsed.refused[1].reason == "line 4 above it may have been another channel"
    assert parsed.rows.height == 48


def test_a_500_record_says_nothing_about_energy() -> None:
    parsed = read_nem12(nem12(day(VALUES), "500,O,,20240201000000,1", day(VALUES, date="20240202")))

    assert (parsed.rows.height, parsed.refused) == (96, ())


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "an empty file"),
        (b"\n\n", "an empty file"),
        (nem12(day(VALUES))[:-4], "expected a last record 900: the file is cut off"),
        (nem12(day(VALUES)).split(b"\n", 1)[1], "expected a first record 100,NEM12"),
        (nem12(day(VALUES)).replace(b"NEM12", b"NEM13"), "expected a first record 100,NEM12"),
        (nem12(day(VALUES)) * 2, "expected one record 100 and one record 900, found line 4"),
        (b"100,NEM12\n\xff\n900", "expected text in UTF-8, found byte 255 at 10"),
    ],
)
def test_a_file_without_its_beginning_or_its_end_is_refused_whole(
    content: bytes, found: str
) -> None:
    with pytest.raises(DataRefusedError, match=found):
        read_nem12(content)


def test_line_ends_of_windows_and_a_byte_order_mark_change_nothing() -> None:
    content = nem12(V_DAY, "400,1,48,E52,,")

    windows = b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n")

    assert read_nem12(windows).rows.equals(read_nem12(content).rows)


INVALID = {
    "Example_NEM12_15min_200_30min_300.csv": "96 values and then a quality are expected",
    "Example_NEM12_15min_200_30min_400.csv": "400 for 96 intervals are expected, found them for 48",
    "Example_NEM12_30min_200_15min_300.csv": "48 values and then a quality are expected",
    "Example_NEM12_30min_200_15min_400.csv": "48 values and then a quality are expected",
    "Example_NEM12_incomplete_interval.csv": "48 values and then a quality are expected",
    "Example_NEM12_missing_header.csv": "a first record 100,NEM12",
    "Example_NEM12_powercor.csv": "a first record 100,NEM12",
    "Example_NEM12_powercor_missing_fields.csv": "a first record 100,NEM12",
    "Example_empty_file.csv": "an empty file",
}


@pytest.mark.shared
def test_each_invalid_example_is_refused_with_its_reason(shared_data: Path) -> None:
    """The folder of nemreader; a file of 100 and 900 only is as it should be: no data."""
    with zipfile.ZipFile(shared_data / EXAMPLES) as examples:
        names = [name for name in examples.namelist() if "/invalid/" in name]
        contents = {
            name.rpartition("/")[2]: examples.read(name) for name in names if name[-1] != "/"
        }
    empty = read_nem12(contents.pop("Example_NEM12_empty.csv"))
    contents["zip"] = only_member(contents.pop("Example_NEM12_powercor.csv.zip"))

    reasons = {name: reason_of(content) for name, content in contents.items()}

    assert (empty.rows.height, empty.refused) == (0, ())
    assert "a first record 100,NEM12" in reasons.pop("zip")
    assert set(reasons) == set(INVALID)
    assert not {name: reasons[name] for name in INVALID if INVALID[name] not in reasons[name]}


def reason_of(content: bytes) -> str:
    try:
        return read_nem12(content).refused[0].reason
    except DataRefusedError as error:
        return str(error)


@pytest.mark.shared
def test_every_market_test_file_is_taken_but_one_that_breaks_its_lines(shared_data: Path) -> None:
    """The 94 files that Australian metering data providers exchanged to test their readers.

    Count and sum of the energy are taken from the files a second time, by the csv module. Line 27
    of one file is cut into three; below it nothing of the channel is taken.
    """
    with zipfile.ZipFile(shared_data / EXAMPLES) as examples:
        names = [name for name in examples.namelist() if "/nem12/" in name and name[-1] != "/"]
        contents = {name.rpartition("/")[2]: only_member(examples.read(name)) for name in names}
    broken = read_nem12(contents.pop("NEM12#Scenario10#ETSAMDP#NEMMCO.zip"))

    found = {name: read_nem12(content) for name, content in contents.items()}

    assert [one.place for one in broken.refused] == [f"line {n}" for n in range(27, 33)]
    assert len(found) == 93
    assert not [name for name, parsed in found.items() if parsed.refused]
    for name, content in contents.items():
        values = energies_of(content.decode())
        energy = found[name].rows["energy_kwh"]
        assert len(energy) == len(values), name
        assert energy.has_nulls() or sum(map(exact_decimal, energy)) == sum(values), name


def energies_of(text: str) -> list[Decimal]:
    """Return the values of channels of energy [kWh], those of null data as well."""
    powers = {"wh": -3, "kwh": 0, "mwh": 3}
    values: list[Decimal] = []
    count, power = 0, 0
    for record in csv.reader(text.splitlines()):
        if record[:1] == ["200"]:
            unit = record[7].lower()
            count, power = 1440 // int(record[8]) if unit in powers else 0, powers.get(unit, 0)
        elif record[:1] == ["300"] and count:
            values += [Decimal(value).scaleb(power) for value in record[2 : 2 + count]]
    return values
