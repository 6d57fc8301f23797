"""Prices and what they are for: an amount, a currency and a unit, never a bare number.

Here: the price of one unit, and prices of a market's intervals joined to the intervals of an event.
Not here: which price a program pays (rules.py), and where price files are kept.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.units import KW_PER_MW, KWH_PER_MWH
from negawatt.models.settlement.rounding import exactly

Per = Literal["kWh", "MWh", "kW-week", "kW-month", "MW-day", "MW-h"]
"""What a price is for."""

_BASE_UNITS: Final[Mapping[str, int]] = {
    "kWh": 1,
    "MWh": KWH_PER_MWH,
    "kW-week": 1,
    "kW-month": 1,
    "MW-day": KW_PER_MW,
    "MW-h": KW_PER_MW,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one unit costs.

    Attributes:
        amount: Amount for one unit, in the currency; may be negative.
        currency: ISO 4217 code.
        per: The unit.

    Examples:
        >>> Price(amount=Decimal("-3.10"), currency="USD", per="MWh").text
        '-3.10 USD/MWh'
    """

    amount: Decimal
    currency: str
    per: Per

    @property
    def text(self) -> str:
        """The price for a person."""
        return f"{self.amount:f} {self.currency}/{self.per}"

    @property
    @exactly
    def per_base_unit(self) -> Decimal:
        """The amount for one kWh, or for one kW over the same period.

        Examples:
            >>> Price(amount=Decimal(85), currency="USD", per="MWh").per_base_unit
            Decimal('0.085')
        """
        return self.amount / _BASE_UNITS[self.per]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PriceSeries:
    """Prices of consecutive intervals of one market series.

    Attributes:
        series_id: Name of the series.
        currency: ISO 4217 code.
        per: The unit.
        interval_minutes: Length of each price interval [min].
        amounts: Amount by the start of its interval; a start that is not a key has no price.
    """

    series_id: str
    currency: str
    per: Per
    interval_minutes: int
    amounts: Mapping[datetime, Decimal]

    def at(
        self, interval_start_utc: Sequence[datetime], interval_minutes: int
    ) -> tuple[Price | None, ...]:
        """Return the price of each interval of an event; None where there is none.

        An interval that is shorter than a price interval has the price of the one it lies in.

        Args:
            interval_start_utc: Starts of the event's intervals.
            interval_minutes: Their length [min]; divides the length of a price interval.

        Raises:
            DataRefusedError: The event's intervals are longer, or do not fit.
        """
        length = timedelta(minutes=self.interval_minutes)
        if self.interval_minutes % interval_minutes:
            raise DataRefusedError(
                thing=f"prices {self.series_id!r}",
                expected=f"price intervals of a multiple of {interval_minutes} minutes",
                found=f"{self.interval_minutes} minutes",
                remedy="settle in the intervals of the market; a mean price is not its price",
            )
        found = []
        for start_utc in interval_start_utc:
            since_midnight = timedelta(
                hours=start_utc.hour, minutes=start_utc.minute, seconds=start_utc.second
            )
            amount = self.amounts.get(start_utc - since_midnight % length)
            found.append(
                None
                if amount is None
                else Price(amount=amount, currency=self.currency, per=self.per)
            )
        return tuple(found)


def decimal_of_float32(value: np.float32) -> Decimal | None:
    """Return the shortest decimal that reads back as the same single-precision number.

    A price of 21.77 that was stored in 32 bits is 21.77 again, not 21.770000457763672.

    Returns:
        The decimal, None for NaN: not known.

    Examples:
        >>> decimal_of_float32(np.float32(21.77)), decimal_of_float32(np.float32("nan"))
        (Decimal('21.77'), None)
    """
    return None if math.isnan(value) else Decimal(str(value))


def amounts_of_float32(
    interval_start_utc: Sequence[datetime], amounts: NDArray[np.float32]
) -> dict[datetime, Decimal]:
    """Return the known amounts by the start of their interval.

    Args:
        interval_start_utc: Starts, in any order.
        amounts: Amount of each, shape (n,); NaN where not known.

    Raises:
        DataRefusedError: An interval has two amounts.
    """
    found: dict[datetime, Decimal] = {}
    seen: set[datetime] = set()
    for start_utc, value in zip(interval_start_utc, amounts, strict=True):
        if start_utc in seen:
            raise DataRefusedError(
                thing=f"prices at {start_utc.isoformat()}",
                expected="one for each interval",
                found="two",
                remedy="keep the one that the market published last",
            )
        seen.add(start_utc)
        amount = decimal_of_float32(value)
        if amount is not None:
            found[start_utc] = amount
    return found
