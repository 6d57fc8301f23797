from datetime import date
from decimal import Decimal
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
PAYMENT = """
[hall-1.payments.pjm_economic_3day]
rule = "pjm_economic"
prices = { lmp = "zone" }

[[hall-1.payments.pjm_economic_3day.facts]]
name = "loss_factor"
value = 1.1
unit = "factor"
source = "tariff sheet 4"
valid_from = 2026-06-01
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


def test_facts_of_a_payment_read_back_as_the_decimals_and_days_that_were_given(
    layout: Layout, tmp_path: Path
) -> None:
    """0.1 in the file is a tenth, also after it was registered."""
    given = read_sites_file(written(tmp_path, HALL + PAYMENT))

    register_sites(layout, given)

    assert read_sites(layout) == given
    payment = read_site(layout, "hall-1").payments["pjm_economic_3day"]
    assert (payment.rule, payment.prices) == ("pjm_economic", {"lmp": "zone"})
    (fact,) = payment.facts
    assert (fact.value, fact.valid_from) == (Decimal("1.1"), date(2026, 6, 1))


def test_what_is_paid_decides_no_energy(tmp_path: Path) -> None:
    """A fact that comes later must not restate the statements of a site."""
    without = read_sites_file(written(tmp_path, HALL))["hall-1"]
    paid = read_sites_file(written(tmp_path, HALL + PAYMENT))["hall-1"]

    assert paid.deciding_json() == without.deciding_json()


def test_a_fact_without_a_source_is_refused(tmp_path: Path) -> None:
    unsourced = PAYMENT.replace('source = "tariff sheet 4"\n', "")

    with pytest.raises(ConfigurationError, match=r"facts\.0\.source"):
        read_sites_file(written(tmp_path, HALL + unsourced))


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
    assert first.startswith(b'{"alternative_programs":["caiso_10_in_10"],"commitment_tolerance_kw"')
