"""The one place where a quantity changes its unit.

Here: exact factors between the driver's units, SI and the utility's units. Not here: rounding,
which is a tariff's rule (negawatt.models.settlement), and time zones.

The factors work on numbers, arrays, Polars expressions and Decimal alike, because they are plain
integers: multiply to go from the larger unit to the smaller, divide to go back.
"""

from decimal import Decimal
from typing import Final

MILLIWATT_PER_W: Final = 1_000
MILLIJOULE_PER_J: Final = 1_000
W_PER_KW: Final = 1_000
J_PER_WH: Final = 3_600
J_PER_KWH: Final = 3_600_000
KWH_PER_MWH: Final = 1_000
KW_PER_MW: Final = 1_000
S_PER_H: Final = 3_600
S_PER_MINUTE: Final = 60
MS_PER_S: Final = 1_000
US_PER_MS: Final = 1_000
NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000


def mean_power_w(energy_j: float, duration_s: float) -> float:
    """Return the mean power of an interval.

    Args:
        energy_j: Energy of the interval [J].
        duration_s: Length of the interval [s].

    Returns:
        Mean power [W].

    Examples:
        >>> mean_power_w(42_000.0, 60.0)
        700.0
    """
    return energy_j / duration_s


def exact_decimal(value: float) -> Decimal:
    """Return the shortest decimal that reads back as the same float.

    Money arithmetic starts here: a float that was stored as 0.1 becomes Decimal("0.1"), not its
    binary expansion.

    Examples:
        >>> exact_decimal(0.1)
        Decimal('0.1')
    """
    return Decimal(repr(float(value)))
