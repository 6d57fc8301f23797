"""A ridge regression of many meters: what they share, and what each does differently.

Not here: features and days (features.py, corroborate.py).
"""

from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_CLIP: Final = 4.0
_TARGET_MAX: Final = 1.0


class SharedRidge:
    r"""Deviation of each event hour as a line of the features, shrunken to that of all meters.

    .. math:: y = x^\top (\beta + \beta_m)

    The shared part is fitted on all meters, each divided by the spread of its own targets; the
    own part on what that leaves over, with features in standard deviations of the meter's own,
    held to four.

    Args:
        shared_penalty: Penalty of the shared coefficients, per row.
        own_penalty: Penalty of a meter's own coefficients, per row: the more, the more like all.
    """

    def __init__(self, shared_penalty: float = 0.01, own_penalty: float = 3.0) -> None:
        self.shared_penalty = shared_penalty
        self.own_penalty = own_penalty

    def fit(self, seen: Array, target: Array) -> Self:
        """Learn from days whose features and targets are known; the others are left out.

        Args:
            seen: Features, shape (n_meters, n_days, n_features).
            target: Deviations, shape (n_meters, n_days, n_hours); held to one.
        """
        known = np.asarray(np.isfinite(seen).all(axis=-1) & np.isfinite(target).all(axis=-1))
        target = np.clip(target, -_TARGET_MAX, _TARGET_MAX)
        self._spread = [
            max(float(target[m][known[m]].std()), 1e-9) if known[m].any() else 1.0
            for m in range(len(seen))
        ]
        x = np.concatenate([seen[m][known[m]] / s for m, s in enumerate(self._spread)])
        y = np.concatenate([target[m][known[m]] / s for m, s in enumerate(self._spread)])
        self._shared = _Standard(self.shared_penalty, np.inf).fit(x, y)
        self._own: list[_Standard | None] = []
        for m, rows in enumerate(known):
            if not rows.any():
                self._own.append(None)
                continue
            left = target[m][rows] - self._common(seen[m][rows], m)
            self._own.append(_Standard(self.own_penalty, _CLIP).fit(seen[m][rows], left))
        return self

    def predict(self, seen: Array) -> Array:
        """Return deviations, shape (n_meters, n_days, n_hours); NaN where features are."""
        known = np.asarray(np.isfinite(seen).all(axis=-1))
        found = [self._of_meter(np.nan_to_num(one), m) for m, one in enumerate(seen)]
        return np.where(known[..., np.newaxis], np.stack(found), np.nan)

    def _of_meter(self, seen: Array, m: int) -> Array:
        own = self._own[m]
        common = self._common(seen, m)
        return common if own is None else common + own.predict(seen)

    def _common(self, seen: Array, m: int) -> Array:
        return self._shared.predict(seen / self._spread[m]) * self._spread[m]


class _Standard:
    """Ridge on standardized features, with a penalty per row."""

    def __init__(self, penalty: float, clip: float) -> None:
        self.penalty = penalty
        self.clip = clip

    def fit(self, x: Array, y: Array) -> Self:
        from sklearn.linear_model import Ridge  # noqa: PLC0415 - costs 1.9 s to import

        self._mean, self._spread = x.mean(axis=0), x.std(axis=0) + 1e-6
        self._ridge = Ridge(alpha=self.penalty * len(x)).fit(self._standard(x), y)
        return self

    def predict(self, x: Array) -> Array:
        return np.asarray(self._ridge.predict(self._standard(x)), np.float64)

    def _standard(self, x: Array) -> Array:
        standard = (x - self._mean) / self._spread
        return np.asarray(np.clip(standard, -self.clip, self.clip), np.float64)
