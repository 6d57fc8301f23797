"""How far estimates of events were off, where the truth is known: the arithmetic of a score.

Here: one estimate against one truth, and many of them together. Not here: the methods, simulated
fleets (negawatt.models.simulation), and how a table is printed.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.uncertainty.fleet_band import FleetBand

Array = NDArray[np.float64]

INTERVAL_MINUTES: Final = 15
NO_BAND: Final = float("nan")
_NOTHING_KW: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth:
    """What only a simulation knows of an event.

    Attributes:
        reduction_kw: What a meter without error would have shown more without the event, batteries
            included, minute by minute [kW], shape (n_minutes,).
        site_kw: Mean load of the site without the event [kW].
        gpu_kw: Mean reduction of the GPUs alone [kW].
        held_kw: The part of it that held starts make [kW].
    """

    reduction_kw: Array
    site_kw: float
    gpu_kw: float
    held_kw: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Estimated:
    """What a method says of an event.

    Attributes:
        reduction_kw: Reduction at the meter, minute by minute [kW], shape (n_minutes,).
        gpu_kw: Mean reduction of the GPUs [kW], NaN where the method does not know it.
        held_kw: The part of it from held starts [kW], NaN where the method does not know it.
        band: The band of the mean at the meter, None where the method states none.
    """

    reduction_kw: Array
    gpu_kw: float = float("nan")
    held_kw: float = float("nan")
    band: FleetBand | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One estimate against its truth; every power is a mean over the event.

    Attributes:
        scenario: What misleads methods in it.
        seed: The seed of the simulation.
        nodes: Nodes of 8 GPUs.
        days: Days of history, the event's included.
        method: Which method.
        true_kw: The true reduction [kW].
        site_kw: The site's load without the event [kW].
        estimate_kw: The estimate of the reduction [kW], NaN where the method refused.
        rrmse_ratio: Error of the site's expected load in intervals of 15 minutes over ``site_kw``.
        half_width_kw: Half of the two-sided 90 % band [kW], NaN without a band.
        one_sided_kw: The bound is the estimate less this [kW], NaN without a band.
        true_gpu_kw: The true reduction of the GPUs [kW].
        gpu_kw: Its estimate [kW].
        true_held_kw: The part of held starts in it [kW].
        held_kw: Its estimate [kW].
        note: Why the method refused, "" where it did not.
    """

    scenario: str
    seed: int
    nodes: int
    days: int
    method: str
    true_kw: float
    site_kw: float
    estimate_kw: float
    rrmse_ratio: float
    half_width_kw: float
    one_sided_kw: float
    true_gpu_kw: float
    gpu_kw: float
    true_held_kw: float
    held_kw: float
    note: str = ""

    @property
    def error_kw(self) -> float:
        """Estimate less truth [kW]."""
        return self.estimate_kw - self.true_kw

    @property
    def is_null(self) -> bool:
        """Whether nothing was reduced, so that any estimate is false credit."""
        return abs(self.true_kw) < _NOTHING_KW


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share of events, and the standard error that so many events leave of it.

    Examples:
        >>> Share.of([True, True, True, False])
        Share(count=4, ratio=0.75, standard_error_ratio=0.21...)
    """

    count: int
    ratio: float
    standard_error_ratio: float

    @classmethod
    def of(cls, held: Sequence[bool]) -> "Share":
        r"""Return the share p that is true, with :math:`\sqrt{p (1 - p) / n}`; NaN of none."""
        count = len(held)
        ratio = sum(held) / count if count else math.nan
        error = math.sqrt(ratio * (1 - ratio) / count) if count else math.nan
        return cls(count=count, ratio=ratio, standard_error_ratio=error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Many scores of one method together; every ratio is NaN where nothing tells it.

    Attributes:
        event_count: Events with an estimate.
        refused_count: Events that the method refused.
        error_ratio_p50: Half of the events have a smaller error of the mean reduction, as a share
            of the true one. Null events, which have none, are left out of these.
        error_ratio_p90: Nine tenths have.
        bias_ratio: Summed errors over summed true reductions.
        rrmse_ratio_p50: Median of the error in intervals, as a share of the site's load.
        rrmse_ratio_p90: Nine tenths have less.
        false_credit_ratio: Mean absolute estimate over the site's load, on null events alone.
        covered: Two-sided bands that held the truth; null events are left out.
        bound: One-sided bounds that held.
        width_ratio: Summed widths of the bands over summed true reductions.
        held_share_ratio: Held starts in the true reduction of the GPUs, summed over summed.
        held_bias_ratio: Error of the credit for held starts, summed over summed true reductions
            of the GPUs.
    """

    event_count: int
    refused_count: int
    error_ratio_p50: float
    error_ratio_p90: float
    bias_ratio: float
    rrmse_ratio_p50: float
    rrmse_ratio_p90: float
    false_credit_ratio: float
    covered: Share
    bound: Share
    width_ratio: float
    held_share_ratio: float
    held_bias_ratio: float


