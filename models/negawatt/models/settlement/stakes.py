"""What was at stake in an event: by interval, by the net-benefits test, by another course.

Everything here is the payment rule itself, applied to a part of the event or to another course of
it. Not here: the payment (payment/pay.py), and how it comes into a statement (valuation.py).
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from negawatt.models.domain.units import KWH_PER_MWH
from negawatt.models.settlement.paid import (
    Exposure,
    NetBenefitsTest,
    PaidInterval,
    Scenario,
)
from negawatt.models.settlement.payment.components import (
    Component,
    Energy,
    ExcessEnergy,
    PerformanceEnergy,
    TwoSettlement,
)
from negawatt.models.settlement.payment.delivered import ZERO
from negawatt.models.settlement.payment.event_lines import event_amount
from negawatt.models.settlement.payment.inputs import EventInputs
from negawatt.models.settlement.payment.measure import Delivered, measure
from negawatt.models.settlement.payment.pay import pay_event
from negawatt.models.settlement.payment.rules import PaymentRule
from negawatt.models.settlement.rounding import exactly, plain, total, without_noise

_SUMS = Energy | TwoSettlement | PerformanceEnergy | ExcessEnergy
_OF_INTERVALS = ("reduction_kwh", "metered_kwh", "comparison_kwh", "day_ahead_kw", "dispatched_kw")


@exactly
def paid_intervals(
    component: Component, rule: PaymentRule, inputs: EventInputs
) -> tuple[PaidInterval, ...]:
    """Return what each interval adds to a payment that is a sum over intervals.

    What counts as delivered is decided for the whole event: caps, and days that net to zero. Each
    interval is then paid by itself, and the exact amounts add up to the exact line. Charges with a
    yearly limit, and payments of readings and scores, are no such sums.

    Args:
        component: The payment.
        rule: Its rule.
        inputs: The event.
    """
    if not isinstance(component, _SUMS):
        return ()
    delivered = measure(rule, inputs)
    counted_kw = (
        inputs.mean_kw("metered_kwh")
        if isinstance(component, ExcessEnergy)
        else delivered.interval_kw
    )
    prices: tuple[Decimal | None, ...] = (None,) * len(inputs.interval_start_utc)
    if not isinstance(component, TwoSettlement):
        prices = inputs.price_of_intervals(component.price, rule.currency)
    return tuple(
        PaidInterval(
            interval_start_utc=start_utc,
            interval_end_utc=start_utc + timedelta(minutes=inputs.interval_minutes),
            counted_kw=_figure(counted_kw[n]),
            price_per_kwh=None if price is None else _figure(price),
            exact_amount=_figure(
                event_amount(component, rule, _one(inputs, n), _delivered_in(delivered, n))
            ),
        )
        for n, (start_utc, price) in enumerate(zip(inputs.interval_start_utc, prices, strict=True))
    )


@exactly
def net_benefits_test(rule: PaymentRule, inputs: EventInputs) -> NetBenefitsTest | None:
    """Return what a net-benefits test let through; None where the program makes none.

    Source: FERC Order 745: a reduction is paid the full price where that price is at or above the
    month's net-benefits price.
    """
    tested = [one for one in rule.payments if isinstance(one, Energy) and one.net_benefits_test]
    if not tested:
        return None
    component, delivered = tested[0], measure(rule, inputs)
    price_per_mwh = inputs.needed("net_benefits_per_mwh")
    prices = inputs.price_of_intervals(component.price, rule.currency)
    untested = replace(component, net_benefits_test=False)
    withheld = event_amount(untested, rule, inputs, delivered) - event_amount(
        component, rule, inputs, delivered
    )
    return NetBenefitsTest(
        price_per_mwh=plain(price_per_mwh),
        interval_count=len(prices),
        passed_count=sum(price * KWH_PER_MWH >= price_per_mwh for price in prices),
        withheld_amount=rule.rounded(withheld, "payment"),
    )


def exposure(rule: PaymentRule, inputs: EventInputs) -> tuple[Exposure, ...]:
    """Return what the rule would have made of an event that delivered nothing, or its commitment.

    Nothing delivered is load at its baseline; the commitment delivered is load at the level that
    the program measures as the commitment. Payments of readings and scores have no such courses.

    Args:
        rule: The payment rule.
        inputs: The event as it was.
    """
    return tuple(
        Exposure(
            scenario=scenario,
            total=payment.total,
            charges=total(line.amount for line in payment.lines if line.amount < 0),
        )
        for scenario, course in _courses(rule, inputs)
        for payment in (pay_event(rule, course),)
    )


def _courses(rule: PaymentRule, inputs: EventInputs) -> Iterator[tuple[Scenario, EventInputs]]:
    if rule.performance.measure in ("readings", "score"):
        return
    baseline_kwh = inputs.known("comparison_kwh")
    yield (
        Scenario.NOTHING_DELIVERED,
        replace(inputs, reduction_kwh=(ZERO,) * len(baseline_kwh), metered_kwh=baseline_kwh),
    )
    reduction_kwh = _committed_kwh(rule, inputs, baseline_kwh)
    if reduction_kwh is not None:
        metered_kwh = tuple(
            expected - reduced
            for expected, reduced in zip(baseline_kwh, reduction_kwh, strict=True)
        )
        kept = replace(inputs, reduction_kwh=reduction_kwh, metered_kwh=metered_kwh)
        yield Scenario.COMMITMENT_DELIVERED, kept


@exactly
def _committed_kwh(
    rule: PaymentRule, inputs: EventInputs, baseline_kwh: tuple[Decimal, ...]
) -> tuple[Decimal, ...] | None:
    """Return the reduction at the meter that keeps the commitment, None where none is known."""
    kind, loss_factor = rule.performance.measure, inputs.loss_factor or Decimal(1)
    if kind == "limit":
        level_kw = inputs.limit_kw
    elif inputs.committed_kw is None:
        level_kw = None
    elif kind == "firm_service_level":
        level_kw = (inputs.needed("peak_load_kw") - inputs.committed_kw) / loss_factor
    else:
        grossed = loss_factor if kind == "guaranteed_load_drop" else Decimal(1)
        return (inputs.committed_kw / grossed / inputs.intervals_per_h,) * len(baseline_kwh)
    if level_kw is None:
        return None
    return tuple(expected - level_kw / inputs.intervals_per_h for expected in baseline_kwh)


def _one(inputs: EventInputs, position: int) -> EventInputs:
    """Return an event of one interval of another."""
    chosen = slice(position, position + 1)
    return replace(
        inputs,
        interval_start_utc=inputs.interval_start_utc[chosen],
        interval_prices={name: given[chosen] for name, given in inputs.interval_prices.items()},
        **{name: getattr(inputs, name)[chosen] for name in _OF_INTERVALS},
    )


def _delivered_in(delivered: Delivered, position: int) -> Delivered:
    """Return what one interval delivered; empty where the program measures none."""
    return replace(delivered, interval_kw=delivered.interval_kw[position : position + 1])


def _figure(value: Decimal) -> Decimal:
    return plain(without_noise(value))
