"""Groups of a site's GPUs that are metered one after the other, so that a day needs little memory.

Here: which GPUs are metered together, and what is found in groups as one. Not here: metering a
group (gpu_minutes.py).
"""

from ast import literal_eval
from collections.abc import Iterable, Iterator

import polars as pl

from negawatt.models.domain.findings import Finding, FindingCode
from negawatt.models.metering.gpu_findings import steps_as_one

# Findings of all GPUs come in this order: what sources marked, clocks, then GPU by GPU.
_FIRST = (FindingCode.READING_FLAGGED, FindingCode.CLOCK_STEPPED)


def gpu_groups(counts: pl.DataFrame, rows_at_once: int) -> list[list[str]]:
    """Return groups of GPUs that have few readings each.

    GPUs of one node, whose readings lie in the same files, stay together unless they are more than
    ``rows_at_once``. A GPU that several nodes read is one series, and counts as one of the first.

    Args:
        counts: Rows of ``node_id``, ``gpu_uuid`` and ``row_count``, in any order.
        rows_at_once: Most readings in a group of several GPUs.

    Returns:
        The GPUs of each group, sorted.

    Examples:
        Nodes n1 and n2 have both read GPU b.

        >>> counts = pl.DataFrame({"node_id": ["n1", "n1", "n2", "n3", "n4"],
        ...     "gpu_uuid": ["a", "b", "b", "c", "d"], "row_count": 10})
        >>> gpu_groups(counts, 20)
        [['a'], ['b'], ['c', 'd']]
    """
    groups: list[list[str]] = []
    left = 0
    for gpus, row_count in _pieces(counts, rows_at_once):
        if row_count > left:
            groups.append([])
            left = max(rows_at_once, row_count)
        groups[-1] += gpus
        left -= row_count
    return [sorted(group) for group in groups]


def _pieces(counts: pl.DataFrame, rows_at_once: int) -> Iterator[tuple[list[str], int]]:
    """Yield the GPUs of each node, one by one where they are too many, and their readings."""
    gpus = counts.group_by("gpu_uuid").agg(pl.col("node_id").min(), pl.col("row_count").sum())
    for node in gpus.sort("node_id", "gpu_uuid").partition_by("node_id", maintain_order=True):
        names, row_counts = node["gpu_uuid"].to_list(), node["row_count"].to_list()
        if sum(row_counts) <= rows_at_once:
            yield names, sum(row_counts)
        else:
            yield from (([gpu], n) for gpu, n in zip(names, row_counts, strict=True))


def findings_as_one(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings of groups as gpu_interval_energy would have said them of all at once.

    Args:
        findings: What it said of each group, the groups in any order.
    """
    found, steps = [], dict[str, list[Finding]]()
    for one in findings:
        if one.code is FindingCode.CLOCK_STEPPED:
            steps.setdefault(one.subject, []).append(one)
        else:
            found.append(one)
    return sorted([*found, *map(steps_as_one, steps.values())], key=_place)


def _place(finding: Finding) -> tuple[int, str]:
    """Return where a finding stands: by its stage, then by the name of its GPU or node."""
    stage = _FIRST.index(finding.code) if finding.code in _FIRST else len(_FIRST)
    return stage, literal_eval(finding.subject.partition(" ")[2])
