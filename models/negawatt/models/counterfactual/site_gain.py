"""From a change of GPU power to the change of the site's meter, learned from the site's history.

Here: the dynamic model, its fit, and its standard error by days. Not here: the change of GPU power
itself, and the model whose residual says whether meter and GPUs agree
(negawatt.models.reconciliation.overhead).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.counterfactual.site_history import (
    History,
    SiteMinutes,
    history_of,
    response_columns,
)
from negawatt.models.counterfactual.site_regression import ar_weights
from negawatt.models.domain.errors import DataRefusedError

__all__ = ["SiteMinutes", "SiteResponse", "fit_site_response"]

Floats = NDArray[np.float64]

MAX_GAIN_ERROR_RATIO: Final = 0.1
MAX_HOST_KW_PER_GPU: Final = 0.15  # a whole host of 1.2 kW for 8 GPUs
# What every day has in common, and their spread cannot show: the form of lag and weather. Without
# it 90 % bands cover 75 % of the sites of tests/models/counterfactual/test_site_gain_study.py, with
# it 92.5 %.
FORM_ERROR_RATIO: Final = 0.005
_TAUS_MINUTES: Final = (4.0, 6.0, 9.0, 13.0, 20.0, 30.0, 45.0)
_FIRST_TAU_MINUTES: Final = 13.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SiteResponse:
    """How the meter follows GPUs and hosts.

    Attributes:
        tau_minutes: Time constant of the cooling [min].
        coefficients: Kilowatt at the meter for each unit of what the name says.
        host_kw_per_gpu: Host power of a busy GPU, as a share of GPU power, that is cooled too [kW].
        mean_temp_c: Temperature at which the weather's terms are zero [°C].
        without_day: The coefficients without each day, shape (n_days, n_coefficients).
        n_days: Days that the fit rests on.
        residual_sd_kw: Standard deviation of what the model leaves of 5-minute means [kW].
        findings: What was left out, and why.
    """

    tau_minutes: float
    coefficients: Mapping[str, float]
    host_kw_per_gpu: float
    mean_temp_c: float
    without_day: Floats
    n_days: int
    residual_sd_kw: float
    findings: tuple[str, ...]

    def gain_ratio(self, temp_c: float) -> float:
        """Return kilowatt at the meter per kilowatt of GPUs, once the cooling has settled."""
        return float(self.settled_columns(temp_c) @ self._values)

    def site_change_kw(self, gpu_change_kw: Floats, busy_change: Floats, temp_c: Floats) -> Floats:
        """Return how the meter changes when GPUs and hosts do; nothing changed before.

        Args:
            gpu_change_kw: Change of GPU power in each minute [kW], shape (n,).
            busy_change: Change of busy GPUs, shape (n,).
            temp_c: Outdoor temperature [°C], shape (n,); NaN counts as the history's mean.

        Returns:
            Change of the meter [kW], shape (n,).
        """
        return self._columns(gpu_change_kw, busy_change, temp_c) @ self._values

    def standard_error_kw(
        self, gpu_change_kw: Floats, busy_change: Floats, temp_c: Floats, over: slice
    ) -> float:
        r"""Return the standard error of the mean change over a slice of the minutes [kW].

        .. math:: s^2 = \frac{D - 1}{D} \sum_d (\bar c_{-d} - \bar c_\cdot)^2
            \left(1 + \frac{0.93}{D - 1}\right)^2 + (0.005\, \bar c)^2

        The spread when one day at a time is left out, widened for few days as Student's t is, and
        the form of the model, which the days have in common.

        Source:
            Efron, The Jackknife, the Bootstrap and Other Resampling Plans, SIAM 1982, chapter 3.
            Abramowitz and Stegun, 26.7.5, first term at 1.645: t / z = 1 + 0.93 / (D - 1).
        """
        columns = self._columns(gpu_change_kw, busy_change, temp_c)[over].mean(axis=0)
        form_kw = FORM_ERROR_RATIO * float(columns @ self._values)
        return float(np.hypot(jackknife_error(self.without_day @ columns), form_kw))

    @property
    def _values(self) -> Floats:
        return np.array(list(self.coefficients.values()))

    def _columns(self, gpu_kw: Floats, busy: Floats, temp_c: Floats) -> Floats:
        warmer_c = np.where(np.isnan(temp_c), 0.0, temp_c - self.mean_temp_c)
        every = response_columns(
            gpu_kw,
            np.nan_to_num(busy) if "busy_gpus" in self.coefficients else np.zeros_like(gpu_kw),
            warmer_c,
            host_kw_per_gpu=self.host_kw_per_gpu,
            tau_minutes=self.tau_minutes,
        )
        return np.column_stack([every[name] for name in self.coefficients])

    def settled_columns(self, temp_c: float) -> Floats:
        """Return what one kilowatt of GPUs makes of each column once the cooling has settled."""
        warmer_c = temp_c - self.mean_temp_c
        settled = {"busy_gpus": 0.0, "cooling_per_c": warmer_c, "cooling_per_c2": warmer_c**2}
        return np.array([settled.get(name, 1.0) for name in self.coefficients])


def jackknife_error(without_day: Floats) -> float:
    """Return the standard error of an estimate from its values without each day, shape (n_days,).

    Examples:
        Two days, 1 and 3: the spread is sqrt(1/2 * 2) = 1, widened by 1 + 0.93.

        >>> round(jackknife_error(np.array([1.0, 3.0])), 9)
        1.93
    """
    n = len(without_day)
    spread = np.sqrt((n - 1) / n * np.sum((without_day - without_day.mean()) ** 2))
    return float(spread * (1 + 0.93 / (n - 1)))


def fit_site_response(minutes: SiteMinutes, *, usable: NDArray[np.bool_]) -> SiteResponse:
    r"""Fit how the meter follows the GPUs.

    .. math:: M_t = a(h_t) + d_t + g P_t + h B_t + L_\tau[(c_0 + c_1 \theta + c_2 \theta^2)
        (P + \tfrac{h}{g} B)]_t + w(\theta) + s S_t + \varepsilon_t

    P is GPU power, B busy GPUs, theta the temperature above its mean, L a first-order lag, S
    storage. The shape of the day a, the drift from day to day d and the weather w take up what
    comes with the clock, so that only changes of load tell the gain. Least squares on 5-minute
    means, whitened by an autoregression of the residuals; tau is the best of a grid, and the lag
    may be a mixture of its neighbors.

    Args:
        minutes: The history, and the event, which the lag needs.
        usable: False where a minute may not be learned from: the event to verify and its recovery;
            shape (n,).

    Returns:
        The response.

    Raises:
        InsufficientHistoryError: Fewer than three days have whole 5-minute means.
        DataRefusedError: GPU power varies too little: its gain is known to no better than 10 %.
    """
    history = history_of(minutes, usable)
    response = _fitted(history)
    if response.coefficients.get("busy_gpus", 0.0) < 0:
        response = _fitted(history.without_busy("their hosts would draw less than none"))
    _refuse_unknown_gain(response)
    return response


def _fitted(history: History) -> SiteResponse:
    """Fit twice: what the first leaves tells whitening and hosts to the second."""
    host, tau = 0.0, _FIRST_TAU_MINUTES
    regression = history.regression(np.zeros(0))
    for _ in range(2):
        columns = history.columns(tau, host)
        values, _ = regression.solve(columns)
        nuisances = regression.nuisance_values(columns, values)
        residual_kw = history.meter_kw - columns @ values - history.nuisance @ nuisances
        host = _host_kw_per_gpu(dict(zip(history.names, values.tolist(), strict=True)))
        regression = history.regression(ar_weights(residual_kw, history.is_whole))
        tau = min(_TAUS_MINUTES, key=lambda one: regression.solve(history.columns(one, host))[1])
    columns = history.columns(tau, host)
    values, _ = regression.solve(columns)
    return SiteResponse(
        tau_minutes=tau,
        coefficients=dict(zip(history.names, values.tolist(), strict=True)),
        host_kw_per_gpu=host,
        mean_temp_c=history.mean_temp_c,
        without_day=regression.without_each_day(columns, history.day),
        n_days=len(np.unique(history.day[history.is_whole])),
        residual_sd_kw=float(np.std(residual_kw[history.is_whole])),
        findings=history.findings,
    )


def _host_kw_per_gpu(coefficients: Mapping[str, float]) -> float:
    """Return the power of a busy GPU's host, which is cooled as GPU power is [kW]."""
    host_kw = coefficients.get("busy_gpus", 0.0) / coefficients["gpu_kw"]
    return float(np.clip(host_kw, 0.0, MAX_HOST_KW_PER_GPU))


def _refuse_unknown_gain(response: SiteResponse) -> None:
    """Refuse a gain that the days tell differently: GPU power varied too little."""
    gain = response.gain_ratio(response.mean_temp_c)
    error = jackknife_error(response.without_day @ response.settled_columns(response.mean_temp_c))
    if not error <= MAX_GAIN_ERROR_RATIO * gain:
        raise DataRefusedError(
            thing="site response",
            expected="GPU power that varies enough to tell the meter's gain to 10 %",
            found=f"a gain of {gain:.2f} with a standard error of {error:.2f}",
            remedy="give a longer history, or state the result for the GPUs alone",
        )
