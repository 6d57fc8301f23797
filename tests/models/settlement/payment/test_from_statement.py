"""A payment of a statement's own lines."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from negawatt.models.settlement.payment import inputs_of_statement, pay_event
from negawatt.models.settlement.payment.money import Price
from negawatt.models.settlement.payment.rules import load_payment_rule
from negawatt.models.settlement.statement import StatementBody

LMP = Price(amount=Decimal(100), currency="USD", per="MWh")


def test_the_settled_reduction_is_paid_and_not_the_unrounded_one(
    settle: Callable[..., StatementBody],
) -> None:
    """Lines of 30.000 and 20.001 kWh (70.0 of 100.0004, 80.0 of 100.0006): 50.001 at 0.10."""
    event = replace(
        inputs_of_statement(settle()),
        prices={"lmp": LMP},
        loss_factor=Decimal(1),
        net_benefits_per_mwh=Decimal(0),
    )

    (line,) = pay_event(load_payment_rule("pjm_economic"), event).lines

    assert line.exact_amount == Decimal("5.0001")
    assert line.amount == Decimal("5.00")


def test_what_the_event_promised_and_allowed_comes_with_it(
    settle: Callable[..., StatementBody],
) -> None:
    event = inputs_of_statement(settle())

    assert (event.committed_kw, event.limit_kw) == (Decimal(20), Decimal(75))
    assert (event.interval_minutes, event.duration_minutes, event.is_test) == (60, 120, False)
    assert event.metered_kwh == (Decimal("70.000"), Decimal("80.000"))
    assert event.comparison_kwh == (Decimal("100.000"), Decimal("100.001"))


def test_a_test_is_paid_as_one(settle: Callable[..., StatementBody]) -> None:
    body = settle()

    tested = inputs_of_statement(replace(body, event=replace(body.event, kind="test")))

    assert tested.is_test
