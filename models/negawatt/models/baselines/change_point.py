"""Energy against temperature alone: a straight line, and a line with one bend.

Not here: times of week (towt.py), how good a fit is (fit_statistics.py).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.least_squares import least_squares, product

Array = NDArray[np.float64]

_STEPS = 200  # of each pass over the places where the line may bend
_PASSES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TemperatureLine:
    """Energy as a line of temperature, bent once or not at all.

    Attributes:
        level_kwh: Energy at 0 C on the line below the bend [kWh].
        slope_kwh_per_c: Slope below the bend [kWh per C].
        bend_c: Where it bends [C]; None for a straight line.
        further_slope_kwh_per_c: What the slope gains above the bend [kWh per C].
    """

    level_kwh: float
    slope_kwh_per_c: float
    bend_c: float | None = None
    further_slope_kwh_per_c: float = 0.0

    def predict(self, temperature_c: Array) -> Array:
        """Return energy per interval [kWh], shape (n,)."""
        line_kwh = self.level_kwh + self.slope_kwh_per_c * temperature_c
        if self.bend_c is None:
            return line_kwh
        return line_kwh + self.further_slope_kwh_per_c * np.maximum(temperature_c - self.bend_c, 0)


def fit_line(energy_kwh: Array, temperature_c: Array) -> TemperatureLine:
    """Fit a straight line by least squares (simple linear regression).

    Args:
        energy_kwh: Energy per interval [kWh], shape (n,), all known.
        temperature_c: Outdoor temperature [C], shape (n,), all known.

    Examples:
        >>> line = fit_line(np.array([1.0, 3.0, 5.0, 7.0]), np.arange(4.0))
        >>> line.predict(np.array([4.0])).round(9)
        array([9.])
    """
    coefficients, _ = _fit(energy_kwh, temperature_c, None)
    return TemperatureLine(level_kwh=float(coefficients[0]), slope_kwh_per_c=float(coefficients[1]))


def fit_bent_line(energy_kwh: Array, temperature_c: Array) -> TemperatureLine:
    r"""Fit a line with one bend (four parameters) by least squares over all bends.

    .. math:: E = a + b T + c \max(T - \theta, 0)

    The bend is searched on a grid between the 2nd and 98th percentile, then on finer ones.

    Args:
        energy_kwh: Energy per interval [kWh], shape (n,), all known.
        temperature_c: Outdoor temperature [C], shape (n,), all known.

    Source:
        Kissock, Haberl, Claridge, Inverse modeling toolkit, ASHRAE Transactions 109, 2003 (the
        four-parameter change-point model of ASHRAE RP-1050).

    Examples:
        >>> temperature_c = np.arange(0.0, 30.0, 0.5)
        >>> line = fit_bent_line(2 * np.maximum(temperature_c - 18, 0) + 10, temperature_c)
        >>> round(line.bend_c, 2), round(line.further_slope_kwh_per_c, 2)
        (18.0, 2.0)
    """
    low_c, high_c = np.quantile(temperature_c, [0.02, 0.98])
    for _ in range(_PASSES):
        bends_c = np.linspace(low_c, high_c, _STEPS)
        errors = [_fit(energy_kwh, temperature_c, bend_c)[1] for bend_c in bends_c]
        best = int(np.argmin(errors))
        low_c, high_c = bends_c[max(best - 1, 0)], bends_c[min(best + 1, _STEPS - 1)]
    coefficients, _ = _fit(energy_kwh, temperature_c, bends_c[best])
    return TemperatureLine(
        level_kwh=float(coefficients[0]),
        slope_kwh_per_c=float(coefficients[1]),
        bend_c=float(bends_c[best]),
        further_slope_kwh_per_c=float(coefficients[2]),
    )


def _fit(energy_kwh: Array, temperature_c: Array, bend_c: float | None) -> tuple[Array, float]:
    """Return the coefficients, and the sum of squared errors."""
    columns = [np.ones_like(temperature_c), temperature_c]
    if bend_c is not None:
        columns.append(np.maximum(temperature_c - bend_c, 0.0))
    design = np.column_stack(columns)
    coefficients = least_squares(
        design, energy_kwh, rule_id="energy against temperature", remedy="supply older load"
    )
    return coefficients, float(((energy_kwh - product(design, coefficients)) ** 2).sum())
