"""Site files: every key reaches the engine, and a wrong one is named."""

from dataclasses import fields
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from negawatt.cli.site_file import read_site
from negawatt.models.domain.errors import ConfigurationError, DataRefusedError

LOAD = "interval_start_utc,energy_kwh\n2026-07-01T00:00Z,5\n2026-07-01T01:00Z,6\n"


def written(folder: Path, text: str) -> Path:
    (folder / "group.csv").write_text(LOAD)
    (folder / "weather.csv").write_text(LOAD.replace("energy_kwh", "temperature_c"))
    file = folder / "site.toml"
    file.write_text(text)
    return file


def test_every_key_becomes_an_input(tmp_path: Path) -> None:
    text = """
temperature = "weather.csv"
generator = "group.csv"
control_group = { load = "group.csv", control_count = 200, treated_count = 40 }
nomination = { load = "group.csv", locked_at = 2026-06-30T12:00:00+02:00 }
loss_factor = 1.05
peak_load_contribution_kw = 735
winter_peak_load_kw = 630
firm_service_level_kw = 400
declared_maximum_base_load_kw = 650
average_peak_demand_kw = 700
system_peak_starts = [2025-07-01T16:00:00-04:00]
outage_days = [2026-06-01]
shutdown_days = [2026-06-02]
other_program_windows = [{ start = 2026-06-03T16:00:00Z, end = 2026-06-03T18:00:00Z }]
undispatched_windows = [{ start = 2026-06-04T16:00:00Z, end = 2026-06-04T18:00:00Z }]
denied_windows = [{ start = 2026-06-05T16:00:00Z, end = 2026-06-05T18:00:00Z }]
instructed_at = 2026-07-01T00:00:00Z
gate_closed_at = 2026-07-01T01:00:00Z
"""

    site = read_site(written(tmp_path, text))

    assert site.temperature is not None
    assert site.generator is not None
    assert site.control_group is not None
    assert site.nomination is not None
    assert site.temperature.temperature_c.tolist() == [5.0, 6.0]
    assert site.generator.energy_kwh.tolist() == [5.0, 6.0]
    assert (site.control_group.control_count, site.control_group.treated_count) == (200, 40)
    assert site.nomination.locked_at_utc == datetime(2026, 6, 30, 10, tzinfo=UTC)
    assert site.system_peak_starts_utc == [datetime(2025, 7, 1, 20, tzinfo=UTC)]
    assert (site.outage_days, site.shutdown_days) == (
        frozenset({date(2026, 6, 1)}),
        frozenset({date(2026, 6, 2)}),
    )
    windows = (site.other_program_windows, site.undispatched_windows, site.denied_windows)
    assert [window[0].start_utc.day for window in windows] == [3, 4, 5]
    assert site.instructed_at_utc == datetime(2026, 7, 1, tzinfo=UTC)
    assert site.gate_closed_at_utc == datetime(2026, 7, 1, 1, tzinfo=UTC)
    levels = (
        site.peak_load_contribution_kw,
        site.winter_peak_load_kw,
        site.firm_service_level_kw,
        site.declared_maximum_base_load_kw,
        site.average_peak_demand_kw,
        site.loss_factor,
    )
    assert levels == (735, 630, 400, 650, 700, 1.05)


def test_the_documented_file_is_read(tmp_path: Path) -> None:
    """The sample of docs/programs, its files replaced by the ones that are here."""
    page = (Path(__file__).parents[2] / "docs" / "programs" / "README.md").read_text()
    sample = page.partition("```toml\n")[2].partition("```")[0]
    sample = sample.replace("generator.csv", "group.csv").replace("schedule.csv", "group.csv")

    site = read_site(written(tmp_path, sample))

    assert all(getattr(site, field.name) for field in fields(site))


def test_an_empty_file_states_nothing(tmp_path: Path) -> None:
    site = read_site(written(tmp_path, ""))

    assert site.temperature is None
    assert site.loss_factor is None
    assert site.outage_days == frozenset()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("peak_load = 3", "key 'peak_load'"),
        ("loss_factor = 0", "greater than 0, found 0"),
        ("instructed_at = 2026-07-01T00:00:00", "key 'instructed_at'"),
        ("loss_factor =", "expected readable TOML"),
        ('control_group = { load = "group.csv" }', "key 'control_group.control_count'"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        read_site(written(tmp_path, text))

    assert said in str(error.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataRefusedError, match=r"none\.csv"):
        read_site(written(tmp_path, 'generator = "none.csv"'))
    with pytest.raises(ConfigurationError, match="readable TOML"):
        read_site(tmp_path / "none.toml")
