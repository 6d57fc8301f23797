"""What a month is paid besides its events: capacity and availability, by the payment rule.

Here: from registered facts and the events' delivered capacity to a month's payment. A fact that is
missing leaves it not computable, with the reason. Not here: the arithmetic (payment/), and sums
over programs and sites (portfolio.py).
"""

import calendar
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import PlainSerializer

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.market import Market, RegistrationFact
from negawatt.models.settlement.paid import DeliveredCapacity, PaidLine, PaymentOutcome
from negawatt.models.settlement.payment.inputs import PeriodInputs
from negawatt.models.settlement.payment.measure import Delivered
from negawatt.models.settlement.payment.pay import pay_period
from negawatt.models.settlement.payment.rules import PaymentRule, payment_rule_from_bytes
from negawatt.models.settlement.valuation import (
    PERIOD_FACTS,
    facts_by_name,
    price_of,
    quantity_of,
)

_COUNTED: Final = {"kW-week": ("period_weeks", "weeks"), "MW-h": ("period_h", "h")}
"""Facts that say how many periods of a price a month has, where the calendar does not."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Month:
    """One calendar month.

    Examples:
        >>> june = Month.parse("2026-06")
        >>> june.text, june.first.isoformat(), june.last.isoformat(), june.day_count
        ('2026-06', '2026-06-01', '2026-06-30', 30)
    """

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> "Month":
        """Read a month such as ``2026-06``.

        Raises:
            ValueError: The text is none.
        """
        first = date.fromisoformat(f"{text}-01")
        return cls(year=first.year, month=first.month)

    @classmethod
    def of(cls, day: date) -> "Month":
        """Return the month of a day."""
        return cls(year=day.year, month=day.month)

    @property
    def text(self) -> str:
        """The month as ``2026-06``."""
        return self.first.isoformat()[:7]

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, self.month, 1)

    @property
    def last(self) -> date:
        """Its last day."""
        return date(self.year, self.month, self.day_count)

    @property
    def day_count(self) -> int:
        """Its days."""
        return calendar.monthrange(self.year, self.month)[1]


MonthText = Annotated[Month, PlainSerializer(lambda month: month.text)]
"""A month that is written as ``2026-06``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodPayment:
    """What one month is paid by one rule, besides its events.

    Attributes:
        month: The month.
        outcome: Whether there is an amount.
        reason: Why there is none; None exactly where there is one.
        rule_id: The payment rule with its version.
        rule_digest: SHA-256 of its file.
        currency: ISO 4217 code of every amount.
        lines: Payments and charges, in the rule's order, each rounded once.
        total: Their sum; None where there is no amount.
        facts: Facts that it was computed with.
    """

    month: MonthText
    outcome: PaymentOutcome
    reason: str | None
    rule_id: str
    rule_digest: str
    currency: str
    lines: tuple[PaidLine, ...]
    total: Decimal | None
    facts: tuple[RegistrationFact, ...]


def pay_month(
    month: Month, market: Market, events: Iterable[DeliveredCapacity | None]
) -> PeriodPayment | None:
    """Return what a month of capacity or availability is paid; None where a rule pays events only.

    A price for a day is paid for the days of the month, one for a month once. How many weeks or
    hours a month has of an obligation is a fact of the contract.

    Args:
        month: The month.
        market: The payment rule, and the facts that hold in all of the month.
        events: What each settled event of the month counts for, in any order; None where an event
            counts for nothing that is known, which leaves the month not computable.

    Raises:
        ConfigurationError: The payment rule's file is broken.
    """
    rule = payment_rule_from_bytes(market.payment_rule_toml.encode(), "the payment rule")
    if not rule.period_payments:
        return None
    paid = PeriodPayment(
        month=month,
        outcome=PaymentOutcome.COMPUTED,
        reason=None,
        rule_id=rule.rule_id,
        rule_digest=rule.digest,
        currency=rule.currency,
        lines=(),
        total=Decimal(0),
        facts=market.facts,
    )
    try:
        delivered = _delivered(month, list(events))
        payment = pay_period(rule, period_inputs(month, market, rule), delivered)
    except DataRefusedError as error:
        refused = PaymentOutcome.NOT_COMPUTABLE
        return replace(paid, outcome=refused, reason=str(error), total=None)
    lines = tuple(
        PaidLine(name=line.name, kind=line.kind, amount=line.amount) for line in payment.lines
    )
    return replace(paid, lines=lines, total=payment.total)


def period_inputs(month: Month, market: Market, rule: PaymentRule) -> PeriodInputs:
    """Return the quantities and prices that a rule pays a month by.

    Raises:
        DataRefusedError: A fact stands twice or has another unit, or the count of periods is not
            known.
    """
    facts = facts_by_name(market)
    quantities: dict[str, Any] = {
        name: quantity_of(facts[name], unit, rule)
        for name, unit in PERIOD_FACTS.items()
        if name in facts and name not in dict(_COUNTED.values())
    }
    return PeriodInputs(
        subject=f"month {month.text}",
        prices={name: price_of(fact) for name, fact in facts.items() if "/" in fact.unit},
        period_count=_period_count(month, facts, rule),
        **quantities,
    )


def _period_count(month: Month, facts: dict[str, RegistrationFact], rule: PaymentRule) -> Decimal:
    units = {component.price.per for component in rule.period_payments}
    if units == {"MW-day"}:
        return Decimal(month.day_count)
    if units == {"kW-month"}:
        return Decimal(1)
    for unit in sorted(units & _COUNTED.keys()):
        name, counted = _COUNTED[unit]
        if name in facts:
            return quantity_of(facts[name], counted, rule)
    raise DataRefusedError(
        thing=f"month {month.text}",
        expected=f"how many periods of a price for one {', '.join(sorted(units))} it has",
        found="none stated",
        remedy=f"register {' or '.join(name for name, _ in _COUNTED.values())} for the month",
    )


def _delivered(month: Month, events: Sequence[DeliveredCapacity | None]) -> list[Delivered]:
    known = [one for one in events if one is not None]
    if len(known) < len(events):
        raise DataRefusedError(
            thing=f"month {month.text}",
            expected="what each of its events delivered by the payment rule",
            found=f"{len(known)} of {len(events)} known",
            remedy="settle its events again once what they lack is known",
        )
    return [
        Delivered(interval_kw=(), event_kw=one.event_kw, ratios=one.ratios, weight=one.weight)
        for one in known
    ]
