r"""What was delivered, as a program counts it: grossed up, floored, capped and averaged.

Every quantity here is mean power of an interval, because energy of a five-minute interval times
twelve is exact and a twelfth of a power is not. Here: from reductions to delivered power, and to
the delivered ratio. Not here: money, and the reduction itself (negawatt.models.baselines).
"""

from collections.abc import Callable, Hashable, Sequence
from decimal import Decimal
from typing import Final

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.rounding import exactly

ZERO: Final = Decimal(0)


def zero_per_interval(delivered_kw: Sequence[Decimal]) -> tuple[Decimal, ...]:
    """Count an interval that used more than its baseline as zero."""
    return tuple(max(value_kw, ZERO) for value_kw in delivered_kw)


@exactly
def zero_per_group(
    delivered_kw: Sequence[Decimal], groups: Sequence[Hashable]
) -> tuple[Decimal, ...]:
    """Net the intervals of each group; count a group with a negative sum as zero.

    Args:
        delivered_kw: Mean reduction of each interval [kW].
        groups: The group of each interval: its event, or its day on the program's clock.

    Examples:
        The first day nets to -1 and counts for nothing, the second keeps its negative hour.

        >>> day = [Decimal(4), Decimal(-5), Decimal(9), Decimal(-2)]
        >>> [str(value) for value in zero_per_group(day, [1, 1, 2, 2])]
        ['0', '0', '9', '-2']
    """
    sums_kw: dict[Hashable, Decimal] = {}
    for group, value_kw in zip(groups, delivered_kw, strict=True):
        sums_kw[group] = sums_kw.get(group, ZERO) + value_kw
    return tuple(
        value_kw if sums_kw[group] >= 0 else ZERO
        for group, value_kw in zip(groups, delivered_kw, strict=True)
    )


def capped(delivered_kw: Sequence[Decimal], limits_kw: Sequence[Decimal]) -> tuple[Decimal, ...]:
    """Count nothing above the limit of an interval [kW]."""
    return tuple(map(min, delivered_kw, limits_kw))


@exactly
def drop_to_level_kw(
    metered_kw: Sequence[Decimal], peak_load_kw: Decimal, loss_factor: Decimal
) -> tuple[Decimal, ...]:
    r"""Return the reduction of a firm service level: from the peak load that capacity covers.

    .. math:: R_t = \text{PLC} - \text{LF} \cdot L_t

    Args:
        metered_kw: Mean load of each interval [kW].
        peak_load_kw: Peak load contribution, at the generators [kW].
        loss_factor: Load at the generators over load at the meter.

    Source: PJM Manual 18, firm service level (not read; widely known).

    Examples:
        PLC 1000 kW; 500 kW at the meter are 530 at the generators: 470 kW.

        >>> drop_to_level_kw([Decimal(500)], Decimal(1000), Decimal("1.06"))
        (Decimal('470.00'),)
    """
    return tuple(peak_load_kw - loss_factor * value_kw for value_kw in metered_kw)


@exactly
def guaranteed_drop_kw(
    comparison_kw: Sequence[Decimal],
    metered_kw: Sequence[Decimal],
    peak_load_kw: Decimal,
    loss_factor: Decimal,
) -> tuple[Decimal, ...]:
    r"""Return the reduction of a guaranteed load drop: the lesser of two.

    .. math:: R_t = \min\{\text{LF} (C_t - L_t),\; \text{PLC} - \text{LF} \cdot L_t\}

    A site that sat far above its peak load contribution cannot sell the part that nobody bought.

    Args:
        comparison_kw: Comparison load of each interval [kW]: a baseline, or a comparable day.
        metered_kw: Mean load of each interval [kW].
        peak_load_kw: Peak load contribution, at the generators [kW].
        loss_factor: Load at the generators over load at the meter.

    Source: PJM Manual 18, guaranteed load drop (not read; widely known).

    Examples:
        (900 - 500) x 1.06 = 424, but 800 - 530 = 270.

        >>> guaranteed_drop_kw([Decimal(900)], [Decimal(500)], Decimal(800), Decimal("1.06"))
        (Decimal('270.00'),)
    """
    from_peak_kw = drop_to_level_kw(metered_kw, peak_load_kw, loss_factor)
    return tuple(
        min(loss_factor * (baseline_kw - value_kw), peak_kw)
        for baseline_kw, value_kw, peak_kw in zip(
            comparison_kw, metered_kw, from_peak_kw, strict=True
        )
    )


