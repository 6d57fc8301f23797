"""A first-order lag: how slow equipment follows what drives it.

Here: the filter alone. Not here: what drives what (site_gain.py).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_BLOCK: Final = 64  # steps solved at once by one small matrix


def lagged(
    values: NDArray[np.float64], *, tau_minutes: float, step_minutes: float, start: float
) -> NDArray[np.float64]:
    r"""Return the mean of each step of a value that follows another with a first-order lag.

    .. math:: \tau \dot y = x - y, \qquad \bar y_k = x_k + (y_{k-1} - x_k)
        \frac{\tau}{\Delta} (1 - e^{-\Delta / \tau})

    where :math:`x` is constant within a step: exact, whatever the length of the steps.

    Args:
        values: What is followed, shape (n,), without NaN.
        tau_minutes: Time constant [min].
        step_minutes: Length of a step [min].
        start: Where the follower stands before the first step, in the unit of ``values``.

    Returns:
        Means of the follower, shape (n,).

    Examples:
        Long steps follow at once but for tau / step of the first one.

        >>> lagged(np.array([1.0, 1.0]), tau_minutes=1.0, step_minutes=100.0, start=0.0)
        array([0.99, 1.  ])
    """
    keep = np.exp(-step_minutes / tau_minutes)
    share = tau_minutes / step_minutes * (1 - keep)
    n_blocks = -(-len(values) // _BLOCK)
    padded = np.zeros(n_blocks * _BLOCK)
    padded[: len(values)] = values
    steps = np.arange(_BLOCK)
    age = steps[:, np.newaxis] - steps
    from_values = np.where(age >= 0, (1 - keep) * keep ** np.maximum(age, 0), 0.0)
    within = padded.reshape(n_blocks, _BLOCK) @ from_values.T
    states = np.empty(n_blocks * _BLOCK + 1)
    states[0] = start
    for block in range(n_blocks):
        first = block * _BLOCK
        states[first + 1 : first + 1 + _BLOCK] = within[block] + states[first] * keep ** (steps + 1)
    means: NDArray[np.float64] = values + (states[: len(values)] - values) * share
    return means
