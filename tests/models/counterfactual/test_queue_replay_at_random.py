"""Random queues: what never happens, and who is never delayed."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negawatt.models.counterfactual.queue_replay import (
    FOREVER,
    Backfill,
    Holder,
    NodeChange,
    Order,
    Policy,
    Request,
)
from tests.models.counterfactual.queues import (
    IN_ORDER,
    SIZE,
    played,
    request,
    starts,
)

pytestmark = pytest.mark.slow


# Random queues: at most three nodes, jobs of 1 to 9 GPUs, some nodes fail and return.


@st.composite
def requests(draw: st.DrawFn, *, exact: bool = False, most: int = 10) -> list[Request]:
    found = []
    for key in range(draw(st.integers(1, most))):
        duration_s = draw(st.integers(1, 200))
        longer = 1.0 if exact else draw(st.sampled_from([1.0, 1.5, 4.0]))
        found.append(
            request(
                key,
                draw(st.integers(1, 9)),
                duration_s,
                submit_s=draw(st.integers(0, 200)),
                estimate_s=duration_s * longer,
                priority=draw(st.integers(0, 2)),
            )
        )
    return found


policies = st.builds(
    Policy,
    order=st.sampled_from(Order),
    backfill=st.sampled_from(Backfill),
    patience_s=st.sampled_from([50.0, FOREVER]),
)
outages = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 300), st.integers(1, 200)), max_size=3
)


def changes_of(drawn: list[tuple[int, int, int]]) -> tuple[NodeChange, ...]:
    """One outage at most for each node: from an instant, for so long."""
    changes = []
    for node, at_s, for_s in {node: (node, at_s, for_s) for node, at_s, for_s in drawn}.values():
        changes.append(NodeChange(at_s=at_s, node=node, is_up=False))
        changes.append(NodeChange(at_s=at_s + for_s, node=node, is_up=True))
    return tuple(changes)


@given(
    queue=requests(),
    held=st.lists(st.tuples(st.integers(1, 200), st.integers(1, SIZE)), min_size=3, max_size=3),
    policy=policies,
    drawn=outages,
)
@settings(max_examples=50, deadline=None)
def test_no_gpu_is_ever_given_twice_and_none_of_a_node_that_is_down(
    queue: list[Request],
    held: list[tuple[int, int]],
    policy: Policy,
    drawn: list[tuple[int, int, int]],
) -> None:
    holders = [
        Holder(end_s=end_s, estimated_end_s=end_s, allocation=((node, count),))
        for node, (end_s, count) in enumerate(held)
    ]
    changes = changes_of(drawn)

    stays = played(queue, holders, policy=policy, nodes_up=(True,) * 3, changes=changes)

    taken = [(0.0, its.end_s, *its.allocation[0]) for its in holders]
    taken += [(s.start_s, s.end_s, node, n) for s in stays for node, n in s.allocation]
    for at_s in {start_s for start_s, *_ in taken}:
        for node in range(3):
            now = [n for start_s, end_s, its, n in taken if its == node and start_s <= at_s < end_s]
            assert sum(now) <= SIZE
    for off, on in zip(changes[::2], changes[1::2], strict=True):
        for stay in stays:
            if any(node == off.node for node, _ in stay.allocation):
                assert stay.end_s <= off.at_s or stay.start_s >= on.at_s


@given(queue=requests(), policy=policies, drawn=outages)
@settings(max_examples=50, deadline=None)
def test_every_stay_is_of_the_jobs_size_after_its_submission_and_one_at_a_time(
    queue: list[Request], policy: Policy, drawn: list[tuple[int, int, int]]
) -> None:
    stays = played(queue, policy=policy, nodes_up=(True,) * 3, changes=changes_of(drawn))

    for job in queue:
        its = [stay for stay in stays if stay.key == job.key]
        assert all(sum(n for _, n in stay.allocation) == job.gpu_count for stay in its)
        assert all(stay.start_s >= job.submit_s for stay in its)
        assert all(before.end_s <= after.start_s for before, after in pairwise(its))
        assert not its or its[-1].end_s == its[-1].start_s + job.duration_s


@given(
    queue=requests(),
    held=st.lists(
        st.tuples(st.integers(1, 300), st.integers(0, 100), st.integers(1, SIZE)),
        min_size=1,
        max_size=3,
    ),
)
@settings(max_examples=50, deadline=None)
def test_easy_never_delays_the_first_in_the_queue_beyond_the_estimates(
    queue: list[Request], held: list[tuple[int, int, int]]
) -> None:
    """Alone, the oldest job waits only for holders that stay as long as was estimated.

    Others may end early, as their owners' estimates are long: it may start sooner, never later.
    """
    nodes_up = (True,) * len(held)
    estimated, real = (
        [
            Holder(
                end_s=end_s + late * longer_s,
                estimated_end_s=end_s + longer_s,
                allocation=((node, count),),
            )
            for node, (end_s, longer_s, count) in enumerate(held)
        ]
        for late in (1, 0)
    )
    head, *others = queue
    head = replace(head, submit_s=0.0)
    others = [replace(job, submit_s=job.submit_s + 1) for job in others]

    alone = played([head], estimated, nodes_up=nodes_up)
    together = played([head, *others], real, nodes_up=nodes_up)

    assert starts(together).get(head.key, FOREVER) <= starts(alone).get(head.key, FOREVER)


@given(queue=requests(exact=True))
@settings(max_examples=50, deadline=None)
def test_in_order_nobody_starts_before_one_that_waited_longer(queue: list[Request]) -> None:
    stays = played(queue, policy=IN_ORDER, nodes_up=(True,) * 3, end_s=FOREVER)

    submit_s = {job.key: (job.submit_s, job.key) for job in queue}
    order = [submit_s[stay.key] for stay in stays]
    assert order == sorted(order)
    assert len(stays) == len(queue)


@given(queue=requests(), policy=policies)
@settings(max_examples=25, deadline=None)
def test_the_order_in_which_requests_are_given_does_not_matter(
    queue: list[Request], policy: Policy
) -> None:
    assert played(queue[::-1], policy=policy) == played(queue, policy=policy)
