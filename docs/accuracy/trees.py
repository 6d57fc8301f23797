"""Gradient boosting on the same day's deviations, an opponent of the ridge: build.py uses it.

Not here: features and days (negawatt.models.backtest).
"""

from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # no stubs exist

Array = NDArray[np.float64]

_TARGET_MAX: Final = 1.0
_SEED: Final = 0


class SharedBoosting:
    """Deviation of each event hour by boosted trees that know meter and hour.

    Each row counts inversely to the spread of its meter's targets, so that restless meters do not
    decide what quiet ones do.
    """

    def __init__(self, iteration_count: int = 200) -> None:
        self.iteration_count = iteration_count

    def fit(self, seen: Array, target: Array) -> Self:
        """Learn from days whose features and targets are known; the others are left out.

        Args:
            seen: Features, shape (n_meters, n_days, n_features).
            target: Deviations, shape (n_meters, n_days, n_hours); held to one.
        """
        held = np.clip(target, -_TARGET_MAX, _TARGET_MAX)
        spread = np.nanstd(held, axis=(1, 2), keepdims=True) + 1e-9
        weights = np.broadcast_to(1 / spread, target.shape)
        rows = _rows(seen, target.shape[-1])
        known = np.isfinite(rows).all(axis=-1) & np.isfinite(held)
        self._hours = target.shape[-1]
        self._trees = HistGradientBoostingRegressor(
            max_iter=self.iteration_count,
            learning_rate=0.06,
            max_leaf_nodes=12,
            min_samples_leaf=40,
            l2_regularization=5.0,
            max_features=0.5,
            random_state=_SEED,
        )
        # Threads that wait for each other on a busy machine take ten times as long.
        with threadpool_limits(limits=1):
            self._trees.fit(rows[known], held[known], sample_weight=weights[known])
        return self

    def predict(self, seen: Array) -> Array:
        """Return deviations, shape (n_meters, n_days, n_hours); NaN where features are."""
        rows = _rows(seen, self._hours)
        known = np.isfinite(rows).all(axis=-1)
        deviation = np.full(known.shape, np.nan)
        deviation[known] = self._trees.predict(rows[known])
        return deviation


def _rows(seen: Array, hours: int) -> Array:
    """Return a row for each event hour, with meter and hour, (m, d, h, n_features + 2)."""
    m, d, _ = seen.shape
    meter = np.broadcast_to(
        np.arange(m, dtype=np.float64)[:, np.newaxis, np.newaxis], (m, d, hours)
    )
    hour = np.broadcast_to(np.arange(hours, dtype=np.float64), (m, d, hours))
    repeated = np.broadcast_to(seen[:, :, np.newaxis], (m, d, hours, seen.shape[-1]))
    return np.concatenate([repeated, np.stack([meter, hour], axis=-1)], axis=-1)
