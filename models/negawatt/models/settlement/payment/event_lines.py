"""The amount of one payment for one event, by its kind.

Here: which quantities each kind takes. Not here: payments of periods (period_lines.py), rounding.
"""

from decimal import Decimal

from negawatt.models.domain.units import KW_PER_MW, KWH_PER_MWH
from negawatt.models.settlement.payment.capacity import (
    capacity_amount,
    failed_test_amount,
    shortfall_amount,
    shortfall_rate,
    within_yearly_limit,
)
from negawatt.models.settlement.payment.components import (
    Component,
    Energy,
    ExcessEnergy,
    FailedTest,
    PerformanceEnergy,
    Regulation,
    Reserve,
    Shortfall,
    TwoSettlement,
)
from negawatt.models.settlement.payment.delivered import ZERO
from negawatt.models.settlement.payment.energy import (
    energy_amount,
    excess_energy_amount,
    performance_energy_amount,
    two_settlement_amount,
)
from negawatt.models.settlement.payment.inputs import EventInputs
from negawatt.models.settlement.payment.measure import Delivered
from negawatt.models.settlement.payment.money import Price
from negawatt.models.settlement.payment.reserve import reserve_response
from negawatt.models.settlement.payment.rules import PaymentRule
from negawatt.models.settlement.rounding import exactly


@exactly
def event_amount(
    component: Component, rule: PaymentRule, event: EventInputs, delivered: Delivered
) -> Decimal:
    """Return an exact amount in the rule's currency; negative where the site owes it.

    Raises:
        DataRefusedError: A quantity or price is not known.
    """
    match component:
        case Energy():
            amount = _energy(component, rule, event, delivered)
        case TwoSettlement():
            amount = two_settlement_amount(
                delivered.interval_kw,
                event.known("day_ahead_kw"),
                event.price_of_intervals(component.day_ahead, rule.currency),
                event.price_of_intervals(component.real_time, rule.currency),
                event.intervals_per_h,
            )
        case PerformanceEnergy():
            amount = performance_energy_amount(
                delivered.interval_kw,
                event.known("dispatched_kw"),
                event.price_of_intervals(component.price, rule.currency),
                event.intervals_per_h,
                component.function,
            )
        case ExcessEnergy():
            amount = -excess_energy_amount(
                event.mean_kw("metered_kwh"),
                event.needed("limit_kw"),
                event.price(component.price, rule.currency),
                event.intervals_per_h,
            )
        case Shortfall():
            amount = ZERO if event.is_test else -_shortfall(component, rule, event, delivered)
        case FailedTest():
            amount = -_failed_test(component, rule, event, delivered) if event.is_test else ZERO
        case Reserve():
            amount = _reserve(component, rule, event)
        case Regulation():
            amount = _regulation(component, rule, event)
        case _:
            raise TypeError(f"{component.kind!r} is paid for a period, not for an event")
    return amount


def _energy(
    component: Energy, rule: PaymentRule, event: EventInputs, delivered: Delivered
) -> Decimal:
    if component.after_event_count:
        if event.event_number is None:
            event.refuse("event_number, which the program pays by", "none")
        if event.event_number <= component.after_event_count:
            return ZERO
    net_benefits_per_kwh = None
    if component.net_benefits_test:
        net_benefits_per_kwh = event.needed("net_benefits_per_mwh") / KWH_PER_MWH
    floor_per_kwh = None
    if component.floor is not None:
        floor = Price(amount=component.floor, currency=rule.currency, per=component.price.per)
        floor_per_kwh = floor.per_base_unit
    amount = energy_amount(
        delivered.interval_kw,
        event.price_of_intervals(component.price, rule.currency),
        event.intervals_per_h,
        floor_per_kwh=floor_per_kwh,
        net_benefits_per_kwh=net_benefits_per_kwh,
    )
    return amount if component.direction == "credit" else -amount


def _shortfall(
    component: Shortfall, rule: PaymentRule, event: EventInputs, delivered: Delivered
) -> Decimal:
    year_days, committed_kw = event.needed("year_days"), event.needed("committed_kw")
    rate = shortfall_rate(
        event.price(component.entry_cost, rule.currency) * KW_PER_MW,
        year_days,
        component.penalty_h,
        event.intervals_per_h,
    )
    clearing_per_kw_day = event.price(component.clearing_price, rule.currency)
    yearly_limit = capacity_amount(
        committed_kw, clearing_per_kw_day, year_days, component.yearly_limit_factor
    )
    amount = shortfall_amount(delivered.interval_kw, committed_kw, rate)
    return within_yearly_limit(amount, event.needed("already_charged"), yearly_limit)


def _failed_test(
    component: FailedTest, rule: PaymentRule, event: EventInputs, delivered: Delivered
) -> Decimal:
    return failed_test_amount(
        event.needed("committed_kw") - delivered.event_kw,
        event.price(component.revenue_rate, rule.currency) * KW_PER_MW,
        event.needed("year_days"),
        component.adder_ratio,
        component.adder_min,
    )


def _reserve(component: Reserve, rule: PaymentRule, event: EventInputs) -> Decimal:
    response = reserve_response(
        event.reserve_readings_kw, event.reserve_start, event.duration_minutes, component.minutes
    )
    paid_kw = max(ZERO, min(response.held_kw, event.needed("committed_kw")))
    price_per_kw_h = event.price(component.price, rule.currency)
    return paid_kw * price_per_kw_h * len(event.interval_start_utc) / event.intervals_per_h


def _regulation(component: Regulation, rule: PaymentRule, event: EventInputs) -> Decimal:
    score = rule.rounded(event.needed("score_ratio"), "factor")
    per_kw_h = event.price(component.capability, rule.currency) + event.needed(
        "mileage_ratio"
    ) * event.price(component.performance, rule.currency)
    hours = Decimal(len(event.interval_start_utc)) / event.intervals_per_h
    return event.needed("capability_kw") * per_kw_h * score * hours
