from pathlib import Path

import pytest

from negawatt.models.baselines.registry import load_program, program_from_file, rule_from_bytes
from negawatt.models.domain.errors import ConfigurationError

PROGRAMS = Path(__file__).parents[3] / "models/negawatt/models/baselines/programs"
PJM = (PROGRAMS / "pjm_economic_3day.toml").read_text()


def refusal(text: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        rule_from_bytes(text.encode(), "mine.toml", ())
    assert refused.value.exit_code == 2
    return str(refused.value)


def test_a_file_of_your_own_is_read_like_a_built_in_one(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(PJM)

    assert program_from_file(file) == load_program("pjm_economic_3day")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("X = 4", "X = 4\nZ = 1", "mine.toml, key 'day_types.0.Z'"),
        ("threshold = 0.25", "treshold = 0.25", "mine.toml, key 'low_usage.treshold'"),
        ("X = 4", "X = 9", "X and min_days must not exceed Y"),
        ("X = 4", "X = 0", "'x_of_y' needs X, Y and min_days, got (0, 5, 4)"),
        ("X = 4", "X = -1", "greater than or equal to 0, found -1"),
        ("interval_minutes = 60", "interval_minutes = 7", "interval_minutes'"),
        ('holiday_as = "sunday_holiday"', 'holiday_as = "sunny"', "must name a day type"),
        ('source_id = "variable-load"\ndoc', 'source_id = "other"\ndoc', "must cite a source"),
        ("dows = [6]", "dows = [5, 6]", "its own days of the week"),
        ('tz = "America/New_York"', 'tz = "Mars"', "settlement_clock.tz: expected an IANA"),
        ('"nerc"', '"national:QQ"', "holiday_calendar: expected nerc"),
        ('cap = { kind = "none" }', 'cap = { kind = "ratio" }', "must state lower and upper"),
        (
            'cap = { kind = "none" }',
            'cap = { kind = "ratio", lower = 0.8, upper = 1.2 }',
            "does not fit type 'additive'",
        ),
        ("pre = {", "post_ = {", "mine.toml, key 'adjustment"),
        ('mode = "prevailing"', 'mode = "standard"', "belong together"),
        ('aggregator = "mean"', 'aggregator = "weighted_mean"', "needs X weights"),
        ('confidence = "memory-medium"', 'confidence = "sure"', "mine.toml, key 'facts."),
        ('check = "Manual 11 section 10.4: length of the window."', "", "say what to check"),
        ("[effective]", "[effective]\n]", "expected TOML"),
        ('algorithm = "x_of_y"', 'algorithm = "same_day"', "'same_day' needs"),
    ],
)
def test_a_broken_file_is_refused_by_its_key(old: str, new: str, said: str) -> None:
    assert old in PJM

    assert said in refusal(PJM.replace(old, new))


def test_the_digest_of_an_override_is_another() -> None:
    plain = load_program("pjm_economic_3day")
    changed = load_program("pjm_economic_3day", overrides=("adjustment.type=none",))

    assert changed.rule_id == f"{plain.rule_id}+overrides"
    assert changed.overrides == ("adjustment.type=none",)
    assert changed.digest != plain.digest


def test_a_day_type_is_overridden_by_name_or_position() -> None:
    by_name = load_program("pjm_economic_3day", overrides=("day_types.saturday.X=1",))
    by_position = load_program("pjm_economic_3day", overrides=("day_types.1.X=1",))

    assert by_name.day_types[1].selected_count == 1
    assert by_name.day_types == by_position.day_types


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("adjustment.type", "found no '='"),
        ("day_types.monday.X=1", "no table 'day_types.monday'"),
        ("lookback.days=3", "key 'lookback.days'"),
        ("aggregator.of=mean", "no table 'aggregator'"),
        ("day_types.weekday.X=9", "X and min_days must not exceed Y"),
    ],
)
def test_an_override_that_does_not_fit_is_refused(override: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_program("pjm_economic_3day", overrides=(override,))

    assert said in str(refused.value)


def test_a_program_or_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"program 'pjm': expected one of aemo_wdr"):
        load_program("pjm")
    with pytest.raises(ConfigurationError, match="a readable file, found No such file"):
        program_from_file(tmp_path / "none.toml")
