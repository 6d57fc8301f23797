"""Months and portfolios of a small event: 30.000 and 20.001 kWh at 0.05 USD are 2.50 USD."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.lifecycle import Provenance
from negawatt.models.settlement.once_only import deductions
from negawatt.models.settlement.paid import StatementPayment
from negawatt.models.settlement.period import Month
from negawatt.models.settlement.portfolio import (
    EventMoney,
    Money,
    event_money,
    portfolio,
    program_month,
)
from negawatt.models.settlement.statement import StatementBody
from negawatt.models.settlement.versions import issue
from tests.models.settlement.conftest import HOUR, MARKET, fact, market_at
from tests.models.settlement.test_valuation import capacity_market

Settle = Callable[..., StatementBody]
JUNE, JULY = Month(year=2026, month=6), Month(year=2026, month=7)


@pytest.fixture
def money_of(settle: Settle, provenance: Provenance) -> Callable[..., EventMoney]:
    """Return a function that settles the event and counts it."""

    def make(
        statement_id: str = "s.e1",
        currency: str = "USD",
        **terms: Any,  # noqa: ANN401 - as settle takes them
    ) -> EventMoney:
        body = replace(settle(**terms), statement_id=statement_id)
        if body.payment is not None and currency != "USD":
            body = replace(body, payment=replace(body.payment, currency=currency))
        return event_money(issue(None, body, provenance), JULY)

    return make


def text_of(money: Money) -> tuple[str, ...]:
    amounts = (money.event_amount, money.period_amount, money.total, money.at_stake_amount)
    return (money.currency, *map(str, amounts))


def test_a_month_adds_its_events_and_counts_what_has_no_amount(
    money_of: Callable[..., EventMoney],
) -> None:
    """Two events of 50.001 kWh, one without a loss factor: 2.50 and a reason."""
    unknown = replace(MARKET, facts=(fact("net_benefits_price", "0", "USD/MWh"),))
    events = [money_of("s.e1"), money_of("s.e2", market=unknown)]

    month = program_month("s", "program", JULY, events)

    assert str(month.reduction_kwh) == "100.002"
    assert [text_of(one) for one in month.money] == [("USD", "2.50", "0", "2.50", "2.50")]
    (missing,) = month.without_amount
    assert "loss_factor, which the program pays by" in missing


def test_what_was_at_stake_counts_the_charges_that_were_avoided(
    money_of: Callable[..., EventMoney],
) -> None:
    """36.50 USD were charged; nothing delivered would have cost 146.00: 109.50 were at stake."""
    (money,) = program_month("s", "p", JULY, [money_of(market=capacity_market())]).money

    assert (str(money.total), str(money.charged_amount)) == ("-36.50", "-36.50")
    assert str(money.at_stake_amount) == "109.50"


def test_charges_are_the_part_that_is_owed(money_of: Callable[..., EventMoney]) -> None:
    """2.50 USD paid, 36.50 charged."""
    events = [money_of("s.e1"), money_of("s.e2", market=capacity_market())]

    (money,) = program_month("s", "p", JULY, events).money

    assert (str(money.event_amount), str(money.charged_amount)) == ("-34.00", "-36.50")


def test_currencies_are_never_added(money_of: Callable[..., EventMoney]) -> None:
    events = [money_of("s.e1"), money_of("s.e2", currency="AUD"), money_of("s.e3")]

    found = portfolio([program_month("s", "program", JULY, events)])

    assert [(one.currency, str(one.total)) for one in found.money] == [
        ("AUD", "2.50"),
        ("USD", "5.00"),
    ]


def test_the_order_of_events_and_months_never_matters(
    money_of: Callable[..., EventMoney],
) -> None:
    events = [money_of(f"s.e{n}") for n in range(3)]
    months = {
        portfolio(
            [program_month("s", "b", JULY, order), program_month("s", "a", JUNE, order[:1])][::way]
        ).money
        for order in permutations(events)
        for way in (1, -1)
    }

    assert len(months) == 1


def test_a_site_without_a_payment_rule_has_energy_and_no_amount(
    money_of: Callable[..., EventMoney],
) -> None:
    month = program_month("s", "program", JULY, [money_of(market=None)])

    assert (month.money, month.without_amount) == ((), ())
    assert month.events[0].outcome is None


def claim(body: StatementBody, program_id: str) -> StatementBody:
    """Return the same energy claimed by a program."""
    event = replace(body.event, program_id=program_id, event_id=f"e-{program_id}")
    return replace(body, event=event, statement_id=f"s.e-{program_id}")


def test_the_same_energy_is_paid_to_the_first_program_only(settle: Settle) -> None:
    """B is paid all of 50.001 kWh; A, second, loses all of its 2.50 USD."""
    bodies = [claim(settle(), "a"), claim(settle(), "b")]

    found = deductions(bodies, ["b", "a"])

    assert found["s.e-b"] == ()
    (lost,) = found["s.e-a"]
    assert (str(lost.amount), str(lost.energy_kwh), lost.paid_by) == ("-2.50", "50.001", ("b",))


def test_a_smaller_first_claim_leaves_the_rest_to_the_second(settle: Settle) -> None:
    """B claims 30.000 and 10.001 kWh of A's 30.000 and 20.001: A loses 40.001 x 0.05 = 2.00."""
    bodies = [claim(settle(), "a"), claim(settle(metered_kwh=(70.0, 90.0)), "b")]

    (lost,) = deductions(bodies, ["b", "a"])["s.e-a"]

    assert (str(lost.energy_kwh), str(lost.amount)) == ("40.001", "-2.00")


