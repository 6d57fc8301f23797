"""Months of capacity and availability, each by hand."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import permutations

import pytest

from negawatt.models.settlement.market import Market, RegistrationFact
from negawatt.models.settlement.paid import DeliveredCapacity, PaymentOutcome
from negawatt.models.settlement.payment.rules import payment_rule_text
from negawatt.models.settlement.period import Month, PeriodPayment, pay_month
from tests.models.settlement.conftest import fact

JUNE = Month(year=2026, month=6)
NOMINATED = fact("nominated_kw", "2000", "kW")


def month_of(
    payment_id: str,
    facts: Sequence[RegistrationFact],
    events: Sequence[DeliveredCapacity | None] = (),
) -> PeriodPayment:
    market = Market(payment_rule_toml=payment_rule_text(payment_id), facts=tuple(facts))
    found = pay_month(JUNE, market, events)
    assert found is not None
    return found


def delivered(ratio: str, weight: int = 1) -> DeliveredCapacity:
    """Return an event that delivered a share of 100 kW."""
    kw = Decimal(ratio) * 100
    return DeliveredCapacity(event_kw=kw, ratios=(Decimal(ratio),), weight=weight)


def test_a_price_for_a_day_is_paid_for_the_days_of_the_month() -> None:
    """2 MW x 269.92 USD/MW-day x 30 days = 16195.20."""
    paid = month_of("pjm_capacity_fsl", [NOMINATED, fact("clearing_price", "269.92", "USD/MW-day")])

    assert [(line.name, str(line.amount)) for line in paid.lines] == [
        ("capacity at the clearing price", "16195.20")
    ]
    assert (str(paid.total), paid.currency, paid.month.text) == ("16195.20", "USD", "2026-06")


def test_a_longer_month_is_paid_for_a_day_more() -> None:
    """2 MW x 100 USD/MW-day x 31 days = 6200."""
    facts = (NOMINATED, fact("clearing_price", "100", "USD/MW-day"))
    market = Market(payment_rule_toml=payment_rule_text("pjm_capacity_fsl"), facts=facts)

    paid = pay_month(Month(year=2026, month=7), market, [])

    assert paid is not None
    assert str(paid.total) == "6200.00"


def test_a_price_for_a_month_is_paid_once_and_by_what_the_events_delivered() -> None:
    """0.8 and 1.0 of the commitment make 0.9: 100 kW x 10 USD/kW-month x 0.9 = 900."""
    facts = [fact("nominated_kw", "100", "kW"), fact("capacity_price", "10", "USD/kW-month")]

    paid = month_of("nyiso_scr", facts, [delivered("0.8", 4), delivered("1", 4)])

    assert str(paid.total) == "900.00"


def test_hours_of_an_obligation_are_a_fact_of_the_contract() -> None:
    """1 MW x 12 USD/MW-h x 220 h x 0.95 available x 1.0 delivered = 2508."""
    facts = [
        fact("nominated_kw", "1000", "kW"),
        fact("awarded_price", "12", "USD/MW-h"),
        fact("availability_ratio", "0.95", "ratio"),
        fact("performance_ratio", "1", "ratio"),
    ]

    without, with_hours = (
        month_of("ercot_ers", facts),
        month_of("ercot_ers", [*facts, fact("period_h", "220", "h")]),
    )

    assert without.outcome is PaymentOutcome.NOT_COMPUTABLE
    assert "register period_weeks or period_h" in str(without.reason)
    assert str(with_hours.total) == "2508.00"


def test_a_missing_price_is_named_and_nothing_is_paid() -> None:
    paid = month_of("pjm_capacity_fsl", [NOMINATED])

    assert (paid.outcome, paid.total, paid.lines) == (PaymentOutcome.NOT_COMPUTABLE, None, ())
    assert "month 2026-06: expected the price 'clearing_price' in USD/MW-day" in str(paid.reason)


def test_an_event_that_counts_for_nothing_known_leaves_the_month_open() -> None:
    facts = [fact("nominated_kw", "100", "kW"), fact("capacity_price", "10", "USD/kW-month")]

    paid = month_of("nyiso_scr", facts, [delivered("1", 4), None])

    assert "1 of 2 known" in str(paid.reason)


def test_the_order_of_events_never_matters() -> None:
    facts = [fact("nominated_kw", "100", "kW"), fact("capacity_price", "10", "USD/kW-month")]
    events = [delivered("0.7", 4), delivered("0.1", 5), delivered("1", 3)]

    found = {month_of("nyiso_scr", facts, order).total for order in permutations(events)}

    assert len(found) == 1


def test_a_rule_that_pays_events_only_pays_no_month() -> None:
    market = Market(payment_rule_toml=payment_rule_text("pjm_economic"))

    assert pay_month(JUNE, market, []) is None


def test_a_month_knows_its_days() -> None:
    """2028 is a leap year."""
    february = Month.parse("2028-02")

    assert (february.last, february.day_count) == (date(2028, 2, 29), 29)
    assert Month.of(date(2028, 2, 29)) == february
    with pytest.raises(ValueError, match="month"):
        Month.parse("2028-13")