def interval_means(minutes_kw: Array, interval_minutes: int = INTERVAL_MINUTES) -> Array:
    """Return means over whole intervals; minutes that fill none at the end are left out."""
    n = len(minutes_kw) // interval_minutes
    means: Array = minutes_kw[: n * interval_minutes].reshape(n, interval_minutes).mean(axis=1)
    return means


def rrmse_ratio(estimate_kw: Array, truth_kw: Array, site_kw: float) -> float:
    r"""Return the error of a reduction in intervals of 15 minutes over the site's load.

    .. math:: \frac{1}{\bar L} \sqrt{\overline{(\hat r_i - r_i)^2}}

    The error of a reduction is the error of the expected load, as what was drawn is known: a
    meter that reads a little high or low moves both, and counts here only as far as it moves the
    reduction.

    Args:
        estimate_kw: Estimated reduction of each minute [kW], shape (n,).
        truth_kw: True reduction of each minute [kW], shape (n,).
        site_kw: Mean load without the event [kW].

    Examples:
        Two intervals, off by 3 and by 4 kW, on a load of 100 kW.

        >>> estimate_kw = np.repeat([13.0, 14.0], 15)
        >>> round(rrmse_ratio(estimate_kw, np.full(30, 10.0), 100.0), 6)
        0.035355
    """
    error_kw = interval_means(estimate_kw - truth_kw)
    return float(np.sqrt(np.mean(error_kw**2))) / site_kw


def summarize(scores: Iterable[Score]) -> Summary:
    """Return the figures of many scores of one method, over scenarios or of one.

    Examples:
        Three events of 10 kW, estimated at 11, 9.5 and 10.5: errors of 10, 5 and 5 %, and a bias
        of 1 of 30.

        >>> scores = [Score(scenario="s", seed=seed, nodes=1, days=1, method="m", true_kw=10.0,
        ...     site_kw=50.0, estimate_kw=kw, rrmse_ratio=0.02, half_width_kw=0.8,
        ...     one_sided_kw=0.6, true_gpu_kw=8.0, gpu_kw=8.0, true_held_kw=4.0, held_kw=4.4)
        ...     for seed, kw in enumerate([11.0, 9.5, 10.5])]
        >>> found = summarize(scores)
        >>> round(found.error_ratio_p50, 9), round(found.bias_ratio, 6), round(found.width_ratio, 9)
        (0.05, 0.033333, 0.16)
        >>> found.covered.ratio == found.bound.ratio == 2 / 3, round(found.held_bias_ratio, 9)
        (True, 0.05)
    """
    scores = list(scores)
    known = [score for score in scores if not math.isnan(score.estimate_kw)]
    real = [score for score in known if not score.is_null]
    null = [score for score in known if score.is_null]
    banded = [score for score in real if not math.isnan(score.half_width_kw)]
    parted = [score for score in real if not math.isnan(score.held_kw)]
    errors = [abs(score.error_kw / score.true_kw) for score in real]
    rrmse = [score.rrmse_ratio for score in known]
    return Summary(
        event_count=len(known),
        refused_count=len(scores) - len(known),
        error_ratio_p50=_quantile(errors, 0.5),
        error_ratio_p90=_quantile(errors, 0.9),
        bias_ratio=_ratio(sum(s.error_kw for s in real), sum(s.true_kw for s in real)),
        rrmse_ratio_p50=_quantile(rrmse, 0.5),
        rrmse_ratio_p90=_quantile(rrmse, 0.9),
        false_credit_ratio=_mean([abs(s.estimate_kw) / s.site_kw for s in null]),
        covered=Share.of([abs(s.error_kw) <= s.half_width_kw for s in banded]),
        bound=Share.of([s.error_kw <= s.one_sided_kw for s in banded]),
        width_ratio=_ratio(
            sum(2 * s.half_width_kw for s in banded), sum(s.true_kw for s in banded)
        ),
        held_share_ratio=_ratio(
            sum(s.true_held_kw for s in parted), sum(s.true_gpu_kw for s in parted)
        ),
        held_bias_ratio=_ratio(
            sum(s.held_kw - s.true_held_kw for s in parted), sum(s.true_gpu_kw for s in parted)
        ),
    )


def _quantile(values: Sequence[float], level_ratio: float) -> float:
    return float(np.quantile(values, level_ratio)) if values else math.nan


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
