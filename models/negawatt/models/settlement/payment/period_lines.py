"""The amount of one payment for one period, from what its events delivered.

Here: which quantities capacity and availability take. Not here: payments of events
(event_lines.py), rounding.
"""

from collections.abc import Sequence
from decimal import Decimal

from negawatt.models.settlement.payment.capacity import availability_factor, capacity_amount
from negawatt.models.settlement.payment.components import Availability, Capacity
from negawatt.models.settlement.payment.delivered import ZERO
from negawatt.models.settlement.payment.function import PerformanceFunction
from negawatt.models.settlement.payment.inputs import PeriodInputs
from negawatt.models.settlement.payment.measure import Delivered
from negawatt.models.settlement.payment.rules import PaymentRule
from negawatt.models.settlement.rounding import exactly, without_noise


@exactly
def period_amount(
    component: Capacity | Availability,
    rule: PaymentRule,
    period: PeriodInputs,
    events: Sequence[Delivered],
) -> Decimal:
    """Return an exact amount in the rule's currency; negative where the site owes it.

    Raises:
        DataRefusedError: A quantity or price is not known.
    """
    if isinstance(component, Availability):
        availability = period.needed("availability_ratio")
        factor = availability_factor(availability, component.squared_below_ratio)
        factor *= period_ratio(period, events)
    elif component.function is not None:
        factor = _function_value(component.function, rule, period, events)
    else:
        factor = Decimal(1)
    return capacity_amount(
        _quantity_kw(component, period, events),
        period.price(component.price, rule.currency),
        period.period_count,
        rule.rounded(factor, "factor"),
    )


def _quantity_kw(
    component: Capacity | Availability, period: PeriodInputs, events: Sequence[Delivered]
) -> Decimal:
    quantity = "nominated" if isinstance(component, Availability) else component.quantity
    if quantity == "demand_above_limit":
        return max(ZERO, period.needed("on_peak_demand_kw") - period.needed("limit_kw"))
    if quantity == "delivered_in_events" and events:
        weight = sum(event.weight for event in events)
        return sum((event.event_kw * event.weight for event in events), ZERO) / weight
    return period.needed("nominated_kw")


@exactly
def period_ratio(period: PeriodInputs, events: Sequence[Delivered]) -> Decimal:
    """Return the delivered ratio of a period: the mean over the intervals of all its events.

    A period without an event has the ratio that is carried forward, if the program carries one.

    Raises:
        DataRefusedError: There is neither.
    """
    if not events:
        return period.needed("performance_ratio")
    weighted = ZERO
    for event in events:
        ratios = _known_ratios(period, event)
        weighted += sum(ratios, ZERO) / len(ratios) * event.weight
    return without_noise(weighted / sum(event.weight for event in events))


def _function_value(
    function: PerformanceFunction,
    rule: PaymentRule,
    period: PeriodInputs,
    events: Sequence[Delivered],
) -> Decimal:
    """Return the function of the mean, or the mean of the function: tiers are no straight line."""
    if rule.performance.averaging.kind != "per_interval" or not events:
        return function(period_ratio(period, events))
    values = [function(ratio) for event in events for ratio in _known_ratios(period, event)]
    return sum(values, ZERO) / len(values)


def _known_ratios(period: PeriodInputs, event: Delivered) -> tuple[Decimal, ...]:
    if not event.ratios:
        period.refuse("committed_kw of every event of the period", "none")
    return event.ratios
