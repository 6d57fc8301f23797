"""What holds for every payment file, and what no payment file may state."""

from importlib.resources import files

import pytest

from negawatt.models.baselines.registry import list_programs
from negawatt.models.domain.errors import ConfigurationError
from negawatt.models.settlement.payment.rules import (
    list_payment_rules,
    load_payment_rule,
    payment_rule_from_bytes,
    payment_rules_of,
)

RULES = list_payment_rules()
FOLDER = files("negawatt.models.settlement.payment") / "programs"

IDLE_SOURCE = '[[sources]]\nsource_id = "idle"\ndocument = "d"\nsection = "s"\n\n'


def content(payment_id: str) -> str:
    return (FOLDER / f"{payment_id}.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("payment_id", RULES)
def test_a_file_is_named_for_its_rule_and_says_where_each_fact_was_read(payment_id: str) -> None:
    rule = load_payment_rule(payment_id)

    assert rule.payment_id == payment_id
    assert all(fact.check for fact in rule.unverified_facts)
    assert content(payment_id).startswith("#")


@pytest.mark.parametrize("payment_id", RULES)
def test_a_file_pays_the_reductions_of_baselines_that_exist(payment_id: str) -> None:
    assert set(load_payment_rule(payment_id).program_ids) <= set(list_programs())


def test_a_baseline_that_nobody_pays_has_no_payment_rule() -> None:
    assert payment_rules_of("before_and_after") == ()


def test_an_unknown_rule_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="expected one of aemo_wdr, "):
        load_payment_rule("nobody")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("floor = 500", "flour = 500", "flour"),
        ('per = "MWh"', 'per = "MW"', "payments.0.energy.price.per"),
        ('supplied = "lmp"', 'supplied = "lmp", amount = 3', "either an amount or the name"),
        ('stage = "payment"', 'stage = "factor"', "must state 'payment'"),
        ('currency = "USD"', 'currency = "$"', "currency"),
        ('source_id = "manual"\nd', 'source_id = "other"\nd', "facts and sources must match"),
        (
            "[[facts]]",
            '[[sources]]\nsource_id = "idle"\ndocument = "d"\nsection = "s"\n\n[[facts]]',
            "idle",
        ),
        ("[performance]", '[performance]\nday_clock = "Asia/Tokyo"', "day_clock belongs to"),
        ('kind = "energy"', 'kind = "alms"', "payments.0"),
        ("[effective]", "[effective", "TOML"),
    ],
)
def test_a_file_that_breaks_the_schema_is_refused_by_key(old: str, new: str, message: str) -> None:
    text = content("nyiso_edrp")
    assert old in text

    with pytest.raises(ConfigurationError, match=message):
        payment_rule_from_bytes(text.replace(old, new).encode(), "edrp.toml")


def test_a_tenth_in_a_file_is_a_tenth() -> None:
    """Read as a binary fraction, 0.16 would be 0.16000000000000000333."""
    prices = [component.price for component in load_payment_rule("idaho_flex_peak").payments]  # type: ignore[union-attr]  # both of its payments have a price

    assert [str(price.amount) for price in prices] == ["3.25", "0.16"]


def test_the_digest_names_the_bytes() -> None:
    text = content("gb_dfs")

    changed = payment_rule_from_bytes((text + "\n").encode(), "gb_dfs.toml")

    assert changed.digest != load_payment_rule("gb_dfs").digest
