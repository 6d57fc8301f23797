from pathlib import Path

import pytest

from negawatt.models.domain.errors import ConfigurationError
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.sites import read_site, read_sites, read_sites_file, register_sites

HALL = """
[hall-1]
time_zone = "America/New_York"
settlement_meter_id = "meter-1"
revenue_grade = true
boundary = "the hall's \\"main\\" feeder"
alternative_programs = ["caiso_10_in_10"]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "sites.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_registered_site_reads_back_as_it_was_given(layout: Layout, tmp_path: Path) -> None:
    given = read_sites_file(written(tmp_path, HALL))

    register_sites(layout, given)

    assert read_sites(layout) == given
    assert read_site(layout, "hall-1").zone.key == "America/New_York"


def test_registering_one_site_keeps_the_others(layout: Layout, tmp_path: Path) -> None:
    register_sites(layout, read_sites_file(written(tmp_path, HALL)))

    register_sites(layout, read_sites_file(written(tmp_path, HALL.replace("hall-1", "hall-2"))))

    assert sorted(read_sites(layout)) == ["hall-1", "hall-2"]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("America/New_York", "Mars/Base", "an IANA time zone such as America/Phoenix"),
        ("America/New_York", "America", "an IANA time zone such as America/Phoenix"),
        ("America/New_York", "../../etc/passwd", "an IANA time zone such as America/Phoenix"),
        ("revenue_grade", "revenue_class", "key 'hall-1.revenue_grade'"),
        ("[hall-1]", '["a/b"]', "site name 'a/b'"),
        ("[hall-1]", "[hall-1", "a TOML file with one table per site"),
    ],
)
def test_a_wrong_site_file_is_refused_by_the_key(
    tmp_path: Path, before: str, after: str, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read_sites_file(written(tmp_path, HALL.replace(before, after)))


def test_an_unknown_site_is_answered_with_the_known_ones(layout: Layout) -> None:
    with pytest.raises(ConfigurationError, match="none yet"):
        read_site(layout, "hall-9")


def test_the_facts_of_a_site_are_one_text_whatever_their_order(tmp_path: Path) -> None:
    lines = HALL.strip().splitlines()
    backwards = "\n".join([lines[0], *reversed(lines[1:])])

    first = read_sites_file(written(tmp_path, HALL))["hall-1"].deciding_json()

    assert read_sites_file(written(tmp_path, backwards))["hall-1"].deciding_json() == first
    assert first.startswith(b'{"alternative_programs":["caiso_10_in_10"],"revenue_grade":true')
