import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.warehouse.catalog import checked
from negawatt.warehouse.import_files import Incoming, read_incoming
from negawatt.warehouse.log_lines import read_log
from tests.docs.console import ROOT

NOW_UTC = datetime(2026, 7, 2, tzinfo=UTC)
LOG = """\
2026/07/01 14:00:00 powerd: started
2026/07/01 14:00:05 powerd: setcap job=17 pct=70
2026/07/01 14:00:06 powerd: suspend job=18
2026/07/01 16:00:00 powerd: resume job=18
"""


def shown_profile() -> str:
    """Return the profile that docs/methods/formats.md shows."""
    text = (ROOT / "docs" / "methods" / "formats.md").read_text(encoding="utf-8")
    profiles: list[str] = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    return next(one for one in profiles if "line_pattern" in one and "raw_job__control" in one)


def imported(folder: Path, log: str, profile: str) -> Incoming:
    (folder / "powerd.log").write_text(log, encoding="utf-8")
    (folder / "control.toml").write_text(profile, encoding="utf-8")
    return read_incoming(
        folder / "powerd.log", ("raw_job__control",), folder / "control.toml", NOW_UTC
    )


def test_the_profile_of_the_page_reads_acts_with_their_caps_and_leaves_other_lines(
    tmp_path: Path,
) -> None:
    """Phoenix is seven hours behind UTC: 14:00:05 is 21:00:05."""
    incoming = imported(tmp_path, LOG, shown_profile())

    rows = checked(incoming.table, incoming.rows)
    assert rows.select("job_id", "job_action", "power_ratio").rows() == [
        ("17", "cap", 0.7),
        ("18", "pause", None),
        ("18", "release", None),
    ]
    assert rows["acted_at_utc"][0] == datetime(2026, 7, 1, 21, 0, 5, tzinfo=UTC)
    assert [one.reason for one in incoming.left_out] == [
        "1 lines do not have the profile's pattern"
    ]


def test_a_word_that_the_profile_does_not_list_is_refused(tmp_path: Path) -> None:
    profile = shown_profile().replace(", resume =", ", stop =")

    with pytest.raises(DataRefusedError, match="rows for raw_job__control"):
        imported(tmp_path, LOG, profile)


@pytest.mark.parametrize(
    ("pattern", "expected"), [("(", "a regular expression"), ("job=", "named groups, such as")]
)
def test_a_pattern_that_is_none_is_refused(pattern: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(LOG, encoding="utf-8")

    with pytest.raises(ConfigurationError, match=expected):
        read_log(tmp_path / "a.log", pattern)
