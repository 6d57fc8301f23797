import math
from dataclasses import replace
from pathlib import Path

import pytest

from negawatt.cli.score import score
from negawatt.cli.score_results import read_scores, write_scores
from negawatt.cli.score_words import score_lines
from negawatt.models.counterfactual.scoring import Score
from negawatt.models.domain.errors import ConfigurationError, DataRefusedError

ONE = Score(
    scenario="ordinary",
    seed=1,
    nodes=8,
    days=15,
    method="job_aware",
    true_kw=10.0,
    site_kw=50.0,
    estimate_kw=10.5,
    rrmse_ratio=0.012,
    half_width_kw=1.0,
    one_sided_kw=0.8,
    true_gpu_kw=8.0,
    gpu_kw=8.0,
    true_held_kw=2.0,
    held_kw=2.0,
)
TARIFF = replace(
    ONE,
    method="pre_event_hour",
    half_width_kw=math.nan,
    one_sided_kw=math.nan,
    gpu_kw=math.nan,
    held_kw=math.nan,
    estimate_kw=8.0,
)


@pytest.mark.parametrize("name", ["scores.csv", "scores.parquet"])
def test_scores_read_back_as_they_were_written(tmp_path: Path, name: str) -> None:
    refused = replace(ONE, seed=2, estimate_kw=math.nan, note="too few days")
    path = tmp_path / name

    write_scores([refused, TARIFF, ONE], path)

    assert list(map(repr, read_scores(path))) == list(map(repr, [ONE, TARIFF, refused]))


def test_of_a_figure_five_digits_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"

    write_scores([replace(ONE, estimate_kw=10.4999999)], path)

    assert read_scores(path) == [ONE]


def test_a_file_that_holds_no_scores_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")

    with pytest.raises(DataRefusedError, match="scores that this command wrote"):
        read_scores(path)


def test_the_table_says_error_and_band_in_percent_of_the_reduction() -> None:
    """10.5 of 10 kW: 5 % off, inside the band of 2 kW, 20 % wide; the tariff is 20 % low."""
    lines = list(score_lines([ONE, TARIFF]))

    best, tariff = (next(ln for ln in lines if name in ln) for name in (ONE.method, TARIFF.method))
    assert "ordinary: 1 event, held starts 25% of the GPUs' reduction" in lines
    assert best.split()[1:] == ["5.0%"] * 2 + ["+5.0%"] + ["1.20%"] * 2 + ["100%+-0%"] * 2 + [
        "20.0%"
    ]
    assert tariff.split()[1:4] == ["20.0%", "20.0%", "-20.0%"]
    assert tariff.split()[-3:] == ["-", "-", "-"]


def test_a_null_event_shows_false_credit_and_scenarios_are_shown_together() -> None:
    null = replace(ONE, scenario="null_event", true_kw=0.0, true_gpu_kw=0.0, estimate_kw=-1.0)

    lines = list(score_lines([ONE, null]))

    assert any(line.endswith("false credit 2.00% of the site's load") for line in lines)
    assert "all scenarios together" in lines


def test_a_refusal_is_said_once_with_its_reason() -> None:
    refused = replace(ONE, estimate_kw=math.nan, rrmse_ratio=math.nan, note="too few days")

    lines = list(score_lines([ONE, refused, refused]))

    assert lines[-1] == "job_aware refused 2 events, such as: too few days"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": ["nonsense"]}, "--method"),
        ({"scenario": ["nonsense"]}, "--scenario"),
        ({"seeds": "1-x"}, "--seeds"),
        ({"results": Path("scores.txt")}, "--results"),
        ({"chart": Path("chart.png")}, "--chart"),
    ],
)
def test_options_that_cannot_be_are_refused_before_any_work(
    options: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        score(**options)  # type: ignore[arg-type]  # options by name, as the command line has them
