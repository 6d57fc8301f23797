"""Time of week and temperature (TOWT): a regression baseline. Pure functions over arrays.

Here: the occupied times of week, the temperature segments, the fit and its prediction. Not here:
how good a fit is and what it says of savings (fit_statistics.py), the one-bend models of daily data
(change_point.py), same-day adjustment.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.least_squares import least_squares, product

Array = NDArray[np.float64]

HEATING_BELOW_C = 10.0  # 50 degrees Fahrenheit
COOLING_ABOVE_C = (65 - 32) / 1.8  # 65 degrees Fahrenheit
SEGMENT_COUNT = 6
OCCUPIED_SHARE_RATIO = 0.65
KNOT_POINTS_MIN = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TowtModel:
    """A fitted model: one line of segments for occupied times of week, one for the others.

    Attributes:
        knots_c: Where the temperature line bends [C], ascending.
        occupied: Times of week found to be occupied, ascending.
        intervals: Times of week of each part that was fitted, occupied first.
        coefficients: Of each part: one level per time of week [kWh], one slope per segment
            [kWh per C], one effect per additional variable [kWh].
    """

    knots_c: Array
    occupied: NDArray[np.int64]
    intervals: tuple[NDArray[np.int64], ...]
    coefficients: tuple[Array, ...]

    @property
    def slope_count(self) -> int:
        """Coefficients, the intercept of each part not counted, as published tables count."""
        return sum(len(part) - 1 for part in self.coefficients)

    @property
    def parameter_count(self) -> int:
        """All coefficients."""
        return sum(len(part) for part in self.coefficients)

    def predict(
        self,
        week_interval: NDArray[np.int64],
        temperature_c: Array,
        additional: Array | None = None,
    ) -> Array:
        """Return energy per interval [kWh], shape (n,); NaN at times of week that were not fitted.

        Args:
            week_interval: Time of week of each interval, any labels that the fit was given.
            temperature_c: Outdoor temperature [C], shape (n,).
            additional: The further variables of the fit, shape (n, n_variables).
        """
        energy_kwh = np.full(len(week_interval), np.nan)
        for intervals, coefficients in zip(self.intervals, self.coefficients, strict=True):
            part = np.isin(week_interval, intervals)
            design = _design(week_interval, temperature_c, additional, intervals, self.knots_c)
            energy_kwh[part] = product(design[part], coefficients)
        return energy_kwh


def fit_towt(
    energy_kwh: Array,
    temperature_c: Array,
    week_interval: NDArray[np.int64],
    *,
    additional: Array | None = None,
    segment_count: int = SEGMENT_COUNT,
) -> TowtModel:
    r"""Fit energy on the time of week and on a line of temperature segments.

    .. math:: E_t = \alpha_{w(t)} + \sum_k \beta_k \, T_{k,t} + \gamma^\top z_t

    fitted by least squares, separately for occupied and other times of week.

    Args:
        energy_kwh: Energy per interval [kWh], shape (n,); intervals that are NaN are left out.
        temperature_c: Outdoor temperature [C], shape (n,), all known.
        week_interval: Time of week of each interval, for example hour 0 to 167, shape (n,).
        additional: Further variables such as operating modes, shape (n, n_variables).
        segment_count: Into how many classes of equal size the temperatures are cut.

    Raises:
        InsufficientHistoryError: There are no more known intervals than coefficients.
        ValueError: A temperature or an additional variable is not known.

    Source:
        Mathieu, Price, Kiliccote, Piette, Quantifying changes in building electricity use,
        IEEE Trans. Smart Grid 2, 2011; knots and limits as in nmecr 1.0 (kW Engineering), which
        follows LBNL's RMV2.0.

    Examples:
        Two times of week whose energy differs by 5 kWh and rises by 1 kWh per degree.

        >>> temperature_c = np.arange(400) % 30 * 1.0
        >>> week_interval = np.arange(400) % 7 // 4
        >>> model = fit_towt(temperature_c + 5 * week_interval, temperature_c, week_interval)
        >>> model.predict(np.array([0, 1]), np.array([12.0, 12.0])).round(6)
        array([12., 17.])
    """
    variables = [temperature_c, *([] if additional is None else additional.T)]
    if not all(np.isfinite(variable).all() for variable in variables):
        raise ValueError("temperatures and additional variables must all be known")
    known = np.isfinite(energy_kwh)
    knots_c = temperature_knots_c(temperature_c, known, segment_count)
    occupied = occupied_intervals(energy_kwh[known], temperature_c[known], week_interval[known])
    is_occupied = np.isin(week_interval, occupied)
    intervals, coefficients = [], []
    for part in (is_occupied & known, ~is_occupied & known):
        if part.any():
            intervals.append(np.unique(week_interval[part]))
            design = _design(week_interval, temperature_c, additional, intervals[-1], knots_c)
            coefficients.append(_fitted(design[part], energy_kwh[part]))
    return TowtModel(
        knots_c=knots_c,
        occupied=occupied,
        intervals=tuple(intervals),
        coefficients=tuple(coefficients),
    )


def temperature_knots_c(
    temperature_c: Array, known: NDArray[np.bool_], segment_count: int
) -> Array:
    """Return the bends of the temperature line [C]: classes of equal size, the thin ones dropped.

    A lowest or highest knot beyond which fewer than 20 known intervals lie is dropped, but for
    the last one.

    Examples:
        Sixths of 0 to 119 end at the 20th, 40th ... value; below the first lie 19 values, so it
        goes, and so does the last, above which there is none.

        >>> temperature_knots_c(np.arange(120.0), np.ones(120, bool), 6)
        array([39., 59., 79., 99.])
    """
    ordered_c = np.sort(temperature_c)
    ends = len(ordered_c) * np.arange(1, segment_count + 1) // segment_count
    knots_c: Array = ordered_c[ends - 1]
    seen_c = temperature_c[known]
    while len(knots_c) > 1 and (seen_c > knots_c[-1]).sum() < KNOT_POINTS_MIN:
        knots_c = knots_c[:-1]
    while len(knots_c) > 1 and (seen_c < knots_c[0]).sum() < KNOT_POINTS_MIN:
        knots_c = knots_c[1:]
    return knots_c


def occupied_intervals(
    energy_kwh: Array, temperature_c: Array, week_interval: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the times of week that use more than the weather explains, more often than not.

    A regression on heating below 10 C and cooling above 18.3 C is fitted to all; a time of week
    is occupied where more than 65 % of its intervals lie above it. Fewer than three such times of
    week count as none.
    """
    heating = np.minimum(temperature_c - HEATING_BELOW_C, 0.0)
    cooling = np.maximum(temperature_c - COOLING_ABOVE_C, 0.0)
    design = np.column_stack([np.ones_like(heating), heating, cooling])
    above = energy_kwh > product(design, _fitted(design, energy_kwh))
    intervals, position = np.unique(week_interval, return_inverse=True)
    above_ratio = np.bincount(position, weights=above) / np.bincount(position)
    occupied: NDArray[np.int64] = intervals[above_ratio > OCCUPIED_SHARE_RATIO]
    return occupied if len(occupied) > 2 else occupied[:0]  # noqa: PLR2004 - said above


