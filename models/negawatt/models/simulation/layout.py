"""Which GPU stands where: nodes, pools and names.

Here: the hall's inventory. Not here: who runs on it (negawatt.models.simulation.scheduler).
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from negawatt.models.simulation.plan import HallPlan

_SERVING_SHARE = 4
_DEVELOPMENT_SHARE = 8


class Pool(StrEnum):
    """The scheduler's partitions."""

    BATCH = "batch"
    RESERVED = "reserved"
    ONLINE = "online"
    DEV = "dev"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU of the hall.

    Attributes:
        gpu_uuid: Its name, in the form that drivers give, the same for every seed.
        node_id: The node it is in.
        index_in_node: Its number in the node, from 0.
        pool: The partition of its node.
    """

    gpu_uuid: str
    node_id: str
    index_in_node: int
    pool: Pool


def pool_nodes(plan: HallPlan) -> Mapping[Pool, range]:
    """Return the nodes of each pool: a quarter serve, an eighth are for development.

    Examples:
        >>> plan = HallPlan(site_id="hall", seed=7, start_utc="2026-06-02T00:00:00Z", nodes=8)
        >>> pool_nodes(plan)[Pool.BATCH]
        range(0, 5)
    """
    online = max(1, plan.nodes // _SERVING_SHARE)
    development = max(1, plan.nodes // _DEVELOPMENT_SHARE)
    serving_from = plan.nodes - online - development
    batch = serving_from - plan.reserved_nodes
    return {
        Pool.BATCH: range(batch),
        Pool.RESERVED: range(batch, serving_from),
        Pool.ONLINE: range(serving_from, serving_from + online),
        Pool.DEV: range(serving_from + online, plan.nodes),
    }


def node_name(node: int) -> str:
    """Return the name of a node by its number.

    Examples:
        >>> node_name(3)
        'node-03'
    """
    return f"node-{node:02d}"


def hall_gpus(plan: HallPlan) -> tuple[Gpu, ...]:
    """Return every GPU, node by node; a GPU's place here is its column in every array."""
    pool_of_node = {node: pool for pool, nodes in pool_nodes(plan).items() for node in nodes}
    return tuple(
        Gpu(
            gpu_uuid=f"GPU-{uuid.uuid5(uuid.NAMESPACE_OID, f'{plan.site_id}/{node}/{index}')}",
            node_id=node_name(node),
            index_in_node=index,
            pool=pool_of_node[node],
        )
        for node in range(plan.nodes)
        for index in range(plan.gpus_per_node)
    )
