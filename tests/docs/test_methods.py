"""The pages of methods: their Python examples are run, their tables are the data's own."""

import doctest
import re
import tomllib
from dataclasses import fields
from importlib.resources import files
from pathlib import Path

import pytest

from negawatt.models.baselines.registry import program_bytes, rule_from_bytes
from negawatt.models.domain.meter_facts import MeterFacts
from negawatt.models.metering.estimation import EstimationRule
from negawatt.models.settlement.payment.rules import list_payment_rules, load_payment_rule
from negawatt.models.verification.screening.screen import SCREENS
from negawatt.pipelines.exports.export_columns import EVENT_COLUMNS
from negawatt.pipelines.exports.sections import SECTIONS
from negawatt.pipelines.exports.upload_profile import UploadColumn, UploadProfile
from negawatt.warehouse.sites import read_sites_file
from tests.docs.console import ROOT, text_of

PAGES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/methods/*.md"))


def cells(document: str) -> list[list[str]]:
    """Return the rows of all tables of a page."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text_of(document).splitlines()
        if line.startswith("| ")
    ]


@pytest.mark.parametrize("document", PAGES)
def test_the_python_examples_of_a_page_give_what_it_shows(document: str) -> None:
    example = doctest.DocTestParser().get_doctest(
        text_of(document), {}, document, document, lineno=0
    )

    result = doctest.DocTestRunner().run(example)

    assert result.failed == 0


def test_the_table_of_payments_has_every_rule_as_its_file_states_it() -> None:
    rules = map(load_payment_rule, list_payment_rules())
    expected = [
        [
            f"`{rule.payment_id}`",
            rule.market,
            rule.currency,
            "; ".join(component.name for component in rule.payments),
            str(len(rule.unverified_facts)),
        ]
        for rule in rules
    ]

    found = [row for row in cells("docs/methods/payments.md") if len(row) == 5]

    assert found[1:] == expected


def test_the_table_of_kinds_has_every_kind_that_a_rule_uses() -> None:
    used = {c.kind for name in list_payment_rules() for c in load_payment_rule(name).payments}

    rows = [row for row in cells("docs/methods/payments.md") if len(row) == 2]

    assert {row[0].strip("`") for row in rows[1:]} == used


def test_the_table_of_thresholds_is_the_file() -> None:
    file = files("negawatt.models.verification.screening") / "thresholds.toml"
    expected = [
        [f"`{test}`", f"`{name}`", str(value)]
        for test, table in tomllib.loads(file.read_text(encoding="utf-8")).items()
        for name, value in table.items()
        if name != "source"
    ]

    rows = cells("docs/methods/screens.md")
    first = rows.index(["test", "threshold", "value"])

    assert rows[first + 1 : first + 1 + len(expected)] == expected


def test_the_table_of_tests_has_each_of_the_nine() -> None:
    rows = [row for row in cells("docs/methods/screens.md") if len(row) == 3]

    assert len(rows[1 : rows.index(["test", "threshold", "value"])]) == len(SCREENS) == 9


def test_the_table_of_sections_has_each_of_the_seventeen_in_order() -> None:
    expected = [f"{number}. {section.title}" for number, section in enumerate(SECTIONS, start=1)]

    found = [row[0] for row in cells("docs/methods/report.md") if row[0][:1].isdigit()]

    assert found == expected
    assert len(found) == 17


def test_the_table_of_exported_tables_has_each_of_them() -> None:
    rows = cells("docs/methods/report.md")
    first = rows.index(["table of an event", "one row per"]) + 1

    assert [row[0].strip("`") for row in rows[first : first + len(EVENT_COLUMNS)]] == list(
        EVENT_COLUMNS
    )


def test_the_profile_that_the_page_shows_is_the_one_that_is_built_in() -> None:
    sample = files("negawatt.pipelines.exports") / "profiles" / "hour_ending_kw.toml"

    assert f"```toml\n{sample.read_text(encoding='utf-8')}```" in text_of("docs/methods/report.md")


def test_the_table_of_keys_has_every_key_of_a_profile() -> None:
    named = set(re.findall(r"`([a-z_]+)`", text_of("docs/methods/report.md")))

    assert {*UploadProfile.model_fields, *UploadColumn.model_fields} <= named


def test_the_table_of_limits_is_the_file() -> None:
    file = files("negawatt.models.metering") / "validation.toml"
    rules = tomllib.loads(file.read_text(encoding="utf-8"))

    rows = [row for row in cells("docs/methods/validation.md") if len(row) == 2]

    assert rows[1:] == [[f"`{name}`", str(rule["value"])] for name, rule in rules.items()]


def test_the_declarations_that_the_page_shows_are_read(tmp_path: Path) -> None:
    shown, program = re.findall(
        r"```toml\n(.+?)```", text_of("docs/methods/validation.md"), re.DOTALL
    )
    required = 'time_zone = "UTC"\nsettlement_meter_id = "feeder"\nrevenue_grade = true\n'
    path = tmp_path / "sites.toml"
    path.write_text(f'[hall-1]\n{required}boundary = "one feeder"\n{shown}')

    site = read_sites_file(path)["hall-1"]

    assert {field.name for field in fields(MeterFacts)} == set(
        tomllib.loads(shown)["hall-1"]["meters"]["feeder"]
    )
    assert site.meters["feeder"].service_rating_kw == 12_000
    assert dict(site.meter_limits) == {"spike_ratio_max": 3.0}
    content = program_bytes("before_and_after") + program.encode()
    rule = rule_from_bytes(content, "before_and_after.toml", ())
    assert rule.estimates == EstimationRule(interpolated_h_max=2.0, like_day_count=4)
