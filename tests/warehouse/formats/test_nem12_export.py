import csv
import zipfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.domain.errors import DataRefusedError
from negawatt.warehouse.formats.nem12 import read_nem12
from negawatt.warehouse.formats.nem12_export import write_nem12
from tests.warehouse.formats.conftest import CHANNEL, HEAD, day, nem12, only_member

NOW_UTC = datetime(2024, 2, 3, tzinfo=UTC)
NAME = "NMI1234567.E1"
EVENTS = ("400,1,20,F14,76,", "400,21,23,A,,", "400,24,24,N,,", "400,25,48,S14,1,tree fell")
VALUES = ["0.1", "12.345", "0.000001", "7", *["0.3"] * 44]


def rows_of(content: bytes) -> pl.DataFrame:
    return read_nem12(content).rows.with_columns(pl.lit(NOW_UTC).alias("available_at_utc"))


def parsed_of(content: bytes) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return readings, registers and days of a file, all known from the same moment on."""
    parsed = read_nem12(content)
    assert parsed.days is not None
    known = pl.lit(NOW_UTC).alias("available_at_utc")
    return parsed.rows.with_columns(known), parsed.registers, parsed.days.with_columns(known)


def written_again(content: bytes) -> bytes:
    rows, registers, days = parsed_of(content)
    return write_nem12(rows, NAME, NOW_UTC, registers, days)


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


CANONICAL = (
    day(["0.25", "12345.678", *["0"] * 46], "V,,,20240202120025,20240202131500"),
    *("400,1,20,F14,76,", "400,21,23,A,,", "400,24,48,S14,1,tree fell"),
    "500,O,RSA123,20240201000000,001123.50",
    "500,C,S10189,20240201101101,",
    day(["7"] * 48, "A,,,20240203120025,", date="20240202"),
    "500,N,,20240205121500,1124",
    day(["7"] * 48, "S52,30,,,", date="20240204"),
)
CHANNEL_2 = CHANNEL.replace("METER01", "METER02") + "20240503"


@pytest.mark.parametrize("unit", ["kWh", "KWH", "Wh", "MWh"])
def test_a_file_leaves_as_it_came_but_for_its_head(unit: str) -> None:
    """Two meters followed each other on the channel; a day's reading was taken three days later."""
    later = (CHANNEL_2, day(["1.5"] * 48, "A,,,20240206120025,", date="20240205"))
    content = nem12(*CANONICAL, *later).replace(b",kWh,", f",{unit},".encode())

    written = written_again(content)

    assert written.split(b"\n")[1:] == content.split(b"\n")[1:]


_TEXTS = st.text("ABCxyz0189 -/.", max_size=12).map(str.strip)
_QUALITIES = st.sampled_from(["A,,", "E52,,", "F14,76,", "S14,1,tree fell", "N,,"])
_STAMPS = st.sampled_from(["", "20240305000000", "19991231235959"])
_READS = st.tuples(
    *(st.sampled_from("ACDENORS"), _TEXTS),
    *(_STAMPS, st.sampled_from(["", "0", "001123.50", "7"])),
).map(lambda fields: ",".join(("500", *fields)))


@st.composite
def channels(draw: st.DrawFn, date: str) -> list[str]:
    """Return a 200 record with one day below it, as the format writes them shortest."""
    minutes = draw(st.sampled_from([5, 15, 30]))
    count = 1440 // minutes
    cuts = sorted(draw(st.sets(st.integers(2, count), max_size=3)))
    spans = list(zip([1, *cuts], [*(cut - 1 for cut in cuts), count], strict=True))
    drawn = [draw(_QUALITIES) for _ in spans]
    spans = spans if all(map(str.__ne__, drawn, drawn[1:])) else [(1, count)]
    values = []
    for (first, last), quality in zip(spans, drawn, strict=False):
        numbers = draw(st.lists(st.integers(0, 10**9), min_size=1, max_size=4))
        texts = ["0"] if quality == "N,," else [f"{Decimal(n) / 1000:f}" for n in numbers]
        values += (texts * count)[: last - first + 1]
    name, register, stream, serial = (draw(_TEXTS) for _ in range(4))
    unit, read = draw(st.sampled_from(["kWh", "KWH", "wh", "MWh"])), draw(_STAMPS)[:8]
    tail = "V,," if len(spans) > 1 else drawn[0]
    lines = [
        f"200,NMI1234567,{name},{register},E1,{stream},{serial},{unit},{minutes},{read}",
        f"300,{date},{','.join(values)},{tail},{draw(_STAMPS)},{draw(_STAMPS)}",
    ]
    if len(spans) > 1:
        lines += [f"400,{a},{b},{one}" for (a, b), one in zip(spans, drawn, strict=True)]
    return lines + draw(st.lists(_READS, max_size=2, unique_by=lambda line: line.split(",")[3]))


