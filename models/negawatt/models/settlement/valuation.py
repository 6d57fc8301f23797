"""The money of one event: its settled lines, by its payment rule, at its prices and facts.

Here: from a market to the payment that the statement states. A price or fact that is missing or
doubled leaves the payment not computable, with the reason; the energy is settled all the same. Not
here: the arithmetic of payments (payment/), other courses of the event (stakes.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final, cast, get_args

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.event import Event
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.interval import Interval
from negawatt.models.settlement.market import Market, RegistrationFact
from negawatt.models.settlement.paid import (
    DeliveredCapacity,
    PaidLine,
    PaymentOutcome,
    StatementPayment,
)
from negawatt.models.settlement.payment.from_statement import inputs_of_lines
from negawatt.models.settlement.payment.inputs import EventInputs
from negawatt.models.settlement.payment.joined import joined_prices
from negawatt.models.settlement.payment.measure import Delivered
from negawatt.models.settlement.payment.money import Per, Price
from negawatt.models.settlement.payment.pay import Payment, pay_event
from negawatt.models.settlement.payment.rules import PaymentRule, payment_rule_from_bytes
from negawatt.models.settlement.rounding import exactly, plain, without_noise
from negawatt.models.settlement.stakes import exposure, net_benefits_test, paid_intervals
from negawatt.models.settlement.statement import StatementLine

QUANTITIES: Final[Mapping[str, str]] = {
    "already_charged": "currency",
    "capability_kw": "kW",
    "event_number": "count",
    "first_interval_ratio": "ratio",
    "loss_factor": "factor",
    "mileage_ratio": "ratio",
    "peak_load_kw": "kW",
    "score_ratio": "ratio",
    "year_days": "days",
}
"""Facts of an event that are no price, with their unit; ``currency`` is the rule's."""

PER_INTERVAL: Final[Mapping[str, str]] = {"day_ahead_kw": "kW", "dispatched_kw": "kW"}
"""Facts that hold for each interval of an event."""

PERIOD_FACTS: Final[Mapping[str, str]] = {
    "availability_ratio": "ratio",
    "limit_kw": "kW",
    "nominated_kw": "kW",
    "on_peak_demand_kw": "kW",
    "performance_ratio": "ratio",
    "period_h": "h",
    "period_weeks": "weeks",
}
"""Facts of a month, which payments of an event do not ask for."""

NET_BENEFITS_PRICE: Final = "net_benefits_price"
_KNOWN_FACTS: Final = (*QUANTITIES, *PER_INTERVAL, *PERIOD_FACTS, NET_BENEFITS_PRICE)


def value_event(
    event: Event, lines: Sequence[StatementLine], market: Market | None
) -> tuple[StatementPayment | None, tuple[Finding, ...]]:
    """Return what an event is paid, and what an auditor should know about it.

    Args:
        event: The revision that was settled.
        lines: Its settled lines; a payment follows the rounded energies.
        market: Rule, prices and facts; None where the site registered no payment.

    Raises:
        ConfigurationError: The payment rule's file is broken.
    """
    if market is None:
        return None, ()
    rule = payment_rule_from_bytes(market.payment_rule_toml.encode(), "the payment rule")
    try:
        inputs = event_inputs(event, lines, market, rule)
        payment = pay_event(rule, inputs)
        return _stated(rule, market, inputs, payment), ()
    except DataRefusedError as error:
        refused = _payment(rule, market, PaymentOutcome.NOT_COMPUTABLE, reason=str(error))
        return refused, (_not_computable(event, rule, error),)


def event_inputs(
    event: Event, lines: Sequence[StatementLine], market: Market, rule: PaymentRule
) -> EventInputs:
    """Return the quantities and prices that a rule pays an event by.

    Raises:
        DataRefusedError: A fact stands twice, or has another unit; a price is missing or doubled.
    """
    inputs = inputs_of_lines(f"event {event.event_id!r}", event, lines)
    intervals = [Interval(line.interval_start_utc, line.interval_end_utc) for line in lines]
    quantities: dict[str, Any] = {}
    prices: dict[str, Price] = {}
    for name, fact in facts_by_name(market).items():
        if name in PER_INTERVAL:
            quantities[name] = (quantity_of(fact, PER_INTERVAL[name], rule),) * len(lines)
        elif name in QUANTITIES:
            quantities[name] = quantity_of(fact, QUANTITIES[name], rule)
        elif name == NET_BENEFITS_PRICE:
            quantities["net_benefits_per_mwh"] = quantity_of(fact, f"{rule.currency}/MWh", rule)
        elif name not in PERIOD_FACTS:
            prices[name] = price_of(fact)
    if "event_number" in quantities:
        quantities["event_number"] = int(quantities["event_number"])
    return replace(
        inputs,
        **quantities,
        prices=prices,
        interval_prices={
            series.price_name: joined_prices(series, intervals, rule.shorter_prices)
            for series in market.series
        },
    )


