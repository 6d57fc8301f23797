"""A figure as a utility's file wants it: another unit, so many decimals, and what rounding changed.

Exact arithmetic on fractions: a figure is rounded once, by a rule that the profile names, and never
otherwise. Not here: profiles (upload_profile.py), files (upload.py).
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import floor
from typing import Final

from negawatt.models.domain.units import KW_PER_MW, KWH_PER_MWH, S_PER_H, W_PER_KW, exact_decimal


class Unit(StrEnum):
    """The units a file may have. Megawatt is written out by its symbol, as utilities do."""

    W = "W"
    KW = "kW"
    MEGAWATT = "MW"
    WH = "Wh"
    KWH = "kWh"
    MEGAWATT_HOUR = "MWh"


class Rounding(StrEnum):
    """How a figure with more digits than a file takes is rounded."""

    HALF_EVEN = "half_even"
    HALF_UP = "half_up"
    TRUNCATE = "truncate"


_PER_KW: Final = {
    Unit.W: Fraction(W_PER_KW),
    Unit.KW: Fraction(1),
    Unit.MEGAWATT: Fraction(1, KW_PER_MW),
}
_PER_KWH: Final = {
    Unit.WH: Fraction(W_PER_KW),
    Unit.KWH: Fraction(1),
    Unit.MEGAWATT_HOUR: Fraction(1, KWH_PER_MWH),
}
_HALF: Final = Fraction(1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A figure as it is written.

    Attributes:
        text: Its digits.
        exact: What it was, in the file's unit.
        change: What rounding added, zero where nothing was rounded.
    """

    text: str
    exact: Fraction
    change: Fraction


def units_of(column: str) -> tuple[Unit, ...]:
    """Return the units that a column's figures can be written in; none where it has no such unit.

    Examples:
        >>> [unit.value for unit in units_of("committed_kw")], units_of("delivered_ratio")
        (['W', 'kW', 'MW'], ())
    """
    if column.endswith("_kwh"):
        return (*_PER_KWH, *_PER_KW)
    return tuple(_PER_KW) if column.endswith(("_kw", "_kw_mean")) else ()


def converted(
    value: Decimal | float, column: str, unit: Unit | None, interval: timedelta | None
) -> Fraction:
    """Return a figure in a file's unit, exactly; a float counts as the decimal that it reads as.

    Args:
        value: The figure, in the unit of its column.
        column: Our column.
        unit: One of ``units_of(column)``; None leaves the figure in its own.
        interval: Length of the row's interval: energy over it is mean power.

    Examples:
        Fifteen minutes at 2.5 kWh are 10 kW.

        >>> converted(Decimal("2.5"), "metered_kwh", Unit.KW, timedelta(minutes=15))
        Fraction(10, 1)
    """
    exact = Fraction(value if isinstance(value, Decimal) else exact_decimal(value))
    if unit is None:
        return exact
    if column.endswith("_kwh") and unit in _PER_KWH:
        return exact * _PER_KWH[unit]
    if column.endswith("_kwh"):
        if interval is None:
            raise ValueError(f"{column} as {unit} needs a row with an interval")
        exact = exact * S_PER_H / Fraction(interval // timedelta(seconds=1))
    return exact * _PER_KW[unit]


def written(exact: Fraction, decimals: int | None, rounding: Rounding | None) -> Written | None:
    """Return a figure with its digits; None where it needs rounding and no rule is named.

    Without ``decimals`` it has all the digits that it needs.

    Examples:
        >>> written(Fraction(5, 8), 2, Rounding.HALF_UP)
        Written(text='0.63', exact=Fraction(5, 8), change=Fraction(1, 200))
        >>> written(Fraction(5, 8), 2, None) is written(Fraction(1, 3), None, None) is None
        True
        >>> written(Fraction(5, 8), None, None).text
        '0.625'
    """
    if decimals is None:
        decimals = _digits_needed(exact)
        if decimals is None:
            return None
    scaled = exact * 10**decimals
    if scaled.denominator != 1 and rounding is None:
        return None
    whole = _rounded(scaled, rounding)
    text = f"{Decimal(whole).scaleb(-decimals):f}"
    return Written(text=text, exact=exact, change=Fraction(whole, 10**decimals) - exact)


def _rounded(scaled: Fraction, rounding: Rounding | None) -> int:
    if rounding is Rounding.HALF_UP:
        size = floor(abs(scaled) + _HALF)
        return size if scaled >= 0 else -size
    if rounding is Rounding.TRUNCATE:
        return int(scaled)
    return round(scaled)  # of a fraction: exact, half to even


def _digits_needed(exact: Fraction) -> int | None:
    """Return the decimals of an exact decimal, None where it has none."""
    rest, digits = exact.denominator, 0
    while rest > 1 and digits <= _MOST_DIGITS:
        rest, digits = (exact * 10 ** (digits + 1)).denominator, digits + 1
    return digits if rest == 1 else None


_MOST_DIGITS: Final = 20
