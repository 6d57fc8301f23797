"""How far one meter's clock is behind another's, from the load that both see.

Evidence only: no reading is ever moved by a lag. Here: the estimate. Not here: one series under two
names (copies.py).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.units import MS_PER_S

Floats = NDArray[np.float64]

MIN_CORRELATION: Final = 0.5  # below, what the two see is not one load
_MIN_STEPS: Final = 100
_EQUAL_WITHIN: Final = 0.02  # of correlation: peaks of a load that repeats itself
_LESS_UNEXPLAINED: Final = 1.2  # a shift must leave less variance unexplained, by this factor
_GAP_STEPS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockLag:
    """The shift at which two meters agree best.

    Attributes:
        lag_s: The second meter's stamps are later than the first's by this much for one and the
            same load [s]; a whole number of steps.
        step_s: The estimate is no finer than this [s].
        phase_s: Shifts up to this come from when samples fall, and are no sign of a clock [s].
        correlation: Correlation at that shift.
        correlation_unshifted: Correlation of the stamps as they are.
        step_count: Steps that both meters know, without a shift.
    """

    lag_s: float
    step_s: float
    phase_s: float
    correlation: float
    correlation_unshifted: float
    step_count: int

    @property
    def is_apart(self) -> bool:
        """Whether the load shows a shift: more than the samples' phase, and better than none."""
        return (
            abs(self.lag_s) > self.phase_s
            and self.correlation >= MIN_CORRELATION
            and 1 - self.correlation_unshifted**2 > _LESS_UNEXPLAINED * (1 - self.correlation**2)
        )


