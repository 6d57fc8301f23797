"""What a job would have drawn in the minutes that control took from it.

Here: the same work, seen later without control, where it was; the job's own level before and
after, where it was not; and the shape that traffic gives to a service. Not here: whether it would
have run at all (schedule.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.counterfactual.control import Touch
from negawatt.models.counterfactual.fleet import Progress
from negawatt.models.counterfactual.job_power import JobMinutes
from negawatt.models.counterfactual.schedule import own_rate, speed_under_cap
from negawatt.models.domain.units import S_PER_MINUTE

WARMUP_MINUTES: Final = 5
"""A job loads before it works; the first minutes of a run say nothing about its level."""
MIN_REFERENCE_MINUTES: Final = 10
NOTICE_MINUTES: Final = 300
"""Load may have been raised this long before an event: markets give four hours' notice at most."""
RELOAD_MINUTES: Final = 15
"""After a pause a job loads again; so long it does not yet draw what it did."""
_LOAD_BINS: Final = 12
_MIN_MINUTES_PER_BIN: Final = 30


def touched_minutes(its_touches: Sequence[Touch], first: int, n_minutes: int) -> NDArray[np.bool_]:
    """Return the minutes in which a job was held down, or loaded again after a pause."""
    touched = np.zeros(n_minutes, dtype=bool)
    for touch in its_touches:
        start, end = _minutes(touch, first, n_minutes)
        if touch.is_off:
            end += RELOAD_MINUTES
        touched[start:end] = True
    return touched


