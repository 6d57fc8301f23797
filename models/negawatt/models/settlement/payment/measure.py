"""What an event delivered by a program's rule, from its quantities.

Here: the order of the steps: measure, negative reductions, cap, rounding, averaging. Not here:
their arithmetic (delivered.py), and money.
"""

from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from negawatt.models.settlement.payment.components import Performance
from negawatt.models.settlement.payment.delivered import (
    ZERO,
    capped,
    consecutive_mean_kw,
    drop_to_level_kw,
    event_performance_ratio,
    guaranteed_drop_kw,
    mean_kw,
    zero_per_group,
    zero_per_interval,
)
from negawatt.models.settlement.payment.inputs import EventInputs
from negawatt.models.settlement.payment.rules import PaymentRule
from negawatt.models.settlement.rounding import exactly


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What an event delivered; empty where the program measures no power in intervals.

    Attributes:
        interval_kw: Mean delivered power of each interval [kW].
        event_kw: The power that the program says the event delivered [kW].
        ratios: Delivered over committed, one for the event, or one for each interval; empty where
            nothing is committed.
        weight: Intervals that were measured: what the event counts for among those of a period.
    """

    interval_kw: tuple[Decimal, ...]
    event_kw: Decimal
    ratios: tuple[Decimal, ...]
    weight: int


@exactly
def measure(rule: PaymentRule, event: EventInputs) -> Delivered:
    """Return what an event delivered.

    Raises:
        DataRefusedError: A quantity that the rule measures by is not known.
    """
    performance = rule.performance
    if performance.measure in ("limit", "readings", "score"):
        return Delivered(interval_kw=(), event_kw=ZERO, ratios=(), weight=0)
    counted_kw = _after_negative_rule(performance, event, _measured_kw(performance, event))
    if performance.cap_at != "none":
        counted_kw = capped(counted_kw, _limits_kw(performance, event))
    interval_kw = tuple(rule.rounded(value_kw, "reduction") for value_kw in counted_kw)
    event_kw, weight = _event_kw(performance, event, interval_kw)
    return Delivered(
        interval_kw=interval_kw,
        event_kw=event_kw,
        ratios=_ratios(performance, event, interval_kw, event_kw),
        weight=weight,
    )


def _measured_kw(performance: Performance, event: EventInputs) -> tuple[Decimal, ...]:
    loss_factor = event.needed("loss_factor") if performance.loss_factor else Decimal(1)
    if performance.measure == "reduction":
        return tuple(loss_factor * value_kw for value_kw in event.mean_kw("reduction_kwh"))
    metered_kw, peak_load_kw = event.mean_kw("metered_kwh"), event.needed("peak_load_kw")
    if performance.measure == "firm_service_level":
        return drop_to_level_kw(metered_kw, peak_load_kw, loss_factor)
    comparison_kw = event.mean_kw("comparison_kwh")
    return guaranteed_drop_kw(comparison_kw, metered_kw, peak_load_kw, loss_factor)


def _after_negative_rule(
    performance: Performance, event: EventInputs, delivered_kw: tuple[Decimal, ...]
) -> tuple[Decimal, ...]:
    if performance.negative_reduction == "keep":
        return delivered_kw
    if performance.negative_reduction == "zero_per_interval":
        return zero_per_interval(delivered_kw)
    if performance.day_clock is None:
        return zero_per_group(delivered_kw, [event.subject] * len(delivered_kw))
    clock = ZoneInfo(performance.day_clock)
    days = [start_utc.astimezone(clock).date() for start_utc in event.interval_start_utc]
    return zero_per_group(delivered_kw, days)


def _limits_kw(performance: Performance, event: EventInputs) -> list[Decimal]:
    if performance.cap_at == "dispatched":
        limits_kw = event.known("dispatched_kw")
    else:
        limits_kw = (event.needed("committed_kw"),) * len(event.interval_start_utc)
    return [performance.cap_factor * limit_kw for limit_kw in limits_kw]


def _event_kw(
    performance: Performance, event: EventInputs, interval_kw: tuple[Decimal, ...]
) -> tuple[Decimal, int]:
    """Return the power that counts for the event [kW], and how many intervals it is the mean of."""
    averaging = performance.averaging
    if averaging.consecutive_h is None:
        return mean_kw(interval_kw), len(interval_kw)
    count = averaging.consecutive_h * event.intervals_per_h
    choose = max if averaging.kind == "best_consecutive" else min
    return consecutive_mean_kw(interval_kw, count, choose), count


def _ratios(
    performance: Performance,
    event: EventInputs,
    interval_kw: tuple[Decimal, ...],
    event_kw: Decimal,
) -> tuple[Decimal, ...]:
    committed_kw, kind = event.committed_kw, performance.averaging.kind
    if kind == "capped_intervals":
        first_ratio = event.needed("first_interval_ratio")
        return (event_performance_ratio(interval_kw, event.needed("committed_kw"), first_ratio),)
    if not committed_kw:
        return ()
    measured_kw = interval_kw if kind == "per_interval" else (event_kw,)
    return tuple(value_kw / committed_kw for value_kw in measured_kw)
