"""Each profile of docs/prices reads a row laid out as its market publishes it, by hand.

Sources of the layouts: CAISO, OASIS interface specification, PRC_LMP and PRC_INTVL_LMP; NYISO, MIS
reports P-2A and P-24A; PJM, Data Miner 2, rt_hrl_lmps, da_hrl_lmps and rt_fivemin_hrl_lmps; ERCOT,
NP4-190-CD and NP6-905-CD; SPP, DA-LMP-SL and RTBM-LMP-SL; AEMO, aggregated price and demand data;
ISO-NE, ISO Express pricing reports lmps-da-hourly and lmps-rt-hourly-final, with their records C,
H, D, T and hours 1 to 24, 02X as its report descriptions have them (ww_dalroffer, sd_lrbaseline);
MISO, market reports da_expost_lmp and rt_lmp_final, whose fourth line says "All Hours-Ending are
Eastern Standard Time (EST)". Titles and columns of the last two as heads of published files show
them; of rt_lmp_final the columns and the number of lines above them, but not the title.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.warehouse.catalog import checked
from negawatt.warehouse.profiles import read_profile, read_source, translate
from tests.docs.console import ROOT

NOW_UTC = datetime(2026, 7, 2, tzinfo=UTC)
FOLDER = ROOT / "docs" / "prices"
ERCOT = (
    "DeliveryDate,DeliveryHour,DeliveryInterval,SettlementPointName,SettlementPointType,"
    "SettlementPointPrice,DSTFlag\n"
)
HOURS = ("00:00", "01:00", "01:00", "02:00")
HOUR_COLUMNS = ",".join(f"HE {hour}" for hour in range(1, 25))
NYISO = '"Time Stamp","Name","PTID","LBMP ($/MWHr)","Marginal Cost Losses ($/MWHr)"\n'


def isone(title: str, *rows: tuple[str, str, float]) -> str:
    """Return a report of date, hour ending and price at the hub."""
    columns = (
        '"Date","Hour Ending","Location ID","Location Name","Location Type",'
        '"Locational Marginal Price","Energy Component","Congestion Component",'
        '"Marginal Loss Component"\n'
    )
    data = [
        f'"D","{day}","{hour}","4000",".H.INTERNAL_HUB","HUB",{price},{price},0.0,0.0\n'
        for day, hour, price in rows
    ]
    return (
        f'"C","{title}"\n"C","Filename: x.csv"\n"C","Report for: x - x"\n'
        f'"C","Report generated: x"\n"H",{columns}'
        '"H","Date","HE","String","String","String","Number","Number","Number","Number"\n'
        + "".join(data)
        + f'"T","{len(data)}"\n'
    )


def miso(title: str, day: str, *prices: object) -> str:
    """Return a report of one hub: its 24 prices, and what congestion and losses are of them."""
    rows = [
        f"INDIANA.HUB,Hub,{kind},{','.join(map(str, values))}\n"
        for kind, values in (("LMP", prices), ("MCC", [1.5] * 24), ("MLC", [-0.5] * 24))
    ]
    est = ",,,All Hours-Ending are Eastern Standard Time (EST)"
    return f"{title}\n{day}\n\n{est}\nNode,Type,Value,{HOUR_COLUMNS}\n" + "".join(rows)


ISONE_DAY_AHEAD = "Day-Ahead Energy Market Hourly LMP Report"
MISO_DAY_AHEAD = "Day Ahead Market ExPost LMPs"
FILES = {
    "caiso_day_ahead": "INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,NODE,LMP_TYPE,MW\n"
    "2026-07-01T20:00:00-00:00,2026-07-01T21:00:00-00:00,TH_NP15_GEN-APND,LMP,41.23456\n"
    "2026-07-01T20:00:00-00:00,2026-07-01T21:00:00-00:00,TH_NP15_GEN-APND,MCC,1.5\n",
    "caiso_five_minute": "INTERVALSTARTTIME_GMT,NODE,LMP_TYPE,VALUE\n"
    "2026-07-01T20:00:00-00:00,TH_NP15_GEN-APND,LMP,-12.5\n",
    "nyiso_day_ahead": NYISO + '"07/01/2026 16:00","CAPITL",61757,40.76,1.2\n',
    "nyiso_five_minute": NYISO + '"07/01/2026 16:05:00","CAPITL",61757,40.76,1.2\n',
    "pjm_real_time": "datetime_beginning_utc,pnode_name,total_lmp_rt,row_is_current\n"
    "7/1/2026 8:00:00 PM,PJM-RTO,31.4,True\n7/1/2026 8:00:00 PM,PJM-RTO,31.1,False\n",
    "pjm_day_ahead": "datetime_beginning_utc,pnode_name,total_lmp_da,row_is_current\n"
    "7/1/2026 8:00:00 PM,PJM-RTO,31.4,True\n",
    "pjm_five_minute": "datetime_beginning_utc,pnode_name,total_lmp_rt,row_is_current\n"
    "7/1/2026 8:00:00 PM,PJM-RTO,31.4,True\n",
    "spp_day_ahead": "Interval,GMTIntervalEnd,Settlement Location,Pnode,LMP,MLC,MCC,MEC\n"
    "07/01/2026 16:00:00,07/01/2026 21:00:00,SPPNORTH_HUB,SPPNORTH_H,25.0232,0,0,0\n",
    "spp_five_minute": "Interval,GMTIntervalEnd,Settlement Location,Pnode,LMP,MLC,MCC,MEC\n"
    "07/01/2026 15:05:00,07/01/2026 20:05:00,SPPNORTH_HUB,SPPNORTH_H,25.0232,0,0,0\n",
    "ercot_day_ahead": "DeliveryDate,HourEnding,SettlementPoint,SettlementPointPrice,DSTFlag\n"
    "07/01/2026,16:00,HB_NORTH,33.25,N\n",
    "ercot_real_time": ERCOT + "07/01/2026,16,1,HB_NORTH,HU,33.25,N\n",
    "aemo_spot": "REGION,SETTLEMENTDATE,TOTALDEMAND,RRP,PERIODTYPE\n"
    "NSW1,2026/07/02 06:05:00,7000.1,102.34,TRADE\n",
    "isone_day_ahead": isone(ISONE_DAY_AHEAD, ("07/01/2026", "17", 27.93)),
    "isone_real_time": isone(
        "Real-Time Energy Market Hourly LMP Report", ("07/01/2026", "17", 27.93)
    ),
    "miso_day_ahead": miso(MISO_DAY_AHEAD, "07/01/2026", *[""] * 15, 31.02, *[""] * 8),
    "miso_real_time": miso("x", "07/01/2026", *[""] * 15, 31.02, *[""] * 8),
}
PRICES = {
    "caiso_day_ahead": ("CAISO day-ahead TH_NP15_GEN-APND", 60, "41.23456", "USD"),
    "caiso_five_minute": ("CAISO five-minute TH_NP15_GEN-APND", 5, "-12.5", "USD"),
    "nyiso_day_ahead": ("NYISO day-ahead CAPITL", 60, "40.76", "USD"),
    "nyiso_five_minute": ("NYISO five-minute CAPITL", 5, "40.76", "USD"),
    "pjm_real_time": ("PJM real-time PJM-RTO", 60, "31.4", "USD"),
    "pjm_day_ahead": ("PJM day-ahead PJM-RTO", 60, "31.4", "USD"),
    "pjm_five_minute": ("PJM five-minute PJM-RTO", 5, "31.4", "USD"),
    "spp_day_ahead": ("SPP day-ahead SPPNORTH_HUB", 60, "25.0232", "USD"),
    "spp_five_minute": ("SPP five-minute SPPNORTH_HUB", 5, "25.0232", "USD"),
    "ercot_day_ahead": ("ERCOT day-ahead HB_NORTH", 60, "33.25", "USD"),
    "ercot_real_time": ("ERCOT real-time HB_NORTH HU", 15, "33.25", "USD"),
    "aemo_spot": ("AEMO spot NSW1", 5, "102.34", "AUD"),
    "isone_day_ahead": ("ISO-NE day-ahead .H.INTERNAL_HUB", 60, "27.93", "USD"),
    "isone_real_time": ("ISO-NE real-time .H.INTERNAL_HUB", 60, "27.93", "USD"),
    "miso_day_ahead": ("MISO day-ahead INDIANA.HUB", 60, "31.02", "USD"),
    "miso_real_time": ("MISO real-time INDIANA.HUB", 60, "31.02", "USD"),
}


def read(name: str, text: str, folder: Path) -> pl.DataFrame:
    (folder / "file.csv").write_text(text, encoding="utf-8")
    profile = read_profile(FOLDER / f"{name}.toml")
    return checked(
        profile.table, translate(profile, read_source(folder / "file.csv", profile), NOW_UTC)
    )


@pytest.mark.parametrize("name", FILES)
def test_a_price_has_its_interval_in_utc_its_currency_and_its_unit(
    name: str, tmp_path: Path
) -> None:
    """Each file holds the price from 20:00 UTC on 1 July 2026."""
    series, minutes, amount, currency = PRICES[name]
    (row,) = read(name, FILES[name], tmp_path).drop_nulls("price_amount").to_dicts()

    length = row["interval_end_utc"] - row["interval_start_utc"]
    assert row["interval_start_utc"] == datetime(2026, 7, 1, 20, tzinfo=UTC)
    assert (row["series_id"], length.total_seconds() / 60) == (series, minutes)
    assert (row["price_amount"], row["price_currency"]) == (Decimal(amount), currency)
    assert row["price_unit"] == "MWh"


def test_what_the_clock_of_new_york_shows_twice_is_told_apart_by_order(tmp_path: Path) -> None:
    """01:00 of 1 November 2026 is 05:00 UTC and then 06:00 UTC."""
    rows = [f'"11/01/2026 {at}","CAPITL",61757,4{n}.76,1.2\n' for n, at in enumerate(HOURS)]

    found = read("nyiso_day_ahead", NYISO + "".join(rows), tmp_path)

    assert found["interval_start_utc"].to_list() == [
        datetime(2026, 11, 1, 4 + number, tzinfo=UTC) for number in range(4)
    ]
    with pytest.raises(DataRefusedError, match="stand twice"):
        read("nyiso_day_ahead", NYISO + rows[1], tmp_path)


def test_an_hour_of_texas_that_is_shown_twice_is_told_apart_by_its_flag(tmp_path: Path) -> None:
    """Hour ending 2 of 1 November 2026 begins at 06:00 UTC and again at 07:00 UTC; 24 at 05:00."""
    rows = [
        "11/01/2026,2,1,HB_NORTH,HU,21.5,N\n",
        "11/01/2026,2,4,HB_NORTH,HU,20.5,N\n",
        "11/01/2026,2,1,HB_NORTH,HU,19.25,Y\n",
        "11/01/2026,24,1,HB_NORTH,HU,18,N\n",
    ]

    found = read("ercot_real_time", ERCOT + "".join(rows), tmp_path)

    assert found["interval_start_utc"].to_list() == [
        datetime(2026, 11, 1, 6, tzinfo=UTC),
        datetime(2026, 11, 1, 6, 45, tzinfo=UTC),
        datetime(2026, 11, 1, 7, tzinfo=UTC),
        datetime(2026, 11, 2, 5, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("07/01/2026,25,1,HB_NORTH,HU,1,N", "'07/01/2026', '25', '1'"),
        ("07/01/2026,2,5,HB_NORTH,HU,1,N", "'07/01/2026', '2', '5'"),
        ("2026-07-01,2,1,HB_NORTH,HU,1,N", "'2026-07-01', '2', '1'"),
        ("03/08/2026,3,1,HB_NORTH,HU,1,N", "non-existent"),
    ],
)
def test_an_hour_that_is_none_is_refused(tmp_path: Path, row: str, found: str) -> None:
    """On 8 March 2026 the clock of Texas goes from 02:00 to 03:00: it has no hour ending 3."""
    with pytest.raises(DataRefusedError, match=found):
        read("ercot_real_time", f"{ERCOT}{row}\n", tmp_path)


def test_an_hour_of_new_england_that_is_shown_twice_ends_in_x(tmp_path: Path) -> None:
    """Hour ending 02 of 1 November 2026 begins at 05:00 UTC, 02X at 06:00 and 03 at 07:00 UTC."""
    rows = [("11/01/2026", hour, 20.0 + n) for n, hour in enumerate(("01", "02", "02X", "03"))]

    found = read("isone_day_ahead", isone(ISONE_DAY_AHEAD, *rows), tmp_path)

    assert found["interval_start_utc"].to_list() == [
        datetime(2026, 11, 1, 4 + number, tzinfo=UTC) for number in range(4)
    ]
    assert [float(amount) for amount in found["price_amount"]] == [20.0, 21.0, 22.0, 23.0]


@pytest.mark.parametrize(
    ("day", "hour", "found"),
    [
        ("11/01/2026", "03X", "clock shows twice, found '11/01/2026', '03X'"),
        ("11/02/2026", "02X", "clock shows twice, found '11/02/2026', '02X'"),
        ("11/01/2026", "02Y", "hour ending 1 to 24, .* found '11/01/2026', '02Y'"),
        ("03/08/2026", "03", "non-existent"),
    ],
)
def test_an_hour_that_the_clock_of_new_england_does_not_show_is_refused(
    tmp_path: Path, day: str, hour: str, found: str
) -> None:
    """On 8 March 2026 the clock goes from 02:00 to 03:00: nothing begins at 02:00."""
    with pytest.raises(DataRefusedError, match=found):
        read("isone_day_ahead", isone(ISONE_DAY_AHEAD, (day, hour, 1.0)), tmp_path)


@pytest.mark.parametrize("day", ["03/08/2026", "07/01/2026", "11/01/2026"])
def test_a_day_of_miso_has_24_hours_from_five_utc_also_where_clocks_change(
    tmp_path: Path, day: str
) -> None:
    start_utc = datetime.strptime(day, "%m/%d/%Y").replace(hour=5, tzinfo=UTC)

    found = read("miso_day_ahead", miso(MISO_DAY_AHEAD, day, *range(24)), tmp_path)

    assert found["interval_start_utc"].to_list() == [
        start_utc + timedelta(hours=number) for number in range(24)
    ]
    assert [int(amount) for amount in found["price_amount"]] == list(range(24))


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        (
            "isone_real_time",
            FILES["isone_day_ahead"],
            "'Real-Time Energy Market Hourly LMP Report'",
        ),
        ("miso_day_ahead", FILES["miso_real_time"], "'Day Ahead Market ExPost LMPs' in its first"),
        ("miso_real_time", "x\n07/01/2026\n", "begins with 'Node,Type,Value', below line 2"),
        ("miso_real_time", FILES["miso_real_time"].partition("\n")[2], "found '', '1'"),
    ],
)
def test_a_report_of_another_layout_or_title_is_refused(
    tmp_path: Path, name: str, text: str, found: str
) -> None:
    with pytest.raises(DataRefusedError, match=found):
        read(name, text, tmp_path)


def test_a_stamp_of_another_form_is_refused_with_the_form_that_is_expected(tmp_path: Path) -> None:
    text = FILES["aemo_spot"].replace("2026/07/02", "02/07/2026")

    with pytest.raises(
        DataRefusedError, match="expected stamps as %Y/%m/%d %H:%M:%S, found '02/07"
    ):
        read("aemo_spot", text, tmp_path)


def test_a_reserve_has_its_unit_and_its_interval(tmp_path: Path) -> None:
    text = "product,interval_start,reserve_megawatt\nRRS,2026-07-01T15:00:00,2751.5\n"

    row = read("reserves", text, tmp_path).row(0, named=True)

    assert (row["series_id"], row["stress_value"], row["stress_unit"]) == (
        "reserve RRS",
        2751.5,
        "MW",
    )
    assert row["interval_end_utc"] == datetime(2026, 7, 1, 20, 5, tzinfo=UTC)
    assert row["stress_level"] is None


def test_an_alert_has_its_level_and_holds_until_it_is_cancelled(tmp_path: Path) -> None:
    text = "issued,cancelled,level\n2026-07-01T15:00:00,2026-07-01T16:00:00,EEA 1\n"
    rows = read("alerts", text + "2026-07-01T17:00:00,,EEA 2\n", tmp_path)

    assert rows["stress_level"].to_list() == ["1", "2"]
    assert rows["interval_end_utc"].to_list() == [datetime(2026, 7, 1, 21, tzinfo=UTC), None]


def test_a_level_that_the_profile_does_not_know_is_refused(tmp_path: Path) -> None:
    text = "issued,cancelled,level\n2026-07-01T15:00:00,,EEA 4\n"

    with pytest.raises(DataRefusedError, match="rows for raw_grid__stress"):
        read("alerts", text, tmp_path)


@pytest.mark.shared
def test_five_years_of_real_prices_are_taken_but_for_the_hour_that_stands_twice(
    shared_data: Path,
) -> None:
    """The shortest decimal of each 32-bit float: 21.77 from 21.770000457763672.

    Stamps are whole hours from 2020 to 2024: 43,848 in five years with two leap days.
    """
    source = pl.read_parquet(shared_data / "prices" / "hourly_2020_2024.parquet")
    profile = read_profile(FOLDER / "compiled_hourly.toml")
    single = source.unique(["market", "series", "time_utc"], keep="none", maintain_order=True)

    rows = checked(profile.table, translate(profile, single, NOW_UTC))

    assert rows.height == single.height >= 5 * 43_848
    new_york = rows.filter(series_id="NYISO DAM LBMP zone CAPITL").row(0, named=True)
    assert (new_york["price_amount"], new_york["price_currency"]) == (Decimal("21.77"), "USD")
    assert set(rows["price_currency"]) == {"USD", "AUD"}
    assert rows.select((pl.col("price_amount") < 0).any()).item()


def test_every_profile_is_read_by_a_test() -> None:
    names = {path.stem for path in FOLDER.glob("*.toml")}

    assert names == {*FILES, "compiled_hourly", "reserves", "alerts"}
