import json
from pathlib import Path

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from negawatt.cli.simulate import simulate
from negawatt.models.domain.errors import ConfigurationError

pytestmark = pytest.mark.slow  # each test simulates

PLAN = """
site_id = "tiny"
seed = 2
start_utc = 2026-06-24T00:00:00Z
days = 2
nodes = 3
gpus_per_node = 2

[[events]]
event_id = "e1"
start_utc = 2026-06-25T18:00:00Z
end_utc = 2026-06-25T20:00:00Z
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN, encoding="utf-8")
    return path


def run(*arguments: str) -> str:
    """Run the command; its error, if it has one, is raised."""
    app = typer.Typer()
    app.command()(simulate)
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return result.stdout


def test_the_folder_is_written_whole_and_nothing_beside_it(tmp_path: Path, plan: Path) -> None:
    output = tmp_path / "out" / "hall"

    said = run(str(output), "--plan", str(plan))

    assert sorted(path.name for path in output.parent.iterdir()) == ["hall"]
    assert sorted(path.name for path in output.iterdir()) == ["public", "truth"]
    assert sorted(path.name for path in (output / "public" / "gpu_power").iterdir()) == [
        "day=00.parquet",
        "day=01.parquet",
    ]
    assert json.loads((output / "public" / "events.json").read_text())[-1]["event_id"] == "e1"
    assert sorted(path.name for path in (output / "truth").iterdir()) == [
        "jobs.parquet",
        "mechanisms.parquet",
        "site.parquet",
        "summary.json",
    ]
    assert "event e1: true reduction" in said


def test_the_same_plan_writes_the_same_files(tmp_path: Path, plan: Path) -> None:
    for name in ("one", "two"):
        run(str(tmp_path / name), "--plan", str(plan))

    files = [path for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert len(files) == 15
    for path in files:
        twin = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert path.read_bytes() == twin.read_bytes()


def test_json_states_the_reduction_that_the_truth_file_shows(tmp_path: Path, plan: Path) -> None:
    output = tmp_path / "hall"

    summary = json.loads(run(str(output), "--plan", str(plan), "--json"))

    truth = pl.read_parquet(output / "truth" / "site.parquet").filter(
        pl.col("ts").dt.date() == pl.date(2026, 6, 25), pl.col("ts").dt.hour().is_in([18, 19])
    )
    reduction = truth["site_kw_without_event"] - truth["site_kw"]
    assert summary["true_reduction_kw"] == pytest.approx(reduction.mean())
    assert summary["gpu_count"] == 6


def test_a_folder_that_holds_files_is_refused_and_left_as_it_was(
    tmp_path: Path, plan: Path
) -> None:
    with pytest.raises(ConfigurationError, match="a new or an empty folder"):
        run(str(tmp_path), "--plan", str(plan))

    assert list(tmp_path.iterdir()) == [plan]


def test_an_empty_folder_is_filled(tmp_path: Path, plan: Path) -> None:
    output = tmp_path / "empty"
    output.mkdir()

    run(str(output), "--plan", str(plan))

    assert (output / "public" / "jobs.parquet").exists()


def test_a_plan_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="name an existing plan"):
        run(str(tmp_path / "hall"), "--plan", str(tmp_path / "missing.toml"))


@pytest.mark.slow
def test_a_scenario_is_simulated_by_its_name(tmp_path: Path) -> None:
    """Nobody acts in a null event, so its reduction is 0, though 25 % were announced."""
    options = ("--scenario", "null_event", "--nodes", "8", "--days", "2", "--seed", "3")

    summary = json.loads(run(str(tmp_path / "hall"), *options, "--json"))

    events = json.loads((tmp_path / "hall" / "public" / "events.json").read_text())
    truth = json.loads((tmp_path / "hall" / "truth" / "summary.json").read_text())
    assert summary["site_id"] == "null-event-hall"
    assert summary["true_reduction_kw"] == truth["site_reduction_kw"] == 0
    assert events[-1]["target_fraction"] == 0.25


def test_help_has_an_example() -> None:
    assert "Example: negawatt simulate" in run("--help")