def _minutes(touch: Touch, first: int, n_minutes: int) -> tuple[int, int]:
    start = int(touch.start_s // S_PER_MINUTE) - first
    end = n_minutes
    if np.isfinite(touch.end_s):
        end = int(-(-touch.end_s // S_PER_MINUTE)) - first
    return max(0, min(start, n_minutes)), max(0, min(end, n_minutes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Where a job's own level is looked for.

    Attributes:
        reach_minutes: So long a stretch before and after [min].
        is_inflated: Load was raised before the event: the last hours before it are left out.
        inflation_ratio: By how much it is likely to have been raised, 0 where it was not.
    """

    reach_minutes: int = 180
    is_inflated: bool = False
    inflation_ratio: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Level:
    """A job's level around a span.

    Attributes:
        per_gpu_w: Power of one of its GPUs in each minute of the span [W], (n,).
        source: What it rests on: "before and after", "before" or "after".
    """

    per_gpu_w: NDArray[np.float64]
    source: str


def level_around(
    minutes: JobMinutes,
    usable: NDArray[np.bool_],
    span: tuple[int, int],
    *,
    reference: Reference,
    shape: NDArray[np.float64] | None = None,
) -> Level | None:
    r"""Return a job's level in a span from the minutes before and after it.

    .. math:: p(t) = s(t) \left[ (1 - x) \frac{\sum_{pre} p}{\sum_{pre} s}
              + x \frac{\sum_{post} p}{\sum_{post} s} \right], \qquad x = \frac{t - t_1}{t_2 - t_1}

    with the shape s, 1 where the job has none.

    Args:
        minutes: What the job drew, before the span and after it.
        usable: Minutes in which it worked undisturbed, like ``minutes``.
        span: First minute, and the minute after the last.
        reference: Where to look before and after.
        shape: What its request rate explains [W], like ``minutes``.

    Returns:
        The level; None where neither side holds ``MIN_REFERENCE_MINUTES``.
    """
    shape = np.ones(len(usable)) if shape is None else shape
    first, last = span
    reach = reference.reach_minutes
    far, near, after = (
        _ratio(minutes.per_gpu_w[part][usable[part]], shape[part][usable[part]])
        for part in (
            minutes.part(first - NOTICE_MINUTES - reach, first - NOTICE_MINUTES),
            minutes.part(first - reach, first),
            minutes.part(last, last + reach),
        )
    )
    if np.isnan(near) and np.isnan(far) and np.isnan(after):
        return None
    before = level_before(far, near, after, reference)
    source = "before" if np.isnan(after) else "after" if np.isnan(before) else "before and after"
    before, after = np.nan_to_num(before, nan=after), np.nan_to_num(after, nan=before)
    share = (np.arange(last - first) + 0.5) / (last - first)
    ratio = (1 - share) * before + share * after
    return Level(per_gpu_w=ratio * shape[minutes.part(first, last)], source=source)


def level_before(far: float, near: float, after: float, reference: Reference) -> float:
    """Return the level before an event, guarded against load that was raised for it.

    Where the load of the fleet was raised, the last hours do not count; where it may have been,
    they count for as much less as it may have been.

    Args:
        far: Level before the notice [W], NaN where the job did not run.
        near: Level in the last hours [W], NaN likewise.
        after: Level after the event [W], NaN likewise.
        reference: Whether load was raised.

    Examples:
        >>> level_before(400.0, 408.0, 402.0, Reference(inflation_ratio=0.02))
        400.0
        >>> level_before(400.0, 450.0, 402.0, Reference(is_inflated=True, inflation_ratio=0.1))
        400.0
    """
    if reference.is_inflated and not (np.isnan(far) and np.isnan(after)):
        return far
    return near / (1 + reference.inflation_ratio)


def _ratio(power_w: NDArray[np.float64], shape_w: NDArray[np.float64]) -> float:
    if len(power_w) < MIN_REFERENCE_MINUTES or shape_w.sum() <= 0:
        return float("nan")
    return float(power_w.sum() / shape_w.sum())


def load_shape(
    load: NDArray[np.float64],
    per_gpu_w: NDArray[np.float64],
    usable: NDArray[np.bool_],
    *,
    most_w: float,
) -> NDArray[np.float64] | None:
    """Return the power that a service's request rate explains, minute by minute.

    The means of power over equal shares of the minutes, joined by straight lines; beyond the
    largest rate the last lines go on, but not above what a GPU of the fleet ever draws.

    Args:
        load: Relative request rate, (n,).
        per_gpu_w: Mean power of one of its GPUs [W], (n,).
        usable: The minutes to learn from, (n,).
        most_w: The most that a GPU of the fleet draws [W].

    Returns:
        Expected power [W], (n,); None where too little was seen.

    Examples:
        >>> rate = np.tile(np.linspace(0.2, 1.0, 400), 2)
        >>> shape = load_shape(rate, 100 + 200 * rate, np.arange(800) < 400, most_w=700.0)
        >>> bool(np.allclose(shape[20:380], (100 + 200 * rate)[20:380]))
        True
    """
    known = usable & ~np.isnan(load) & ~np.isnan(per_gpu_w)
    if known.sum() < _LOAD_BINS * _MIN_MINUTES_PER_BIN:
        return None
    load_known, power_known_w = load[known], per_gpu_w[known]
    bins = np.array_split(np.argsort(load_known, kind="stable"), _LOAD_BINS)
    x = np.array([load_known[part].mean() for part in bins])
    y = np.array([power_known_w[part].mean() for part in bins])
    shape: NDArray[np.float64] = np.interp(load, x, y)
    shape += np.minimum(load - x[0], 0) * _slope(x[:3], y[:3])
    shape += np.maximum(load - x[-1], 0) * _slope(x[-4:], y[-4:])
    np.clip(shape, 0.5 * y.min(), max(most_w, float(y.max())), out=shape)
    return shape


def _slope(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    spread = ((x - x.mean()) ** 2).sum()
    return float(((x - x.mean()) * (y - y.mean())).sum() / spread) if spread > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WorkClock:
    """How much of its work a job had done, in undisturbed minutes.

    Attributes:
        first: First minute.
        work_minutes: Work done by the middle of each minute [min], NaN where it did not run, (n,).
    """

    first: int
    work_minutes: NDArray[np.float64]

    def undisturbed_at(self, minute: int) -> float:
        """Return the work by a minute if the job had gone on since it last ran [min], or NaN."""
        ran = np.flatnonzero(~np.isnan(self.work_minutes[: minute - self.first + 1]))
        if len(ran) == 0:
            return float("nan")
        return float(self.work_minutes[ran[-1]]) + minute - self.first - int(ran[-1])


def work_clock(
    minutes: JobMinutes, its_touches: Sequence[Touch], progress: Progress | None
) -> WorkClock:
    """Return a job's work, minute by minute: its age, slowed where control slowed it.

    Args:
        minutes: One run of the job.
        its_touches: What control did to it.
        progress: Work done, where it was logged.
    """
    n = len(minutes.gpus_on)
    speed = np.ones(n)
    for touch in its_touches:
        start, end = _minutes(touch, minutes.first, n)
        if progress is None:
            speed[start:end] = speed_under_cap(touch.power_ratio)
            continue
        end = min(n, end + 2 * RELOAD_MINUTES)
        edges_s = (minutes.first + np.arange(start, end + 1)) * float(S_PER_MINUTE)
        work_s = np.interp(edges_s, progress.at_s, progress.work_s)
        rate = own_rate(progress, touch.start_s)
        known = edges_s[1:] <= progress.at_s[-1]
        its_speed = np.clip(np.diff(work_s) / (S_PER_MINUTE * rate), 0.0, 1.0)
        speed[start:end] = np.where(known, its_speed, 1.0)
    on = minutes.gpus_on > 0
    speed = np.where(on, speed, 0.0)
    first_on = int(np.argmax(on)) if on.any() else 0
    done = np.cumsum(speed) - speed / 2
    work = done + minutes.age_minutes[first_on] if on.any() else done
    return WorkClock(first=minutes.first, work_minutes=np.where(on, work, np.nan))


def minute_of_work(
    clock: WorkClock, usable: NDArray[np.bool_], wanted_work_minutes: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return in which of some minutes a job did the work that is wanted.

    A paused job does later what it would have done in the pause, and a held one too: the same
    checkpoints, the same phases.

    Args:
        clock: Its work.
        usable: The minutes to look in, (n,).
        wanted_work_minutes: Work that would have been done by each minute [min], (m,).

    Returns:
        Places among the minutes, -1 where that work was done in none of them, (m,).
    """
    seen = np.flatnonzero(usable & ~np.isnan(clock.work_minutes))
    if not len(seen):
        return np.full(len(wanted_work_minutes), -1)
    seen = seen[np.argsort(clock.work_minutes[seen], kind="stable")]
    work = clock.work_minutes[seen]
    right = np.clip(np.searchsorted(work, wanted_work_minutes), 0, len(work) - 1)
    left = np.maximum(right - 1, 0)
    nearer = np.abs(work[left] - wanted_work_minutes) <= np.abs(work[right] - wanted_work_minutes)
    nearest = np.where(nearer, left, right)
    return np.where(np.abs(work[nearest] - wanted_work_minutes) <= 1.0, seen[nearest], -1)