@pytest.mark.slow
@settings(max_examples=15)
@given(*(channels(date) for date in ("20240201", "20240203")))
def test_whatever_a_file_says_it_says_again(first: list[str], last: list[str]) -> None:
    if first[0] == last[0]:
        last = last[1:]
    moments = [line.split(",")[3] for line in (*first, *last) if line.startswith("500")]
    if len(set(moments)) < len(moments):
        last = [line for line in last if not line.startswith("500")]
    content = "\n".join([HEAD, *first, *last, "900", ""]).encode()

    written = written_again(content)

    assert written.split(b"\n")[1:] == content.split(b"\n")[1:]
    for table, again in zip(parsed_of(content), parsed_of(written), strict=True):
        assert again.equals(table)


def test_a_channel_leaves_as_it_came_also_under_the_name_that_it_has_here() -> None:
    content = nem12(*CANONICAL)
    rows, _, days = parsed_of(content)
    renamed = pl.lit("feeder").alias("meter_id")

    written = write_nem12(
        rows.with_columns(renamed), NAME, NOW_UTC, days=days.with_columns(renamed)
    )

    assert written.split(b"\n")[1:] == content.split(b"\n")[1:]


def test_under_another_name_a_stream_has_none_of_what_was_said_of_the_first() -> None:
    rows, registers, days = parsed_of(nem12(*CANONICAL))

    written = write_nem12(rows, "OTHER00001.B1", NOW_UTC, registers, days).decode()

    lines = [line for line in written.splitlines() if line[:3] in {"200", "500"}]
    assert lines == [
        "200,OTHER00001,B1,B1,B1,,,kWh,30,",
        *(line for line in CANONICAL if line.startswith("500")),
    ]


def test_the_newest_of_what_was_said_of_a_day_leaves() -> None:
    """The same energies came again an hour later, updated by the provider in between."""
    rows, registers, days = parsed_of(nem12(day(VALUES, "A,,,20240202000000,")))
    later = parsed_of(nem12(day(VALUES, "A,,,20240203000000,")))[2].with_columns(
        pl.col("available_at_utc") + timedelta(hours=1)
    )

    written = write_nem12(rows, NAME, NOW_UTC, registers, pl.concat([later, days]))

    assert b",A,,,20240203000000,\n" in written


def test_a_register_that_a_later_version_of_its_day_tells_no_more_does_not_leave() -> None:
    """The table of registers has no versions: it still holds the first of the two."""
    rows, first, days = parsed_of(nem12(day(VALUES), "500,N,,20240201121500,1"))
    _, second, later = parsed_of(nem12(day(VALUES), "500,N,,20240201121600,2"))
    later = later.with_columns(pl.col("available_at_utc") + timedelta(hours=1))

    written = write_nem12(rows, NAME, NOW_UTC, pl.concat([first, second]), pl.concat([later, days]))

    lines = written.decode().splitlines()
    assert [line for line in lines if line.startswith("500")] == ["500,N,,20240201121600,2"]


def test_where_a_reading_is_newer_than_what_was_said_its_own_arrival_leaves() -> None:
    """A correction came by CSV at 01:00 UTC on 3 February: 11:00 of market time."""
    rows, registers, days = parsed_of(nem12(day(VALUES)))
    corrected = rows.with_columns(pl.col("available_at_utc") + timedelta(hours=1))

    written = write_nem12(corrected, NAME, NOW_UTC, registers, days)

    assert b",A,,,20240203110000,\n" in written
    assert b",METER01," in written


