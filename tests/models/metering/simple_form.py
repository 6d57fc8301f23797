"""Energies of intervals in the simplest form: reading by reading, in fractions.

What arrays compute at once is held against this. Here: the rules as the docstrings state them. Not
here: speed.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import isnan, nan

from negawatt.models.metering.energy_counter import CounterEnergy
from negawatt.models.metering.power_samples import SampledEnergy

Reading = tuple[int, int | None, int, float]
"""When [ms], the counter [mJ] or None, its epoch, and the power at that time [W]."""
Edges = tuple[int, int]
Found = tuple[Fraction | None, Fraction]


def counted(readings: Sequence[Reading], edges: Edges, max_gap_ms: int) -> Found:
    """Return energy [J], None where not known, and coverage of an interval by its counter."""
    newest = {at: (c, e) for at, c, e, _ in sorted(readings, key=_by_epoch) if c is not None}
    changes: list[tuple[int, int, int]] = []
    for at, (counter, epoch) in newest.items():
        if not changes or changes[-1][1:] != (counter, epoch):
            changes.append((at, counter, epoch))
    energy, covered_ms, is_known = Fraction(0), 0, _encloses([c[0] for c in changes], edges)
    for (at, counter, epoch), (next_at, next_counter, next_epoch) in pairwise(changes):
        shared_ms = _shared_ms(at, next_at, edges)
        if next_epoch != epoch or next_counter < counter:
            is_known &= not shared_ms
        else:
            energy += Fraction(next_counter - counter, 1000) * shared_ms / (next_at - at)
            covered_ms += shared_ms if next_at - at <= max_gap_ms else 0
    return energy if is_known else None, Fraction(covered_ms, edges[1] - edges[0])


def integrated(readings: Sequence[Reading], edges: Edges, max_gap_ms: int) -> Found:
    """Return energy [J], None where not known, and coverage of an interval by samples of power."""
    powers: dict[int, set[float]] = {}
    for at, _, _, power_w in readings:
        if power_w > 0:
            powers.setdefault(at, set()).add(power_w)
    samples = [(at, Fraction(min(values))) for at, values in powers.items() if len(values) == 1]
    energy, covered_ms, is_known = Fraction(0), 0, _encloses([at for at, _ in samples], edges)
    for (at, power), (next_at, next_power) in pairwise(samples):
        shared_ms = _shared_ms(at, next_at, edges)
        if next_at - at > max_gap_ms:
            is_known &= not shared_ms
            continue
        covered_ms += shared_ms
        middle_ms = Fraction(max(at, edges[0]) + min(next_at, edges[1]), 2) - at
        energy += (power + (next_power - power) * middle_ms / (next_at - at)) * shared_ms / 1000
    return energy if is_known else None, Fraction(covered_ms, edges[1] - edges[0])


def extremes(readings: Sequence[Reading], edges: Edges) -> tuple[float, float]:
    """Return the least and greatest power in an interval [W]; NaN where there is none.

    Of samples of one stamp that differ, none is used.
    """
    powers: dict[int, set[float]] = {}
    for at, _, _, power_w in readings:
        if power_w > 0 and edges[0] <= at < edges[1]:
            powers.setdefault(at, set()).add(power_w)
    used = [min(values) for values in powers.values() if len(values) == 1]
    return (min(used), max(used)) if used else (nan, nan)


def misses(readings: Sequence[Reading], edges: Edges, max_gap_ms: int) -> Fraction:
    """Return how far the stretches between energies are off, squared and added up [J^2]."""
    total = Fraction(0)
    counts = [n for n, (_, counter, *_) in enumerate(readings) if counter is not None]
    for first, last in pairwise(counts):
        stretch = list(pairwise(readings[first : last + 1]))
        is_used = all(
            b[0] - a[0] <= max_gap_ms and a[2] == b[2] and min(a[3], b[3]) > 0 for a, b in stretch
        )
        (at, counter, *_), (next_at, next_counter, *_) = readings[first], readings[last]
        is_inside = edges[0] <= (at + next_at) // 2 < edges[1]
        if not (is_used and is_inside) or counter is None or next_counter is None:
            continue
        if next_counter >= counter:
            integral = sum(
                Fraction(a[3] + b[3]) / 2 * Fraction(b[0] - a[0], 1000) for a, b in stretch
            )
            total += (integral - Fraction(next_counter - counter, 1000)) ** 2
    return total


def agrees(found: CounterEnergy | SampledEnergy, n: int, expected: Found, within_j: float) -> bool:
    """Say whether arrays hold, for an interval, what the simple form gives."""
    energy_j, coverage_ratio = float(found.energy_j[n]), float(found.coverage_ratio[n])
    if abs(coverage_ratio - float(expected[1])) > 1e-12:
        return False
    if expected[0] is None or isnan(energy_j):
        return expected[0] is None and isnan(energy_j)
    return abs(energy_j - float(expected[0])) <= within_j


def _by_epoch(reading: Reading) -> tuple[int, int, int]:
    at, counter, epoch, _ = reading
    return at, epoch, -1 if counter is None else counter


def _encloses(moments_ms: Sequence[int], edges: Edges) -> bool:
    return len(moments_ms) > 1 and moments_ms[0] <= edges[0] and edges[1] <= moments_ms[-1]


def _shared_ms(start_ms: int, end_ms: int, edges: Edges) -> int:
    return max(0, min(end_ms, edges[1]) - max(start_ms, edges[0]))
