"""What a statement says of money: each payment and charge, rounded once, and what was at stake.

Here: types and what they guarantee. Not here: how they are computed (valuation.py), and payments
of months and portfolios (period.py).
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from negawatt.models.settlement.market import RegistrationFact
from negawatt.models.settlement.rounding import total


class PaymentOutcome(StrEnum):
    """Whether an event has an amount."""

    COMPUTED = "computed"
    BY_PERIOD = "paid by the period"
    NOT_COMPUTABLE = "not computable"


class Scenario(StrEnum):
    """A course that the event could have taken."""

    NOTHING_DELIVERED = "nothing delivered"
    COMMITMENT_DELIVERED = "commitment delivered"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidInterval:
    """What one interval adds to a line.

    Attributes:
        interval_start_utc: Its start.
        interval_end_utc: Its end, excluded.
        counted_kw: Mean power that the line counts [kW]: what was delivered, or for a charge on
            load the load.
        price_per_kwh: Price that was joined to it [currency/kWh]; None where the line has several
            or none.
        exact_amount: Amount before rounding, in the payment's currency.
    """

    interval_start_utc: datetime
    interval_end_utc: datetime
    counted_kw: Decimal
    price_per_kwh: Decimal | None
    exact_amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidLine:
    """One payment or charge.

    Attributes:
        name: What the rule calls it.
        kind: Kind of payment.
        amount: Rounded once by the program's rule; negative where the site owes it.
        intervals: What each interval adds, where the kind is a sum over intervals; else empty.
    """

    name: str
    kind: str
    amount: Decimal
    intervals: tuple[PaidInterval, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NetBenefitsTest:
    """Which intervals a net-benefits test lets through.

    Attributes:
        price_per_mwh: Net-benefits price of the month [currency/MWh].
        interval_count: Intervals of the event.
        passed_count: Intervals whose price reaches it: they are paid.
        withheld_amount: What the others would have earned without the test, rounded.
    """

    price_per_mwh: Decimal
    interval_count: int
    passed_count: int
    withheld_amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What the same rule would have made of another course of the event.

    Attributes:
        scenario: Which course.
        total: Sum of its rounded lines.
        charges: The part of it that is charges: zero or negative.
    """

    scenario: Scenario
    total: Decimal
    charges: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredCapacity:
    """What the event counts for in a payment of its period.

    Attributes:
        event_kw: The power that the program says the event delivered [kW].
        ratios: Delivered over committed, one for the event or one for each interval.
        weight: Intervals that were measured.
    """

    event_kw: Decimal
    ratios: tuple[Decimal, ...]
    weight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPayment:
    """The money of one event.

    Attributes:
        outcome: Whether there is an amount.
        reason: Why there is none; None exactly where there is one.
        rule_id: The payment rule with its version.
        rule_digest: SHA-256 of its file.
        market: Who pays.
        currency: ISO 4217 code of every amount.
        lines: Payments and charges, in the rule's order.
        total: Sum of the lines; None where there is no amount.
        net_benefits: The test, where the rule makes one.
        exposure: Other courses of the event by the same rule.
        delivered: What the event counts for in a period; None where no interval power is measured.
        facts: Facts that the payment was computed with.
        low_confidence_facts: Facts of the rule that were not read in the primary document.

    Raises:
        ValueError: The total is not the sum of the lines, or an amount comes with a reason why
            there is none.
    """

    outcome: PaymentOutcome
    reason: str | None
    rule_id: str
    rule_digest: str
    market: str
    currency: str
    lines: tuple[PaidLine, ...]
    total: Decimal | None
    net_benefits: NetBenefitsTest | None
    exposure: tuple[Exposure, ...]
    delivered: DeliveredCapacity | None
    facts: tuple[RegistrationFact, ...]
    low_confidence_facts: tuple[str, ...]

    def __post_init__(self) -> None:
        computed = self.outcome is PaymentOutcome.COMPUTED
        expected = total(line.amount for line in self.lines) if computed else None
        if self.total != expected:
            raise ValueError(f"total must be {expected}, got {self.total}")
        if computed != (self.reason is None):
            raise ValueError(f"reason belongs to a payment without amount, got {self.reason!r}")
