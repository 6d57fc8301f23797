"""A replayed queue: by hand on one or two nodes, what never happens, who is delayed."""

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


def test_gpus_that_come_free_go_to_the_job_that_waited_longest() -> None:
    """Four GPUs are held until 100; of two jobs of four, the one submitted at 5 is next."""
    queue = [request(1, 4, 50, submit_s=10), request(2, 4, 50, submit_s=5)]

    stays = played(queue, [holder(100, 4)])

    assert starts(stays) == {2: 100, 1: 150}


@pytest.mark.parametrize(
    ("order", "first"),
    [(Order.PRIORITY, 3), (Order.AGE, 1), (Order.SMALL, 2), (Order.LARGE, 4)],
)
def test_the_order_says_who_is_next(order: Order, first: int) -> None:
    """All wait when four GPUs come free: the oldest is 1, the smallest 2, the dearest 3."""
    queue = [
        request(1, 3, 50, submit_s=1),
        request(2, 2, 50, submit_s=2),
        request(3, 3, 50, submit_s=3, priority=9),
        request(4, 4, 50, submit_s=4),
    ]

    stays = played(queue, [holder(100, 4)], policy=Policy(order=order, backfill=Backfill.NOBODY))

    assert stays[0].key == first
    assert stays[0].start_s == 100


def test_a_job_runs_for_what_it_needs_and_not_for_its_estimate() -> None:
    stays = played([request(1, 4, 30, estimate_s=300), request(2, 4, 20)])

    assert [(stay.start_s, stay.end_s) for stay in stays] == [(0, 30), (30, 50)]


def test_with_easy_a_job_passes_only_if_it_will_have_ended_or_does_not_matter() -> None:
    """Two of four GPUs are free; the head needs four at 100. A job of 90 s passes, of 110 s not."""
    head = request(1, 4, 50)

    passed = played([head, request(2, 2, 90)], [holder(100, 2)])
    refused = played([head, request(2, 2, 110)], [holder(100, 2)])

    assert starts(passed) == {2: 0, 1: 100}
    assert starts(refused) == {1: 100, 2: 150}


def test_with_easy_a_long_job_passes_beside_the_head() -> None:
    """At 100 four GPUs are free, the head needs three: a job of one may stay for long."""
    stays = played([request(1, 3, 50), request(2, 1, 500)], [holder(100, 2)])

    assert starts(stays) == {2: 0, 1: 100}


def test_with_easy_two_long_jobs_do_not_share_what_the_head_leaves() -> None:
    """The head leaves one GPU: the second long job of one would delay it, and waits."""
    queue = [request(1, 3, 50), request(2, 1, 500), request(3, 1, 500)]

    stays = played(queue, [holder(100, 2)])

    assert starts(stays) == {2: 0, 1: 100, 3: 150}


def test_with_easy_it_is_the_first_in_the_queue_that_is_not_delayed() -> None:
    """The second needs three of four GPUs and would leave one; the first needs all."""
    queue = [request(1, 4, 50), request(2, 3, 50), request(3, 1, 500)]

    stays = played(queue, [holder(100, 2)])

    assert starts(stays) == {1: 100, 2: 150, 3: 150}


def test_with_easy_owners_estimates_count_and_not_what_jobs_will_really_need() -> None:
    """Job 1 is estimated to end at 300, though it ends at 100: job 3 of 200 s passes."""
    queue = [request(1, 2, 100, estimate_s=300), request(2, 4, 50), request(3, 2, 200)]

    stays = played(queue)

    assert starts(stays) == {1: 0, 3: 0, 2: 200}


def test_with_easy_the_head_waits_for_the_earliest_ends() -> None:
    """Two GPUs come free at 100 and one at 200: the head of three needs all but nothing of 200."""
    holders = [holder(200, 1), holder(100, 2)]

    stays = played([request(1, 3, 50), request(2, 1, 500)], holders)

    assert starts(stays) == {1: 100, 2: 150}


def test_a_job_that_a_failure_sent_back_keeps_its_age() -> None:
    """It joined at 20, after job 2, but waits since before it."""
    queue = [
        replace(request(1, 4, 50, submit_s=20), aged_from_s=0.0),
        request(2, 4, 50, submit_s=10),
    ]

    stays = played(queue, [holder(100, 4)])

    assert starts(stays) == {1: 100, 2: 150}


def test_with_easy_nobody_takes_the_rest_of_a_node_that_the_head_needs_whole() -> None:
    """The head needs two empty nodes at 100, for five GPUs: until then the second stays empty."""
    holders = [holder(100, 1), Holder(end_s=50, estimated_end_s=50, allocation=((1, 4),))]
    queue = [request(1, 5, 50), request(2, 1, 500, submit_s=60)]

    stays = played(queue, holders, nodes_up=(True, True))

    assert starts(stays) == {1: 100, 2: 100}


def test_with_anybody_the_head_is_passed_by_whoever_fits() -> None:
    stays = played([request(1, 4, 50), request(2, 2, 300)], [holder(100, 2)], policy=ANYBODY)

    assert starts(stays) == {2: 0, 1: 300}


def test_patience_ends_the_passing() -> None:
    """The head has waited 60 s when job 3 comes: with a patience of 50 s it is not passed."""
    queue = [request(1, 4, 50), request(3, 2, 300, submit_s=60)]

    patient = played(queue, [holder(100, 2)], policy=replace(ANYBODY, patience_s=70.0))
    impatient = played(queue, [holder(100, 2)], policy=replace(ANYBODY, patience_s=50.0))

    assert starts(patient)[3] == 60
    assert starts(impatient) == {1: 100, 3: 150}


