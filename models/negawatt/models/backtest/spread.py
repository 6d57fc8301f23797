"""How much an event's baseline depends on the method that a site elects.

Not here: the methods' own accuracy (accuracy.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Highest less lowest baseline among methods, over metered energy, event by event.

    Attributes:
        event_count: Events for which two methods or more give a baseline.
        method_count: Methods that give one for any of them.
        spread_ratio_p50: Half the events have a smaller spread.
        spread_ratio_p90: Nine tenths have.
        most_often_highest: The method that pays best most often.
        highest_gain_ratio: What that method claims on average above the mean of all methods.
    """

    event_count: int
    method_count: int
    spread_ratio_p50: float
    spread_ratio_p90: float
    most_often_highest: str
    highest_gain_ratio: float


def method_spread(baseline_kwh: Mapping[str, Array], metered_kwh: Array) -> Spread | None:
    """Return the spread over methods; None where no event has two baselines.

    Args:
        baseline_kwh: Energy of each event's baseline by method [kWh], each of shape (n_events,);
            NaN where the method gives none.
        metered_kwh: Metered energy of each event [kWh], shape (n_events,).

    Examples:
        >>> one = method_spread({"a": np.array([9.0]), "b": np.array([12.0])}, np.array([10.0]))
        >>> one.spread_ratio_p50, one.most_often_highest, round(one.highest_gain_ratio, 3)
        (0.3, 'b', 0.15)
    """
    table_kwh = np.stack(list(baseline_kwh.values()))
    known = (np.isfinite(table_kwh).sum(axis=0) > 1) & (metered_kwh > 0)
    if not known.any():
        return None
    table_kwh, metered_kwh = table_kwh[:, known], metered_kwh[known]
    spread_ratio = (np.nanmax(table_kwh, axis=0) - np.nanmin(table_kwh, axis=0)) / metered_kwh
    highest = np.bincount(np.nanargmax(table_kwh, axis=0), minlength=len(table_kwh)).argmax()
    gain_ratio = (table_kwh[highest] - np.nanmean(table_kwh, axis=0)) / metered_kwh
    return Spread(
        event_count=int(known.sum()),
        method_count=int(np.isfinite(table_kwh).any(axis=1).sum()),
        spread_ratio_p50=float(np.median(spread_ratio)),
        spread_ratio_p90=float(np.quantile(spread_ratio, 0.9)),
        most_often_highest=list(baseline_kwh)[highest],
        highest_gain_ratio=float(np.nanmean(gain_ratio)),
    )
