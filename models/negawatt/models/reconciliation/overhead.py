"""A site's overhead: its meter as a function of GPU power, with lag and outdoor temperature.

Here: the forms it may take, the choice among them on days that they were not fitted to, and the
residual with its stability. Not here: which days hold events, and what follows from a residual
(negawatt.models.verification.reconciliation).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product as pairs_of
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.baselines.least_squares import least_squares, product, triangle
from negawatt.models.domain.errors import DataRefusedError, InsufficientHistoryError
from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE

Floats = NDArray[np.float64]

MIN_DAYS: Final = 7  # each weekday once
TAUS_MINUTES: Final = (5.0, 10.0, 20.0, 40.0)
THRESHOLDS_C: Final = (0.0, 10.0, 15.0, 20.0)
_FOLDS: Final = 7
_SETTLED_TAUS: Final = 3.0  # after three time constants 5 % of a step is left
_NO_BETTER_RATIO: Final = 0.02  # a longer form must do more than this better than a shorter one
_EXACT_RATIO: Final = 1e-9  # what is left of an exact fit is rounding, and chooses nothing
_KNOWN_TEMPERATURE_RATIO: Final = 0.9
_WEEK_DAYS: Final = 7
_HOURS: Final = 24
_RULE: Final = "site overhead"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SiteHistory:
    """What was measured, interval by interval without one left out; every array has shape (n,).

    Attributes:
        interval_minutes: Length of each interval [min].
        site_kw: Power at the site's meter [kW], NaN where not known.
        gpu_kw: Power of all GPUs [kW], NaN where not known.
        outdoor_c: Outdoor temperature [°C], NaN where not known.
        day: UTC day, counted from any day.
        hour: Hour of the UTC day, 0 to 23.
        is_usable: False where an interval may not be learned from, as on a day with an event.

    Raises:
        ValueError: The arrays have different shapes.
    """

    interval_minutes: int
    site_kw: Floats
    gpu_kw: Floats
    outdoor_c: Floats
    day: NDArray[np.int64]
    hour: NDArray[np.int64]
    is_usable: NDArray[np.bool_]

    def __post_init__(self) -> None:
        names = ("site_kw", "gpu_kw", "outdoor_c", "day", "hour", "is_usable")
        if len({getattr(self, name).shape for name in names}) != 1:
            raise ValueError("every array of a SiteHistory must have one shape (n,)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Which terms the overhead has.

    Attributes:
        tau_minutes: Time constant of what follows GPU power slowly [min]; None without.
        threshold_c: Outdoor temperature from which cooling takes more [°C]; None without weather.
    """

    tau_minutes: float | None = None
    threshold_c: float | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The coefficients, in their order."""
        weather = () if self.threshold_c is None else ("kw_per_c", "kw_per_kw_c")
        lag = () if self.tau_minutes is None else ("kw_per_lagged_kw",)
        return ("fixed_kw", "kw_per_kw", *lag, *weather)


_FORMS: Final = tuple(
    Form(tau_minutes=tau, threshold_c=threshold)
    for tau, threshold in pairs_of((None, *TAUS_MINUTES), (None, *THRESHOLDS_C))
)
_SLOWEST: Final = Form(tau_minutes=max(TAUS_MINUTES))
_SLOWEST_WITH_WEATHER: Final = Form(tau_minutes=max(TAUS_MINUTES), threshold_c=THRESHOLDS_C[0])


@dataclass(frozen=True, kw_only=True, eq=False)
class Overhead:
    """A fitted overhead and how well it foretells days that it was not fitted to.

    Attributes:
        form: The terms that were chosen.
        coefficients: One for each of ``form.names``.
        site_kw_mean: Mean power at the meter over the intervals that it rests on [kW].
        residual_kw: Metered less foretold, each interval by a fit without its own days [kW],
            shape (n_rows,).
        row: Position of each of them in the history, shape (n_rows,).
        day: Their UTC days, shape (n_rows,).
        hour: Their UTC hours, shape (n_rows,).
        without_weather: The outdoor temperature is not known, so no form with weather was tried.
    """

    form: Form
    coefficients: tuple[float, ...]
    site_kw_mean: float
    residual_kw: Floats
    row: NDArray[np.int64]
    day: NDArray[np.int64]
    hour: NDArray[np.int64]
    without_weather: bool

    def expected_kw(self, history: SiteHistory) -> Floats:
        """Return what the meter should read [kW], shape (n,); NaN where that is not known."""
        return product(_columns(history, self.form), np.array(self.coefficients))

    @cached_property
    def day_count(self) -> int:
        """Days that it rests on."""
        return len(np.unique(self.day))

    @property
    def bias_ratio(self) -> float:
        """Mean residual over mean site power."""
        return float(self.residual_kw.mean()) / self.site_kw_mean

    @property
    def cv_rmse_ratio(self) -> float:
        """Root mean square residual over mean site power: CV(RMSE)."""
        return math.sqrt(float((self.residual_kw**2).mean())) / self.site_kw_mean

    @property
    def mad_ratio(self) -> float:
        """Median absolute residual over mean site power: what outliers do not move."""
        return float(np.median(np.abs(self.residual_kw))) / self.site_kw_mean

    @property
    def drift_ratio_per_week(self) -> float:
        """Slope of the daily mean residual over mean site power, per week."""
        days = np.unique(self.day)
        daily_kw = np.array([self.residual_kw[self.day == day].mean() for day in days])
        line = np.column_stack([np.ones(len(days)), (days - days[0]).astype(float)])
        slope_kw = least_squares(line, daily_kw, rule_id=_RULE, remedy="give more history")[1]
        return float(slope_kw) * _WEEK_DAYS / self.site_kw_mean

    @property
    def hourly_bias_ratio(self) -> Floats:
        """Mean residual of each UTC hour over mean site power, shape (24,); NaN without rows."""
        means = np.full(_HOURS, np.nan)
        for hour in np.unique(self.hour):
            means[hour] = self.residual_kw[self.hour == hour].mean()
        return means / self.site_kw_mean

    def window_residuals_kw(self, length: int) -> list[float]:
        """Return the mean residual of whole windows of a length, none overlapping another [kW]."""
        means, start = [], 0
        while start + length <= len(self.row):
            if self.row[start + length - 1] - self.row[start] == length - 1:
                means.append(float(self.residual_kw[start : start + length].mean()))
                start += length
            else:
                start += 1
        return means


def fit_overhead(history: SiteHistory) -> Overhead:
    r"""Fit the site's meter to its GPUs.

    .. math:: M_t = a + b\,P_t + c\,L_\tau[P]_t + d\,H_t + e\,L_\tau[P H]_t + \varepsilon_t,
        \qquad H_t = \max(\theta_t - \theta_0, 0)

    P is the power of all GPUs: a is what hosts and building draw without them, b their hosts and
    losses, L a first-order lag with time constant tau, as cooling has it, and H degrees above the
    threshold. Terms, tau and threshold are chosen on days that were left out: of the forms, the one
    with the fewest terms that is not more than 2 % worse than the best. Without a lag, e belongs to
    the product of the same interval.

    An interval is used where it is usable, meter and GPUs are known, and GPUs were known for three
    of the longest time constants before.

    Raises:
        InsufficientHistoryError: Fewer than seven days can be used.
        DataRefusedError: GPU power does not vary.

    Source:
        Leave-out choice: Stone, Cross-validatory choice, JRSS B 36, 1974. CV(RMSE) and bias as in
        ASHRAE Guideline 14-2014, section 5.2.11.

    Examples:
        Eight days of a meter that reads 20 kW and 1.3 times the GPUs.

        >>> n = 8 * 24
        >>> gpu_kw = 50.0 + (np.arange(n) % 5)
        >>> history = SiteHistory(interval_minutes=60, site_kw=20.0 + 1.3 * gpu_kw, gpu_kw=gpu_kw,
        ...     outdoor_c=np.full(n, np.nan), day=np.arange(n) // 24, hour=np.arange(n) % 24,
        ...     is_usable=np.ones(n, dtype=bool))
        >>> found = fit_overhead(history)
        >>> found.form.names, np.round(found.coefficients, 6).tolist()
        (('fixed_kw', 'kw_per_kw'), [20.0, 1.3])
    """
    is_known = history.is_usable & ~np.isnan(history.site_kw)
    is_known &= ~np.isnan(_columns(history, _SLOWEST)).any(axis=1)
    with_weather = is_known & ~np.isnan(history.outdoor_c)
    if _is_most(with_weather, is_known):
        with_weather &= ~np.isnan(_columns(history, _SLOWEST_WITH_WEATHER)).any(axis=1)
    has_weather = _is_most(with_weather, is_known)
    row = np.flatnonzero(with_weather if has_weather else is_known)
    _refuse_too_little(history, row)
    fold, site_kw = _folds(history.day[row]), history.site_kw[row]
    design = {
        form: _columns(history, form)[row]
        for form in _FORMS
        if has_weather or form.threshold_c is None
    }
    residuals_kw = {form: _left_out(columns, site_kw, fold) for form, columns in design.items()}
    rmse_kw = {form: math.sqrt(float((r**2).mean())) for form, r in residuals_kw.items()}
    exact_kw = _EXACT_RATIO * float(np.abs(site_kw).mean())
    enough_kw = (1 + _NO_BETTER_RATIO) * max(min(rmse_kw.values()), exact_kw)
    chosen = _chosen({form: rmse for form, rmse in rmse_kw.items() if rmse <= enough_kw}, exact_kw)
    return Overhead(
        form=chosen,
        coefficients=tuple(_fit(design[chosen], site_kw).tolist()),
        site_kw_mean=float(site_kw.mean()),
        residual_kw=residuals_kw[chosen],
        row=row,
        day=history.day[row],
        hour=history.hour[row],
        without_weather=not has_weather,
    )


def lagged(values: Floats, *, tau_minutes: float, interval_minutes: int) -> Floats:
    r"""Return a first-order lag of a series, shape (n,).

    .. math:: L_t = L_{t-1} + \frac{\Delta}{\tau + \Delta} (x_t - L_{t-1})

    by the implicit Euler rule, which uses no exponential function and so gives the same bits on
    every machine. After a gap it starts anew, and is NaN until three time constants have passed.

    Examples:
        Half of what is left, each interval; known from the sixth on: 3 x 5 / 5 = 3 intervals.

        >>> lagged(np.array([0.0, 0.0, 0.0, 8.0, 8.0]), tau_minutes=5.0, interval_minutes=5)
        array([nan, nan, nan,  4.,  6.])
    """
    share = interval_minutes / (tau_minutes + interval_minutes)
    settling = math.ceil(_SETTLED_TAUS * tau_minutes / interval_minutes)
    found = np.full(len(values), np.nan)
    level, known_count = math.nan, 0
    for position, value in enumerate(values.tolist()):
        if math.isnan(value):
            level, known_count = math.nan, 0
            continue
        level = value if known_count == 0 else level + share * (value - level)
        known_count += 1
        if known_count > settling:
            found[position] = level
    return found


def _columns(history: SiteHistory, form: Form) -> Floats:
    """Return the terms of a form, shape (n, n_terms); NaN where one is not known."""

    def slow(values: Floats) -> Floats:
        if form.tau_minutes is None:
            return values
        return lagged(
            values, tau_minutes=form.tau_minutes, interval_minutes=history.interval_minutes
        )

    columns = [np.ones_like(history.gpu_kw), history.gpu_kw]
    if form.tau_minutes is not None:
        columns.append(slow(history.gpu_kw))
    if form.threshold_c is not None:
        warmer_c = np.maximum(history.outdoor_c - form.threshold_c, 0.0)
        columns += [warmer_c, slow(history.gpu_kw * warmer_c)]
    return np.column_stack(columns)


def _chosen(rmse_kw: Mapping[Form, float], exact_kw: float) -> Form:
    """Return the best of the forms with the fewest terms; of equal ones the first.

    Forms are equal in weather that is always above several thresholds; rounding decides nothing.
    """
    fewest = min(len(form.names) for form in rmse_kw)
    short = {form: rmse for form, rmse in rmse_kw.items() if len(form.names) == fewest}
    best_kw = min(short.values())
    return next(form for form, rmse in short.items() if rmse <= best_kw + exact_kw)


def _is_most(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> bool:
    return bool(part.sum() >= _KNOWN_TEMPERATURE_RATIO * whole.sum())


def _folds(day: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the fold of each row: days that follow each other, in seven parts."""
    days, position = np.unique(day, return_inverse=True)
    folds: NDArray[np.int64] = position * _FOLDS // len(days)
    return folds


