"""A GPU's energy counter held against its power: whether they differ by more than samples miss.

Here: the comparison and its finding. Not here: the energies themselves (energy_counter.py,
power_samples.py).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.units import MILLIJOULE_PER_J, MS_PER_S
from negawatt.models.metering.energy_counter import CounterReadings
from negawatt.models.metering.pieces import are_near, by_interval, instant_text

DISAGREEMENT_LIMIT_RATIO: Final = 0.02
"""Counter and integral of power may differ so much before it is a finding."""
DISAGREEMENT_WINDOW_MINUTES: Final = 5
STANDS_OUT: Final = 4.5
"""How many times what samples miss by chance a difference must be to say something of the meters.

Chance alone gets there once in 150 000 windows, were the misses normal and independent.
"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compared:
    """What two ways of measuring say of adjacent intervals; arrays of shape (m,).

    Attributes:
        counter_j: Energy by the counter [J]; NaN where not known.
        power_j: Integral of the power samples [J]; NaN where not known.
        is_covered: Both cover the whole interval.
        missed_j2: From squared_misses_j2 [J^2].
    """

    counter_j: NDArray[np.float64]
    power_j: NDArray[np.float64]
    is_covered: NDArray[np.bool_]
    missed_j2: NDArray[np.float64]


def squared_misses_j2(
    readings: CounterReadings,
    power_w: NDArray[np.float64],
    boundary_ms: NDArray[np.int64],
    max_gap_s: float,
) -> NDArray[np.float64]:
    r"""Return how far each stretch between two energies is off, squared and added up.

    .. math:: m = \sum_i \left( \int_{t_i}^{t_{i+1}} p\,dt - (c_{i+1} - c_i) \right)^2

    Power is a straight line between its readings, of which there may be more than of the energy. A
    stretch belongs to the interval that its middle lies in. Stretches over a gap, a new counter or
    a reading without power are left out.

    Args:
        readings: The counter, oldest reading first, shape (n,).
        power_w: Power at the same instants [W], shape (n,); 0 and NaN are no reading.
        boundary_ms: Edges of adjacent intervals, since 1970 [ms], shape (m + 1,).
        max_gap_s: Longest time between readings that still counts as measured [s].

    Returns:
        Sum for each interval [J^2], shape (m,).

    Examples:
        10 s at 100 W by both ends, in which the counter says 700 J: 300 J are missed.

        >>> readings = CounterReadings(time_ms=np.array([0, 10_000]),
        ...     energy_total_millijoule=np.array([0, 700_000]), is_known=np.array([True, True]),
        ...     epoch=np.array([0, 0]))
        >>> squared_misses_j2(readings, np.array([100.0, 100.0]), np.array([0, 60_000]), 35.0)
        array([90000.])
    """
    time_ms = readings.time_ms
    if len(time_ms) == 0:
        return np.zeros(len(boundary_ms) - 1)
    is_power, length_ms = power_w > 0, np.diff(time_ms)
    is_used = is_power[1:] & is_power[:-1] & are_near(length_ms, max_gap_s)
    if readings.epoch is not None:
        is_used &= readings.epoch[1:] == readings.epoch[:-1]
    missed_j = length_ms / MS_PER_S
    missed_j *= power_w[1:] + power_w[:-1]
    missed_j /= 2
    counter_millijoule = readings.energy_total_millijoule
    if readings.is_known is not None and not readings.is_known.all():
        counted = np.flatnonzero(readings.is_known)
        if len(counted) < 2:  # noqa: PLR2004 - a stretch has two ends
            return np.zeros(len(boundary_ms) - 1)
        inside, starts = slice(counted[-1]), counted[:-1]
        missed_j = np.add.reduceat(missed_j[inside], starts)
        is_used = np.logical_and.reduceat(is_used[inside], starts)
        time_ms, counter_millijoule = time_ms[counted], counter_millijoule[counted]
    counted_j = np.diff(counter_millijoule) / MILLIJOULE_PER_J
    is_used &= counted_j >= 0
    missed_j -= counted_j
    if not is_used.all():
        missed_j[~is_used] = 0
    missed_j *= missed_j
    return by_interval(np.add, missed_j, _first_after(time_ms, boundary_ms), 0.0)


