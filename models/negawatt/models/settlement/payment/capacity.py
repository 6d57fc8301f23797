r"""Payments for being there, and charges for not having been: capacity, availability, shortfall.

All amounts are exact and charges are positive; the sign and the one rounding come later (pay.py).
Not here: energy, and what was delivered (delivered.py).
"""

from collections.abc import Sequence
from decimal import Decimal

from negawatt.models.domain.units import KW_PER_MW
from negawatt.models.settlement.payment.delivered import ZERO
from negawatt.models.settlement.rounding import exactly


@exactly
def capacity_amount(
    capacity_kw: Decimal, price_per_kw: Decimal, period_count: Decimal, factor: Decimal
) -> Decimal:
    """Return capacity times price times periods times factor.

    Args:
        capacity_kw: Nominated or delivered capacity [kW].
        price_per_kw: Price for a kW and one period [currency/kW].
        period_count: Days, weeks, months or hours, as the price is for.
        factor: Availability and performance, 1 for all of it.

    Examples:
        2 MW at 269.92 USD/MW-day for 30 days.

        >>> capacity_amount(Decimal(2000), Decimal("0.26992"), Decimal(30), Decimal(1))
        Decimal('16195.20000')
    """
    return capacity_kw * price_per_kw * period_count * factor


@exactly
def availability_factor(availability_ratio: Decimal, squared_below_ratio: Decimal) -> Decimal:
    """Return what an availability is paid as: itself, or its square below a threshold.

    Args:
        availability_ratio: Combined availability of a resource, 0 to 1.
        squared_below_ratio: The threshold; at it, nothing is squared.

    Source: ERCOT protocols, section 8: a combined factor below 0.85 is squared for payment.

    Examples:
        >>> availability_factor(Decimal("0.85"), Decimal("0.85"))
        Decimal('0.85')
        >>> availability_factor(Decimal("0.8"), Decimal("0.85"))
        Decimal('0.64')
    """
    below = availability_ratio < squared_below_ratio
    return availability_ratio**2 if below else availability_ratio


@exactly
def shortfall_rate(
    entry_cost_per_mw_day: Decimal, days: Decimal, penalty_h: Decimal, intervals_per_h: int
) -> Decimal:
    r"""Return the charge for one MW short in one interval [currency/MW and interval].

    .. math:: \frac{\text{Net CONE} \cdot D}{H \cdot h}

    Args:
        entry_cost_per_mw_day: Net cost of new entry [currency/MW-day].
        days: Days of the delivery year, D.
        penalty_h: Hours over which a year's cost is spread, H [h].
        intervals_per_h: Intervals of an hour, h.

    Source: PJM Open Access Transmission Tariff, non-performance assessment (not read; widely
    known).

    Examples:
        300 USD/MW-day: 109500 USD a year over 30 h are 3650 USD/MWh.

        >>> shortfall_rate(Decimal(300), Decimal(365), Decimal(30), 1)
        Decimal('3650')
    """
    return entry_cost_per_mw_day * days / (penalty_h * intervals_per_h)


@exactly
def shortfall_amount(
    delivered_kw: Sequence[Decimal], committed_kw: Decimal, rate_per_mw_interval: Decimal
) -> Decimal:
    """Return the charge for what was short in each interval; a surplus makes no amends.

    Args:
        delivered_kw: Mean reduction of each interval [kW].
        committed_kw: Commitment [kW].
        rate_per_mw_interval: From ``shortfall_rate`` [currency/MW and interval].

    Examples:
        800 and 1200 kW of 1000: 0.2 MW short once, at 300.

        >>> shortfall_amount([Decimal(800), Decimal(1200)], Decimal(1000), Decimal(300))
        Decimal('60')
    """
    short_kw = sum((max(ZERO, committed_kw - value_kw) for value_kw in delivered_kw), ZERO)
    return short_kw * rate_per_mw_interval / KW_PER_MW


@exactly
def within_yearly_limit(
    amount: Decimal, already_charged: Decimal, yearly_limit: Decimal
) -> Decimal:
    """Return the part of a charge that the year's limit leaves.

    The sum over a year is the same in whatever order its events are charged.

    Args:
        amount: The charge of this event, as a positive amount.
        already_charged: Charged before in the same delivery year.
        yearly_limit: Most that a year may charge.

    Examples:
        >>> within_yearly_limit(Decimal(700), Decimal(600), Decimal(1000))
        Decimal('400')
    """
    return max(ZERO, min(amount, yearly_limit - already_charged))


@exactly
def failed_test_amount(
    short_kw: Decimal,
    revenue_per_mw_day: Decimal,
    days: Decimal,
    adder_ratio: Decimal,
    adder_min_per_mw_day: Decimal,
) -> Decimal:
    r"""Return the charge for a test that fell short.

    .. math:: (r + \max(a \, r, m)) \cdot S \cdot D

    Args:
        short_kw: Shortfall of the test, S [kW]; none where it is negative.
        revenue_per_mw_day: Weighted daily revenue rate, r [currency/MW-day].
        days: Days, D.
        adder_ratio: Share of the rate that is added, a.
        adder_min_per_mw_day: Least that is added, m [currency/MW-day].

    Source: PJM Manual 18, load management test failure charge (not read; likely).

    Examples:
        0.1 MW for 10 days at 50 + max(10, 20).

        >>> failed_test_amount(Decimal(100), Decimal(50), Decimal(10), Decimal("0.2"), Decimal(20))
        Decimal('70')
    """
    adder = max(adder_ratio * revenue_per_mw_day, adder_min_per_mw_day)
    return max(ZERO, short_kw) * (revenue_per_mw_day + adder) * days / KW_PER_MW
