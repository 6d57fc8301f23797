from dataclasses import replace
from decimal import Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.baselines.registry import list_programs, load_program
from negawatt.models.domain.errors import ConfigurationError, DataRefusedError
from negawatt.models.settlement.rounding import (
    DEFAULT_ROUNDING,
    RoundingRule,
    difference,
    plain,
    rounded_figures,
    rounding_of,
    settled_kwh,
    total,
)

HALF_UP = RoundingRule(name="up", energy_decimals=1, mode="ROUND_HALF_UP", source="illustration")


@pytest.mark.parametrize(
    ("energy_kwh", "expected"),
    [
        (2.0005, "2.000"),  # half to even
        (2.0015, "2.002"),  # half to even
        (-2.0015, "-2.002"),
        (2.00050001, "2.001"),
        (12.0, "12.000"),
        (-0.0001, "0.000"),  # no negative zero
    ],
)
def test_energy_is_rounded_from_its_shortest_decimal(energy_kwh: float, expected: str) -> None:
    """2.0015 in binary is below 2.0015; as the decimal that was read it is exactly a half."""
    assert str(settled_kwh(energy_kwh, DEFAULT_ROUNDING)) == expected


def test_the_rule_decides_decimals_and_halves() -> None:
    """2.25 at one decimal, half up: 2.3."""
    assert settled_kwh(2.25, HALF_UP) == Decimal("2.3")


@pytest.mark.parametrize("energy_kwh", [float("nan"), float("inf")])
def test_unknown_energy_is_refused(energy_kwh: float) -> None:
    with pytest.raises(DataRefusedError, match="known energy"):
        settled_kwh(energy_kwh, DEFAULT_ROUNDING)


def test_the_callers_decimal_context_changes_nothing() -> None:
    """At two digits of precision 123.456 would become 1.2E+2."""
    with localcontext() as context:
        context.prec = 2

        assert settled_kwh(123.456, DEFAULT_ROUNDING) == Decimal("123.456")
        assert difference(Decimal("123.456"), Decimal("0.001")) == Decimal("123.455")
        assert total([Decimal("123.456"), Decimal("0.001")]) == Decimal("123.457")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-999, max_value=999))
@settings(max_examples=50)
def test_a_plain_number_is_the_same_number_with_one_text(value: Decimal) -> None:
    assert plain(value) == value
    assert str(plain(value)) == str(plain(value * 1 + Decimal("0.000000000000")))


@given(st.floats(-1e9, 1e9))
@settings(max_examples=50)
def test_rounding_moves_energy_by_at_most_half_a_watt_hour(energy_kwh: float) -> None:
    assert abs(settled_kwh(energy_kwh, DEFAULT_ROUNDING) - Decimal(energy_kwh)) <= Decimal(
        "0.00050001"
    )


def test_figures_are_rounded_wherever_they_stand() -> None:
    figures = {"a": [1.00000049, (2.0000006,)], "b": None, "c": "text", "d": 3}

    assert rounded_figures(figures) == {"a": [1.0, (2.000001,)], "b": None, "c": "text", "d": 3}


def test_a_figure_of_nothing_has_no_sign() -> None:
    assert str(rounded_figures(-1e-9)) == "0.0"


def test_a_figure_that_is_no_number_is_refused() -> None:
    with pytest.raises(DataRefusedError, match="finite number"):
        rounded_figures(({"a": float("nan")},))


@pytest.mark.parametrize(
    ("key", "value"),
    [("mode", "ROUND_CEILING_ISH"), ("energy_decimals", 10)],
)
def test_a_rule_that_makes_no_sense_is_refused(key: str, value: object) -> None:
    keys: dict[str, object] = {
        "name": "n",
        "energy_decimals": 3,
        "mode": "ROUND_DOWN",
        "source": "s",
    }

    with pytest.raises(ValueError, match=key):
        RoundingRule(**{**keys, key: value})  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.slow
@pytest.mark.parametrize("program_id", list_programs())
def test_every_program_says_how_energy_is_rounded_and_how_well_that_is_known(
    program_id: str,
) -> None:
    rule = load_program(program_id)

    rounding = rounding_of(rule)

    (fact,) = [fact for fact in rule.facts if fact.parameter == "rounding.energy"]
    assert rounding.source == fact.statement
    assert f"{Decimal(1).scaleb(-rounding.energy_decimals):f} kWh" in fact.statement
    assert (rounding.mode == "ROUND_HALF_EVEN") == ("half to even" in fact.statement)


def test_a_program_whose_file_does_not_say_how_energy_is_rounded_is_refused() -> None:
    rule = replace(load_program("pjm_economic_3day"), rounding=())

    with pytest.raises(ConfigurationError, match="one step of the stage 'energy'"):
        rounding_of(rule)
