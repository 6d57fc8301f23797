"""Groups of a site's GPUs that are metered one after the other, so that a day needs little memory.

Here: which GPUs must stay together, and the order of what is found in them. Not here: metering a
group (gpu_minutes.py).
"""

from ast import literal_eval
from collections.abc import Iterable

import polars as pl

from negawatt.models.domain.findings import Finding, FindingCode

# Findings of all GPUs come in this order: what sources marked, clocks, then GPU by GPU.
_FIRST = (FindingCode.READING_FLAGGED, FindingCode.CLOCK_STEPPED)


def gpu_groups(counts: pl.DataFrame, rows_at_once: int) -> list[list[str]]:
    """Return groups of GPUs that have few readings each, and share no node with another group.

    A GPU that several nodes read is one series, and a finding about a node's clock is of all its
    GPUs: what is joined by either stays together, also where it is more than ``rows_at_once``.

    Args:
        counts: Rows of ``node_id``, ``gpu_uuid`` and ``row_count``, in any order.
        rows_at_once: Most readings in a group.

    Returns:
        The GPUs of each group, sorted.

    Examples:
        Nodes n1 and n2 have both read GPU b.

        >>> counts = pl.DataFrame({"node_id": ["n1", "n1", "n2", "n3", "n4"],
        ...     "gpu_uuid": ["a", "b", "b", "c", "d"], "row_count": 10})
        >>> gpu_groups(counts, 20)
        [['a', 'b'], ['c', 'd']]
    """
    groups: list[list[str]] = []
    left = 0
    for gpus, row_count in _inseparable(counts.sort("gpu_uuid", "node_id")):
        if row_count > left:
            groups.append([])
            left = max(rows_at_once, row_count)
        groups[-1] += gpus
        left -= row_count
    return [sorted(group) for group in groups]


def _inseparable(counts: pl.DataFrame) -> Iterable[tuple[list[str], int]]:
    """Return the GPUs that share nodes, and how many readings they have."""
    parent: dict[tuple[str, str], tuple[str, str]] = {}

    def root(thing: tuple[str, str]) -> tuple[str, str]:
        while parent.setdefault(thing, thing) != thing:
            parent[thing] = thing = parent[parent[thing]]
        return thing

    rows = counts.select("node_id", "gpu_uuid", "row_count").rows()
    for node_id, gpu_uuid, _ in rows:
        parent[root(("GPU", gpu_uuid))] = root(("node", node_id))
    together: dict[tuple[str, str], tuple[dict[str, None], int]] = {}
    for node_id, gpu_uuid, row_count in rows:
        gpus, so_far = together.get(root(("node", node_id)), ({}, 0))
        together[root(("node", node_id))] = gpus | {gpu_uuid: None}, so_far + row_count
    return [(list(gpus), row_count) for gpus, row_count in together.values()]


def findings_as_one(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings of groups as gpu_interval_energy would have said them of all at once.

    Args:
        findings: What it said of each group, the groups in any order.
    """
    return sorted(findings, key=_place)


def _place(finding: Finding) -> tuple[int, str]:
    """Return where a finding stands: by its stage, then by the name of its GPU or node."""
    stage = _FIRST.index(finding.code) if finding.code in _FIRST else len(_FIRST)
    return stage, literal_eval(finding.subject.partition(" ")[2])
