"""Piecewise-linear functions: values of real programs by hand, and what a file may not state."""

from decimal import Decimal
from typing import Any

import pytest

from negawatt.models.settlement.payment.components import Capacity, PerformanceEnergy
from negawatt.models.settlement.payment.function import PerformanceFunction, Piece
from negawatt.models.settlement.payment.rules import load_payment_rule


def function_of(payment_id: str) -> PerformanceFunction:
    for component in load_payment_rule(payment_id).payments:
        if isinstance(component, Capacity | PerformanceEnergy) and component.function:
            return component.function
    raise LookupError(payment_id)


def piece(lower: str | None, upper: str | None, slope: str, intercept: str) -> Piece:
    return Piece(
        from_ratio=None if lower is None else Decimal(lower),
        to_ratio=None if upper is None else Decimal(upper),
        slope=Decimal(slope),
        intercept=Decimal(intercept),
    )


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        ("-3", "-1"),
        ("-1", "-1"),
        ("-0.4", "-0.4"),
        ("0", "0"),
        ("0.249", "0"),
        ("0.25", "0"),
        ("0.4", "0.3"),
        ("0.5", "0.5"),
        ("0.9", "0.9"),
        ("1.2", "1.2"),
        ("2", "1.2"),
    ],
)
def test_k_of_the_british_service(ratio: str, expected: str) -> None:
    """RV in percent: -40 gives -40/100, 40 gives (2 x 40 - 50)/100, 90 gives 90/100."""
    assert function_of("gb_dfs")(Decimal(ratio)) == Decimal(expected)


def test_k_is_continuous_everywhere_and_so_says_its_file() -> None:
    function = function_of("gb_dfs")

    assert function.jumps == ()
    assert function.continuous


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [("-0.5", "0"), ("0.2499", "0"), ("0.25", "0.25"), ("0.8", "0.8"), ("1.5", "1")],
)
def test_con_edison_pays_from_a_quarter_on(ratio: str, expected: str) -> None:
    assert function_of("coned_csrp")(Decimal(ratio)) == Decimal(expected)


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [("-1", "-0.6"), ("0.5", "-0.1"), ("0.6", "0.3"), ("0.75", "0.75"), ("1.2", "1.05")],
)
def test_capacity_bidding_turns_into_a_penalty_below_six_tenths(ratio: str, expected: str) -> None:
    assert function_of("pge_cbp")(Decimal(ratio)) == Decimal(expected)


def test_the_tiers_of_capacity_bidding_jump_where_they_change() -> None:
    assert function_of("pge_cbp").jumps == (Decimal("0.6"), Decimal("0.75"))


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        ([(None, "1", "0", "0"), ("2", None, "0", "0")], "must meet"),
        ([(None, None, "0", "0"), ("1", None, "0", "0")], "must meet"),
        ([("0", None, "1", "0")], "no 'from'"),
        ([(None, "1", "1", "0")], "no 'from' and the last no 'to'"),
        ([(None, "1", "0", "0"), ("1", "0", "0", "0"), ("0", None, "0", "0")], "must rise"),
        ([(None, "1", "0", "0"), ("1", None, "1", "0")], "jumps are at"),
    ],
)
def test_pieces_that_do_not_cover_every_ratio_once_are_refused(
    pieces: list[Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        PerformanceFunction(continuous=True, pieces=tuple(piece(*one) for one in pieces))


def test_a_function_that_claims_a_jump_and_has_none_is_refused() -> None:
    with pytest.raises(ValueError, match="continuous is False"):
        PerformanceFunction(continuous=False, pieces=(piece(None, None, "1", "0"),))
