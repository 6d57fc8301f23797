"""Feeds against what they serve, level by level, along the electrical path.

Here: which sums must agree, and by how much they do not. Not here: the path itself
(negawatt.models.domain.topology), energies of single objects, and the overhead (overhead.py).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.topology import METER, FeedGroup, Topology

Floats = NDArray[np.float64]

METERED: Final = "metered"
GPUS: Final = "gpus"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ObjectEnergy:
    """Energy of one object over adjacent intervals.

    Attributes:
        energy_kwh: Energy of each interval [kWh], shape (n,); NaN where not known.
        coverage_ratio: Measured share of each interval, 0 to 1, shape (n,).
        kind: ``metered``, ``gpus``, or both joined with ``+``: what it was added up from.
    """

    energy_kwh: Floats
    coverage_ratio: Floats
    kind: str

    @property
    def is_known(self) -> bool:
        """Whether any interval is known."""
        return not np.isnan(self.energy_kwh).all()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LevelEnergy:
    """A group of feeds beside what it serves; arrays have shape (n,).

    Attributes:
        group: The feeds and what they serve.
        level: Their types, as in ``PowerMeter > Rack``.
        kind: What the lower sum was added up from.
        above_kwh: Energy of all feeds [kWh]; NaN where one is not known.
        below_kwh: Energy of all that they serve [kWh]; NaN where one is not known.
        coverage_ratio: The least measured share of any of them.
    """

    group: FeedGroup
    level: str
    kind: str
    above_kwh: Floats
    below_kwh: Floats
    coverage_ratio: Floats

    @property
    def name(self) -> str:
        """The feeds, joined with ``+``."""
        return "+".join(self.group.above)

    @property
    def residual_ratio(self) -> float | None:
        """Share of the feeds' energy that what they serve leaves; None where nothing is known.

        Over the intervals in which both are known; negative where more was read below.
        """
        is_known = ~(np.isnan(self.above_kwh) | np.isnan(self.below_kwh))
        above_kwh = float(self.above_kwh[is_known].sum())
        if above_kwh <= 0:
            return None
        return 1 - float(self.below_kwh[is_known].sum()) / above_kwh


def levels(topology: Topology, measured: Mapping[str, ObjectEnergy]) -> list[LevelEnergy]:
    r"""Set every group of metered feeds beside what it serves.

    .. math:: r_g = 1 - \frac{\sum_t \sum_{b \in B_g} E_{b,t}}{\sum_t \sum_{a \in A_g} E_{a,t}}

    A is a group of feeds, B all that they serve and no other feeds. What was not measured itself is
    the sum of what hangs on it, where all of that is known and fed by nothing else. A group is left
    out where one of its feeds was never measured, which ``silent_findings`` says of meters, or
    nothing is known below.

    Args:
        topology: The electrical path.
        measured: What was measured, by object; all over the same intervals.

    Examples:
        A meter of 10 kWh feeds a rack that has no meter, with two nodes of 4 and 5 kWh.

        >>> from negawatt.models.domain.topology import PathObject, topology_of
        >>> path = topology_of([
        ...     PathObject(object_id="m", object_type="PowerMeter", serves_ids=("r",)),
        ...     PathObject(object_id="r", object_type="Rack", serves_ids=("n1", "n2")),
        ...     PathObject(object_id="n1", object_type="Node"),
        ...     PathObject(object_id="n2", object_type="Node")])
        >>> def one(kwh, kind):
        ...     return ObjectEnergy(
        ...         energy_kwh=np.array([kwh]), coverage_ratio=np.ones(1), kind=kind)
        >>> (level,) = levels(path, {"m": one(10.0, "metered"), "n1": one(4.0, "gpus"),
        ...     "n2": one(5.0, "gpus")})
        >>> level.level, level.kind, round(level.residual_ratio, 6)
        ('PowerMeter > Rack', 'gpus', 0.1)
    """
    known = _rolled_up(topology, measured)
    return [
        _level(topology, group, known)
        for group in topology.groups()
        if all(one in measured for one in group.above) and any(one in known for one in group.below)
    ]


def level_findings(found: list[LevelEnergy]) -> list[Finding]:
    """Return a finding for each group whose sums cannot both be right.

    More below than above is possible for no load; more above than supplies and lines lose says that
    something hangs there that nobody told of. What GPUs leave of their node's meter is its host,
    and is not judged.
    """
    limits = level_limits()
    most_more, most_less = limits["below_exceeds_max_ratio"], limits["lost_max_ratio"]
    findings = []
    for one in found:
        ratio = one.residual_ratio
        if ratio is None:
            continue
        if ratio < -most_more:
            what = f"found {-ratio:.1%} more below"
        elif one.kind == METERED and ratio > most_less:
            what = f"found that {ratio:.1%} is not read below"
        else:
            continue
        findings.append(
            Finding(
                code=FindingCode.LEVEL_RESIDUAL_HIGH,
                severity=Severity.WARNING,
                subject=f"feeds {one.name!r}",
                message=f"{one.level}: expected at most {most_more:.0%} more and {most_less:.0%} "
                f"less below than above, {what}",
                evidence={"residual_ratio": ratio, "below": list(one.group.below), **limits},
            )
        )
    return findings


def silent_findings(topology: Topology, measured: Mapping[str, ObjectEnergy]) -> list[Finding]:
    """Return a finding for each meter without a known interval beside which something was read.

    Beside it is what it feeds directly and what feeds it. With a silent meter nothing is compared.

    Examples:
        A rack was read, and the meter that feeds it was not.

        >>> from negawatt.models.domain.topology import PathObject, topology_of
        >>> path = topology_of([
        ...     PathObject(object_id="m", object_type="PowerMeter", serves_ids=("r",)),
        ...     PathObject(object_id="r", object_type="Rack")])
        >>> rack = ObjectEnergy(energy_kwh=np.ones(1), coverage_ratio=np.ones(1), kind="metered")
        >>> [one.subject for one in silent_findings(path, {"r": rack})]
        ["meter 'm'"]
    """
    known = {name for name, one in _rolled_up(topology, measured).items() if one.is_known}
    findings = []
    for name, one in sorted(topology.objects.items()):
        own = measured.get(name)
        is_meter = one.object_type == METER if own is None else own.kind == METERED
        is_silent = is_meter and (own is None or not own.is_known)
        beside = sorted(known.intersection(one.serves_ids + topology.fed_by[name]))
        if is_silent and beside:
            findings.append(
                Finding(
                    code=FindingCode.SAMPLE_GAP,
                    severity=Severity.WARNING,
                    subject=f"meter {name!r}",
                    message=f"expected energy as of {beside[0]!r} beside it on the electrical path,"
                    " found none of the whole day; nothing is compared with it",
                    evidence={"known_beside": beside},
                )
            )
    return findings


@cache
def level_limits() -> Mapping[str, float]:
    """Return the limits of levels.toml."""
    text = (files("negawatt.models.reconciliation") / "levels.toml").read_text("utf-8")
    return {name: rule["value"] for name, rule in tomllib.loads(text).items()}


def _rolled_up(topology: Topology, measured: Mapping[str, ObjectEnergy]) -> dict[str, ObjectEnergy]:
    """Return the energy of every object, from its own meter or from what hangs on it alone."""
    known = dict(measured)
    served = {object_id: one.serves_ids for object_id, one in topology.objects.items()}
    for object_id in TopologicalSorter(served).static_order():
        below = served[object_id]
        if (
            object_id not in known
            and below
            and all(one in known and len(topology.fed_by[one]) == 1 for one in below)
        ):
            known[object_id] = _sum([known[one] for one in sorted(below)])
    return known


def _sum(parts: list[ObjectEnergy]) -> ObjectEnergy:
    """Add up in the order given, so that the sum is the same everywhere."""
    energy_kwh = np.zeros_like(parts[0].energy_kwh)
    for part in parts:
        energy_kwh = energy_kwh + part.energy_kwh
    kinds = {kind for part in parts for kind in part.kind.split("+")}
    return ObjectEnergy(
        energy_kwh=energy_kwh,
        coverage_ratio=np.min([part.coverage_ratio for part in parts], axis=0),
        kind="+".join(sorted(kinds)),
    )


def _level(topology: Topology, group: FeedGroup, known: Mapping[str, ObjectEnergy]) -> LevelEnergy:
    above = _sum([known[one] for one in group.above])
    below = _sum([known[one] for one in group.below if one in known])
    is_whole = all(one in known for one in group.below)
    return LevelEnergy(
        group=group,
        level=" > ".join(_types(topology, ids) for ids in (group.above, group.below)),
        kind=below.kind,
        above_kwh=above.energy_kwh,
        below_kwh=below.energy_kwh if is_whole else np.full_like(below.energy_kwh, np.nan),
        coverage_ratio=np.minimum(above.coverage_ratio, below.coverage_ratio)
        if is_whole
        else np.zeros_like(above.coverage_ratio),
    )


def _types(topology: Topology, ids: tuple[str, ...]) -> str:
    return "+".join(sorted({topology.objects[one].object_type for one in ids}))
