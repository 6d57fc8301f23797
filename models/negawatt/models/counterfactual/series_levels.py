"""The levels of the job-aware method where all that is known is power by series, over a few hours.

A series is one job, or a whole cluster. No GPU, no queue and no dispatch log is known, so every
minute of the dispatch counts as touched, and natural ends of jobs cannot be told. Here: the level,
its band, and pretend events in the quiet minutes. Not here: fleets (gpu_change.py), and how errors
make a band (negawatt.models.uncertainty.fleet_band).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from negawatt.models.counterfactual.job_level import MIN_REFERENCE_MINUTES, Reference
from negawatt.models.domain.errors import DataRefusedError, InsufficientHistoryError
from negawatt.models.domain.units import W_PER_KW
from negawatt.models.uncertainty.fleet_band import ErrorScale, FleetBand, fleet_band

Span = tuple[int, int]
"""First minute, and the minute after the last."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PretendEvent:
    """A stretch of quiet minutes, estimated as if it had been a dispatch.

    Attributes:
        span: Its minutes.
        expected_kw: The estimate [kW], (n,).
        actual_kw: What was drawn [kW], (n,).
    """

    span: Span
    expected_kw: NDArray[np.float64]
    actual_kw: NDArray[np.float64]

    @property
    def error_kw(self) -> float:
        """Estimate less truth, mean over the stretch [kW]."""
        return float((self.expected_kw - self.actual_kw).mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesReduction:
    """Means over the event's windows.

    Attributes:
        expected_kw: What the series would have drawn [kW].
        actual_kw: What it drew [kW].
        drift_error_kw: Standard error from the change of level that nobody saw happen [kW].
        band: Error of the reduction.
    """

    expected_kw: float
    actual_kw: float
    drift_error_kw: float
    band: FleetBand

    @property
    def reduction_kw(self) -> float:
        """Mean reduction [kW]."""
        return self.expected_kw - self.actual_kw

    @property
    def at_least_kw(self) -> float:
        """The reduction was at least this, with 90 % confidence [kW]."""
        return self.reduction_kw - self.band.one_sided_kw

    @property
    def at_least_ratio(self) -> float:
        """The reduction was at least this share of what would have been drawn, with 90 %.

        Where the reduction is smaller than estimated, so is what it is a share of.
        """
        return self.at_least_kw / (self.expected_kw - self.band.one_sided_kw)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeriesLevel:
    """What a series would have drawn in one dispatch, ramps included.

    Attributes:
        span: The minutes of the dispatch.
        expected_kw: What it would have drawn [kW], (n,).
        actual_kw: What it drew [kW], NaN where not known, (n,).
        drift_kw: Its level after the dispatch less its level before [kW].
        placebos: Pretend events of the dispatch's own length that share no minute.
    """

    span: Span
    expected_kw: NDArray[np.float64]
    actual_kw: NDArray[np.float64]
    drift_kw: float
    placebos: tuple[PretendEvent, ...]

    def reduction(self, windows: Sequence[Span]) -> SeriesReduction:
        """Return the mean reduction over all minutes of the event's windows, with its band.

        Args:
            windows: The windows of the event, inside the dispatch.

        Raises:
            DataRefusedError: The power of a minute is not known.
            ValueError: A window is not inside the dispatch.
        """
        inside = np.zeros(len(self.expected_kw), dtype=bool)
        for first, last in windows:
            if not self.span[0] <= first < last <= self.span[1]:
                raise ValueError(f"window ({first}, {last}) is not inside the dispatch {self.span}")
            inside[first - self.span[0] : last - self.span[0]] = True
        unknown_count = int(np.isnan(self.actual_kw[inside]).sum())
        if unknown_count:
            raise DataRefusedError(
                thing=f"the event's windows {list(windows)}",
                expected="known power in every minute",
                found=f"{unknown_count} of {int(inside.sum())} minutes not known",
                remedy="supply them, or choose windows in which the power is known",
            )
        expected_kw = float(self.expected_kw[inside].mean())
        drift_error_kw = abs(self.drift_kw) * _bridge_deviation(inside)
        band = fleet_band(
            [(placebo.error_kw, 0.0) for placebo in self.placebos],
            [_scale(float(placebo.actual_kw.mean())) for placebo in self.placebos],
            _scale(expected_kw),
            held_kw=0.0,
            other_error_kw=drift_error_kw,
        )
        return SeriesReduction(
            expected_kw=expected_kw,
            actual_kw=float(self.actual_kw[inside].mean()),
            drift_error_kw=drift_error_kw,
            band=band,
        )


def series_level(power_w: NDArray[np.float64], span: Span) -> SeriesLevel:
    r"""Return what a series would have drawn in one dispatch.

    Its level before and its level after, joined by a straight line, as ``level_around`` takes it
    for a job, but without its guard against load that was raised for the event: that needs earlier
    days. So the levels of jobs add up to the level of their sum.

    When the level changed between the two is not known. A step at any instant and a random walk
    have the same standard deviation from the line; for the mean over the windows W it is

    .. math:: \sigma = |d| \sqrt{\overline{\min(x, y) - x y}}, \qquad x, y \in W

    with the drift d and times x and y as shares of the dispatch. It enters the band beside the
    placebos, or beside what ``fleet_band`` assumes where there are fewer than it needs.

    Args:
        power_w: Power of each minute [W], NaN where not known, (n_minutes,).
        span: The dispatch: everything from the first minute of the ramp to full recovery.

    Raises:
        InsufficientHistoryError: Too few minutes are known before or after the dispatch.

    Source:
        Covariance of the Brownian bridge: Karatzas, Shreve, Brownian Motion and Stochastic
        Calculus, 1991, section 5.6.B.

    Examples:
        100 kW before and 96 kW after: 98 kW on average, of which the event took 28. The drift of
        4 kW alone may be off by 4 / sqrt(12) = 1.15 kW over the whole dispatch.

        >>> load_w = np.repeat([100e3, 70e3, 96e3], [60, 120, 60])
        >>> found = series_level(load_w, (60, 180)).reduction([(60, 180)])
        >>> round(found.reduction_kw, 2), round(found.drift_error_kw, 2)
        (28.0, 1.15)
    """
    before_w, after_w = _sides(power_w, span)
    known_count = min(len(before_w), len(after_w))
    if known_count < MIN_REFERENCE_MINUTES:
        raise InsufficientHistoryError(
            rule_id="series level",
            required_count=MIN_REFERENCE_MINUTES,
            found_count=known_count,
            unit="known minutes before and after the dispatch",
            remedy="supply the minutes around it",
        )
    quiet = [(0, span[0]), (span[1], len(power_w))]
    return SeriesLevel(
        span=span,
        expected_kw=_line_kw(before_w, after_w, span),
        actual_kw=power_w[slice(*span)] / W_PER_KW,
        drift_kw=float(after_w.mean() - before_w.mean()) / W_PER_KW,
        placebos=apart(pretend_events(power_w, quiet, length_minutes=span[1] - span[0])),
    )


def pretend_events(
    power_w: NDArray[np.float64], quiet: Sequence[Span], *, length_minutes: int
) -> tuple[PretendEvent, ...]:
    """Return every stretch of a length inside the quiet minutes, estimated from the rest of them.

    They begin one minute apart and share almost all their minutes: they show how large errors
    get, but their number says nothing. ``apart`` chooses those that may be counted.

    Args:
        power_w: Power of each minute [W], NaN where not known, (n_minutes,).
        quiet: Stretches without a dispatch; each is used by itself.
        length_minutes: Length of the pretend events [min].
    """
    found = []
    for begin, end in quiet:
        part_w = power_w[begin:end]
        for first in range(len(part_w) - length_minutes + 1):
            span = (first, first + length_minutes)
            before_w, after_w = _sides(part_w, span)
            if min(len(before_w), len(after_w)) < MIN_REFERENCE_MINUTES:
                continue
            if np.isnan(part_w[slice(*span)]).any():
                continue
            found.append(
                PretendEvent(
                    span=(begin + span[0], begin + span[1]),
                    expected_kw=_line_kw(before_w, after_w, span),
                    actual_kw=part_w[slice(*span)] / W_PER_KW,
                )
            )
    return tuple(found)


def apart(events: Sequence[PretendEvent]) -> tuple[PretendEvent, ...]:
    """Return the pretend events that share no minute with one before: the first that can be."""
    chosen: list[PretendEvent] = []
    for event in sorted(events, key=lambda event: event.span):
        if not chosen or event.span[0] >= chosen[-1].span[1]:
            chosen.append(event)
    return tuple(chosen)


def _sides(power_w: NDArray[np.float64], span: Span) -> list[NDArray[np.float64]]:
    """Return the known power before and after a span, as far as a level looks [W]."""
    reach = Reference().reach_minutes
    sides = power_w[max(0, span[0] - reach) : span[0]], power_w[span[1] : span[1] + reach]
    return [side[~np.isnan(side)] for side in sides]


def _line_kw(
    before_w: NDArray[np.float64], after_w: NDArray[np.float64], span: Span
) -> NDArray[np.float64]:
    share = (np.arange(span[1] - span[0]) + 0.5) / (span[1] - span[0])
    line_kw: NDArray[np.float64] = (
        (1 - share) * before_w.mean() + share * after_w.mean()
    ) / W_PER_KW
    return line_kw


def _bridge_deviation(inside: NDArray[np.bool_]) -> float:
    """Return the standard deviation of the mean over some minutes of a bridge from 0 to 0."""
    share = (np.arange(len(inside)) + 0.5)[inside] / len(inside)
    covariance = np.minimum.outer(share, share) - np.outer(share, share)
    return float(np.sqrt(covariance.mean()))


def _scale(level_kw: float) -> ErrorScale:
    return ErrorScale(level_kw=level_kw, queue_kw=0.0)
