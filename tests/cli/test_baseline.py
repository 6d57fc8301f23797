import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from negawatt.cli.baseline import baseline
from negawatt.models.domain.errors import ConfigurationError, NegawattError

GOLDEN = Path(__file__).parents[1] / "golden"
PJM = GOLDEN / "pjm_economic_3day"
EVENT = ("--event-start", "2026-07-07T16:00", "--event-end", "2026-07-07T20:00")
OTHER = ("--other-event", "2026-07-01T16:00/2026-07-01T20:00")
PROGRAM = ("--program", "pjm_economic_3day")
RUNNER = CliRunner()
APP = typer.Typer()
APP.command()(baseline)


def output(*arguments: str) -> str:
    result = RUNNER.invoke(APP, [str(PJM / "load.csv"), *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_json_carries_the_golden_baseline() -> None:
    """The first hour of tests/golden/pjm_economic_3day/expected.json, as a fraction there."""
    expected = json.loads((PJM / "expected.json").read_text())
    numerator, denominator = expected["adjusted_baseline_kwh"][0].split("/")

    document = json.loads(output(*EVENT, *OTHER, *PROGRAM, "--json"))

    first = document["intervals"][0]
    selected = [d["candidate_date"] for d in document["days"] if d["use"] == "selected"]
    assert first["interval_start_utc"] == "2026-07-07T20:00:00+00:00"
    assert first["adjusted_baseline_kwh"] == pytest.approx(int(numerator) / int(denominator))
    assert first["reduction_kwh"] == first["adjusted_baseline_kwh"] - first["metered_kwh"]
    assert selected == expected["selected_days"]


def test_text_tells_days_kept_and_dropped_the_adjustment_and_each_interval() -> None:
    text = output(*EVENT, *OTHER, *PROGRAM)

    assert "2026-07-06  selected" in text
    assert "low usage: " in text
    assert "event day\n" in text
    assert "other day type (saturday)" in text
    assert "adjustment: additive; metered " in text
    assert "2026-07-07T16:00-04:00" in text
    assert "warning: low_confidence_rule" in text


def test_an_override_is_visible_in_the_rule_and_in_the_output() -> None:
    text = output(*EVENT, *OTHER, *PROGRAM, "--set", "adjustment.type=none")

    assert "pjm_economic_3day@2026-11+overrides" in text
    assert "override  adjustment.type=none" in text
    assert "adjustment: none (the rule makes none)" in text


def test_a_program_file_stands_for_a_program(tmp_path: Path) -> None:
    built_in = GOLDEN.parents[1] / "models/negawatt/models/baselines/programs"
    file = tmp_path / "mine.toml"
    file.write_bytes((built_in / "pjm_economic_3day.toml").read_bytes())

    assert output(*EVENT, *OTHER, "--program", str(file)) == output(*EVENT, *OTHER, *PROGRAM)


def test_a_stated_ramp_moves_the_hour_before() -> None:
    """Golden pre_event_hour: 16:40 to 17:40 has twenty minutes of 2.0, forty of 1.5 kWh."""
    load = GOLDEN / "pre_event_hour" / "load.csv"
    event = ("--event-start", "2026-07-15T18:00Z", "--event-end", "2026-07-15T19:31Z")
    arguments = [str(load), *event, "--program", "pre_event_hour", "--ramp-minutes", "20", "--json"]

    result = RUNNER.invoke(APP, arguments, catch_exceptions=False)

    first = json.loads(result.output)["intervals"][0]
    assert first["baseline_kwh"] == pytest.approx((20 * 2.0 + 40 * 1.5) / 60)


def test_a_time_with_its_offset_needs_no_zone() -> None:
    utc = ("--event-start", "2026-07-07T20:00Z", "--event-end", "2026-07-08T00:00Z")
    pacific = ("--event-start", "2026-07-07T13:00", "--event-end", "2026-07-07T17:00")

    expected = json.loads(output(*EVENT, *PROGRAM, "--json"))

    assert json.loads(output(*utc, *PROGRAM, "--json")) == expected
    zone = ("--time-zone", "America/Los_Angeles")
    assert json.loads(output(*pacific, *zone, *PROGRAM, "--json")) == expected


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--time-zone", "Mars"), "--time-zone: expected an IANA time zone"),
        (("--event-start", "yesterday"), "expected an ISO 8601 instant"),
        (("--event-end", "2026-07-07T15:00"), "expected an end after the start"),
        (("--event-start", "2025-11-02T01:30"), "because the clock changes there"),
        (("--event-start", "2025-03-09T02:30"), "because the clock changes there"),
        (("--other-event", "2026-07-01"), "expected START/END"),
        (("--set", "rank.order=best"), "key 'rank.order'"),
        (("--program", "none"), "program 'none'"),
    ],
)
def test_wrong_usage_exits_2_and_names_the_option(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        output(*EVENT, *PROGRAM, *arguments)

    assert said in str(error.value)
    assert error.value.exit_code == 2


def test_too_little_load_exits_4() -> None:
    with pytest.raises(NegawattError, match="eligible days") as error:
        output("--event-start", "2026-06-23T16:00", "--event-end", "2026-06-23T17:00", *PROGRAM)

    assert error.value.exit_code == 4


def test_help_names_the_columns_and_has_an_example() -> None:
    text = " ".join(output("--help").replace("│", " ").split())

    assert "interval_start_utc" in text
    assert "Example: negawatt baseline" in text


def test_every_value_that_was_averaged_can_be_checked_by_hand() -> None:
    """16:00 on 6 July 2026: 1357.6 kWh; its adjustment window starts with 12:00: 1270.4 kWh."""
    text = output(*EVENT, *OTHER, *PROGRAM, "--details")

    assert "2026-07-06  16:00  event           1357.600" in text
    assert "2026-07-06  12:00  adjustment      1270.400" in text


def test_json_holds_the_days_that_were_ranked_with_every_value() -> None:
    """The mean of the four kept days' first hour is the unadjusted baseline of that hour."""
    document = json.loads(output(*EVENT, *OTHER, *PROGRAM, "--json"))

    (table,) = document["tables"]
    kept = {d["candidate_date"] for d in document["days"] if d["use"] == "selected"}
    first_kwh = [d["window_kwh"][0] for d in table["days"] if d["candidate_date"] in kept]
    assert len(table["days"]) == 5
    assert sum(first_kwh) / 4 == pytest.approx(document["intervals"][0]["baseline_kwh"])
    assert table["adjustment_start_utc"][0] == "2026-07-07T16:00:00+00:00"
    assert [fact["parameter"] for fact in document["low_confidence_facts"]] == [
        "accuracy_gate.days"
    ]


def test_a_level_comes_from_the_site_file_and_says_how(tmp_path: Path) -> None:
    """1050 kW over 1.05 is 1000 kW at the meter."""
    site = tmp_path / "site.toml"
    site.write_text("peak_load_contribution_kw = 1050\nloss_factor = 1.05\n")

    text = output(*EVENT, "--program", "pjm_capacity_fsl", "--site", str(site))

    assert "peak load contribution: 1050.000000 kW" in text
    assert "peak load contribution at the meter: 1000.000000 kW" in text
    assert "    1000.000" in text


def test_an_input_that_is_not_stated_is_refused_by_its_name() -> None:
    with pytest.raises(NegawattError, match="'peak_load_contribution_kw', found 0; state"):
        output(*EVENT, "--program", "pjm_capacity_fsl")


def test_facts_that_nobody_read_are_marked() -> None:
    text = output(*EVENT, *OTHER, *PROGRAM)

    assert "low confidence: accuracy_gate.days: The test uses about 60 days" in text
