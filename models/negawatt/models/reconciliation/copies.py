"""Meters that give one series under several names: one of them is counted more than once.

Here: equality, reading for reading. Not here: meters that only resemble each other (clocks.py).
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.findings import Finding, FindingCode, Severity

MIN_READINGS: Final = 30
_KEPT: Final = 10


def copied_series(
    series: Mapping[str, tuple[NDArray[np.int64], NDArray[np.float64]]],
) -> list[tuple[str, ...]]:
    """Return the names that have one and the same series, group by group.

    Two instruments do not give the same thirty stamps and values. Shorter series and those of one
    value say nothing, and are left out.

    Args:
        series: Stamps [ms] and readings of each name, both of shape (n,).

    Returns:
        Groups of two names or more, each sorted, by their first name.

    Examples:
        >>> time_ms, power_w = np.arange(200) * 2_000, np.arange(200) % 7 * 950.0
        >>> copied_series({"a": (time_ms, power_w), "b": (time_ms, power_w + 1),
        ...     "c": (time_ms, power_w.copy())})
        [('a', 'c')]
    """
    groups: dict[tuple[bytes, bytes], list[str]] = {}
    for name in sorted(series):
        time_ms, values = series[name]
        if len(values) >= MIN_READINGS and np.unique(values).size > 1:
            content = (
                np.ascontiguousarray(time_ms, np.int64).tobytes(),
                np.ascontiguousarray(values, np.float64).tobytes(),
            )
            groups.setdefault(content, []).append(name)
    return sorted(tuple(names) for names in groups.values() if len(names) > 1)


def copied_findings(groups: list[tuple[str, ...]]) -> list[Finding]:
    """Return one finding that lists the meters of one series; none where there are none."""
    if not groups:
        return []
    spare = sum(len(names) - 1 for names in groups)
    first = " and ".join(map(repr, groups[0]))
    return [
        Finding(
            code=FindingCode.READINGS_COPIED,
            severity=Severity.WARNING,
            subject=f"meters {first}"
            + (f" and {len(groups) - 1} groups more" if groups[1:] else ""),
            message=f"expected instruments of their own, found {len(groups)} groups of meters with "
            f"one series, reading for reading; a sum over all counts {spare} meters too many",
            evidence={"group_count": len(groups), "groups": [list(g) for g in groups[:_KEPT]]},
        )
    ]
