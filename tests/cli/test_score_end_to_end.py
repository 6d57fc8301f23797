"""The whole command on small halls, on disk and in memory."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from negawatt.cli.score import score
from negawatt.cli.score_results import read_scores, write_scores
from negawatt.cli.score_run import METHODS, PLACEBOS
from negawatt.cli.simulate import simulate

pytestmark = pytest.mark.slow

SMALL = ("--nodes", "8", "--days", "15")


def run(*arguments: str) -> str:
    app = typer.Typer()
    app.command()(score)
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False).stdout


def test_two_seeds_under_every_method_in_two_processes(tmp_path: Path) -> None:
    """A null event earns nothing; the rest is as far off as methods of their kind are."""
    results, chart = tmp_path / "scores.csv", tmp_path / "chart.svg"

    said = run(
        *("--scenario", "ordinary", "--scenario", "null_event", "--seeds", "101-102", *SMALL),
        *("--method", "all", "--results", str(results), "--chart", str(chart), "--jobs", "2"),
    )

    scores = read_scores(results)
    assert {one.method for one in scores} == set(METHODS)
    assert "quiet windows of 4 fleets" in said
    assert chart.read_text(encoding="utf-8").startswith("<svg role")
    for one in scores:
        if one.method == "job_aware" and one.scenario == "null_event":
            assert one.estimate_kw == one.true_kw == 0
        elif one.scenario == "ordinary" and one.method != PLACEBOS:
            assert not math.isnan(one.estimate_kw)
            assert abs(one.error_kw) < one.true_kw
    errors = {one.seed: abs(one.error_kw) for one in scores if one.method == "job_aware"}
    worse = {one.seed: abs(one.error_kw) for one in scores if one.method == "job_ends"}
    assert sum(errors.values()) < sum(worse.values())


def test_what_the_file_holds_is_not_run_again(tmp_path: Path) -> None:
    """The first seed's score is changed by hand and stays; the second is added."""
    results = tmp_path / "scores.parquet"
    run("--seeds", "101", *SMALL, "--method", "pre_event_hour", "--results", str(results))
    (first,) = read_scores(results)
    write_scores([replace(first, estimate_kw=1.25)], results)

    run("--seeds", "101,102", *SMALL, "--method", "pre_event_hour", "--results", str(results))

    found = read_scores(results)
    assert [one.seed for one in found] == [101, 102]
    assert found[0].estimate_kw == 1.25
    assert found[1].estimate_kw != 1.25


def test_a_folder_on_disk_scores_as_the_same_hall_in_memory(tmp_path: Path) -> None:
    hall = tmp_path / "battery"
    app = typer.Typer()
    app.command()(simulate)
    plan = (str(hall), "--scenario", "battery", "--seed", "101", *SMALL)
    CliRunner().invoke(app, list(plan), catch_exceptions=False)

    from_disk = json.loads(run(str(hall), "--json"))
    in_memory = json.loads(run("--scenario", "battery", "--seeds", "101", *SMALL, "--json"))

    for method, figures in in_memory["by_scenario"]["battery"].items():
        found = from_disk["by_scenario"][str(hall)][method]
        assert found["bias_ratio"] == pytest.approx(figures["bias_ratio"], abs=1e-6)
        assert found["rrmse_ratio_p50"] == pytest.approx(figures["rrmse_ratio_p50"], abs=1e-6)
        assert found["covered"] == figures["covered"]
