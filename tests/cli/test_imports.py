import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from negawatt.cli.imports import app
from negawatt.models.domain.errors import ConfigurationError, DataRefusedError, NegawattError
from negawatt.warehouse.event_tables import events_of_site
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import read_all_raw
from negawatt.warehouse.sites import read_sites
from tests.warehouse.formats.conftest import day, nem12

pytestmark = pytest.mark.slow  # each test imports into a warehouse

SITES = """
[hall-1]
time_zone = "America/Phoenix"
settlement_meter_id = "m1"
revenue_grade = false
boundary = "one feeder"
"""
METER = """
table = "raw_meter__readings"
start_column = "time"
interval_minutes = 15
value_column = "kw"
value_unit = "kW"
entity_id = "m1"
"""
EVENTS = """
table = "raw_grid__events"
event_id = "{name}"
site_id = "hall-1"
program_id = "pjm_economic_3day"
event_kind = "test"
start_column = "from"
end_column = "to"
time_zone = "America/Phoenix"
"""


def written(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def ran(folder: Path, *arguments: str) -> str:
    """Run an import into the folder's warehouse and return what it printed."""
    result = CliRunner().invoke(app, [*arguments, "-w", str(folder / "w")])
    if isinstance(result.exception, NegawattError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ran(tmp_path, "sites", written(tmp_path, "sites.toml", SITES))
    return tmp_path


def imported_meter(folder: Path, kw: str = "120") -> dict[str, object]:
    file = written(folder, "kw.csv", f"time,kw\n2026-07-01T00:00:00Z,{kw}\n")
    profile = written(folder, "meter.toml", METER)
    found = ran(folder, "meter", file, "--site", "hall-1", "--profile", profile, "--json")
    return dict(json.loads(found))


def test_a_meter_file_becomes_readings_once(folder: Path) -> None:
    first, again = imported_meter(folder), imported_meter(folder)

    assert (first["row_count"], first["known_count"]) == (1, 0)
    assert (again["row_count"], again["known_count"]) == (0, 1)
    rows = read_all_raw(Layout(folder / "w"), "raw_meter__readings", "hall-1")
    assert rows["energy_kwh"].to_list() == [30.0]


def test_a_corrected_file_adds_to_what_is_there(folder: Path) -> None:
    imported_meter(folder)

    imported_meter(folder, kw="121")

    rows = read_all_raw(Layout(folder / "w"), "raw_meter__readings", "hall-1")
    assert rows["energy_kwh"].to_list() == [30.0, 30.25]


def test_a_retracted_correction_is_taken_in(folder: Path) -> None:
    for kw in ("120", "121"):
        imported_meter(folder, kw)

    assert imported_meter(folder, "120")["row_count"] == 1


@pytest.mark.parametrize(
    ("event", "found"),
    [
        ("e1,2026-07-01T16:00,2026-07-01T15:00", "got end 2026-07-01T22:00"),
        ("e1,1.7.2026,2026-07-01T15:00", "'1.7.2026'"),
    ],
)
def test_an_event_that_cannot_be_is_refused(folder: Path, event: str, found: str) -> None:
    profile = written(folder, "events.toml", EVENTS)
    file = written(folder, "events.csv", f"name,from,to\n{event}\n")

    with pytest.raises(DataRefusedError, match=found):
        ran(folder, "events", file, "--site", "hall-1", "--profile", profile)

    assert not (folder / "w" / "raw_grid__events").exists()


def test_an_event_of_another_site_is_refused(folder: Path) -> None:
    profile = written(folder, "events.toml", EVENTS.replace('"hall-1"', '"hall-2"'))
    file = written(folder, "events.csv", "name,from,to\ne1,2026-07-01T16:00,2026-07-01T18:00\n")

    with pytest.raises(DataRefusedError, match=r"expected site 'hall-1', .* found site 'hall-2'"):
        ran(folder, "events", file, "--site", "hall-1", "--profile", profile)


def test_a_changed_event_is_its_second_revision(folder: Path) -> None:
    profile = written(folder, "events.toml", EVENTS)
    for end in ("18:00", "19:00"):
        text = f"name,from,to\ne1,2026-07-01T16:00,2026-07-01T{end}\n"
        file = written(folder, "events.csv", text)
        ran(folder, "events", file, "--site", "hall-1", "--profile", profile)

    (event,) = events_of_site(Layout(folder / "w"), "hall-1")
    assert (event.revision, event.interval.duration_h) == (2, 3.0)


def test_a_profile_for_another_table_is_refused(folder: Path) -> None:
    file = written(folder, "kw.csv", "time,kw\n")
    profile = written(folder, "meter.toml", METER)

    with pytest.raises(ConfigurationError, match="table = 'raw_job__readings'"):
        ran(folder, "jobs", file, "--site", "hall-1", "--profile", profile)


def test_a_file_without_a_profile_must_have_the_tables_columns(folder: Path) -> None:
    file = folder / "kw.parquet"
    pl.DataFrame({"time": ["2026-07-01"], "kw": [1.0]}).write_parquet(file)

    with pytest.raises(DataRefusedError, match="missing \\['meter_id'"):
        ran(folder, "meter", str(file), "--site", "hall-1")

    assert not (folder / "w" / "raw_meter__readings").exists()


def test_a_csv_file_without_a_profile_is_refused(folder: Path) -> None:
    file = written(folder, "kw.csv", "meter_id\nm1\n")

    with pytest.raises(ConfigurationError, match="--profile FILE with a CSV file"):
        ran(folder, "meter", file, "--site", "hall-1")


def test_a_site_that_is_not_registered_takes_no_readings(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"registered sites \(hall-1\)"):
        ran(folder, "meter", written(folder, "kw.csv", "a\n"), "--site", "hall-2")


def nem12_line(folder: Path, value: str, *options: str) -> list[str]:
    (folder / "a.csv").write_bytes(nem12(day([value] * 48), day(["x"] * 48, date="20240202")))
    return ["meter", str(folder / "a.csv"), "--site", "hall-1", "-w", str(folder / "w"), *options]


def test_what_is_refused_is_listed_with_its_reason_and_the_rest_is_taken_in(folder: Path) -> None:
    result = CliRunner().invoke(app, nem12_line(folder, "1"))

    assert "raw_meter__readings: 48 rows in 2 new files" in result.output
    assert "refused   line 4: value 1: digits are expected, found 'x'" in result.output
    assert isinstance(result.exception, DataRefusedError)
    assert read_all_raw(Layout(folder / "w"), "raw_meter__readings", "hall-1").height == 48


def test_json_counts_what_is_new_changed_and_known(folder: Path) -> None:
    results = [
        CliRunner().invoke(app, nem12_line(folder, value, "--json")) for value in ("1", "1", "2")
    ]

    found = [json.loads(result.output) for result in results]
    counts = [[one[f"{kind}_count"] for kind in ("row", "changed", "known")] for one in found]
    assert counts == [[48, 0, 0], [0, 0, 48], [48, 48, 0]]
    assert [one["place"] for one in found[0]["refused"]] == ["line 4"]


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(folder: Path) -> None:
    result = CliRunner().invoke(app, nem12_line(folder, "1", "--dry-run"))

    assert "48 rows would be in 2 new files" in result.output
    assert not (folder / "w" / "raw_meter__readings").exists()


def test_a_changed_event_counts_as_changed(folder: Path) -> None:
    profile = written(folder, "events.toml", EVENTS)
    counts = []
    for end in ("18:00", "19:00"):
        text = f"name,from,to\ne1,2026-07-01T16:00,2026-07-01T{end}\n"
        file = written(folder, "events.csv", text)
        line = ["events", file, "--site", "hall-1", "--profile", profile, "--json"]
        counts.append(json.loads(ran(folder, *line))["changed_count"])

    assert counts == [0, 1]


SACCT = "JobID|JobName|Partition|State|Submit|Start|End|AllocTRES|ConsumedEnergyRaw\n"
RUN = "17|pretrain|train|RUNNING|2026-07-01T08:00:00|2026-07-01T08:10:00|{}|gres/gpu=8|900\n"


def imported_jobs(folder: Path, end: str, *options: str) -> dict[str, object]:
    tiers = '[[tier]]\njob_name = ["pre*"]\nflexibility_tier = 2\n'
    file = written(folder, "sacct.txt", SACCT + RUN.format(end))
    line = ["jobs", file, "--site", "hall-1", "--tiers", written(folder, "t.toml", tiers), *options]
    return dict(json.loads(ran(folder, *line, "--json")))


def test_a_job_that_ended_since_is_a_changed_row_and_names_of_users_are_not_kept(
    folder: Path,
) -> None:
    """Phoenix is seven hours behind UTC: 08:10 is 15:10 UTC."""
    found = [imported_jobs(folder, end) for end in ("Unknown", "Unknown", "2026-07-01T09:00:00")]

    counts = [(one["row_count"], one["changed_count"], one["known_count"]) for one in found]
    assert counts == [(1, 0, 0), (0, 0, 1), (1, 1, 0)]
    rows = read_all_raw(Layout(folder / "w"), "raw_job__accounting", "hall-1")
    assert rows["flexibility_tier"].to_list() == [2, 2]
    assert rows["allocation_start_utc"][0].isoformat() == "2026-07-01T15:10:00+00:00"
    assert rows["allocation_end_utc"].is_null().to_list() == [True, False]
    assert "job_name" not in rows.columns
    assert rows["job_energy_j"].to_list() == [None, None]


def test_the_energy_of_the_scheduler_is_asked_for_by_name(folder: Path) -> None:
    imported_jobs(folder, "Unknown", "--job-energy")

    rows = read_all_raw(Layout(folder / "w"), "raw_job__accounting", "hall-1")
    assert rows["job_energy_j"].to_list() == [900.0]


ALLOCATIONS = """
table = "raw_job__allocations"
time_zone = "America/Phoenix"

[columns]
job_id = "job"
gpu_uuid = "gpu"
allocation_start_utc = "from"
allocation_end_utc = "to"
"""


def test_placements_of_another_scheduler_come_by_a_profile(folder: Path) -> None:
    file = written(folder, "a.csv", "job,gpu,from,to\n17,GPU-a,2026-07-01T08:00:00,\n")
    profile = written(folder, "a.toml", ALLOCATIONS)

    ran(folder, "jobs", file, "--site", "hall-1", "--profile", profile)

    row = read_all_raw(Layout(folder / "w"), "raw_job__allocations", "hall-1").row(0, named=True)
    assert (row["job_id"], row["gpu_uuid"], row["allocation_end_utc"]) == ("17", "GPU-a", None)


def test_grid_stress_belongs_to_no_site_and_twice_changes_nothing(folder: Path) -> None:
    profile = (
        'table = "raw_grid__stress"\nseries_id = "LOR"\nstart_column = "t"\nlevel_column = "l"\n'
    )
    line = ["stress", written(folder, "s.csv", "t,l\n2026-07-01T00:00:00Z,LOR2\n")]
    line += ["--profile", written(folder, "s.toml", profile), "--json"]

    counts = [json.loads(ran(folder, *line))["row_count"] for _ in range(2)]

    assert counts == [1, 0]
    rows = read_all_raw(Layout(folder / "w"), "raw_grid__stress", "market")
    assert rows["stress_level"].to_list() == ["LOR2"]


def test_sites_say_what_changed_and_a_dry_run_registers_nothing(folder: Path) -> None:
    changed = SITES.replace("one feeder", "two feeders") + SITES.replace("hall-1", "hall-2")
    file = written(folder, "more.toml", changed)

    dry = json.loads(ran(folder, "sites", file, "--dry-run", "--json"))
    known = set(read_sites(Layout(folder / "w")))
    said = ran(folder, "sites", file)

    assert (dry["sites"], dry["changed"]) == (["hall-1", "hall-2"], ["hall-1"])
    assert known == {"hall-1"}
    assert said == "registered hall-1, hall-2; changed hall-1\n"
    assert set(read_sites(Layout(folder / "w"))) == {"hall-1", "hall-2"}


PATH = """
[m1]
type = "PowerMeter"
serves = ["rack-1"]

[rack-1]
type = "Rack"
nodes = ["n1", "n2"]
"""


def imported_path(folder: Path, text: str) -> str:
    file = written(folder, "path.toml", text)
    return ran(folder, "topology", file, "--site", "hall-1")


def test_an_electrical_path_is_imported_once(folder: Path) -> None:
    """Four objects: the meter, the rack, and two nodes without a table of their own."""
    first, again = imported_path(folder, PATH), imported_path(folder, PATH)

    assert first == "raw_site__topology: 4 rows in 1 new files\n"
    assert again == "raw_site__topology: nothing new\n"


def test_a_path_that_contradicts_what_is_known_is_refused_whole(folder: Path) -> None:
    """The second file is a path by itself; together with the first, n1 stands in two racks."""
    imported_path(folder, PATH)

    with pytest.raises(DataRefusedError, match="stand in one place, found rack-1 and rack-2"):
        imported_path(folder, '[rack-2]\ntype = "Rack"\nnodes = ["n1"]\n')

    assert read_all_raw(Layout(folder / "w"), "raw_site__topology", "hall-1").height == 4
