"""Energy per interval from a cumulative energy counter, such as a GPU driver's.

Here: one counter. Not here: power samples (power_samples.py), and all GPUs of a site
(gpu_minutes.py).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.units import MILLIJOULE_PER_J, MS_PER_S
from negawatt.models.metering.pieces import Pieces, are_near, instant_text, is_increasing, risen

COUNTER = "counter"
COUNTER_INTERPOLATED = "counter_interpolated"
NOT_KNOWN = "not_known"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CounterReadings:
    """Readings of one counter, in any order; arrays have shape (n,).

    Attributes:
        time_ms: When each reading was taken, since 1970 [ms].
        energy_total_millijoule: The counter [mJ].
        is_known: False where the reading is NULL, whatever number stands there. None: all are
            known.
        epoch: A number that changes whenever the counter is known to have begun anew, as at a
            boot. None: only a decrease tells.
    """

    time_ms: NDArray[np.int64]
    energy_total_millijoule: NDArray[np.int64]
    is_known: NDArray[np.bool_] | None = None
    epoch: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterReset:
    """Two consecutive readings between which a counter began anew.

    Attributes:
        before_ms: When the last reading before was taken, since 1970 [ms].
        after_ms: When the first reading after was taken, since 1970 [ms].
        before_millijoule: The counter before [mJ].
        after_millijoule: The counter after [mJ].
    """

    before_ms: int
    after_ms: int
    before_millijoule: int
    after_millijoule: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CounterEnergy:
    """Energy of adjacent intervals.

    Attributes:
        energy_j: Energy of each interval [J], shape (m,); NaN where not known.
        coverage_ratio: Measured share of each interval, 0 to 1, shape (m,).
        gap_s: Lengths of the pieces that were too long to count as measured [s], shape (k,).
        resets: Where the counter began anew, oldest first.
    """

    energy_j: NDArray[np.float64]
    coverage_ratio: NDArray[np.float64]
    gap_s: NDArray[np.float64]
    resets: tuple[CounterReset, ...]

    @property
    def methods(self) -> NDArray[np.str_]:
        """How each energy was computed, shape (m,).

        ``counter`` where the interval is covered, ``counter_interpolated`` where part of it lies
        in a longer gap, ``not_known`` where the energy is NaN.
        """
        exact = np.where(self.coverage_ratio == 1, COUNTER, COUNTER_INTERPOLATED)
        return np.where(np.isnan(self.energy_j), NOT_KNOWN, exact)


def counter_energy(
    readings: CounterReadings, boundary_ms: NDArray[np.int64], *, max_gap_s: float
) -> CounterEnergy:
    r"""Return the energy of each interval: the counter at its end less the counter at its start.

    .. math:: e = C(t_1) - C(t_0)

    C is linear between readings at which the counter changed. A reading that repeats the value
    before it says nothing new: the device had not refreshed its counter. A decrease, or another
    epoch, is a reset and never a wrap (64 bits of millijoules last 5.8e8 years at 1 kW): what was
    used between the two readings is not known, so every interval that touches the piece is NaN.
    So is an interval that the first and last change do not enclose.

    An interval is covered where consecutive changes are at most ``max_gap_s`` apart. Over a longer
    gap the counter still knows the total: its energy is spread evenly over the gap, so that sums
    over the whole gap are right, the coverage of the intervals in it falls below 1 and their
    method is ``counter_interpolated``.

    The counter is integer until one conversion at the end, so that energies of adjacent intervals
    add up to the energy of their union, to the rounding of that conversion. The order of readings
    does not matter; of two readings with one time stamp the larger counts.

    Args:
        readings: The counter. A NULL is no reading; it is not 0.
        boundary_ms: Edges of adjacent intervals [ms], increasing, shape (m + 1,).
        max_gap_s: Longest time between changes that still counts as measured [s].

    Returns:
        Energy, coverage, gaps and resets.

    Source:
        nvml.h, ``nvmlDeviceGetTotalEnergyConsumption``: millijoules since the driver was loaded.

    Examples:
        100 W for a minute, then 200 W: 6 kJ and 12 kJ.

        >>> readings = CounterReadings(time_ms=np.array([0, 60_000, 120_000]),
        ...     energy_total_millijoule=np.array([0, 6_000_000, 18_000_000]))
        >>> counter_energy(readings, np.array([0, 60_000, 120_000]), max_gap_s=60.0).energy_j
        array([ 6000., 12000.])
    """
    time_ms, counter, epoch = _changes(readings)
    if len(time_ms) < 2:  # noqa: PLR2004 - a difference needs two readings
        n_intervals = len(boundary_ms) - 1
        nothing = np.empty(0)
        return CounterEnergy(
            energy_j=np.full(n_intervals, np.nan),
            coverage_ratio=np.zeros(n_intervals),
            gap_s=nothing,
            resets=(),
        )

    continues = counter[1:] > counter[:-1]
    if epoch is not None:
        continues &= epoch[1:] == epoch[:-1]
    length_ms = np.diff(time_ms)
    near = are_near(length_ms, max_gap_s)
    pieces = Pieces(time_ms, length_ms, is_covered=continues & near, is_known=continues)
    total_millijoule = _at(boundary_ms, pieces, counter)
    energy_j = np.diff(total_millijoule) / MILLIJOULE_PER_J
    return CounterEnergy(
        energy_j=np.where(pieces.knows(boundary_ms), energy_j, np.nan),
        coverage_ratio=pieces.coverage_ratio(boundary_ms),
        gap_s=length_ms[~near] / MS_PER_S,
        resets=_resets(time_ms, counter, ~continues),
    )


def reset_finding(subject: str, resets: tuple[CounterReset, ...]) -> Finding:
    """Return one finding about all resets of a counter; ``resets`` must not be empty."""
    first = resets[0]
    return Finding(
        code=FindingCode.COUNTER_RESET,
        severity=Severity.WARNING,
        subject=subject,
        message=f"expected a counter that only rises, found {len(resets)} reset(s), the first "
        f"between {instant_text(first.before_ms)} and {instant_text(first.after_ms)}; the energy "
        "between the two readings is not known",
        evidence={
            "reset_count": len(resets),
            "first_before_utc": instant_text(first.before_ms),
            "first_after_utc": instant_text(first.after_ms),
            "first_before_millijoule": first.before_millijoule,
            "first_after_millijoule": first.after_millijoule,
        },
    )


def _changes(
    readings: CounterReadings,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64] | None]:
    """Return time, counter and epoch of the readings at which one changed, oldest first."""
    time_ms, counter, epoch = readings.time_ms, readings.energy_total_millijoule, readings.epoch
    if readings.is_known is not None:
        time_ms, counter, epoch = _at_places(time_ms, counter, epoch, readings.is_known)
    if not is_increasing(time_ms):
        order = np.lexsort((counter, time_ms) if epoch is None else (counter, epoch, time_ms))
        order = order[np.append(np.diff(time_ms[order]) > 0, True)]
        time_ms, counter, epoch = _at_places(time_ms, counter, epoch, order)
    is_change = np.ones(len(time_ms), np.bool_)
    np.not_equal(counter[1:], counter[:-1], out=is_change[1:])
    if epoch is not None:
        is_change[1:] |= epoch[1:] != epoch[:-1]
    if is_change.all():
        return time_ms, counter, epoch
    return _at_places(time_ms, counter, epoch, is_change)


def _at_places(
    time_ms: NDArray[np.int64],
    counter: NDArray[np.int64],
    epoch: NDArray[np.int64] | None,
    places: NDArray[np.bool_] | NDArray[np.intp],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64] | None]:
    return time_ms[places], counter[places], None if epoch is None else epoch[places]


def _at(
    moment_ms: NDArray[np.int64], pieces: Pieces, counter: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the counter's known rise since the first reading, to the nearest whole one [mJ]."""
    piece, offset_ms = pieces.locate(moment_ms)
    rise_millijoule = np.where(pieces.is_known[piece], counter[piece + 1] - counter[piece], 0)
    part = rise_millijoule * (offset_ms / pieces.length_ms[piece])
    return risen(counter, pieces.is_known, piece) + np.rint(part).astype(np.int64)


def _resets(
    time_ms: NDArray[np.int64], counter: NDArray[np.int64], is_reset: NDArray[np.bool_]
) -> tuple[CounterReset, ...]:
    return tuple(
        CounterReset(
            before_ms=int(time_ms[before]),
            after_ms=int(time_ms[before + 1]),
            before_millijoule=int(counter[before]),
            after_millijoule=int(counter[before + 1]),
        )
        for before in np.flatnonzero(is_reset)
    )
