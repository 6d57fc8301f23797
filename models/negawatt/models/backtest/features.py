"""What a corroborating model may see of an event's day, relative to the site's own recent days.

Here: the hours that are seen, the anchor, the features and what is learned. Not here: the models
(shared_ridge.py), which days they learn from (corroborate.py).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.backtest.hourly_days import HourlyDays

Array = NDArray[np.float64]

LIKE_DAYS: Final = 10
KNOWN_LIKE_DAYS_MIN: Final = 5
NEAR_HOURS: Final = 3
_WEEKS: Final = 4
_OF_DONOR_MAX: Final = 0.5
"""Another meter's deviation counts up to half its own load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Which clock hours of the event's day are predicted, and which are seen.

    Attributes:
        event_hours: The event, consecutive.
        before_hours: Hours before it that are seen, consecutive, three at least.
        after_hours: Hours after it that are seen; empty for a model that is done when the event
            is. What follows an event at once is its rebound, so leave out an hour of recovery.
        sees_others: Whether the other meters are seen in the event hours, as a synthetic control
            sees them: they must have had no event.
    """

    event_hours: tuple[int, ...]
    before_hours: tuple[int, ...]
    after_hours: tuple[int, ...] = ()
    sees_others: bool = False

    def __post_init__(self) -> None:
        seen = (*self.before_hours, *self.after_hours)
        if not self.event_hours or len(self.before_hours) < NEAR_HOURS:
            raise ValueError(f"needs event hours and {NEAR_HOURS} hours before, got {self}")
        if set(seen) & set(self.event_hours) or sorted(seen) != list(seen):
            raise ValueError(f"seen hours must ascend and not be the event's, got {self}")

    @property
    def near_hours(self) -> tuple[int, ...]:
        """The last hours before the event and those after it: the level beside the event."""
        return (*self.before_hours[-NEAR_HOURS:], *self.after_hours)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """What is seen and what is learned, for each meter and day.

    Attributes:
        seen: Features, relative to the scale, shape (n_meters, n_days, n_features); NaN where an
            hour of the event's own day that is needed is not known.
        target: Deviation from the anchor over the scale in each event hour, shape (n_meters,
            n_days, n_hours); NaN where the load is not known.
        anchor_kwh: Mean of the ten like days before, same shape as the target [kWh].
        scale_kwh: The anchor's mean hourly energy by day [kWh], shape (n_meters, n_days).
    """

    seen: Array
    target: Array
    anchor_kwh: Array
    scale_kwh: Array

    def energy_kwh(self, deviation: Array) -> Array:
        """Return the energy that a predicted deviation stands for [kWh]."""
        return self.anchor_kwh + deviation * self.scale_kwh[..., np.newaxis]


def features(days: HourlyDays, weather: Array, sight: Sight) -> Features:
    r"""Return features and targets of all meters and days.

    .. math:: r_{d,h} = \frac{E_{d,h} - \bar E_{d,h}}{s_d}

    with the mean of the ten like days before d, and its mean over the hours from the first seen
    to the last of the event as scale. Seen are r before and after the event, the mean of the night,
    the shape of five and ten like days, of the same weekday and of the last two like days, the
    weather against the like days', and the mean deviation of the other meters.

    Args:
        days: Load of the meters. What happens inside the event hours reaches the target, other
            meters where ``sight.sees_others`` says so, and later days; nothing else.
        weather: Weather of each hour in numbers of the order of one, shape (n_days, 24, n); NaN
            where it is not known.
        sight: Hours that are predicted and seen.
    """
    event, near = list(sight.event_hours), list(sight.near_hours)
    recent = _of_days(days.energy_kwh, days.like_days_before(LIKE_DAYS), axis=1)
    anchor_kwh = _mean(recent, axis=2, count_min=KNOWN_LIKE_DAYS_MIN)
    span = slice(sight.before_hours[0], sight.event_hours[-1] + 1)
    scale_kwh = anchor_kwh[..., span].mean(axis=-1)
    scale_kwh = np.where(scale_kwh > 0, scale_kwh, np.nan)

    def relative(energy_kwh: Array) -> Array:
        return np.asarray((energy_kwh - anchor_kwh) / scale_kwh[..., np.newaxis])

    own = relative(days.energy_kwh)
    night = own[..., : sight.before_hours[0]]
    memory = [
        relative(_mean(recent[:, :, : LIKE_DAYS // 2], axis=2)),
        relative(_mean(_of_days(days.energy_kwh, _same_weekday(days), axis=1), axis=2)),
        relative(recent[:, :, 0]),
        relative(recent[:, :, 1]),
    ]
    remembered = [_shape(deviation, event, near) for deviation in memory]
    warmth = weather - _mean(_of_days(weather, days.like_days_before(LIKE_DAYS), axis=0), axis=1)
    hours = [*sight.before_hours[::2], *event[::2]]
    weather_seen = warmth[:, hours].reshape(len(days.dates), -1)
    others = _others(own)
    shown = [others[..., near]]
    if sight.sees_others:
        shown.append(_others(_shape(own, event, near)))
    needed = own[..., [*sight.before_hours, *sight.after_hours]]
    helpful = [
        _mean(night, axis=-1)[..., np.newaxis],
        *remembered,
        np.broadcast_to(weather_seen, (*own.shape[:2], weather_seen.shape[-1])),
        *shown,
    ]
    return Features(
        # What another day or meter does not tell counts as nothing special; the own day's must be.
        seen=np.concatenate([needed, *map(np.nan_to_num, helpful)], axis=-1),
        target=own[..., event],
        anchor_kwh=anchor_kwh[..., event],
        scale_kwh=scale_kwh,
    )


def _shape(deviation: Array, event: list[int], near: list[int]) -> Array:
    """Return the deviation in the event hours against the hours beside them."""
    return np.asarray(deviation[..., event] - deviation[..., near].mean(axis=-1, keepdims=True))


def _others(deviation: Array) -> Array:
    """Return the mean of the other meters, each of them held to half its load, (m, d, k)."""
    held = np.clip(deviation, -_OF_DONOR_MAX, _OF_DONOR_MAX)
    known = np.isfinite(held)
    # Sums of the meters before and after each one, so that not even its rounding is seen.
    rest = _without_each(np.where(known, held, 0.0))
    rest_count = _without_each(known.astype(np.float64))
    return np.where(rest_count > 0, rest / np.maximum(rest_count, 1), 0.0)


def _without_each(values: Array) -> Array:
    """Return, for each row, the sum of all other rows."""
    none = np.zeros_like(values[:1])
    earlier = np.concatenate([none, np.cumsum(values[:-1], axis=0)])
    later = np.concatenate([none, np.cumsum(values[:0:-1], axis=0)])[::-1]
    return np.asarray(earlier + later)


def _of_days(values: Array, rows: NDArray[np.intp], *, axis: int) -> Array:
    """Take days, in place of one axis two: (n_days, count); NaN for the row -1."""
    padded = np.concatenate([values, np.full_like(values.take([0], axis=axis), np.nan)], axis=axis)
    return padded.take(rows, axis=axis)


def _same_weekday(days: HourlyDays) -> NDArray[np.intp]:
    """Return the like days one to four weeks before each day, (n_days, 4); -1 for the others."""
    rows = np.arange(len(days.dates))[:, np.newaxis] - 7 * np.arange(1, _WEEKS + 1)
    return np.where((rows >= 0) & days.is_like[rows], rows, -1)


def _mean(values: Array, *, axis: int, count_min: int = 1) -> Array:
    """Return the mean of what is known; NaN where fewer are known."""
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    mean = np.where(known, values, 0.0).sum(axis=axis) / np.maximum(count, 1)
    return np.where(count >= count_min, mean, np.nan)
