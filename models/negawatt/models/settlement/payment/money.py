"""Prices and what they are for: an amount, a currency and a unit, never a bare number.

Here: the price of one unit. Not here: prices of a market's intervals (joined.py), which price a
program pays (rules.py), and where price files are kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

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