def test_a_small_job_goes_to_the_fullest_node_that_has_room() -> None:
    """Node 0 has two free and node 1 four: a job of two leaves the whole node to a job of four."""
    stays = played([request(1, 2, 50), request(2, 4, 50)], [holder(100, 2)], nodes_up=(True, True))

    assert [stay.allocation for stay in stays] == [((0, 2),), ((1, 4),)]


def test_a_job_larger_than_a_node_needs_whole_nodes() -> None:
    """Six GPUs need two empty nodes of four; five free GPUs on two nodes are not that."""
    stays = played([request(1, 6, 50)], [holder(100, 3)], nodes_up=(True, True))

    assert starts(stays) == {1: 100}
    assert stays[0].allocation == ((0, 4), (1, 2))


def test_the_job_of_a_node_that_fails_waits_again_and_starts_over() -> None:
    """It ran from 0 to 30 on the node, which is back at 80; it needs its 50 seconds again."""
    changes = (NodeChange(at_s=30, node=0, is_up=False), NodeChange(at_s=80, node=0, is_up=True))

    stays = played([request(1, 4, 50)], changes=changes)

    assert [(stay.start_s, stay.end_s) for stay in stays] == [(0, 30), (80, 130)]


def test_a_failed_node_takes_only_its_own_jobs() -> None:
    changes = (NodeChange(at_s=30, node=1, is_up=False),)
    queue = [request(1, 4, 50), request(2, 4, 50)]

    stays = played(queue, nodes_up=(True, True), changes=changes)

    assert [(s.key, s.start_s, s.end_s) for s in stays] == [(1, 0, 50), (2, 0, 30), (2, 50, 100)]


def test_a_job_over_two_nodes_gives_the_healthy_one_back() -> None:
    """Job 1 held both nodes; when one fails, job 2 takes the other at once."""
    changes = (NodeChange(at_s=30, node=1, is_up=False),)
    queue = [request(1, 8, 100), request(2, 4, 50, submit_s=1)]

    stays = played(queue, nodes_up=(True, True), changes=changes)

    assert starts(stays)[2] == 30


def test_a_node_that_comes_back_still_holds_what_was_held() -> None:
    """Two of its GPUs are held until 100; it is noted down from 10 to 20; two are free then."""
    changes = (NodeChange(at_s=10, node=0, is_up=False), NodeChange(at_s=20, node=0, is_up=True))
    queue = [request(1, 2, 50, submit_s=15), request(2, 4, 50, submit_s=16)]

    stays = played(queue, [holder(100, 2)], changes=changes)

    assert starts(stays) == {1: 20, 2: 100}


def test_nothing_starts_on_a_node_that_is_down_from_the_beginning() -> None:
    changes = (NodeChange(at_s=40, node=0, is_up=True),)

    stays = played([request(1, 4, 50)], nodes_up=(False,), changes=changes)

    assert starts(stays) == {1: 40}


def test_a_job_that_asks_for_more_than_there_is_stops_nobody_with_easy() -> None:
    stays = played([request(1, 40, 50), request(2, 4, 50)])

    assert starts(stays) == {2: 0}


def test_what_would_start_at_the_end_is_left_out() -> None:
    stays = played([request(1, 4, 50), request(2, 4, 50, submit_s=100)], end_s=100.0)

    assert starts(stays) == {1: 0}


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


@pytest.mark.slow
@given(queue=requests(), policy=policies, drawn=outages)
@settings(max_examples=50, deadline=None)
def test_no_gpu_is_ever_given_twice_and_none_of_a_node_that_is_down(
    queue: list[Request], policy: Policy, drawn: list[tuple[int, int, int]]
) -> None:
    changes = changes_of(drawn)

    stays = played(queue, [holder(90, 2)], policy=policy, nodes_up=(True,) * 3, changes=changes)

    taken = [(0.0, 90.0, 0, 2)]
    taken += [(s.start_s, s.end_s, node, n) for s in stays for node, n in s.allocation]
    for at_s in {start_s for start_s, *_ in taken}:
        for node in range(3):
            now = [n for start_s, end_s, its, n in taken if its == node and start_s <= at_s < end_s]
            assert sum(now) <= SIZE
    for off, on in zip(changes[::2], changes[1::2], strict=True):
        for stay in stays:
            if any(node == off.node for node, _ in stay.allocation):
                assert stay.end_s <= off.at_s or stay.start_s >= on.at_s


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
@given(queue=requests(exact=True))
@settings(max_examples=50, deadline=None)
def test_in_order_nobody_starts_before_one_that_waited_longer(queue: list[Request]) -> None:
    stays = played(queue, policy=IN_ORDER, nodes_up=(True,) * 3, end_s=FOREVER)

    submit_s = {job.key: (job.submit_s, job.key) for job in queue}
    order = [submit_s[stay.key] for stay in stays]
    assert order == sorted(order)
    assert len(stays) == len(queue)


@pytest.mark.slow
@given(queue=requests(), policy=policies)
@settings(max_examples=25, deadline=None)
def test_the_order_in_which_requests_are_given_does_not_matter(
    queue: list[Request], policy: Policy
) -> None:
    assert played(queue[::-1], policy=policy) == played(queue, policy=policy)
