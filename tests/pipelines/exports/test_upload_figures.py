from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from negawatt.pipelines.exports.upload_figures import Rounding, Unit, converted, written

HALF_HOUR = timedelta(minutes=30)


@pytest.mark.parametrize(
    ("column", "unit", "expected"),
    [
        ("metered_kwh", Unit.WH, 60_250),
        ("metered_kwh", Unit.KWH, Fraction("60.25")),
        ("metered_kwh", Unit.MEGAWATT_HOUR, Fraction("0.06025")),
        ("metered_kwh", Unit.W, 120_500),
        ("metered_kwh", Unit.KW, Fraction("120.5")),
        ("metered_kwh", Unit.MEGAWATT, Fraction("0.1205")),
        ("limit_kw", Unit.W, 60_250),
        ("limit_kw", Unit.MEGAWATT, Fraction("0.06025")),
    ],
)
def test_a_figure_changes_its_unit_exactly(column: str, unit: Unit, expected: Fraction) -> None:
    """60.25 kWh in half an hour are 120.5 kW on average."""
    assert converted(Decimal("60.25"), column, unit, HALF_HOUR) == expected


def test_a_float_counts_as_the_decimal_that_it_reads_as() -> None:
    assert converted(0.1, "limit_kw", None, None) == Fraction(1, 10)


@pytest.mark.parametrize(
    ("value", "half_even", "half_up", "truncate"),
    [
        ("0.125", "0.12", "0.13", "0.12"),
        ("-0.125", "-0.12", "-0.13", "-0.12"),
        ("0.129", "0.13", "0.13", "0.12"),
        ("7", "7.00", "7.00", "7.00"),
    ],
)
def test_rounding_is_the_one_that_is_named(
    value: str, half_even: str, half_up: str, truncate: str
) -> None:
    rules = (Rounding.HALF_EVEN, Rounding.HALF_UP, Rounding.TRUNCATE)

    made = [written(Fraction(value), 2, rule) for rule in rules]

    assert [one and one.text for one in made] == [half_even, half_up, truncate]


def test_a_third_has_no_exact_digits() -> None:
    assert written(Fraction(1, 3), None, None) is None
    assert written(Fraction(1, 3), 6, None) is None


@given(
    st.decimals(min_value=-(10**9), max_value=10**9, places=6),
    st.integers(0, 8),
    st.sampled_from(Rounding),
)
def test_what_is_written_and_what_was_changed_add_up(
    value: Decimal, decimals: int, rule: Rounding
) -> None:
    made = written(Fraction(value), decimals, rule)

    assert made is not None
    assert Fraction(made.text) - made.change == Fraction(value)
    assert abs(made.change) < Fraction(1, 10**decimals)
    assert len(made.text.partition(".")[2]) == decimals