def _left_out(design: Floats, site_kw: Floats, fold: NDArray[np.int64]) -> Floats:
    """Return metered less foretold, each row by a fit without its fold, shape (n_rows,).

    Each fold is reduced to its triangle once; a fit without it is one of all other triangles.
    """
    inside = [fold == one for one in np.unique(fold)]
    triangles = [triangle(design[rows], site_kw[rows]) for rows in inside]
    residual_kw = np.empty(len(site_kw))
    for number, rows in enumerate(inside):
        others = np.vstack(triangles[:number] + triangles[number + 1 :])
        residual_kw[rows] = site_kw[rows] - product(
            design[rows], _fit(others[:, :-1], others[:, -1])
        )
    return residual_kw


def _fit(design: Floats, site_kw: Floats) -> Floats:
    return least_squares(design, site_kw, rule_id=_RULE, remedy="give more history")


def _refuse_too_little(history: SiteHistory, row: NDArray[np.int64]) -> None:
    per_day = S_PER_H * _HOURS // (history.interval_minutes * S_PER_MINUTE)
    days, counts = np.unique(history.day[row], return_counts=True)
    day_count = int((2 * counts >= per_day).sum())
    if day_count < MIN_DAYS:
        raise InsufficientHistoryError(
            rule_id=_RULE,
            required_count=MIN_DAYS,
            found_count=day_count,
            unit="days without an event on half of which meter and GPUs are both known",
            remedy="give more history; until then nothing says whether GPUs and meter agree",
        )
    gpu_kw = history.gpu_kw[row]
    if gpu_kw.min() == gpu_kw.max():
        raise DataRefusedError(
            thing=_RULE,
            expected="GPU power that varies",
            found=f"{gpu_kw[0]:g} kW in all {len(row)} intervals of {len(days)} days",
            remedy="give a history in which the load changed",
        )
