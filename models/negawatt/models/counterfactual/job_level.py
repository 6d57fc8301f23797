"""What a job that control touched would have drawn: its own level before and after.

Here: the shape that a job's power follows, and its level around an event. Not here: whether it
would have run at all (schedule.py).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.counterfactual.job_power import JobMinutes

WARMUP_MINUTES: Final = 5
"""A job loads before it works; the first minutes of a run say nothing about its level."""
MIN_REFERENCE_MINUTES: Final = 10
_LOAD_BINS: Final = 12
_MIN_MINUTES_PER_BIN: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Level:
    """What a job would have drawn.

    Attributes:
        per_gpu_w: Power of one of its GPUs in each minute of the span [W], (n,).
        source: What it rests on: "before and after", "before", "after", "own runs" or "class".
    """

    per_gpu_w: NDArray[np.float64]
    source: str


def load_shape(
    load: NDArray[np.float64], per_gpu_w: NDArray[np.float64], usable: NDArray[np.bool_]
) -> NDArray[np.float64] | None:
    """Return the power that a service's request rate explains, minute by minute.

    The means of power over equal shares of the minutes, joined by straight lines; beyond the
    largest rate the last lines go on, but not above what was ever drawn.

    Args:
        load: Relative request rate, (n,).
        per_gpu_w: Mean power of one of its GPUs [W], (n,).
        usable: The minutes to learn from, (n,).

    Returns:
        Expected power [W], (n,); None where too little was seen.

    Examples:
        >>> rate = np.tile(np.linspace(0.2, 1.0, 400), 2)
        >>> shape = load_shape(rate, 100 + 200 * rate, np.arange(800) < 400)
        >>> bool(np.allclose(shape[20:380], (100 + 200 * rate)[20:380]))
        True
    """
    known = usable & ~np.isnan(load) & ~np.isnan(per_gpu_w)
    if known.sum() < _LOAD_BINS * _MIN_MINUTES_PER_BIN:
        return None
    order = np.argsort(load[known], kind="stable")
    bins = np.array_split(order, _LOAD_BINS)
    x = np.array([load[known][part].mean() for part in bins])
    y = np.array([per_gpu_w[known][part].mean() for part in bins])
    if np.ptp(x) < 1e-6:
        return np.full(len(load), y.mean())
    low, high = _slope(x[:3], y[:3]), _slope(x[-4:], y[-4:])
    shape = np.interp(load, x, y)
    shape += np.minimum(load - x[0], 0) * low + np.maximum(load - x[-1], 0) * high
    most_w = float(np.quantile(per_gpu_w[known], 0.999))
    return np.clip(shape, 0.5 * y.min(), max(most_w, y.max()))


def _slope(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    spread = ((x - x.mean()) ** 2).sum()
    return float(((x - x.mean()) * (y - y.mean())).sum() / spread) if spread > 0 else 0.0


def level_around(
    minutes: JobMinutes,
    touched: NDArray[np.bool_],
    span: tuple[int, int],
    *,
    reach_minutes: int,
    shape: NDArray[np.float64] | None = None,
) -> Level | None:
    r"""Return a job's level in a span from the minutes before and after it.

    .. math:: p(t) = s(t) \left[ (1 - x) \frac{\sum_{pre} p}{\sum_{pre} s}
              + x \frac{\sum_{post} p}{\sum_{post} s} \right], \qquad x = \frac{t - t_1}{t_2 - t_1}

    with the shape s, 1 where the job has none.

    Args:
        minutes: What the job drew, before the span and after it.
        touched: Minutes in which control held it down, like ``minutes``.
        span: First minute, and the minute after the last.
        reach_minutes: How far before and after the span to look [min].
        shape: What its request rate explains [W], like ``minutes``.

    Returns:
        The level; None where neither side holds ``MIN_REFERENCE_MINUTES``.
    """
    shape = np.ones(len(touched)) if shape is None else shape
    usable = (
        (minutes.gpus_on > 0)
        & ~np.isnan(minutes.per_gpu_w)
        & ~touched
        & (minutes.age_minutes >= WARMUP_MINUTES)
    )
    first, last = span
    sides = []
    for part in (
        minutes.part(first - reach_minutes, first),
        minutes.part(last, last + reach_minutes),
    ):
        use = usable[part]
        enough = use.sum() >= MIN_REFERENCE_MINUTES
        ratio = minutes.per_gpu_w[part][use].sum() / shape[part][use].sum() if enough else np.nan
        sides.append(float(ratio))
    before, after = sides
    if np.isnan(before) and np.isnan(after):
        return None
    share = (np.arange(last - first) + 0.5) / (last - first)
    if np.isnan(after):
        ratio, source = np.full(last - first, before), "before"
    elif np.isnan(before):
        ratio, source = np.full(last - first, after), "after"
    else:
        ratio, source = (1 - share) * before + share * after, "before and after"
    return Level(per_gpu_w=ratio * shape[minutes.part(first, last)], source=source)
