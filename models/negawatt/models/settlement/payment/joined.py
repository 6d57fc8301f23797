r"""A market's prices joined to the intervals of an event.

Here: which price an interval has, whatever the lengths of the two. Not here: which series a
payment takes (valuation.py), and reading price files (negawatt.warehouse.profiles).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Literal, NamedTuple, cast, get_args

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.interval import Interval
from negawatt.models.settlement.market import MarketSeries
from negawatt.models.settlement.payment.money import Per, Price
from negawatt.models.settlement.rounding import exactly, plain, without_noise

ShorterPrices = Literal["refuse", "time_mean"]
"""What a program does where its prices are of shorter intervals than its energy."""


class _Priced(NamedTuple):
    interval: Interval
    amount: Decimal


@exactly
def joined_prices(
    series: MarketSeries, intervals: Sequence[Interval], shorter_prices: ShorterPrices
) -> tuple[Price, ...]:
    r"""Return the price of each interval of an event.

    An interval that lies inside one price interval has its price. One that reaches over several
    longer price intervals has their mean over time:

    .. math:: p = \frac{\sum_k p_k \, |T \cap T_k|}{|T|}

    Where the prices are of shorter intervals than the energy, the exact price is a mean weighted
    by energy that nobody measured. A program that spreads the energy of an hour evenly has the mean
    over time (``time_mean``); of any other the payment is refused.

    Instants are UTC, so that a day of 23 or 25 hours has 23 or 25 hourly prices.

    Args:
        series: The prices.
        intervals: Intervals of the event.
        shorter_prices: What the program does where price intervals are shorter.

    Raises:
        DataRefusedError: A part of an interval has no price or two, or prices are of shorter
            intervals than the energy and the program does not say what becomes of them.

    Examples:
        Prices change on the hour; the hour from 16:30 has half of each.

        >>> from datetime import UTC
        >>> start_utc, hour = datetime(2026, 7, 1, 16, tzinfo=UTC), timedelta(hours=1)
        >>> lmp = MarketSeries(price_name="lmp", series_id="zone", currency="USD", per="MWh",
        ...     interval_start_utc=(start_utc, start_utc + hour),
        ...     interval_end_utc=(start_utc + hour, start_utc + 2 * hour),
        ...     amounts=(Decimal(20), Decimal(50)))
        >>> half_past = Interval(start_utc + hour / 2, start_utc + 3 * hour / 2)
        >>> [price.text for price in joined_prices(lmp, [half_past], "refuse")]
        ['35 USD/MWh']
    """
    rows = _rows(series)
    amounts = [_amount(series.series_id, rows, one, shorter_prices) for one in intervals]
    if series.per not in get_args(Per):
        raise DataRefusedError(
            thing=f"prices {series.series_id!r}",
            expected=f"a price for one of {', '.join(get_args(Per))}",
            found=f"{series.currency} for {series.per}",
            remedy="import the series in one unit, which its profile states",
        )
    per = cast("Per", series.per)
    return tuple(Price(amount=one, currency=series.currency, per=per) for one in amounts)


def _rows(series: MarketSeries) -> list[_Priced]:
    rows = sorted(
        _Priced(Interval(start_utc, end_utc), amount)
        for start_utc, end_utc, amount in zip(
            series.interval_start_utc, series.interval_end_utc, series.amounts, strict=True
        )
    )
    for earlier, later in pairwise(rows):
        if later.interval.start_utc < earlier.interval.end_utc:
            raise DataRefusedError(
                thing=f"prices {series.series_id!r}",
                expected="one price at any time",
                found=f"two at {later.interval.start_utc.isoformat()}: {earlier.amount} and "
                f"{later.amount} {series.currency}/{series.per}",
                remedy="import each series at one length of interval, and each interval once",
            )
    return rows


def _amount(
    series_id: str, rows: Sequence[_Priced], wanted: Interval, shorter_prices: ShorterPrices
) -> Decimal:
    parts = list(_parts(series_id, rows, wanted))
    if len(parts) == 1:
        return plain(parts[0].amount)
    shortest_h = min(row.interval.duration_h for row in rows if row.interval.overlaps(wanted))
    if shorter_prices == "refuse" and shortest_h < wanted.duration_h:
        raise DataRefusedError(
            thing=f"prices {series_id!r}",
            expected=f"price intervals of at least {wanted.duration_h:g} h, as the program settles",
            found=f"some of {shortest_h:g} h",
            remedy="import the series of the settlement's interval; the mean of shorter prices "
            "would need the energy of each",
        )
    length = wanted.end_utc - wanted.start_utc
    weighted = sum(
        (row.amount * _microseconds(row.interval) for row in parts),
        Decimal(0),
    )
    return plain(without_noise(weighted / (length // timedelta(microseconds=1))))


def _microseconds(interval: Interval) -> int:
    return (interval.end_utc - interval.start_utc) // timedelta(microseconds=1)


def _parts(series_id: str, rows: Sequence[_Priced], wanted: Interval) -> Iterator[_Priced]:
    """Yield the pieces of an interval with the price of each; together they are all of it."""
    reached_utc = wanted.start_utc
    for row in rows:
        if not row.interval.overlaps(wanted):
            continue
        if row.interval.start_utc > reached_utc:
            break
        end_utc = min(row.interval.end_utc, wanted.end_utc)
        yield _Priced(Interval(reached_utc, end_utc), row.amount)
        reached_utc = end_utc
    if reached_utc < wanted.end_utc:
        _refuse_missing(series_id, reached_utc)


def _refuse_missing(series_id: str, since_utc: datetime) -> None:
    raise DataRefusedError(
        thing=f"prices {series_id!r}",
        expected=f"a price at {since_utc.isoformat()}",
        found="none",
        remedy="import it with `negawatt import prices`; a missing price is not zero",
    )
