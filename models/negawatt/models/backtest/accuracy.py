"""The accuracy of baselines on placebo events, as programs and studies state it.

Not here: where the baselines come from (placebos.py), what a program accepts (gates.py).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.errors import DataRefusedError

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """What is left over on placebo events; all ratios are of metered energy.

    Errors are baseline less metered: positive where the baseline claims a reduction that did not
    happen.

    Attributes:
        event_count: Placebo events with a baseline and known load.
        rrmse_ratio: Root of the mean squared interval error over the mean.
        mape_ratio: Mean of each interval's absolute error over its metered energy; NaN where an
            interval metered nothing.
        bias_ratio: Summed errors over summed energy (average relative error).
        event_error_ratio_p10: A tenth of the events have a smaller error of their whole energy.
        event_error_ratio_p50: Half have.
        event_error_ratio_p90: Nine tenths have.
        event_error_ratio_worst: The error that is farthest from zero.
    """

    event_count: int
    rrmse_ratio: float
    mape_ratio: float
    bias_ratio: float
    event_error_ratio_p10: float
    event_error_ratio_p50: float
    event_error_ratio_p90: float
    event_error_ratio_worst: float


def accuracy(baseline_kwh: Array, metered_kwh: Array) -> Accuracy:
    r"""Return how far a baseline was off.

    .. math::

        \mathrm{RRMSE} = \frac{\sqrt{\overline{(b - m)^2}}}{\overline{m}}, \qquad
        \mathrm{bias} = \frac{\sum (b - m)}{\sum m}

    Args:
        baseline_kwh: Baseline of each placebo event [kWh], shape (n_events, n_intervals); an
            event with NaN here or in the metered energy is left out.
        metered_kwh: What was metered [kWh], same shape.

    Raises:
        DataRefusedError: No event is left, or they metered nothing.

    Source:
        PJM Manual 11 section 10.4 (relative root mean square error) and AEMO's predictability
        test (average relative error), both read at second hand.

    Examples:
        Errors of 1 and -1 kWh on a mean of 10: 10 % and no bias.

        >>> found = accuracy(np.array([[11.0], [9.0]]), np.array([[10.0], [10.0]]))
        >>> found.rrmse_ratio, found.bias_ratio
        (0.1, 0.0)
    """
    known = np.isfinite(baseline_kwh).all(axis=1) & np.isfinite(metered_kwh).all(axis=1)
    metered_kwh = metered_kwh[known]
    mean_kwh = float(metered_kwh.mean()) if known.any() else 0.0
    if not mean_kwh > 0:
        raise DataRefusedError(
            thing="the placebo events",
            expected="at least one with a baseline and known load above zero",
            found=f"{int(known.sum())} with a mean of {mean_kwh:g} kWh",
            remedy="supply a longer load, or choose other hours or days",
        )
    errors_kwh = baseline_kwh[known] - metered_kwh
    event_ratio = errors_kwh.sum(axis=1) / metered_kwh.sum(axis=1)
    p10, p50, p90 = np.quantile(event_ratio, [0.1, 0.5, 0.9])
    absolute_ratio = np.abs(errors_kwh) / np.where(metered_kwh > 0, metered_kwh, np.nan)
    return Accuracy(
        event_count=int(known.sum()),
        rrmse_ratio=float(np.sqrt((errors_kwh**2).mean())) / mean_kwh,
        mape_ratio=float(absolute_ratio.mean()),
        bias_ratio=float(errors_kwh.mean()) / mean_kwh,
        event_error_ratio_p10=float(p10),
        event_error_ratio_p50=float(p50),
        event_error_ratio_p90=float(p90),
        event_error_ratio_worst=float(event_ratio[np.abs(event_ratio).argmax()]),
    )


def portfolio_accuracy(baseline_kwh: Array, metered_kwh: Array) -> Accuracy:
    """Return the accuracy of the sum of several meters, on the events that all of them know.

    Args:
        baseline_kwh: Baselines [kWh], shape (n_meters, n_events, n_intervals).
        metered_kwh: Metered energy [kWh], same shape.

    Examples:
        Two meters that are off by 1 kWh in opposite directions are right together.

        >>> portfolio_accuracy(np.array([[[11.0]], [[9.0]]]), np.full((2, 1, 1), 10.0)).rrmse_ratio
        0.0
    """
    return accuracy(baseline_kwh.sum(axis=0), metered_kwh.sum(axis=0))