def facts_by_name(market: Market) -> dict[str, RegistrationFact]:
    """Return the facts by name.

    Raises:
        DataRefusedError: Two facts of one name hold for the event.
    """
    found: dict[str, RegistrationFact] = {}
    for fact in market.facts:
        earlier = found.setdefault(fact.name, fact)
        if earlier is not fact:
            raise DataRefusedError(
                thing=f"fact {fact.name!r}",
                expected="one value for the event",
                found=f"{earlier.value} ({earlier.source}) and {fact.value} ({fact.source})",
                remedy="state until when the earlier one holds, and from when the later one",
            )
    return found


def price_of(fact: RegistrationFact) -> Price:
    """Return a fact that is a price.

    Raises:
        DataRefusedError: Its unit is none of a price.

    Examples:
        >>> price_of(RegistrationFact(name="clearing_price", value=Decimal("269.92"),
        ...     unit="USD/MW-day", source="auction result")).text
        '269.92 USD/MW-day'
    """
    currency, _, per = fact.unit.partition("/")
    if per not in get_args(Per):
        raise DataRefusedError(
            thing=f"fact {fact.name!r}",
            expected=f"one of {', '.join(_KNOWN_FACTS)}, or a price with a unit such as USD/MWh",
            found=f"{fact.value} {fact.unit}",
            remedy="correct its name or its unit",
        )
    return Price(amount=fact.value, currency=currency, per=cast("Per", per))


def quantity_of(fact: RegistrationFact, unit: str, rule: PaymentRule) -> Decimal:
    """Return a fact that is a quantity; ``currency`` stands for the rule's.

    Raises:
        DataRefusedError: It is in another unit.
    """
    wanted = rule.currency if unit == "currency" else unit
    if fact.unit != wanted:
        raise DataRefusedError(
            thing=f"fact {fact.name!r}",
            expected=f"a value in {wanted}",
            found=f"{fact.value} {fact.unit}",
            remedy="state it in that unit; nothing is converted",
        )
    return fact.value


@exactly
def _stated(
    rule: PaymentRule, market: Market, inputs: EventInputs, payment: Payment
) -> StatementPayment:
    delivered = _delivered(payment.delivered)
    if not rule.event_payments:
        reason = "the program pays for a period, not for an event"
        unpaid = _payment(rule, market, PaymentOutcome.BY_PERIOD, reason=reason)
        return replace(unpaid, delivered=delivered)
    return _payment(
        rule,
        market,
        PaymentOutcome.COMPUTED,
        lines=tuple(
            PaidLine(
                name=line.name,
                kind=line.kind,
                amount=line.amount,
                intervals=paid_intervals(component, rule, inputs),
            )
            for line, component in zip(payment.lines, rule.event_payments, strict=True)
        ),
        total=payment.total,
        net_benefits=net_benefits_test(rule, inputs),
        exposure=exposure(rule, inputs),
        delivered=delivered,
    )


def _delivered(delivered: Delivered | None) -> DeliveredCapacity | None:
    if delivered is None or not delivered.interval_kw:
        return None
    return DeliveredCapacity(
        event_kw=plain(without_noise(delivered.event_kw)),
        ratios=tuple(plain(without_noise(ratio)) for ratio in delivered.ratios),
        weight=delivered.weight,
    )


def _payment(
    rule: PaymentRule,
    market: Market,
    outcome: PaymentOutcome,
    **stated: Any,  # noqa: ANN401 - the fields of a payment that there are
) -> StatementPayment:
    nothing: dict[str, Any] = {
        "reason": None,
        "lines": (),
        "total": None,
        "net_benefits": None,
        "exposure": (),
        "delivered": None,
    }
    return StatementPayment(
        outcome=outcome,
        rule_id=rule.rule_id,
        rule_digest=rule.digest,
        market=rule.market,
        currency=rule.currency,
        facts=market.facts,
        low_confidence_facts=tuple(
            f"{fact.parameter}: {fact.statement} ({fact.confidence.words}; check {fact.check})"
            for fact in rule.unverified_facts
        ),
        **(nothing | stated),
    )


def _not_computable(event: Event, rule: PaymentRule, error: DataRefusedError) -> Finding:
    return Finding(
        code=FindingCode.PAYMENT_NOT_COMPUTABLE,
        severity=Severity.WARNING,
        subject=f"event {event.event_id!r}",
        message=f"no payment by {rule.rule_id}: {error}",
        evidence={"thing": error.thing, "expected": error.expected, "found": error.found},
    )
