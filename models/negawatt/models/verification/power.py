"""Mean power of the intervals of a window: what a limit and a response are judged on."""

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.interval import Interval
from negawatt.models.domain.units import S_PER_H, S_PER_MINUTE
from negawatt.models.metering.load_series import LoadSeries


def power_kw_in(load: LoadSeries, window: Interval) -> NDArray[np.float64]:
    """Return the mean power of each interval of a window [kW]; NaN where not known.

    Raises:
        ValueError: An edge of the window is not on the grid of the load.
    """
    return load.energy_kwh_in(window) * (S_PER_H / (load.interval_minutes * S_PER_MINUTE))
