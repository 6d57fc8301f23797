import json
import shutil
from pathlib import Path

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from negawatt.cli.export_meter import export_meter
from negawatt.cli.imports import app
from negawatt.models.domain.errors import ConfigurationError, DataRefusedError, NegawattError
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import read_all_raw
from tests.cli.test_imports import METER, SITES, ran, written
from tests.warehouse.formats.conftest import CHANNEL, day, nem12
from tests.warehouse.formats.espi_feeds import plain, reading

pytestmark = pytest.mark.slow  # each test imports and exports

PLAIN = plain(reading(0)).decode()
NAME = "NMI1234567.E1"
DAYS = (
    day([f"{n / 7}" for n in range(48)], "V,,,,"),
    "400,1,20,F14,76,",
    "400,21,47,A,,",
    "400,48,48,N,,",
    day(["0.25"] * 48, date="20240202"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two warehouses; the first has two days of one meter."""
    ran(tmp_path, "sites", written(tmp_path, "sites.toml", SITES))
    (tmp_path / "a.csv").write_bytes(nem12(*DAYS))
    ran(tmp_path, "meter", str(tmp_path / "a.csv"), "--site", "hall-1")
    (tmp_path / "other").mkdir()
    ran(tmp_path / "other", "sites", str(tmp_path / "sites.toml"))
    return tmp_path


def _app() -> typer.Typer:
    app = typer.Typer()
    app.command()(export_meter)
    return app


def exported(folder: Path, *arguments: str) -> dict[str, object]:
    line = ["hall-1", NAME, "-w", str(folder / "w"), "--json", *arguments]
    result = CliRunner().invoke(_app(), line)
    if isinstance(result.exception, NegawattError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.output))


def rows_of(folder: Path) -> pl.DataFrame:
    rows = read_all_raw(Layout(folder / "w"), "raw_meter__readings", "hall-1")
    return rows.drop("available_at_utc")


@pytest.mark.parametrize("kind", ["nem12", "csv", "parquet"])
def test_what_is_exported_imports_as_the_same_readings_and_twice_changes_nothing(
    kind: str, folder: Path
) -> None:
    out = folder / f"out.{kind}"
    exported(folder, "--format", kind, "--out", str(out))
    profile = ["--profile", str(out.with_suffix(".toml"))] if kind == "csv" else []
    line = ["meter", str(out), "--site", "hall-1", *profile, "--json"]

    first = json.loads(ran(folder / "other", *line))
    again = json.loads(ran(folder / "other", *line))

    assert rows_of(folder / "other").equals(rows_of(folder))
    assert (first["row_count"], again["row_count"], again["known_count"]) == (96, 0, 96)


def test_readings_of_a_register_go_in_and_out_and_in_again(folder: Path) -> None:
    """A day of market time ends at 14:00 UTC: 12:15 of 2 February there is 02:15 UTC."""
    register = ["500,N,,20240202121500,1000.5", "500,N,,20240202180000,1003"]
    (folder / "b.csv").write_bytes(nem12(*DAYS, *register))
    out = folder / "out.csv"

    said = ran(folder, "meter", str(folder / "b.csv"), "--site", "hall-1")
    exported(folder, "--format", "nem12", "--out", str(out))
    again = json.loads(ran(folder / "other", "meter", str(out), "--site", "hall-1", "--json"))

    assert "raw_node__power_samples: 2 rows in 1 new files" in said
    assert again["register_count"] == 2
    found, once = (
        read_all_raw(Layout(one / "w"), "raw_node__power_samples", "hall-1")
        for one in (folder / "other", folder)
    )
    assert found.equals(once)
    assert found.select("node_id", "meter_id", "energy_total_kwh").rows() == [
        ("NMI1234567", "E1", 1000.5),
        ("NMI1234567", "E1", 1003.0),
    ]


def everything_of(folder: Path) -> list[pl.DataFrame]:
    layout = Layout(folder / "w")
    tables = ("raw_meter__readings", "raw_node__power_samples", "raw_meter__nem12_days")
    found = [read_all_raw(layout, table, "hall-1") for table in tables]
    return [rows.drop("available_at_utc", strict=False) for rows in found]


@pytest.mark.parametrize("here", [NAME, "feeder"])
def test_a_nem12_file_comes_back_whole_but_for_its_head(here: str, folder: Path) -> None:
    """Also a register that was read a month after the last day, and a meter named otherwise."""
    content = nem12(
        day(["0.25"] * 48, "A,,,20240202120025,20240202131500"),
        "500,O,RSA123,20240201000000,001123.50",
        "500,C,S10189,,",
        day(["0.5"] * 48, "S14,76,,,", date="20240202"),
        "500,N,,20240301121500,1124",
        channel=f"{CHANNEL}20240503",
    )
    (folder / "b.csv").write_bytes(content)
    out, other = folder / "out.csv", folder / "other"
    ran(other, "meter", str(folder / "b.csv"), "--site", "hall-1", "--meter", here)
    line = ["hall-1", here, "-w", str(other / "w"), "--format", "nem12", "--out", str(out)]

    result = CliRunner().invoke(_app(), [*line, "--as", NAME])
    before = everything_of(other)
    said = ran(other, "meter", str(out), "--site", "hall-1", "--meter", here, "--json")

    assert result.exit_code == 0, result.output
    assert out.read_bytes().split(b"\n")[1:] == content.split(b"\n")[1:]
    assert (json.loads(said)["row_count"], json.loads(said)["nem12_day_count"]) == (0, 0)
    assert all(map(pl.DataFrame.equals, everything_of(other), before))


def test_readings_from_before_their_days_were_kept_leave_and_the_file_brings_its_days(
    folder: Path,
) -> None:
    shutil.rmtree(folder / "w" / "raw_meter__nem12_days")
    out = folder / "out.csv"

    said = exported(folder, "--format", "nem12", "--out", str(out))
    again = json.loads(ran(folder, "meter", str(folder / "a.csv"), "--site", "hall-1", "--json"))

    assert said["row_count"] == 96
    assert b"\n200,NMI1234567,E1,E1,E1,,,kWh,30,\n" in out.read_bytes()
    assert (again["row_count"], again["nem12_day_count"]) == (0, 2)


def test_of_some_days_only_what_registers_showed_on_them_leaves(folder: Path) -> None:
    register = ["500,N,,20240201121500,1000.5", "500,N,,20240202121500,1003"]
    (folder / "b.csv").write_bytes(nem12(*DAYS[:4], register[0], DAYS[4], register[1]))
    ran(folder, "meter", str(folder / "b.csv"), "--site", "hall-1")
    shutil.rmtree(folder / "w" / "raw_meter__nem12_days")
    out = folder / "out.csv"

    for last, expected in (("2024-02-01", register[:1]), ("2024-02-02", register)):
        exported(folder, "--format", "nem12", "--out", str(out), "--to", last)
        lines = out.read_text().splitlines()
        assert [line for line in lines if line.startswith("500")] == expected


def test_a_register_below_a_day_that_was_refused_leaves_with_the_meter_as_it_is_named_here(
    folder: Path,
) -> None:
    content = nem12(*DAYS, day(["x"], date="20240203"), "500,N,,20240203121500,1000.5")
    (folder / "b.csv").write_bytes(content)
    line = ["meter", str(folder / "b.csv"), "--site", "hall-1", "--meter", "feeder"]
    CliRunner().invoke(app, [*line, "-w", str(folder / "w")])
    out = ["--format", "nem12", "--out", str(folder / "out.csv"), "--as", NAME]

    CliRunner().invoke(_app(), ["hall-1", "feeder", "-w", str(folder / "w"), *out])

    assert b"\n500,N,,20240203121500,1000.5\n" in (folder / "out.csv").read_bytes()


def test_a_dry_run_says_the_files_and_writes_none(folder: Path) -> None:
    out = folder / "out.csv"

    said = exported(folder, "--format", "csv", "--out", str(out), "--dry-run")

    assert (said["dry_run"], said["row_count"]) == (True, 96)
    assert said["files"] == [str(out), str(out.with_suffix(".toml"))]
    assert not out.exists()


def test_days_are_those_of_market_time_for_nem12_and_of_the_sites_clock_for_others(
    folder: Path,
) -> None:
    """2 February in Phoenix begins at 07:00 UTC; the last reading starts at 13:30 UTC that day."""
    days = ["--from", "2024-02-02", "--to", "2024-02-02", "--out", str(folder / "x")]

    market = exported(folder, "--format", "nem12", *days)
    local = exported(folder, "--format", "parquet", *days)

    assert (market["row_count"], local["row_count"]) == (48, 14)


def test_the_meter_may_leave_under_another_name(folder: Path) -> None:
    out = folder / "x.csv"

    exported(folder, "--format", "nem12", "--out", str(out), "--as", "OTHER00001.B1")

    assert b"\n200,OTHER00001,B1," in out.read_bytes()


def test_a_meter_without_readings_in_the_days_is_refused(folder: Path) -> None:
    line = ["--format", "nem12", "--from", "2030-01-01", "--out", str(folder / "x")]

    with pytest.raises(DataRefusedError, match="expected readings in these days"):
        exported(folder, *line)


def test_a_csv_file_does_not_overwrite_its_own_profile(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"another ending than \.toml"):
        exported(folder, "--format", "csv", "--out", str(folder / "x.toml"))


def test_a_green_button_file_comes_back_under_the_name_given_here(folder: Path) -> None:
    out = folder / "x.xml"
    source = written(folder, "kw.csv", "time,kw\n2026-07-01T00:00:00Z,0.123456789012345678\n")
    profile = written(folder, "meter.toml", METER)
    ran(folder, "meter", source, "--site", "hall-1", "--profile", profile)
    line = ["hall-1", "m1", "-w", str(folder / "w"), "--format", "espi", "--out", str(out)]

    result = CliRunner().invoke(_app(), [*line, "--as", "hall.1", "--round"])
    ran(folder, "meter", str(out), "--site", "hall-1", "--meter", "m1")

    assert "1 of them rounded, by at most" in result.output
    rows = rows_of(folder).filter(meter_id="m1")["energy_kwh"]
    assert rows.to_list() == pytest.approx([0.123456789012345678 / 4] * 2, abs=1e-12)
    with pytest.raises(ConfigurationError, match="expected --meter NAME with a file that names"):
        ran(folder, "meter", written(folder, "y.xml", PLAIN), "--site", "hall-1")


def test_a_name_for_one_meter_is_refused_for_a_file_of_two(folder: Path) -> None:
    two = "\n".join(
        [*nem12(DAYS[-1]).decode().split("\n")[:3], CHANNEL.replace(",E1,1,E1,", ",B1,1,B1,")]
    )
    file = written(folder, "two.csv", f"{two}\n{DAYS[-1]}\n900\n")

    with pytest.raises(ConfigurationError, match="leave out --meter"):
        ran(folder, "meter", file, "--site", "hall-1", "--meter", "m1")
