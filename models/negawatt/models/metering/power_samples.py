"""Energy per interval from samples of power, for sources that have no energy counter.

Here: one source. Not here: several nodes at once. Nodes are not read at the same instants:
integrate each, then add the energies; never add their powers first.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.units import MS_PER_S
from negawatt.models.metering.pieces import (
    Pieces,
    are_near,
    by_interval,
    instant_text,
    is_increasing,
    running_total,
)
from negawatt.models.metering.sample_rules import AcrossGap, Between, RepeatedStamp, SampleRules


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampledEnergy:
    """Energy and power of adjacent intervals; arrays have shape (m,).

    Attributes:
        energy_j: Energy of each interval [J]; NaN where not known.
        coverage_ratio: Measured share of each interval, 0 to 1.
        power_w_min: Smallest sample in the interval [W]; NaN where there is none.
        power_w_mean: Energy over duration [W]; NaN where not known.
        power_w_max: Largest sample in the interval [W]; NaN where there is none.
        findings: Sentinels, values out of range, repeated stamps and gaps: at most one of each,
            with the count in ``evidence["count"]``.
    """

    energy_j: NDArray[np.float64]
    coverage_ratio: NDArray[np.float64]
    power_w_min: NDArray[np.float64]
    power_w_mean: NDArray[np.float64]
    power_w_max: NDArray[np.float64]
    findings: tuple[Finding, ...]


def sampled_energy(
    time_ms: NDArray[np.int64],
    power_w: NDArray[np.float64],
    boundary_ms: NDArray[np.int64],
    rules: SampleRules,
    *,
    subject: str,
) -> SampledEnergy:
    r"""Integrate samples of power over adjacent intervals.

    .. math:: e = \int_{t_0}^{t_1} p(t)\,dt

    p is a straight line between samples, or the earlier sample held. Nothing is smoothed. In this
    order: NaN is no sample; sentinels and values below ``rules.lowest_w`` are left out and found;
    samples of one stamp count once if equal, and otherwise as ``rules.repeated`` says; where what
    is left is farther apart than ``rules.max_gap_s`` lies a gap, and ``rules.across_gap`` says
    what becomes of its energy. A reading that was left out is therefore bridged if its neighbors
    are near, and makes a gap if they are not. An interval that samples do not enclose is NaN.
    The order of samples does not matter.

    Args:
        time_ms: When each sample was taken, since 1970 [ms], shape (n,).
        power_w: Power [W], shape (n,); NaN where not known.
        boundary_ms: Edges of adjacent intervals [ms], increasing, shape (m + 1,).
        rules: What is done with everything that is not a plain sample.
        subject: The source, for findings.

    Returns:
        Energy, coverage, power and findings.

    Examples:
        From 100 W to 200 W in 10 s: 150 W in the mean, 1500 J.

        >>> ramp = sampled_energy(np.array([0, 10_000]), np.array([100.0, 200.0]),
        ...     np.array([0, 10_000]), SampleRules(max_gap_s=10.0), subject="node 'n1'")
        >>> ramp.energy_j, ramp.power_w_mean
        (array([1500.]), array([150.]))
    """
    time_ms, power_w, findings = plain_samples(time_ms, power_w, rules, subject=subject)
    n_intervals = len(boundary_ms) - 1
    energy_j, coverage_ratio = np.full(n_intervals, np.nan), np.zeros(n_intervals)
    if len(time_ms) >= 2:  # noqa: PLR2004 - an integral needs two samples
        length_ms = np.diff(time_ms)
        near = are_near(length_ms, rules.max_gap_s)
        _find_gaps(time_ms, near, rules, subject, findings)
        is_known = np.ones_like(near) if rules.across_gap is AcrossGap.BRIDGE else near
        pieces = Pieces(time_ms, length_ms, is_covered=near, is_known=is_known)
        energy_j = _integrals_j(power_w, boundary_ms, pieces, rules.between)
        coverage_ratio = pieces.coverage_ratio(boundary_ms)
    power_w_min, power_w_max = _extremes_w(time_ms, power_w, boundary_ms)
    return SampledEnergy(
        energy_j=energy_j,
        coverage_ratio=coverage_ratio,
        power_w_min=power_w_min,
        power_w_mean=energy_j * MS_PER_S / np.diff(boundary_ms),
        power_w_max=power_w_max,
        findings=tuple(findings),
    )


def plain_samples(
    time_ms: NDArray[np.int64], power_w: NDArray[np.float64], rules: SampleRules, *, subject: str
) -> tuple[NDArray[np.int64], NDArray[np.float64], list[Finding]]:
    """Return the samples that count, one per stamp and oldest first, as ``sampled_energy`` has it.

    Args:
        time_ms: When each sample was taken, since 1970 [ms], shape (n,).
        power_w: Power [W], shape (n,); NaN where not known.
        rules: What is done with everything that is not a plain sample.
        subject: The source, for findings.

    Returns:
        Stamps [ms] and power [W], both of shape (m,), and what was found in the others.

    Examples:
        Two values of one stamp: nothing tells which is right.

        >>> time_ms, power_w, findings = plain_samples(np.array([0, 0, 1_000]),
        ...     np.array([900.0, 100.0, 100.0]), SampleRules(max_gap_s=1.0), subject="node 'n1'")
        >>> time_ms.tolist(), power_w.tolist(), [one.code.value for one in findings]
        ([1000], [100.0], ['reading_repeated'])
    """
    findings: list[Finding] = []
    time_ms, power_w = _without_codes(time_ms, power_w, rules, subject, findings)
    time_ms, power_w = _one_per_stamp(time_ms, power_w, rules, subject, findings)
    return time_ms, power_w, findings


def _without_codes(
    time_ms: NDArray[np.int64],
    power_w: NDArray[np.float64],
    rules: SampleRules,
    subject: str,
    findings: list[Finding],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Leave out what is no power, oldest sample first."""
    if not is_increasing(time_ms):
        order = np.lexsort((power_w, time_ms))
        time_ms, power_w = time_ms[order], power_w[order]
    if (power_w > max((rules.lowest_w, *rules.sentinels_w))).all():
        return time_ms, power_w
    is_sentinel = np.isin(power_w, rules.sentinels_w)
    is_out_of_range = (power_w < rules.lowest_w) & ~is_sentinel
    for code, is_bad, expected in (
        (FindingCode.READING_SENTINEL, is_sentinel, "power"),
        (FindingCode.READING_OUT_OF_RANGE, is_out_of_range, f"{rules.lowest_w:g} W or more"),
    ):
        if is_bad.any():
            first = int(np.argmax(is_bad))
            findings.append(
                _finding(
                    code,
                    subject,
                    f"expected {expected}, found {int(is_bad.sum())} reading(s) that are none, "
                    f"the first {power_w[first]:g} W at {instant_text(time_ms[first])}; left out",
                    count=int(is_bad.sum()),
                    values_w=sorted({float(value) for value in power_w[is_bad]})[:10],
                    first_utc=instant_text(time_ms[first]),
                )
            )
    keep = ~(is_sentinel | is_out_of_range | np.isnan(power_w))
    return (time_ms, power_w) if keep.all() else (time_ms[keep], power_w[keep])


