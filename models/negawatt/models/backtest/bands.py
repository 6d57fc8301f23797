"""Conformal bands of placebo events one after the other, and the share of events they hold.

One score for each event, so that errors which resemble each other within an event need no model.
Every band is calibrated on earlier events only. Not here: the band of a settled event
(negawatt.models.uncertainty.conformal).
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.units import exact_decimal

Array = NDArray[np.float64]
Method = Literal["block", "recency_weighted", "adaptive"]

LEVEL_RATIO: Final = 0.9
CALIBRATION_COUNT: Final = 60
RECENCY: Final = 0.97
"""Weight of an event relative to the one after it."""
GAMMA: Final = 0.03
"""How fast the adaptive level moves, per event."""
_ALPHA_MAX: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How often bands held what they were to hold.

    Attributes:
        event_count: Events with a band and a known error.
        covered_ratio: Share whose error lay inside.
        standard_error_ratio: Of that share, as if events were independent; larger where they
            are not.
        width_ratio: Mean full width over mean load.
    """

    event_count: int
    covered_ratio: float
    standard_error_ratio: float
    width_ratio: float


def half_widths(
    errors: Array,
    *,
    method: Method = "block",
    calibration_count: int = CALIBRATION_COUNT,
    level_ratio: float = LEVEL_RATIO,
) -> Array:
    r"""Return the half-width of each event's band from the events before it.

    .. math:: q_t = s_{(\lceil (n + 1) \cdot \mathrm{level} \rceil)}, \qquad
        s_i = |e_i|, \quad t - n \le i < t

    ``recency_weighted`` gives the event k places back the weight 0.97^k, and the coming one,
    whose score may be anything, the weight 1. ``adaptive`` moves the level: up after each miss,
    down after each hit.

    Args:
        errors: Error of each event's mean or sum, oldest first, in one unit, shape (n,); NaN
            where it is not known.
        method: How earlier events count.
        calibration_count: Most recent known events that are looked at.
        level_ratio: Confidence, above 0 and below 1.

    Returns:
        Half-widths in the unit of the errors, shape (n,); NaN where the earlier events are too
        few for the level.

    Source:
        Block scores: Chernozhukov et al., Exact and robust conformal inference, COLT 2018;
        weights: Barber et al., Conformal prediction beyond exchangeability, Annals of Statistics
        51, 2023; adaptive level: Gibbs, Candes, Adaptive conformal inference, NeurIPS 2021.

    Examples:
        Nine errors are the fewest for 90 %: the largest of them is the band of the tenth.

        >>> half_widths(np.array([1, -2, 3, -4, 5, -6, 7, -8, 9, 0.0]))[-2:]
        array([nan,  9.])
    """
    widths = np.full(len(errors), np.nan)
    seen: list[float] = []
    alpha = 1 - level_ratio
    for place, error in enumerate(errors):
        decay = RECENCY if method == "recency_weighted" else 1.0
        widths[place] = _quantile(np.array(seen[-calibration_count:]), 1 - alpha, decay)
        if math.isnan(error):
            continue
        if method == "adaptive" and not math.isnan(widths[place]):
            missed = abs(error) > widths[place]
            # Never below what the largest of the earlier scores can promise.
            alpha_min = 1 / (min(len(seen), calibration_count) + 1)
            moved = alpha + GAMMA * (1 - level_ratio - missed)
            alpha = min(max(moved, alpha_min), _ALPHA_MAX)
        seen.append(abs(error))
    return widths


def coverage(errors: Array, widths: Array, load: Array) -> Coverage:
    """Return how often the bands held, over any number of meters and events.

    Args:
        errors: Errors, any shape; NaN where not known.
        widths: Half-widths, same shape; NaN where there is no band.
        load: Metered load of the same events, same shape and unit.

    Raises:
        ValueError: No event has both a band and a known error.

    Examples:
        >>> coverage(np.array([1.0, 3.0]), np.array([2.0, 2.0]), np.array([10.0, 10.0]))
        Coverage(event_count=2, covered_ratio=0.5, standard_error_ratio=0.35..., width_ratio=0.4)
    """
    known = np.isfinite(errors) & np.isfinite(widths)
    count = int(known.sum())
    if not count:
        raise ValueError("no event has both a band and a known error")
    covered_ratio = float((np.abs(errors[known]) <= widths[known]).mean())
    return Coverage(
        event_count=count,
        covered_ratio=covered_ratio,
        standard_error_ratio=math.sqrt(covered_ratio * (1 - covered_ratio) / count),
        width_ratio=float(2 * widths[known].mean() / load[known].mean()),
    )


def _quantile(scores: Array, level_ratio: float, decay: float) -> float:
    """Return the weighted score that the next one stays below with the given probability."""
    weights = decay ** np.arange(len(scores), 0, -1)
    order = np.argsort(scores)
    reached = np.cumsum(weights[order])
    # Decimal: a level of 0.9 of 9 + 1 is 9, and not a bit more.
    needed = float(exact_decimal(round(level_ratio, 9)) * exact_decimal(weights.sum() + 1))
    place = int(np.searchsorted(reached, needed - 1e-9))
    return float(scores[order][place]) if place < len(scores) else math.nan