def clock_lag(
    first_ms: NDArray[np.int64],
    first_w: Floats,
    second_ms: NDArray[np.int64],
    second_w: Floats,
    *,
    reach_s: float,
    step_ms: int | None = None,
    are_means: bool = False,
) -> ClockLag:
    r"""Return the shift of one series of samples against another.

    .. math:: \hat\ell = \arg\max_{|\ell| \le r} \operatorname{corr}(x(t), y(t + \ell))

    Both are read off straight lines between samples on one grid; a step in a gap of more than three
    steps is not known. A shift whose two series know fewer than 100 steps together is not tried.
    A load that repeats itself has several such shifts: of peaks within 0.02 of the best correlation
    the one nearest to no shift is taken.

    Args:
        first_ms: Stamps of x, increasing [ms], shape (n,).
        first_w: Power [W], shape (n,).
        second_ms: Stamps of y, increasing [ms], shape (m,).
        second_w: Power [W], shape (m,).
        reach_s: Longest shift that is tried, either way [s]; less where the two do not span it and
            100 steps.
        step_ms: Length of a step [ms]; if not given, the longer of the two median times between
            samples, and 1 s at least.
        are_means: The series are means of one grid's intervals, so that one step is a shift.

    Raises:
        DataRefusedError: They know fewer than 100 steps together, or one of them never changes.

    Source:
        Knapp, Carter, The generalized correlation method for estimation of time delay, IEEE TASSP
        24(4), 1976, with no weighting.

    Examples:
        A load of random steps, and a meter whose clock is 6 s ahead.

        >>> time_ms = np.arange(400) * 2_000
        >>> power_w = np.random.default_rng(1).integers(2_000, 7_000, 400) * 1.0
        >>> found = clock_lag(time_ms, power_w, time_ms + 6_000, power_w, reach_s=30.0)
        >>> found.lag_s, round(found.correlation, 3), found.is_apart
        (6.0, 1.0, True)
    """
    if min(len(first_ms), len(second_ms)) < _MIN_STEPS:
        raise _too_little(min(len(first_ms), len(second_ms)))
    if step_ms is None:
        step_ms = int(max(np.median(np.diff(first_ms)), np.median(np.diff(second_ms)), MS_PER_S))
    start_ms = min(int(first_ms[0]), int(second_ms[0]))
    end_ms = max(int(first_ms[-1]), int(second_ms[-1]))
    grid_ms = np.arange(start_ms, end_ms + 1, step_ms)
    reach = min(int(reach_s * MS_PER_S // step_ms), len(grid_ms) - _MIN_STEPS)
    if reach < 0:
        raise _too_little(len(grid_ms))
    first = on_grid(grid_ms, first_ms, first_w, step_ms)
    second = on_grid(grid_ms, second_ms, second_w, step_ms)
    found = {
        shift: _correlation(*_shifted(first, second, shift)) for shift in range(-reach, reach + 1)
    }
    unshifted = found[0]
    tried = {shift: value for shift, value in found.items() if not math.isnan(value)}
    step_count = int((~np.isnan(first) & ~np.isnan(second)).sum())
    if not tried or math.isnan(unshifted):
        raise _too_little(step_count)
    shift = _best(tried)
    return ClockLag(
        lag_s=shift * step_ms / MS_PER_S,
        step_s=step_ms / MS_PER_S,
        phase_s=0.0 if are_means else step_ms / MS_PER_S,
        correlation=tried[shift],
        correlation_unshifted=unshifted,
        step_count=step_count,
    )


def clock_finding(lag: ClockLag, *, first: str, second: str) -> Finding | None:
    """Return the finding that a load shows two clocks apart; None where it shows none."""
    if not lag.is_apart:
        return None
    later, earlier = (second, first) if lag.lag_s > 0 else (first, second)
    return Finding(
        code=FindingCode.CLOCKS_APART,
        severity=Severity.WARNING,
        subject=f"meters {first!r} and {second!r}",
        message=f"expected one load at one time, found that {later!r} shows it "
        f"{abs(lag.lag_s):g} s later than {earlier!r} (to within {lag.step_s:g} s); no reading was "
        "moved",
        evidence={
            "lag_s": lag.lag_s,
            "step_s": lag.step_s,
            "correlation": lag.correlation,
            "correlation_unshifted": lag.correlation_unshifted,
            "step_count": lag.step_count,
        },
    )


def _too_little(step_count: int) -> DataRefusedError:
    return DataRefusedError(
        thing="the clocks of two meters",
        expected=f"{_MIN_STEPS} steps in which both know a load that changes",
        found=f"{step_count} steps of both",
        remedy="compare a span that both read",
    )


def _best(correlation: Mapping[int, float]) -> int:
    """Return the shift of the highest peak, of about equal ones that nearest to no shift."""
    enough = max(correlation.values()) - _EQUAL_WITHIN
    shift = min((one for one, value in correlation.items() if value >= enough), key=abs)
    while True:
        near = [one for one in (shift, shift - 1, shift + 1) if one in correlation]
        higher = max(near, key=lambda one: correlation[one])
        if higher == shift:
            return shift
        shift = higher


def on_grid(
    grid_ms: NDArray[np.int64], time_ms: NDArray[np.int64], power_w: Floats, step_ms: int
) -> Floats:
    """Return power at the grid's instants, NaN outside the samples and in their gaps."""
    found_w: Floats = np.interp(grid_ms, time_ms, power_w, left=np.nan, right=np.nan)
    after = np.clip(np.searchsorted(time_ms, grid_ms), 1, len(time_ms) - 1)
    is_gap = time_ms[after] - time_ms[after - 1] > _GAP_STEPS * step_ms
    return np.where(is_gap, np.nan, found_w)


def _shifted(first: Floats, second: Floats, shift: int) -> tuple[Floats, Floats]:
    if shift >= 0:
        return first[: len(first) - shift], second[shift:]
    return first[-shift:], second[: len(second) + shift]


def _correlation(first: Floats, second: Floats) -> float:
    """Return Pearson's correlation over the steps that both know; NaN for too few or none."""
    is_known = ~np.isnan(first) & ~np.isnan(second)
    if is_known.sum() < _MIN_STEPS:
        return math.nan
    x = first[is_known] - first[is_known].mean()
    y = second[is_known] - second[is_known].mean()
    spread = math.sqrt(float((x * x).sum()) * float((y * y).sum()))
    return float((x * y).sum()) / spread if spread > 0 else math.nan
