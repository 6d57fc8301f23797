"""Small queues for a replay: nodes of four GPUs.

Here: short ways to write requests and holders, and to play them. Not here: what is claimed of it.
"""

from negawatt.models.counterfactual.queue_replay import (
    Backfill,
    Holder,
    NodeChange,
    Order,
    Policy,
    Replayed,
    Request,
    replay,
)

SIZE = 4
EASY = Policy(order=Order.AGE, backfill=Backfill.EASY)
IN_ORDER = Policy(order=Order.AGE, backfill=Backfill.NOBODY)
ANYBODY = Policy(order=Order.AGE, backfill=Backfill.ANYBODY)


def request(key: int, gpu_count: int, duration_s: float, **facts: float) -> Request:
    given_facts = {"submit_s": 0.0, "estimate_s": duration_s, "priority": 0.0} | facts
    return Request(key=key, gpu_count=gpu_count, duration_s=duration_s, **given_facts)


def played(
    queue: list[Request],
    holders: list[Holder] | None = None,
    *,
    policy: Policy = EASY,
    nodes_up: tuple[bool, ...] = (True,),
    changes: tuple[NodeChange, ...] = (),
    end_s: float = 1000.0,
) -> list[Replayed]:
    return replay(
        queue,
        holders or [],
        node_size=SIZE,
        nodes_up=nodes_up,
        changes=changes,
        policy=policy,
        span_s=(0.0, end_s),
    )


def starts(stays: list[Replayed]) -> dict[int, float]:
    return {stay.key: stay.start_s for stay in stays}


def holder(end_s: float, count: int, *, estimated_end_s: float | None = None) -> Holder:
    its_s = end_s if estimated_end_s is None else estimated_end_s
    return Holder(end_s=end_s, estimated_end_s=its_s, allocation=((0, count),))