def _one_per_stamp(
    time_ms: NDArray[np.int64],
    power_w: NDArray[np.float64],
    rules: SampleRules,
    subject: str,
    findings: list[Finding],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return one sample per time stamp; the samples come sorted by time, then power."""
    if is_increasing(time_ms):
        return time_ms, power_w
    stamp_ms, first, n_of_stamp = np.unique(time_ms, return_index=True, return_counts=True)
    n_repeated = len(time_ms) - len(stamp_ms)
    is_conflict = power_w[first] != power_w[first + n_of_stamp - 1]
    example = instant_text(stamp_ms[np.argmax(n_of_stamp > 1)])
    findings.append(
        _finding(
            FindingCode.READING_REPEATED,
            subject,
            f"expected one reading per time stamp, found {n_repeated} more, the first at {example};"
            f" equal ones count once, {int(is_conflict.sum())} stamp(s) with different values: "
            f"{rules.repeated}",
            count=n_repeated,
            conflict_count=int(is_conflict.sum()),
            first_utc=example,
        )
    )
    if rules.repeated is RepeatedStamp.DISCARD:
        return stamp_ms[~is_conflict], power_w[first[~is_conflict]]
    mean_w = np.add.reduceat(power_w, first) / n_of_stamp
    return stamp_ms, np.where(is_conflict, mean_w, power_w[first])


def _find_gaps(
    time_ms: NDArray[np.int64],
    near: NDArray[np.bool_],
    rules: SampleRules,
    subject: str,
    findings: list[Finding],
) -> None:
    if near.all():
        return
    gap_s = np.diff(time_ms)[~near] / MS_PER_S
    first = instant_text(time_ms[int(np.argmin(near))])
    findings.append(
        _finding(
            FindingCode.SAMPLE_GAP,
            subject,
            f"expected a reading every {rules.max_gap_s:g} s or sooner, found {len(gap_s)} longer "
            f"gap(s), the first after {first}, the longest {gap_s.max():g} s: {rules.across_gap}",
            count=len(gap_s),
            longest_s=float(gap_s.max()),
            total_s=float(gap_s.sum()),
            first_utc=first,
        )
    )


def _integrals_j(
    power_w: NDArray[np.float64], boundary_ms: NDArray[np.int64], pieces: Pieces, between: Between
) -> NDArray[np.float64]:
    """Return the integral over each interval [J]; NaN where a piece is not known."""
    rise_w = np.diff(power_w) if between is Between.TRAPEZOID else np.zeros(len(power_w) - 1)
    piece, offset_ms = pieces.locate(boundary_ms)
    offset_s, length_s = offset_ms / MS_PER_S, pieces.length_ms[piece] / MS_PER_S
    part_j = offset_s * (power_w[piece] + rise_w[piece] * offset_s / (2 * length_s))
    piece_j = rise_w  # from here on, so that no further array is made
    piece_j /= 2
    piece_j += power_w[:-1]
    piece_j *= pieces.length_ms / MS_PER_S
    energy_j = np.diff(running_total(piece_j)[piece] + part_j)
    return np.where(pieces.knows(boundary_ms), energy_j, np.nan)


def _extremes_w(
    time_ms: NDArray[np.int64], power_w: NDArray[np.float64], boundary_ms: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the smallest and largest sample of each interval, start included [W]."""
    edge = np.searchsorted(time_ms, boundary_ms, side="left")
    smallest_w = by_interval(np.minimum, power_w, edge, np.nan)
    return smallest_w, by_interval(np.maximum, power_w, edge, np.nan)


def _finding(code: FindingCode, subject: str, message: str, **evidence: object) -> Finding:
    return Finding(
        code=code, severity=Severity.WARNING, subject=subject, message=message, evidence=evidence
    )
