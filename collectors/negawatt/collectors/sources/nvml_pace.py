"""How often a GPU is asked, so that little time goes by inside the driver.

An energy counter can take a thousand times as long as a power: 3 ms against 25 us on an H100
(docs/h100.md). Powers are therefore read on each tick, and energies as often as the time allows;
of each GPU at both sides of every minute's edge, because that is where an interval's energy begins
and ends. Here: the strides, and whose energy is due. Not here: asking (nvml_sweep) and deadlines
(nvml_loop).
"""

import math
from typing import Final, NamedTuple

from negawatt.models.domain.units import NS_PER_S

# Share of the time that may go by inside the driver: its locks are those that the workload needs.
# With what the slow loop may take (nvml_slow_source), it is 1 %.
DRIVER_TIME_LIMIT_RATIO: Final = 0.0075
_POWERS_LIMIT_RATIO: Final = 0.005
_LARGEST_STRIDE: Final = 64
_LONGEST_WITHOUT_ENERGY_NS: Final = 10 * NS_PER_S
_MINUTE_NS: Final = 60 * NS_PER_S


class Pace(NamedTuple):
    """How often GPUs are asked.

    Attributes:
        stride: Only each so many ticks is swept; the others are left to the workload.
        energy_stride: From one energy of a GPU to the next, at most [ticks].
        at_once: Of how many GPUs the energy is read in one sweep.
    """

    stride: int
    energy_stride: int
    at_once: int


def pace(powers_ns: float, energy_ns: float, gpu_count: int, interval_ns: int) -> Pace:
    """Return the pace at which the calls take no more than their share of the time.

    Energies are read at least each ten seconds, whatever they take: they are what is settled.

    Args:
        powers_ns: Call for the powers of one GPU [ns].
        energy_ns: What its energy takes beside them [ns].
        gpu_count: GPUs that are asked.
        interval_ns: From one tick to the next [ns].

    Examples:
        8 GPUs at 10 Hz: 0.03 ms for powers are 0.24 % of the time; what is left is enough for
        energies of 3 ms each 4.7 s. At 100 Hz the powers of every eighth tick are read.

        >>> pace(30_000, 3_000_000, 8, 100_000_000)
        Pace(stride=1, energy_stride=48, at_once=16)
        >>> pace(30_000, 3_000_000, 8, 10_000_000).stride
        8
        >>> pace(500, 100, 8, 10_000_000)
        Pace(stride=1, energy_stride=1, at_once=50000)
    """
    busy_ratio = gpu_count * powers_ns / interval_ns / _POWERS_LIMIT_RATIO
    stride = min(2 ** math.ceil(math.log2(max(busy_ratio, 1))), _LARGEST_STRIDE)
    left_ratio = DRIVER_TIME_LIMIT_RATIO - gpu_count * powers_ns / (stride * interval_ns)
    left_ratio = max(left_ratio, DRIVER_TIME_LIMIT_RATIO - _POWERS_LIMIT_RATIO)
    apart_ns = min(gpu_count * energy_ns / left_ratio, _LONGEST_WITHOUT_ENERGY_NS)
    return Pace(
        stride=stride,
        energy_stride=max(math.ceil(apart_ns / interval_ns), stride),
        at_once=max(int(stride * interval_ns / 2 / max(energy_ns, 1)), 1),
    )


def next_energy(tick: int, rank: int, now: Pace, minute_tick: float, minute_ticks: float) -> int:
    """Return the tick on which a GPU's energy is due next.

    Args:
        tick: The tick on which it was read.
        rank: The GPU's place among those that are asked.
        now: The pace.
        minute_tick: Where on the grid of ticks some minute begins.
        minute_ticks: Length of a minute [ticks].

    Examples:
        Each 48 ticks; a minute begins between the ticks 100 and 101.

        >>> steady = Pace(stride=1, energy_stride=48, at_once=16)
        >>> [next_energy(tick, 0, steady, 100.4, 600) for tick in (10, 58, 100, 101, 149)]
        [58, 100, 101, 149, 197]
    """
    sweeps = 1 + rank // now.at_once
    started = minute_tick + (tick - minute_tick) // minute_ticks * minute_ticks
    edges = (math.floor(started), math.floor(started + minute_ticks))
    sides = (1 - sweeps * now.stride, sweeps * now.stride)
    beside = [edge + side for edge in edges for side in sides]
    return min(tick + now.energy_stride, *(due for due in beside if due > tick))
