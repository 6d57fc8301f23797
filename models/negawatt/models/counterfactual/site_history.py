"""A site's minutes as the regression reads them: means of five, and what can be told apart.

Here: what was measured, the quantities that the meter follows, and what comes with the clock. Not
here: the fit (site_gain.py) and its algebra (site_regression.py).
"""

from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from negawatt.models.counterfactual.lag import lagged
from negawatt.models.counterfactual.site_regression import Regression, hats
from negawatt.models.domain.errors import InsufficientHistoryError

Floats = NDArray[np.float64]

STEP_MINUTES: Final = 5  # the means that are fitted: short against a lag, long against a reading
MINUTES_PER_DAY: Final = 1440
MIN_DAYS: Final = 3  # blocks of which a spread can be taken
FEW_DAYS: Final = 14
MIN_BUSY_SHARE: Final = 0.01  # of the variation of busy GPUs, not explained by GPU power
MIN_TEMP_SD_C: Final = 1.0
_SPREAD: Final = 1.5  # the lag may lie anywhere between tau / 1.5 and tau * 1.5
_WEATHER_LAG_MINUTES: Final = 60.0
_DAILY_KNOTS: Final = 24
_WEATHER = ("cooling_per_c", "cooling_per_c2")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SiteMinutes:
    """What was measured, minute by minute without a step left out; every array has shape (n,).

    Attributes:
        minute_of_day: Minute of the UTC day, 0 to 1439.
        day: UTC day, counted from any day.
        meter_kw: Power at the site's meter [kW], NaN where missing.
        gpu_kw: Power of all GPUs [kW], NaN where missing.
        busy_gpus: GPUs that a job holds, NaN where not known.
        temp_c: Outdoor temperature [°C], NaN where not known.
        storage_kw: Power of batteries and generators [kW], 0 or NaN where there are none.
    """

    minute_of_day: NDArray[np.int64]
    day: NDArray[np.int64]
    meter_kw: Floats
    gpu_kw: Floats
    busy_gpus: Floats
    temp_c: Floats
    storage_kw: Floats

    def __post_init__(self) -> None:
        clock = self.day * MINUTES_PER_DAY + self.minute_of_day
        if len({getattr(self, name).shape for name in self.__slots__}) != 1:
            raise ValueError("every array of SiteMinutes must have one shape")
        if (np.diff(clock) != 1).any():
            raise ValueError("SiteMinutes must follow each other minute by minute; fill with NaN")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class History:
    """Means of five minutes, ready to be fitted; every array has shape (n_steps,).

    Attributes:
        meter_kw: The site's meter [kW], 0 where a step is not whole.
        gpu_kw: Power of all GPUs [kW], bridged over gaps.
        busy_gpus: GPUs that a job holds, bridged over gaps.
        warmer_c: Outdoor temperature above ``mean_temp_c`` [°C].
        is_whole: All five minutes of the step are usable, and meter and GPUs known.
        day: UTC day.
        nuisance: What moves the meter beside GPUs, shape (n_steps, n_nuisances).
        names: The columns that the meter is fitted to.
        mean_temp_c: Mean outdoor temperature [°C].
        findings: What was left out, and why.
    """

    meter_kw: Floats
    gpu_kw: Floats
    busy_gpus: Floats
    warmer_c: Floats
    is_whole: NDArray[np.bool_]
    day: NDArray[np.int64]
    nuisance: Floats
    names: tuple[str, ...]
    mean_temp_c: float
    findings: tuple[str, ...]

    def without_busy(self, reason: str) -> Self:
        """Return the history with hosts that follow GPU power alone, and the reason."""
        return replace(
            self,
            busy_gpus=np.zeros_like(self.busy_gpus),
            names=tuple(name for name in self.names if name != "busy_gpus"),
            findings=(*self.findings, f"hosts follow GPU power, not busy GPUs: {reason}"),
        )

    def regression(self, weights: Floats) -> Regression:
        """Return the meter without its nuisances, whitened."""
        return Regression.of(self.meter_kw, self.nuisance, self.is_whole, weights)

    def columns(self, tau_minutes: float, host_kw_per_gpu: float) -> Floats:
        """Return what the meter is fitted to, shape (n_steps, n_names)."""
        every = response_columns(
            self.gpu_kw,
            self.busy_gpus,
            self.warmer_c,
            host_kw_per_gpu=host_kw_per_gpu,
            tau_minutes=tau_minutes,
            is_history=True,
        )
        return np.column_stack([every[name] for name in self.names])