def test_the_order_of_claims_never_matters(settle: Settle) -> None:
    bodies = [claim(settle(), name) for name in "abc"]

    found = [deductions(order, ["c", "a", "b"]) for order in permutations(bodies)]

    assert all(one == found[0] for one in found)


def test_claims_of_the_same_energy_need_an_order_of_priority(settle: Settle) -> None:
    bodies = [claim(settle(), "a"), claim(settle(), "b")]

    with pytest.raises(DataRefusedError, match="state which program is paid first"):
        deductions(bodies, [])


def test_two_events_of_one_program_at_one_time_are_refused(settle: Settle) -> None:
    twin = replace(settle(), statement_id="s.twin")

    with pytest.raises(DataRefusedError, match="one event at any time"):
        deductions([settle(), twin], ["program"])


def test_claims_in_intervals_of_other_lengths_are_refused(settle: Settle) -> None:
    other = claim(settle(), "b")
    halved = tuple(
        replace(line, interval_end_utc=line.interval_start_utc + HOUR / 2) for line in other.lines
    )

    with pytest.raises(DataRefusedError, match="intervals of one length"):
        deductions([claim(settle(), "a"), replace(other, lines=halved)], ["a", "b"])


def test_other_meters_other_hours_and_capacity_take_nothing(settle: Settle) -> None:
    body, other = claim(settle(), "a"), claim(settle(), "b")
    payment = other.payment
    assert isinstance(payment, StatementPayment)
    capacity = replace(payment, lines=(replace(payment.lines[0], kind="capacity"),))

    assert deductions([body, replace(other, meter_id="m2")], []) == {}
    assert deductions([body, replace(other, payment=capacity)], []) == {}
    assert deductions([body, replace(other, payment=None)], []) == {}


def test_what_is_deducted_is_no_longer_paid(settle: Settle, provenance: Provenance) -> None:
    bodies = [claim(settle(market=market_at(Decimal(50), Decimal(50))), name) for name in "ab"]
    lost = deductions(bodies, ["a", "b"])
    events = [
        event_money(issue(None, body, provenance), JULY, lost[body.statement_id]) for body in bodies
    ]

    found = portfolio([program_month("s", one.program_id, JULY, [one]) for one in events])

    assert [str(one.paid) for one in events] == ["2.50", "0.00"]
    assert str(found.money[0].total) == "2.50"
