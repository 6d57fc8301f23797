"""When nodes are down: drawn once for each node, the same in both worlds.

Here: the outages. Not here: what becomes of the jobs that ran there
(negawatt.models.simulation.course).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from negawatt.models.domain.units import S_PER_H
from negawatt.models.simulation.grid import S_PER_DAY
from negawatt.models.simulation.plan import HallPlan
from negawatt.models.simulation.randomness import Stream, generator

_NODE_DAYS = 1000


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Outage:
    """A node is down.

    Attributes:
        down_s: Its failure, seconds from the start of the simulation [s].
        up_s: It takes jobs again [s].
        node: Its number in the hall.
    """

    down_s: int
    up_s: int
    node: int


def draw_outages(plan: HallPlan) -> tuple[Outage, ...]:
    """Return all outages by their start; a node that is down does not fail again."""
    random = generator(plan.seed, Stream.OUTAGES)
    up_s_of_node: dict[int, int] = {}
    apart = []
    for outage in sorted([*_ordinary(plan, random), *_churn(plan, random)]):
        if outage.down_s > up_s_of_node.get(outage.node, -1):
            up_s_of_node[outage.node] = outage.up_s
            apart.append(outage)
    return tuple(apart)


def _ordinary(plan: HallPlan, random: np.random.Generator) -> Iterator[Outage]:
    mean = plan.failures.per_1000_node_days * plan.days / _NODE_DAYS
    for node, count in enumerate(random.poisson(mean, plan.nodes)):
        for down_s in random.integers(0, plan.days * S_PER_DAY, count):
            yield _outage(plan, random, node, int(down_s))


def _churn(plan: HallPlan, random: np.random.Generator) -> Iterator[Outage]:
    churn = plan.incidents.churn
    if churn is None:
        return
    first_s, last_s = map(plan.second_of, (churn.interval.start_utc, churn.interval.end_utc))
    count = max(1, round(churn.node_ratio * plan.nodes))
    for node in random.choice(plan.nodes, size=count, replace=False):
        yield _outage(plan, random, int(node), int(random.integers(first_s, last_s)))


def _outage(plan: HallPlan, random: np.random.Generator, node: int, down_s: int) -> Outage:
    factor = np.exp(plan.failures.repair_log_sd * random.standard_normal())
    repair_s = int(plan.failures.repair_median_h * S_PER_H * factor)
    return Outage(down_s=down_s, up_s=down_s + max(repair_s, 1), node=node)
