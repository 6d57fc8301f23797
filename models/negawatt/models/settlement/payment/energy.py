r"""Payments for energy: at a market's price, at a tariff's, and by performance.

Sums over intervals of mean power times price, divided by the intervals of an hour at the end. All
amounts are exact; rounding is one step, later (pay.py). Not here: capacity, penalties.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal

from negawatt.models.settlement.payment.delivered import ZERO
from negawatt.models.settlement.rounding import exactly


@exactly
def energy_amount(
    delivered_kw: Sequence[Decimal],
    prices_per_kwh: Sequence[Decimal],
    intervals_per_h: int,
    *,
    floor_per_kwh: Decimal | None = None,
    net_benefits_per_kwh: Decimal | None = None,
) -> Decimal:
    r"""Return what delivered energy earns.

    .. math:: \frac{1}{h} \sum_t R_t \, \max(p_t, p_\text{floor}) \, [p_t \ge p_\text{net benefits}]

    Args:
        delivered_kw: Mean reduction of each interval [kW].
        prices_per_kwh: Price of each [currency/kWh]; may be negative.
        intervals_per_h: Intervals of an hour, h.
        floor_per_kwh: Least that is paid for a kWh [currency/kWh].
        net_benefits_per_kwh: Price below which an interval is not paid [currency/kWh].

    Source: FERC Order 745 (full price where the net-benefits test is met); NYISO emergency program
    (the larger of the market's price and 500 USD/MWh).

    Examples:
        100 kW over two half hours at 0.08 and -0.01: 4 - 0.5; with a test at 0.03: 4.

        >>> drops_kw = [Decimal(100), Decimal(100)]
        >>> energy_amount(drops_kw, [Decimal("0.08"), Decimal("-0.01")], 2)
        Decimal('3.50')
        >>> energy_amount(drops_kw, [Decimal("0.08"), Decimal("-0.01")], 2,
        ...     net_benefits_per_kwh=Decimal("0.03"))
        Decimal('4.00')
    """
    amount = ZERO
    for value_kw, price in zip(delivered_kw, prices_per_kwh, strict=True):
        if net_benefits_per_kwh is None or price >= net_benefits_per_kwh:
            amount += value_kw * (price if floor_per_kwh is None else max(price, floor_per_kwh))
    return amount / intervals_per_h


@exactly
def two_settlement_amount(
    delivered_kw: Sequence[Decimal],
    day_ahead_kw: Sequence[Decimal],
    day_ahead_per_kwh: Sequence[Decimal],
    real_time_per_kwh: Sequence[Decimal],
    intervals_per_h: int,
) -> Decimal:
    r"""Return what was sold a day ahead, and the deviation at the price of the hour.

    .. math:: \frac{1}{h} \sum_t D_t \, p^{DA}_t + (R_t - D_t) \, p^{RT}_t

    Args:
        delivered_kw: Mean reduction of each interval, R [kW].
        day_ahead_kw: What cleared the day-ahead market, D [kW].
        day_ahead_per_kwh: Its price [currency/kWh].
        real_time_per_kwh: Price of the interval [currency/kWh].
        intervals_per_h: Intervals of an hour.

    Examples:
        10 kW sold at 0.10, 8 kW delivered at 0.50: 1.00 - 1.00.

        >>> two_settlement_amount([Decimal(8)], [Decimal(10)], [Decimal("0.10")],
        ...     [Decimal("0.50")], 1)
        Decimal('0.00')
    """
    amount = ZERO
    for value_kw, sold_kw, ahead, now in zip(
        delivered_kw, day_ahead_kw, day_ahead_per_kwh, real_time_per_kwh, strict=True
    ):
        amount += sold_kw * ahead + (value_kw - sold_kw) * now
    return amount / intervals_per_h


@exactly
def performance_energy_amount(
    delivered_kw: Sequence[Decimal],
    committed_kw: Sequence[Decimal],
    prices_per_kwh: Sequence[Decimal],
    intervals_per_h: int,
    function: Callable[[Decimal], Decimal],
) -> Decimal:
    r"""Return committed energy at its price, scaled by what was delivered of it.

    .. math:: S = \frac{1}{h} \sum_t p_t \, Q_t \, K(R_t / Q_t)

    Nothing is asked for where nothing is committed, and nothing is paid.

    Args:
        delivered_kw: Mean reduction of each interval, R [kW].
        committed_kw: What was accepted for it, Q [kW].
        prices_per_kwh: Accepted price [currency/kWh].
        intervals_per_h: Intervals of an hour.
        function: K of the delivered ratio.

    Source: NESO demand flexibility service terms 4.0: ``S = 0.5 P Q K(RV)`` for each half hour,
    with ``RV = 100 V / (0.5 Q)``.
    """
    amount = ZERO
    for value_kw, asked_kw, price in zip(delivered_kw, committed_kw, prices_per_kwh, strict=True):
        if asked_kw:
            amount += price * asked_kw * function(value_kw / asked_kw)
    return amount / intervals_per_h


@exactly
def excess_energy_amount(
    metered_kw: Sequence[Decimal],
    limit_kw: Decimal,
    price_per_kwh: Decimal,
    intervals_per_h: int,
) -> Decimal:
    r"""Return the charge for energy above a firm service level, as a positive amount.

    .. math:: \frac{p}{h} \sum_t \max(0, L_t - \text{FSL})

    An interval below the level makes no amends for one above it.

    Args:
        metered_kw: Mean load of each interval [kW].
        limit_kw: Firm service level [kW].
        price_per_kwh: Charge [currency/kWh].
        intervals_per_h: Intervals of an hour.

    Examples:
        Quarter hours of 90, 100, 130 and 110 kW over 100 kW: 10 kWh at 6.

        >>> loads_kw = [Decimal(value) for value in (90, 100, 130, 110)]
        >>> excess_energy_amount(loads_kw, Decimal(100), Decimal("6.00"), 4)
        Decimal('60.00')
    """
    above_kw = sum((max(ZERO, value_kw - limit_kw) for value_kw in metered_kw), ZERO)
    return above_kw * price_per_kwh / intervals_per_h
