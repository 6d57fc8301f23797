from pathlib import Path

import pytest

from negawatt.models.domain.errors import ConfigurationError
from negawatt.pipelines.exports.upload_profile import (
    find_upload_profile,
    list_upload_profiles,
    read_upload_profile,
)

HEAD = 'source = "by hand"\ntime_zone = "UTC"\n'


def refused(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_upload_profile(path)
    return str(caught.value)


@pytest.mark.parametrize("name", list_upload_profiles())
def test_a_sample_loads_and_says_where_it_is_from_and_what_to_check(name: str) -> None:
    profile = find_upload_profile(name)

    assert profile.source
    assert profile.unverified


@pytest.mark.parametrize(
    ("column", "found"),
    [
        ('column = "metered_kwh"\nunit = "MVA"', "expected 'W', 'kW', 'MW', 'Wh', 'kWh' or 'MWh'"),
        ('column = "metered_kwh"\nwidth = 3', "key 'columns.0.width': expected extra inputs"),
        ('column = "metered_kwh"\nconstant = "1"', "expected exactly one of constant and column"),
        ('column = "gigajoule"', "there is no 'gigajoule'"),
        ('column = "event_id"\nunit = "kW"', "unit and decimals for a figure only, not for event"),
        ('column = "delivered_ratio"\nunit = "kW"', "a unit that delivered_ratio has (none)"),
        ('column = "limit_kw"\nunit = "kWh"', "a unit that limit_kw has (W, kW, MW), not kWh"),
        ('column = "metered_kwh"\nrounding = "half_up"', "expected decimals beside rounding"),
        ('column = "interval_end_utc"', "a format for an instant, and for nothing else, at 'x'"),
        ('column = "event_id"\nformat = "%H"', "a format for an instant, and for nothing else"),
        ('column = "interval_end_utc"\nformat = "%A"', "key 'columns.0.format': expected hour_"),
        ('column = "interval_end_utc"\nformat = "noon"', "key 'columns.0.format': expected hour_"),
    ],
)
def test_a_wrong_column_is_refused_with_what_was_expected(
    column: str, found: str, tmp_path: Path
) -> None:
    message = refused(tmp_path / "p.toml", f'{HEAD}[[columns]]\nheading = "x"\n{column}\n')

    assert found in message
    assert message.endswith("; correct the key")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("time_zone =", "expected a TOML file"),
        (HEAD, "key 'columns': expected"),
        (HEAD.replace("UTC", "Mars/Olympus"), "key 'time_zone': expected an IANA time zone such"),
        ('time_zone = "UTC"\n', "key 'source': expected"),
    ],
)
def test_a_wrong_file_is_refused(text: str, found: str, tmp_path: Path) -> None:
    assert found in refused(tmp_path / "p.toml", text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"upload profile .*nowhere"):
        read_upload_profile(tmp_path / "nowhere.toml")


def test_a_name_that_no_sample_has_is_answered_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match="or one of half_hourly_kwh, hour_ending_kw"):
        find_upload_profile("pjm")


def test_a_file_is_found_by_its_ending(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'{HEAD}[[columns]]\nheading = "x"\nconstant = "1"\n', encoding="utf-8")

    assert find_upload_profile(str(path)).source == "by hand"
