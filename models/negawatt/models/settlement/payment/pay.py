"""One event, or one period, paid by a program's rule: the lines, each rounded once, and their sum.

Here: the two ways in, and the result. Not here: which quantities a payment takes (event_lines.py,
period_lines.py), and the statement (negawatt.models.settlement.build).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from negawatt.models.settlement.payment.event_lines import event_amount
from negawatt.models.settlement.payment.inputs import EventInputs, PeriodInputs
from negawatt.models.settlement.payment.measure import Delivered, measure
from negawatt.models.settlement.payment.period_lines import period_amount
from negawatt.models.settlement.payment.rules import PaymentRule
from negawatt.models.settlement.rounding import exactly, total


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentLine:
    """One payment or charge.

    Attributes:
        name: What the rule calls it.
        kind: Kind of payment.
        exact_amount: Before rounding, in the rule's currency; negative where the site owes it.
        amount: Rounded, once.
    """

    name: str
    kind: str
    exact_amount: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """What a rule makes of an event or a period.

    Attributes:
        rule_id: The rule with its version.
        rule_digest: SHA-256 of its file.
        subject: The event or period.
        currency: ISO 4217 code of every amount.
        lines: Payments and charges, in the rule's order.
        total: Sum of the rounded lines.
        delivered: What was delivered in the event; None for a period.
        low_confidence_facts: Facts of the rule that were not read in the primary document.
    """

    rule_id: str
    rule_digest: str
    subject: str
    currency: str
    lines: tuple[PaymentLine, ...]
    total: Decimal
    delivered: Delivered | None
    low_confidence_facts: tuple[str, ...]


@exactly
def pay_event(rule: PaymentRule, event: EventInputs) -> Payment:
    """Pay one event.

    Args:
        rule: The program's payment rule.
        event: Quantities and prices of the event.

    Raises:
        DataRefusedError: A quantity or price that the rule asks for is not known, or a price is in
            another currency or unit.
    """
    delivered = measure(rule, event)
    amounts = [
        (component.name, component.kind, event_amount(component, rule, event, delivered))
        for component in rule.event_payments
    ]
    return _payment(rule, event.subject, amounts, delivered)


@exactly
def pay_period(rule: PaymentRule, period: PeriodInputs, events: Sequence[Delivered]) -> Payment:
    """Pay one period of capacity or availability.

    Args:
        rule: The program's payment rule.
        period: Quantities and prices of the period.
        events: What was delivered in its events, in any order.

    Raises:
        DataRefusedError: A quantity or price that the rule asks for is not known, or a price is in
            another currency or unit.
    """
    amounts = [
        (component.name, component.kind, period_amount(component, rule, period, events))
        for component in rule.period_payments
    ]
    return _payment(rule, period.subject, amounts, None)


def _payment(
    rule: PaymentRule,
    subject: str,
    amounts: Iterable[tuple[str, str, Decimal]],
    delivered: Delivered | None,
) -> Payment:
    lines = tuple(
        PaymentLine(
            name=name, kind=kind, exact_amount=amount, amount=rule.rounded(amount, "payment")
        )
        for name, kind, amount in amounts
    )
    return Payment(
        rule_id=rule.rule_id,
        rule_digest=rule.digest,
        subject=subject,
        currency=rule.currency,
        lines=lines,
        total=total(line.amount for line in lines),
        delivered=delivered,
        low_confidence_facts=tuple(fact.statement for fact in rule.unverified_facts),
    )