@exactly
def nominated_level_kw(
    peak_load_kw: Decimal, firm_service_level_kw: Decimal, loss_factor: Decimal
) -> Decimal:
    """Return what a firm service level may nominate [kW]: PLC less the level at the generators.

    Examples:
        >>> nominated_level_kw(Decimal(1000), Decimal(500), Decimal("1.06"))
        Decimal('470.00')
    """
    return peak_load_kw - loss_factor * firm_service_level_kw


@exactly
def mean_kw(delivered_kw: Sequence[Decimal]) -> Decimal:
    """Return the mean over an event [kW]."""
    return sum(delivered_kw, ZERO) / len(delivered_kw)


@exactly
def consecutive_mean_kw(
    delivered_kw: Sequence[Decimal], count: int, choose: Callable[[Sequence[Decimal]], Decimal]
) -> Decimal:
    """Return the best or worst mean over a number of consecutive intervals [kW].

    Args:
        delivered_kw: Mean reduction of each interval [kW].
        count: Consecutive intervals.
        choose: ``max`` for the best, ``min`` for the worst.

    Raises:
        DataRefusedError: The event is shorter.

    Examples:
        >>> hours_kw = [Decimal(value) for value in (10, 20, 40, 30)]
        >>> consecutive_mean_kw(hours_kw, 2, max), consecutive_mean_kw(hours_kw, 2, min)
        (Decimal('35'), Decimal('15'))
    """
    if len(delivered_kw) < count:
        raise DataRefusedError(
            thing="the event",
            expected=f"at least {count} intervals, over which the program measures",
            found=str(len(delivered_kw)),
            remedy="settle it by the program's rule for shorter events; this rule has none",
        )
    sums_kw = [
        sum(delivered_kw[first : first + count], ZERO)
        for first in range(len(delivered_kw) - count + 1)
    ]
    return choose(sums_kw) / count


@exactly
def event_performance_ratio(
    delivered_kw: Sequence[Decimal], obligation_kw: Decimal, first_interval_ratio: Decimal
) -> Decimal:
    r"""Return the event performance factor of ERCOT's emergency response service.

    .. math::

        \text{EPF} = \frac{1}{n} \sum_t
            \min\Bigl(1, \max\Bigl(0, \frac{B_t - L_t}{f_t \, Q}\Bigr)\Bigr)

    f is the share of the interval inside the sustained response period: ``first_interval_ratio``
    for the first, 1 for the others. What an interval delivers beyond the obligation helps no other.

    Args:
        delivered_kw: Baseline less load, mean of each whole interval [kW].
        obligation_kw: The obligation Q [kW].
        first_interval_ratio: f of the first interval, above 0 to 1.

    Source: ERCOT protocols 8.1.3.1 (not read; likely).

    Examples:
        The first quarter hour is half inside: 500 of 0.5 x 1000 is all of it. Then 1200, 800, -100
        of 1000 count 1, 0.8 and 0: 2.8 / 4.

        >>> drops_kw = [Decimal(value) for value in (500, 1200, 800, -100)]
        >>> event_performance_ratio(drops_kw, Decimal(1000), Decimal("0.5"))
        Decimal('0.7')
    """
    if not 0 < first_interval_ratio <= 1:
        raise ValueError(
            f"first_interval_ratio must be above 0 and at most 1, got {first_interval_ratio}"
        )
    shares = [first_interval_ratio] + [Decimal(1)] * (len(delivered_kw) - 1)
    ratios = [
        min(Decimal(1), max(ZERO, value_kw / (share * obligation_kw)))
        for value_kw, share in zip(delivered_kw, shares, strict=True)
    ]
    return sum(ratios, ZERO) / len(ratios)
