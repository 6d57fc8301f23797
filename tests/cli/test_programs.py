import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from negawatt.cli.programs import app
from negawatt.models.baselines.registry import list_programs, load_program
from negawatt.models.domain.errors import ConfigurationError

PROGRAMS = Path(__file__).parents[2] / "models/negawatt/models/baselines/programs"
RUNNER = CliRunner()


def output(*arguments: str) -> str:
    result = RUNNER.invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_every_program_is_listed() -> None:
    listed = [line.split()[0] for line in output("list").splitlines()]

    assert listed == list(list_programs())
    assert [row["program_id"] for row in json.loads(output("list", "--json"))] == listed


@pytest.mark.parametrize("program_id", list_programs())
def test_a_rule_is_shown_with_its_numbers_sources_and_open_facts(program_id: str) -> None:
    rule = load_program(program_id)

    shown = output("show", program_id)

    assert rule.rule_id in shown
    assert rule.digest in shown
    assert all(source.document in shown for source in rule.sources)
    assert shown.count("\n! ") == len(rule.unverified_facts)
    assert all(f"check: {fact.check}" in shown for fact in rule.unverified_facts)


def test_the_words_state_the_numbers_of_the_manual() -> None:
    shown = output("show", "pjm_economic_3day")

    assert "weekday (Mon, Tue, Wed, Thu, Fri): 4 of 5, at least 4" in shown
    assert "look-back     1 to 45 calendar days before the event day" in shown
    assert "window [-4, -1) h around event start" in shown
    assert "below 25% of mean of candidates, renewed as older days move up" in shown


def test_json_is_the_file_with_its_digest() -> None:
    document = json.loads(output("show", "caiso_10_in_10", "--json"))

    assert document["rule_digest"] == load_program("caiso_10_in_10").digest
    assert document["day_types"][0]["X"] == 10
    assert document["adjustment"]["type"] == "multiplicative"
    assert document["adjustment"]["cap"] == {"kind": "ratio", "lower": 0.8, "upper": 1.2}


def test_a_valid_file_is_said_to_be_valid() -> None:
    file = PROGRAMS / "pre_event_hour.toml"

    assert "pre_event_hour@1 is valid; 0 of 3 facts to check" in output("check", str(file))
    assert json.loads(output("check", str(file), "--json"))["facts_to_check"] == 0


def test_a_broken_file_exits_2_with_its_key_and_value(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    text = (PROGRAMS / "pre_event_hour.toml").read_text()
    file.write_text(text.replace("interval_minutes = 1", "interval_minutes = 7"))

    with pytest.raises(ConfigurationError, match=r"mine.toml, key 'interval_minutes'.*7") as error:
        RUNNER.invoke(app, ["check", str(file)], catch_exceptions=False)

    assert error.value.exit_code == 2


@pytest.mark.parametrize("command", ["list", "show", "check"])
def test_help_has_an_example(command: str) -> None:
    assert f"Example: negawatt programs {command}" in output(command, "--help")


def test_facts_that_nobody_read_are_marked_low() -> None:
    shown = output("show", "spp_forecast")

    assert "! LOW algorithm [memory-low, spp]: The participant supplies" in shown
    assert "LOW" not in output("show", "pjm_capacity_gld")


@pytest.mark.parametrize(
    ("program_id", "words"),
    [
        ("ercot_ers_matching_pair", "compared before the event, 1 h away from it, and 1 days bef"),
        ("ercot_ers_middle_8_of_10", "too few days  compute by ercot_ers_nearest_20"),
        (
            "ercot_ers_regression",
            "model of time of week and temperature, fitted on 60 days or more",
        ),
        ("isone_90_10", "the first 5 days count alike, each later one 10%"),
        ("centerpoint_load_management", "of [-2, -1) h around the start, the event day included"),
        ("ieso_15_of_20", "at most 35 days of the type"),
        ("korea_mid_6_of_10", "above 125% of mean of candidates (20 days); the upper limit in a"),
        ("pjm_capacity_gld", "asks for      peak_load_contribution_kw, loss_factor (--site)"),
        ("nyiso_scr_acl", "mean of the 20 highest loads in the 40 hours of highest system load"),
        ("caiso_control_group", "control group of 150 units or more"),
        ("spp_forecast", "the site's own schedule, locked before the event start"),
        ("france_nebef_rectangle", "each as long as the event"),
        ("pjm_synchronized_reserve", "the first 1 min of the event are read"),
        ("aemo_wdr_10_of_10", "are within 4%"),
        ("japan_high_4_of_5", "adjusted      at least 0 kW"),
    ],
)
def test_every_parameter_has_its_words(program_id: str, words: str) -> None:
    assert words in output("show", program_id)
