"""The band of a job-aware counterfactual: placebo errors of the same fleet, and what they miss.

Here: how errors of pretend events scale to the event, and what is added that no quiet window
holds. Not here: the pretend events (negawatt.models.counterfactual.placebo).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from negawatt.models.uncertainty.conformal import LEVEL_RATIO, finite_sample_quantile

MIN_PLACEBOS: Final = 9
HELD_ERROR_RATIO: Final = 0.03
"""Standard error of the credit for held starts that no quiet window shows, as a share of it.

A queue that was held back is longer than any in the history. Set on development seeds of the
project's own hall; docs/fleet-accuracy.md states the coverage on seeds that were not used for it.
"""
SHORT_LEVEL_RATIO: Final = 0.05
SHORT_QUEUE_RATIO: Final = 0.25
"""Assumed standard errors where the history is too short to measure any."""
_Z_TWO_SIDED: Final = 1.6449
_Z_ONE_SIDED: Final = 1.2816


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorScale:
    """How large an error of an event or a placebo may be, by its parts.

    Attributes:
        level_kw: Power of the jobs whose level was estimated [kW].
        queue_kw: Power of the starts that were estimated [kW].
    """

    level_kw: float
    queue_kw: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetBand:
    """The error of an event's mean change, estimate less truth.

    Attributes:
        bias_kw: Mean error of the placebos at the event's size [kW]; the estimate is not shifted.
        half_width_kw: Half of the two-sided 90 % interval [kW].
        one_sided_kw: The truth is at least the estimate less this, with 90 % confidence [kW].
        placebo_kw: Half width that the placebos alone give [kW].
        held_kw: Half width from held starts that no placebo holds [kW].
        other_kw: Half width from other errors: levels of jobs that were never seen, the meter's
            response [kW].
        placebo_count: Placebos it rests on.
        reason: Why it was widened, "" where it was not.
    """

    bias_kw: float
    half_width_kw: float
    one_sided_kw: float
    placebo_kw: float
    held_kw: float
    other_kw: float
    placebo_count: int
    reason: str = ""


def fleet_band(
    errors: Sequence[tuple[float, float]],
    scales: Sequence[ErrorScale],
    event: ErrorScale,
    *,
    held_kw: float,
    other_error_kw: float,
) -> FleetBand:
    r"""Return the band of one event: one score for each placebo, at the event's size.

    .. math:: e_i = l_i \frac{L}{L_i} + q_i \sqrt{\frac{Q}{\max(Q_i, \tfrac12 \bar Q)}}, \qquad
              h^2 = s_{(\lceil 0.9 (n+1) \rceil)}^2 + (z f H)^2 + (z \sigma)^2

    with the placebo's errors of level and queue l and q, their sizes L and Q (levels err together,
    starts one by one), the score s = |e|, the credit H of held starts, and the standard error sigma
    of the rest.

    Args:
        errors: Error of level and of queue of each placebo [kW].
        scales: The size of each placebo.
        event: The size of the event.
        held_kw: Credit for held starts [kW].
        other_error_kw: Standard error of everything else [kW].

    Source:
        Vovk, Gammerman, Shafer, Algorithmic Learning in a Random World, 2005 (the rank).

    Examples:
        Nine placebos of the event's own size, with errors of the level of 1 to 9 kW: the ninth.

        >>> size = ErrorScale(level_kw=100.0, queue_kw=20.0)
        >>> band = fleet_band([(float(k), 0.0) for k in range(1, 10)], [size] * 9, size,
        ...     held_kw=0.0, other_error_kw=0.0)
        >>> band.half_width_kw, band.bias_kw
        (9.0, 5.0)
    """
    if len(errors) < MIN_PLACEBOS:
        sd_kw = np.hypot(SHORT_LEVEL_RATIO * event.level_kw, SHORT_QUEUE_RATIO * event.queue_kw)
        return _band(
            bias_kw=0.0,
            two_sided_kw=_Z_TWO_SIDED * float(sd_kw),
            one_sided_kw=_Z_ONE_SIDED * float(sd_kw),
            held_kw=held_kw,
            other_error_kw=other_error_kw,
            count=len(errors),
            reason=f"{len(errors)} quiet windows, {MIN_PLACEBOS} needed: errors assumed to be "
            f"{SHORT_LEVEL_RATIO:.0%} of the touched load and {SHORT_QUEUE_RATIO:.0%} of starts",
        )
    usual_queue_kw = float(np.mean([scale.queue_kw for scale in scales]))
    scaled = [
        level * event.level_kw / max(scale.level_kw, 1e-9)
        + queue * (event.queue_kw / max(scale.queue_kw, usual_queue_kw / 2, 1e-9)) ** 0.5
        for (level, queue), scale in zip(errors, scales, strict=True)
    ]
    two_sided = finite_sample_quantile([abs(error) for error in scaled], LEVEL_RATIO)
    one_sided = finite_sample_quantile(scaled, LEVEL_RATIO)
    return _band(
        bias_kw=float(np.mean(scaled)),
        two_sided_kw=max(map(abs, scaled)) if two_sided is None else two_sided,
        one_sided_kw=max(scaled) if one_sided is None else one_sided,
        held_kw=held_kw,
        other_error_kw=other_error_kw,
        count=len(errors),
        reason="",
    )


def _band(
    *,
    bias_kw: float,
    two_sided_kw: float,
    one_sided_kw: float,
    held_kw: float,
    other_error_kw: float,
    count: int,
    reason: str,
) -> FleetBand:
    held_error_kw = HELD_ERROR_RATIO * abs(held_kw)
    return FleetBand(
        bias_kw=bias_kw,
        half_width_kw=float(
            np.hypot(two_sided_kw, _Z_TWO_SIDED * np.hypot(held_error_kw, other_error_kw))
        ),
        one_sided_kw=float(
            np.hypot(max(one_sided_kw, 0.0), _Z_ONE_SIDED * np.hypot(held_error_kw, other_error_kw))
        ),
        placebo_kw=two_sided_kw,
        held_kw=_Z_TWO_SIDED * held_error_kw,
        other_kw=_Z_TWO_SIDED * other_error_kw,
        placebo_count=count,
        reason=reason,
    )
