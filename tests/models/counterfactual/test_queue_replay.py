"""A replayed queue, by hand on one node or two: who is next, who may pass, what a failure does."""

from dataclasses import replace

import pytest

from negawatt.models.counterfactual.queue_replay import (
    Backfill,
    Holder,
    NodeChange,
    Order,
    Policy,
)
from tests.models.counterfactual.queues import (
    ANYBODY,
    holder,
    played,
    request,
    starts,
)


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
    """Job 1 is estimated to end at 300, though it ends at 100: job 3 of 200 s passes.

    One that would end before the head starts, but is estimated not to, waits.
    """
    queue = [request(1, 2, 100, estimate_s=300), request(2, 4, 50), request(3, 2, 200)]

    stays = played(queue)

    assert starts(stays) == {1: 0, 3: 0, 2: 200}

    modest = request(2, 2, 50, estimate_s=110)
    assert starts(played([request(1, 4, 50), modest], [holder(100, 2)])) == {1: 100, 2: 150}


def test_with_easy_a_smaller_job_may_pass_where_a_larger_one_would_delay_the_head() -> None:
    """The head leaves one GPU of four: not enough for job 2, enough for job 3."""
    queue = [request(1, 3, 50), request(2, 2, 500), request(3, 1, 500)]

    stays = played(queue, [holder(100, 2)])

    assert starts(stays) == {3: 0, 1: 100, 2: 150}


def test_who_passes_takes_gpus_that_are_free_now() -> None:
    """The head of three waits for node 1 at 50 and leaves one of it: that one is not free yet."""
    holders = [holder(100, 2), Holder(end_s=50, estimated_end_s=50, allocation=((1, 4),))]

    stays = played([request(1, 3, 50), request(2, 1, 500)], holders, nodes_up=(True, True))

    assert [(s.key, s.start_s, s.allocation) for s in stays] == [
        (2, 0, ((0, 1),)),
        (1, 50, ((1, 3),)),
    ]


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
