"""Walking forward: a model is fitted on earlier days only, and again each month.

Here: which days are learned from. Not here: the model, and what it sees (features.py).
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from negawatt.models.backtest.features import Features
from negawatt.models.domain.errors import InsufficientHistoryError

Array = NDArray[np.float64]

LOOKBACK: Final = timedelta(days=365)
LEARNED_DAYS_MIN: Final = 40


class Model(Protocol):
    """What is fitted on earlier days of all meters, and predicts deviations of later ones."""

    def fit(self, seen: Array, target: Array) -> object:
        """Learn from features and targets."""
        ...

    def predict(self, seen: Array) -> Array:
        """Return deviations of each meter, day and event hour."""
        ...


def walk_forward(
    found: Features,
    dates: Sequence[date],
    is_like: NDArray[np.bool_],
    first: date,
    new_model: Callable[[], Model],
) -> Array:
    """Return what a model expected in the event hours of each like day since a first one.

    For each month the model is fitted on the like days before its first, at most 365 days back.

    Args:
        found: Features of all meters and days.
        dates: The days, consecutive.
        is_like: Which of them are like the events' days; the others are neither learned from nor
            predicted.
        first: First day that is predicted.
        new_model: Returns a model that has not been fitted.

    Returns:
        Energy [kWh], shape (n_meters, n_days, n_hours); NaN on days that are not predicted and
        where an hour that the model needs is not known.

    Raises:
        InsufficientHistoryError: Fewer than 40 like days lie before the first.
    """
    expected_kwh = np.full_like(found.target, np.nan)
    months = np.array([day.year * 12 + day.month for day in dates])
    predicted = is_like & np.array([day >= first for day in dates])
    for month in np.unique(months[predicted]):
        rows = np.flatnonzero(predicted & (months == month))
        since = dates[rows[0]] - LOOKBACK
        earlier = np.array([since <= day < dates[rows[0]] for day in dates])
        learned = np.flatnonzero(is_like & earlier)
        if len(learned) < LEARNED_DAYS_MIN:
            raise InsufficientHistoryError(
                rule_id="corroborating model",
                required_count=LEARNED_DAYS_MIN,
                found_count=len(learned),
                unit=f"like days before {dates[rows[0]]}",
                remedy="supply older load, or begin later",
            )
        model = new_model()
        model.fit(found.seen[:, learned], found.target[:, learned])
        deviation = np.full((len(found.target), len(dates), found.target.shape[-1]), np.nan)
        deviation[:, rows] = model.predict(found.seen[:, rows])
        expected_kwh[:, rows] = found.energy_kwh(deviation)[:, rows]
    return expected_kwh
