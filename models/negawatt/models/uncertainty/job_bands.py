"""Bands of single jobs that agree with the band of their fleet.

Here: how strongly the errors of jobs go together, and the scale that makes their bands add up.
Not here: the fleet's band (fleet_band.py), which is calibrated on the fleet's own errors.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def error_correlation(windows: Sequence[Sequence[tuple[float, float]]]) -> float:
    r"""Return the mean correlation between the errors of two jobs in one window.

    .. math:: \overline{\left(\sum_j e_j\right)^2} - \overline{\sum_j e_j^2} =
              \rho\, r^2 \left[ \overline{\left(\sum_j p_j\right)^2}
              - \overline{\sum_j p_j^2} \right], \qquad
              r^2 = \frac{\overline{\sum_j e_j^2}}{\overline{\sum_j p_j^2}}

    which takes the standard deviation of a job's error to be the share r of its size p.

    Args:
        windows: Error and size of each job in one unit, placebo window by placebo window.

    Returns:
        Correlation, 0 to 1; 0 where it cannot be told.

    Examples:
        Two jobs that always err by the same amount, and two that err against each other.

        >>> error_correlation([[(1.0, 5.0), (1.0, 5.0)], [(-1.0, 5.0), (-1.0, 5.0)]])
        1.0
        >>> error_correlation([[(1.0, 5.0), (-1.0, 5.0)], [(-1.0, 5.0), (1.0, 5.0)]])
        0.0
    """
    pairs = [np.asarray(window, dtype=np.float64) for window in windows if len(window)]
    if not pairs:
        return 0.0
    together, in_step = (np.mean([window.sum(axis=0) ** 2 for window in pairs], axis=0)).tolist()
    alone, squares = (np.mean([(window**2).sum(axis=0) for window in pairs], axis=0)).tolist()
    if alone == 0 or in_step <= squares:
        return 0.0
    covariance = (together - alone) / (alone / squares * (in_step - squares))
    return float(np.clip(covariance, 0.0, 1.0))


def job_half_widths(
    own: NDArray[np.float64], *, fleet_half_width: float, correlation: float
) -> NDArray[np.float64]:
    r"""Scale the half widths of jobs so that together they give the fleet's.

    .. math:: h_{fleet}^2 = (1 - \rho) \sum_j h_j^2 + \rho \left(\sum_j h_j\right)^2

    Args:
        own: Half width of each job by its own errors, (n,).
        fleet_half_width: Half width of their sum, in the same unit.
        correlation: Of the errors of two jobs, 0 to 1.

    Returns:
        Half widths in the same proportions, (n,).

    Examples:
        Independent jobs add in squares, jobs in step add as they are.

        >>> job_half_widths(np.array([3.0, 4.0]), fleet_half_width=10.0, correlation=0.0)
        array([6., 8.])
        >>> job_half_widths(np.array([3.0, 4.0]), fleet_half_width=14.0, correlation=1.0)
        array([6., 8.])
    """
    together = (1 - correlation) * float((own**2).sum()) + correlation * float(own.sum()) ** 2
    if together == 0:
        return np.zeros_like(own)
    scaled: NDArray[np.float64] = own * (fleet_half_width / np.sqrt(together))
    return scaled