def _first_after(time_ms: NDArray[np.int64], boundary_ms: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the first stretch between two readings whose middle is not before each edge."""
    reading = np.searchsorted(time_ms, boundary_ms)  # the first that is not before the edge
    before = np.clip(reading - 1, 0, None)
    stretch = np.minimum(reading, len(time_ms) - 1)
    middle_ms = (time_ms[before] + time_ms[stretch]) >> 1
    is_one_late = (reading == stretch) & (reading > 0) & (middle_ms >= boundary_ms)
    return np.asarray(stretch - is_one_late)


def disagreement(
    subject: str, compared: Compared, boundary_ms: NDArray[np.int64], interval_minutes: int
) -> list[Finding]:
    r"""Return the finding that counter and integral of power disagree, if they do.

    .. math:: |P - C| > 0.02\,C \quad \text{and} \quad |P - C| > 4.5 \sqrt{m}

    A sample says nothing of what the power was until the next one. Read every 30 or 60 s, a GPU
    whose load comes and goes is missed by a tenth in some five minutes of every day, up and down
    alike, though both meters are right: a finding of that would be a false alarm, and there would
    be one for most GPUs. What chance does can be seen: m is the sum of the squared misses of the
    single stretches, and the misses of n stretches that have nothing in common add up to about the
    root of m. A meter that is off is off in the same direction in all of them, and adds up to n
    times one, which stands out the more the more readings there are: in five minutes where
    readings are seconds apart, and over the day where they are a minute apart. The day as a whole
    is therefore compared as well.

    Args:
        subject: The GPU.
        compared: What both say of each interval.
        boundary_ms: Edges of the intervals, since 1970 [ms].
        interval_minutes: Length of the intervals [min].
    """
    per_window = -(-DISAGREEMENT_WINDOW_MINUTES // interval_minutes)
    n_windows = len(compared.counter_j) // per_window
    if n_windows == 0:
        return []
    windows = _in_windows(compared, n_windows, per_window)
    counter_j, power_j = windows.counter_j, windows.power_j
    is_apart = _is_apart(counter_j, power_j, windows.missed_j2)
    day_counter_j, day_power_j = counter_j.sum(), power_j.sum()
    day_is_apart = bool(_is_apart(day_counter_j, day_power_j, windows.missed_j2.sum()))
    if not is_apart.any() and not day_is_apart:
        return []
    day_ratio = float(day_power_j / day_counter_j - 1)
    start_utc = [instant_text(boundary_ms[first]) for first in windows.first[is_apart]]
    return [
        _finding(subject, windows, is_apart, start_utc, day_ratio, per_window * interval_minutes)
    ]


def _finding(
    subject: str,
    windows: "_Windows",
    is_apart: NDArray[np.bool_],
    start_utc: list[str],
    day_ratio: float,
    window_minutes: int,
) -> Finding:
    evidence: dict[str, object] = {
        "window_count": len(start_utc),
        "compared_count": len(is_apart),
        "day_ratio": round(day_ratio, 6),
    }
    found = ""
    if start_utc:
        counter_j, power_j = windows.counter_j[is_apart], windows.power_j[is_apart]
        difference_ratio = np.abs(power_j / counter_j - 1)
        worst = int(np.argmax(difference_ratio))
        found = (
            f"{len(start_utc)} of {len(is_apart)} windows apart, the worst by "
            f"{difference_ratio[worst]:.1%} at {start_utc[worst]}, and "
        )
        evidence |= {
            "worst_ratio": round(float(difference_ratio[worst]), 6),
            "worst_start_utc": start_utc[worst],
            "worst_counter_j": float(counter_j[worst]),
            "worst_power_j": float(power_j[worst]),
        }
    return Finding(
        code=FindingCode.ENERGY_METHODS_DISAGREE,
        severity=Severity.WARNING,
        subject=subject,
        message="expected the energy counter and the integral of power to agree within "
        f"{DISAGREEMENT_LIMIT_RATIO:.0%}, beyond what samples miss, over windows of "
        f"{window_minutes} min and over all, found {found}{day_ratio:+.1%} over all",
        evidence=evidence,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Windows:
    """Sums over the windows that both cover, with the first interval of each."""

    counter_j: NDArray[np.float64]
    power_j: NDArray[np.float64]
    missed_j2: NDArray[np.float64]
    first: NDArray[np.int64]


def _in_windows(compared: Compared, n_windows: int, per_window: int) -> _Windows:
    def rows(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values[: n_windows * per_window].reshape(n_windows, per_window)

    is_covered = rows(compared.is_covered.astype(np.float64)).all(axis=1)
    return _Windows(
        counter_j=rows(compared.counter_j).sum(axis=1)[is_covered],
        power_j=rows(compared.power_j).sum(axis=1)[is_covered],
        missed_j2=rows(compared.missed_j2).sum(axis=1)[is_covered],
        first=np.flatnonzero(is_covered) * per_window,
    )


def _is_apart(
    counter_j: NDArray[np.float64], power_j: NDArray[np.float64], missed_j2: NDArray[np.float64]
) -> NDArray[np.bool_]:
    difference_j = np.abs(power_j - counter_j)
    is_large = difference_j > DISAGREEMENT_LIMIT_RATIO * counter_j
    apart: NDArray[np.bool_] = is_large & (difference_j > STANDS_OUT * np.sqrt(missed_j2))
    return apart