def segments(temperature_c: Array, knots_c: Array) -> Array:
    """Return how much of each temperature lies in each segment [C], shape (n, n_knots + 1).

    Examples:
        Of 25 C, 10 lie below the knot at 10, 10 between the knots and 5 above the one at 20.

        >>> segments(np.array([25.0, 4.0]), np.array([10.0, 20.0]))
        array([[10., 10.,  5.],
               [ 4.,  0.,  0.]])
    """
    above_c = np.clip(
        temperature_c[:, np.newaxis] - knots_c, 0.0, np.append(np.diff(knots_c), np.inf)
    )
    return np.column_stack([np.minimum(temperature_c, knots_c[0]), above_c])


def _design(
    week_interval: NDArray[np.int64],
    temperature_c: Array,
    additional: Array | None,
    intervals: NDArray[np.int64],
    knots_c: Array,
) -> Array:
    levels = (week_interval[:, np.newaxis] == intervals).astype(np.float64)
    columns = [levels, segments(temperature_c, knots_c)]
    return np.column_stack(columns if additional is None else [*columns, additional])


def _fitted(design: Array, energy_kwh: Array) -> Array:
    return least_squares(
        design,
        energy_kwh,
        rule_id="time of week and temperature",
        remedy="supply older load, or use coarser times of week",
    )
