"""The policy of a scheduler, read off what it did: each is found on the history it produced."""

import math

import numpy as np
import pytest

from negawatt.models.counterfactual.policy import (
    DEFAULT_POLICY,
    POLICIES,
    busy_error_gpus,
    infer_policy,
)
from negawatt.models.counterfactual.queue_replay import (
    FOREVER,
    Backfill,
    Holder,
    Order,
    Policy,
    Request,
    replay,
)
from negawatt.models.counterfactual.schedule import QueueCase, Stay

SPAN_S = (0.0, 3 * 3600.0)
NODES = 6
SIZE = 4


def crowded(policy: Policy, seed: int) -> QueueCase:
    """Return a crowded partition whose starts are what a policy makes of a random queue."""
    random = np.random.default_rng(seed)
    requests = tuple(
        Request(
            key=key,
            submit_s=float(random.uniform(-8 * 3600, SPAN_S[1])),
            gpu_count=int(random.choice([1, 2, 4, 8, 16, 24], p=[0.3, 0.2, 0.2, 0.15, 0.1, 0.05])),
            duration_s=(long_s := float(random.uniform(600, 7200))),
            estimate_s=long_s * float(random.uniform(1, 3)),
            priority=float(random.integers(0, 3)),
        )
        for key in range(60)
    )
    holders = tuple(
        Holder(end_s=end_s, estimated_end_s=2 * end_s, allocation=((node, SIZE),))
        for node, end_s in enumerate(random.uniform(0, 3600, NODES).tolist())
    )
    played = replay(
        requests,
        holders,
        node_size=SIZE,
        nodes_up=(True,) * NODES,
        changes=(),
        policy=policy,
        span_s=SPAN_S,
    )
    start_s = {stay.key: stay.start_s for stay in played}
    return QueueCase(
        running=(),
        waiting=tuple(
            Stay(
                job=request.key,
                run=None,
                start_s=start_s.get(request.key, FOREVER),
                end_s=start_s.get(request.key, FOREVER) + request.duration_s,
                gpu_count=request.gpu_count,
            )
            for request in requests
        ),
        requests=requests,
        holders=holders,
        node_size=SIZE,
        nodes_up=(True,) * NODES,
        changes=(),
        span_s=SPAN_S,
    )


@pytest.mark.slow
@pytest.mark.parametrize("policy", [DEFAULT_POLICY, *POLICIES])
def test_each_policy_is_found_on_the_histories_it_produced(policy: Policy) -> None:
    fit = infer_policy([crowded(policy, seed) for seed in range(24)])

    assert fit.policy == policy
    assert fit.busy_error_gpus == pytest.approx(0.0, abs=1e-9)
    assert fit.case_count == 24


def test_another_policy_is_told_from_the_default() -> None:
    in_order = Policy(order=Order.PRIORITY, backfill=Backfill.NOBODY)

    fit = infer_policy([crowded(in_order, seed) for seed in range(4)], [in_order])

    assert fit.policy == in_order


def test_the_error_is_what_the_replay_keeps_busy_too_many() -> None:
    """Four GPUs for the first hour of three were not used: the replay starts the job at once.

    It is seen to start at 3600 s and runs to the end: 4 x 3600 / 10800 GPUs.
    """
    request = Request(
        key=0, submit_s=0, gpu_count=4, duration_s=20_000, estimate_s=20_000, priority=0
    )
    case = QueueCase(
        running=(),
        waiting=(Stay(job=0, run=None, start_s=3600, end_s=23_600, gpu_count=4),),
        requests=(request,),
        holders=(),
        node_size=SIZE,
        nodes_up=(True,),
        changes=(),
        span_s=SPAN_S,
    )

    assert busy_error_gpus(case, DEFAULT_POLICY) == pytest.approx(4 / 3)


def test_the_default_is_kept_where_it_errs_by_little() -> None:
    """Its histories are its own: nothing else is tried, and its error is none."""
    fit = infer_policy([crowded(DEFAULT_POLICY, 1)])

    assert fit.policy == DEFAULT_POLICY
    assert fit.busy_error_gpus == pytest.approx(0.0, abs=1e-9)


def test_without_a_queue_the_default_is_taken_and_its_error_is_not_known() -> None:
    fit = infer_policy([])

    assert fit.policy == DEFAULT_POLICY
    assert math.isnan(fit.busy_error_gpus)
    assert fit.case_count == 0