def response_columns(
    gpu_kw: Floats,
    busy_gpus: Floats,
    warmer_c: Floats,
    *,
    host_kw_per_gpu: float,
    tau_minutes: float,
    is_history: bool = False,
) -> dict[str, Floats]:
    """Return what the meter follows, by name; a history begins settled, a change at zero."""
    cooled_kw = gpu_kw + host_kw_per_gpu * busy_gpus

    def slow(values: Floats, tau: float) -> Floats:
        step = STEP_MINUTES if is_history else 1
        start = float(values[0]) if is_history else 0.0
        return lagged(values, tau_minutes=tau, step_minutes=step, start=start)

    return {
        "gpu_kw": gpu_kw,
        "busy_gpus": busy_gpus,
        "cooling_fast": slow(cooled_kw, tau_minutes / _SPREAD),
        "cooling_slow": slow(cooled_kw, tau_minutes * _SPREAD),
        "cooling_per_c": slow(cooled_kw * warmer_c, tau_minutes),
        "cooling_per_c2": slow(cooled_kw * warmer_c**2, tau_minutes),
    }


def history_of(minutes: SiteMinutes, usable: NDArray[np.bool_]) -> History:
    """Average to steps of five whole minutes, and decide what can be told apart."""
    is_known = usable & ~(np.isnan(minutes.meter_kw) | np.isnan(minutes.gpu_kw))
    is_whole = _steps(is_known.astype(float)) == 1
    day = minutes.day[: len(is_whole) * STEP_MINUTES : STEP_MINUTES]
    n_days = len(np.unique(day[is_whole]))
    if n_days < MIN_DAYS:
        raise InsufficientHistoryError(
            rule_id="site response",
            required_count=MIN_DAYS,
            found_count=n_days,
            unit="days on which meter and GPUs are both known",
            remedy="give more history, or state the result for the GPUs alone",
        )
    gpu_kw = _steps(_bridged(minutes.gpu_kw))
    busy_gpus = _steps(_bridged(minutes.busy_gpus))
    temp_c = _steps(_bridged(minutes.temp_c))
    mean_temp_c = float(temp_c[is_whole].mean())
    findings = [f"only {n_days} days of history"] if n_days < FEW_DAYS else []
    warmer_c = temp_c - mean_temp_c
    clock = (np.arange(len(day)) + 0.5) * STEP_MINUTES + minutes.minute_of_day[0]
    nuisance = _nuisance(clock, warmer_c, _steps(np.nan_to_num(minutes.storage_kw)))
    names = ["gpu_kw", "busy_gpus", "cooling_fast", "cooling_slow", *_WEATHER]
    if np.std(temp_c[is_whole]) < MIN_TEMP_SD_C:
        names = [name for name in names if name not in _WEATHER]
        findings.append("cooling without weather: the outdoor temperature is not known or constant")
    history = History(
        meter_kw=_steps(np.where(is_known, minutes.meter_kw, 0.0)),
        gpu_kw=gpu_kw,
        busy_gpus=busy_gpus,
        warmer_c=warmer_c,
        is_whole=is_whole,
        day=day,
        nuisance=nuisance,
        names=tuple(names),
        mean_temp_c=mean_temp_c,
        findings=tuple(findings),
    )
    if _is_told_apart(busy_gpus, gpu_kw, nuisance, is_whole):
        return history
    return history.without_busy("busy GPUs are not known, or say the same")


def _steps(values: Floats) -> Floats:
    """Return means of five minutes; an unfinished step at the end is left out."""
    n = len(values) // STEP_MINUTES
    means: Floats = values[: n * STEP_MINUTES].reshape(n, STEP_MINUTES).mean(axis=1)
    return means


def _bridged(values: Floats) -> Floats:
    """Return values with a line over every gap, for the lag's memory; zeros where none is known."""
    is_known = ~np.isnan(values)
    if not is_known.any():
        return np.zeros_like(values)
    position = np.arange(len(values))
    return np.interp(position, position[is_known], values[is_known])


def _nuisance(clock: Floats, warmer_c: Floats, storage_kw: Floats) -> Floats:
    """Return what moves the meter beside GPUs: the hour, the day, the weather, storage."""
    of_day = clock % MINUTES_PER_DAY * (_DAILY_KNOTS / MINUTES_PER_DAY)
    days = clock / MINUTES_PER_DAY
    n_knots = int(days[-1]) + 2
    slow_c = lagged(
        warmer_c, tau_minutes=_WEATHER_LAG_MINUTES, step_minutes=STEP_MINUTES, start=warmer_c[0]
    )
    return np.column_stack(
        [
            hats(of_day, n_knots=_DAILY_KNOTS, is_periodic=True),
            hats(days, n_knots=n_knots, is_periodic=False)[:, 1:],  # the first is the hours' level
            warmer_c,
            slow_c,
            slow_c**2,
            storage_kw,
        ]
    )


def _is_told_apart(
    busy_gpus: Floats, gpu_kw: Floats, nuisance: Floats, is_whole: NDArray[np.bool_]
) -> bool:
    """Say whether enough of the busy GPUs' variation is not explained by GPU power."""
    regression = Regression.of(busy_gpus, nuisance, is_whole, np.zeros(0))
    _, left = regression.solve(gpu_kw[:, np.newaxis])
    varies = float(np.sum((busy_gpus[is_whole] - busy_gpus[is_whole].mean()) ** 2))
    return left > MIN_BUSY_SHARE * varies
