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

    assert "pre_event_hour@1 is valid; 0 of 2 facts to check" in output("check", str(file))
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