def test_a_register_read_on_a_day_without_intervals_leaves_below_the_day_before() -> None:
    """Also one that was read before all days: the format has records 500 below days only.

    05:00 of market time on 3 February is 2 February in UTC.
    """
    records = (day(VALUES), day(VALUES, date="20240203"))
    reads = ("500,N,,20240102000000,1", "500,N,,20240202000000,2", "500,N,,20240203050000,3")
    registers = parsed_of(nem12(day(VALUES), *reads))[1]

    written = write_nem12(rows_of(nem12(*records)), NAME, NOW_UTC, registers)

    lines = [line for line in written.decode().splitlines() if line[:3] in {"300", "500"}]
    assert [line[:22] for line in lines] == [
        "300,20240201,0.1,12.34",
        *(read[:22] for read in reads[:2]),
        "300,20240203,0.1,12.34",
        reads[2][:22],
    ]
    assert read_nem12(written).registers.equals(registers)


def test_a_register_is_written_in_the_unit_of_the_record_above_it() -> None:
    """1.5 kWh are 1500 Wh, which nothing but the table of registers says."""
    content = nem12(day(VALUES), "500,N,,20240201121500,1500").replace(b",kWh,", b",Wh,")
    rows, registers, days = parsed_of(content)

    written = write_nem12(
        rows, NAME, NOW_UTC, registers, days.with_columns(index_reads_json=pl.lit("[]"))
    )

    assert registers["energy_total_kwh"].to_list() == [1.5]
    assert b"\n500,N,,20240201121500,1500\n" in written


@pytest.mark.parametrize("energy_kwh", [1 / 3e6, 0.1 + 0.2, 123456789012345680.0])
def test_what_a_register_showed_comes_back_to_the_last_bit(energy_kwh: float) -> None:
    """1/3000000 is 0.00000033333333333333335 in digits: 23 decimals."""
    content = nem12(day(VALUES), "500,N,,20240201121500,12")
    registers = parsed_of(content)[1].with_columns(energy_total_kwh=energy_kwh)

    written = write_nem12(rows_of(content), NAME, NOW_UTC, registers)

    assert read_nem12(written).registers.equals(registers)


@pytest.mark.parametrize("energy_kwh", [-1.0, 1 / 3e30, 1e40])
def test_a_register_that_the_format_cannot_say_is_refused(energy_kwh: float) -> None:
    content = nem12(day(VALUES), "500,N,,20240201121500,12")
    registers = parsed_of(content)[1].with_columns(energy_total_kwh=energy_kwh)

    with pytest.raises(DataRefusedError, match="register at 20240201121500: expected an energy"):
        write_nem12(rows_of(content), NAME, NOW_UTC, registers)


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
        rows, registers, days = parsed_of(content)
        said = records_of(content)
        for channel in rows.partition_by("meter_id"):
            name = channel["meter_id"][0]
            nmi, suffix = name.split(".")
            of_name = registers.filter(node_id=nmi, meter_id=suffix)
            of_days = days.filter(meter_id=name)
            written = write_nem12(channel, name, NOW_UTC, of_name, of_days)
            again = parsed_of(written)
            channel_count += 1
            assert again[0].equals(channel.sort("interval_start_utc"))
            assert again[1].sort("observed_at_utc").equals(of_name.sort("observed_at_utc"))
            assert again[2].equals(of_days.sort("market_date"))
            taken = {key: records for key, records in said.items() if key in records_of(written)}
            assert records_of(written) == taken

    assert channel_count > 100


def records_of(content: bytes) -> dict[tuple[str, str], list[list[str]]]:
    """Return by name and date what the records 200, 300 and 500 say, energies left out."""
    found: dict[tuple[str, str], list[list[str]]] = {}
    channel: list[str] = []
    for record in csv.reader(content.decode("utf-8-sig").splitlines()):
        if record[:1] == ["200"]:
            channel = [*record, ""][:10]
        elif record[:1] == ["300"]:
            *_, updated, loaded = [*record, ""][: 7 + 1440 // int(channel[8])]
            stamps = [f"{stamp:0<14}" if stamp else "" for stamp in (updated, loaded)]
            key = (f"{channel[1]}.{channel[4]}", record[1])
            found[key] = [channel, stamps]
        elif record[:1] == ["500"]:
            found[key].append(record)
    return found
