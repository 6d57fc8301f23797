"""How good a regression fits, and how sure the savings are that it shows (ASHRAE Guideline 14).

The guideline's uncertainty is too small where errors of neighboring intervals resemble each other
as hourly ones do: state it beside a placebo band (negawatt.models.uncertainty), not instead.
Not here: the models themselves.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit  # type: ignore[import-untyped] # no stubs are published

Array = NDArray[np.float64]

HOURLY_FACTOR = 1.26
_CORRELATED_FROM = 0.5
_DAYS_PER_MONTH = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class FitStatistics:
    """What is left over of a fit.

    Attributes:
        r_squared: Share of the variance that is explained, at most 1.
        cv_rmse_ratio: Root mean squared error over mean energy, 0 and more; intercepts are not
            counted as parameters, as in published tables.
        interval_count: Intervals fitted.
        parameter_count: All coefficients, intercepts included.
        slope_count: Coefficients without intercepts.
        mean_kwh: Mean energy per interval [kWh].
        error_kwh2_sum: Sum of squared errors [kWh squared].
        correlation: Correlation of each error with the one before.
    """

    r_squared: float
    cv_rmse_ratio: float
    interval_count: int
    parameter_count: int
    slope_count: int
    mean_kwh: float
    error_kwh2_sum: float
    correlation: float


def fit_statistics(
    energy_kwh: Array, fitted_kwh: Array, *, parameter_count: int, slope_count: int
) -> FitStatistics:
    r"""Return the statistics of a fit.

    .. math::

        R^2 = 1 - \frac{\sum e^2}{\sum (E - \bar E)^2}, \qquad
        \mathrm{CV(RMSE)} = \frac{1}{\bar E} \sqrt{\frac{\sum e^2}{n - p}}

    Args:
        energy_kwh: Energy per interval, oldest first [kWh], shape (n,), all known.
        fitted_kwh: The model's [kWh], shape (n,).
        parameter_count: All coefficients.
        slope_count: p, coefficients without intercepts.

    Examples:
        >>> known = fit_statistics(np.array([1.0, 2.0, 3.0, 6.0]), np.array([1.0, 3.0, 2.0, 6.0]),
        ...     parameter_count=2, slope_count=2)
        >>> round(known.r_squared, 4), round(known.cv_rmse_ratio, 4)
        (0.8571, 0.3333)
    """
    errors_kwh = energy_kwh - fitted_kwh
    count, mean_kwh = len(energy_kwh), float(energy_kwh.mean())
    error_kwh2_sum = float((errors_kwh**2).sum())
    return FitStatistics(
        r_squared=1 - error_kwh2_sum / float(((energy_kwh - mean_kwh) ** 2).sum()),
        cv_rmse_ratio=math.sqrt(error_kwh2_sum / (count - slope_count)) / mean_kwh,
        interval_count=count,
        parameter_count=parameter_count,
        slope_count=slope_count,
        mean_kwh=mean_kwh,
        error_kwh2_sum=error_kwh2_sum,
        correlation=_correlation(errors_kwh[1:], errors_kwh[:-1]),
    )


def _correlation(one: Array, other: Array) -> float:
    one_off, other_off = one - one.mean(), other - other.mean()
    spread = math.sqrt((one_off**2).sum() * (other_off**2).sum())
    return float((one_off * other_off).sum() / spread)


def daily_factor(day_count: int) -> float:
    """Return the factor of the uncertainty of daily models, by the months that were fitted.

    Source:
        Sun, Baltazar, Analysis and improvement of the estimation of building energy savings
        uncertainty, ASHRAE Transactions 119, 2013; a month counts 30 days, as in nmecr.
    """
    months = day_count / _DAYS_PER_MONTH
    return -0.00024 * months**2 + 0.03535 * months + 1.00286


def savings_uncertainty_ratio(
    fit: FitStatistics,
    *,
    savings_ratio: float,
    reporting_count: int,
    factor: float,
    level_ratio: float = 0.9,
) -> float:
    r"""Return the half-width of a confidence interval over the savings.

    .. math::

        \frac{\Delta E}{E_s} = \frac{t \, a}{m \bar E F}
            \sqrt{\frac{\sum e^2}{\nu} \Big(1 + \frac{2}{n'}\Big) m}, \qquad
        n' = n \, \frac{1 - \rho}{1 + \rho}

    with :math:`\nu = n' - p` degrees of freedom; where the correlation is below 0.5, n itself and
    n less all coefficients.

    Args:
        fit: Statistics of the baseline's fit.
        savings_ratio: F, savings over the baseline's energy, above 0.
        reporting_count: m, intervals over which the savings are summed.
        factor: a, ``HOURLY_FACTOR`` or ``daily_factor(...)``.
        level_ratio: Confidence, above 0 and below 1.

    Raises:
        ValueError: Too few independent intervals are left to say anything.

    Source:
        ASHRAE Guideline 14-2014, annex B; the limit of 0.5 is on its page 91.
    """
    independent = fit.interval_count * (1 - fit.correlation) / (1 + fit.correlation)
    freedom = independent - fit.slope_count
    if fit.correlation < _CORRELATED_FROM:
        independent = fit.interval_count
        freedom = fit.interval_count - fit.parameter_count
    if freedom <= 0:
        raise ValueError(f"no degrees of freedom are left ({freedom:.1f}); fit a longer period")
    t_value = float(stdtrit(freedom, 0.5 + level_ratio / 2))
    variance_kwh2 = fit.error_kwh2_sum / freedom * (1 + 2 / independent) * reporting_count
    saved_kwh = reporting_count * fit.mean_kwh * savings_ratio
    return t_value * factor / saved_kwh * math.sqrt(variance_kwh2)
