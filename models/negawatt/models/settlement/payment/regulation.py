"""The score of an hour of regulation: how closely a load followed a signal.

Corroborating arithmetic on samples, in floats; the score becomes money only after it was rounded
by the program's rule. Not here: what a score is paid.
"""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.units import S_PER_MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class RegulationWeights:
    """How much each part counts; the score is their weighted mean.

    Attributes:
        correlation: Of the best correlation.
        delay: Of how soon that is.
        precision: Of how near it is.
    """

    correlation: Decimal
    delay: Decimal
    precision: Decimal

    def __post_init__(self) -> None:
        weights = (self.correlation, self.delay, self.precision)
        if min(weights) < 0 or not sum(weights):
            raise ValueError(f"weights must be 0 or more, and not all 0, got {weights}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegulationScore:
    """The parts and the score, all 1 for a load that follows at once and exactly.

    Attributes:
        correlation_ratio: Best correlation over all delays.
        delay_ratio: 1 where that is at once, 0 where it is after the longest delay.
        precision_ratio: 1 less the mean error over the mean signal; negative where it is far off.
        score_ratio: Their weighted mean.
    """

    correlation_ratio: float
    delay_ratio: float
    precision_ratio: float
    score_ratio: float


def regulation_score(
    signal_kw: NDArray[np.float64],
    response_kw: NDArray[np.float64],
    weights: RegulationWeights,
    *,
    sample_s: int = 10,
    longest_delay_minutes: int = 5,
) -> RegulationScore:
    r"""Return the score of an hour.

    .. math::

        c = \max_{0 \le d \le D} \operatorname{corr}(s_t, r_{t+d}), \quad
        \delta = \frac{|d^* - D|}{D}, \quad
        p = 1 - \frac{\operatorname{mean} |r_t - s_t|}{\operatorname{mean} |s_t|}

    Args:
        signal_kw: The signal [kW], shape (n,).
        response_kw: The response in the same samples and the longest delay after them [kW],
            shape (n + longest delay in samples,).
        weights: How much each part counts.
        sample_s: Time between samples [s].
        longest_delay_minutes: D [min].

    Raises:
        ValueError: The two arrays do not fit.
        DataRefusedError: A sample is not known, or the signal or response never moves: then there
            is no correlation.

    Source: PJM Manual 12, performance score (components read second-hand, formulas not read).
    """
    delay_count = longest_delay_minutes * S_PER_MINUTE // sample_s
    count = len(signal_kw)
    if response_kw.shape != (count + delay_count,):
        raise ValueError(f"response_kw must have shape {(count + delay_count,)}")
    if np.isnan(signal_kw).any() or np.isnan(response_kw).any():
        raise _no_score("samples that are all known", "at least one that is not")
    delayed_kw = np.lib.stride_tricks.sliding_window_view(response_kw, count)
    signal_off_kw = signal_kw - signal_kw.mean()
    delayed_off_kw = delayed_kw - delayed_kw.mean(axis=1, keepdims=True)
    spread = np.sqrt((signal_off_kw**2).sum() * (delayed_off_kw**2).sum(axis=1))
    if not spread.all():
        raise _no_score("a signal and a response that move", "one that stands still")
    correlations = (delayed_off_kw * signal_off_kw).sum(axis=1) / spread
    best = int(np.argmax(correlations))
    delay_ratio = abs(best - delay_count) / delay_count
    error_kw = np.abs(response_kw[:count] - signal_kw).mean()
    precision_ratio = 1 - float(error_kw / np.abs(signal_kw).mean())
    parts = [float(correlations[best]), delay_ratio, precision_ratio]
    shares = [float(weights.correlation), float(weights.delay), float(weights.precision)]
    return RegulationScore(
        correlation_ratio=parts[0],
        delay_ratio=parts[1],
        precision_ratio=parts[2],
        score_ratio=float(np.average(parts, weights=shares)),
    )


def _no_score(expected: str, found: str) -> DataRefusedError:
    return DataRefusedError(
        thing="the hour of regulation",
        expected=expected,
        found=found,
        remedy="settle it as 'not computable'; a score is not guessed",
    )
