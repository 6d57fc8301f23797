"""Which policy a site's scheduler follows, read off what it did in quiet times.

Here: replays of quiet stretches under each policy that schedulers have, and the one that keeps as
many GPUs busy as were seen busy. Not here: the replay (queue_replay.py).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from negawatt.models.counterfactual.queue_replay import Backfill, Order, Policy
from negawatt.models.counterfactual.schedule import QueueCase, Stay
from negawatt.models.domain.units import S_PER_H

DEFAULT_POLICY: Final = Policy(order=Order.PRIORITY, backfill=Backfill.EASY)
"""Priority, then age, with EASY backfilling: what most schedulers of GPU clusters are set to."""

POLICIES: Final = (
    Policy(order=Order.AGE, backfill=Backfill.EASY),
    Policy(order=Order.PRIORITY, backfill=Backfill.ANYBODY),
    Policy(order=Order.PRIORITY, backfill=Backfill.ANYBODY, patience_s=6.0 * S_PER_H),
    Policy(order=Order.AGE, backfill=Backfill.ANYBODY),
    Policy(order=Order.PRIORITY, backfill=Backfill.NOBODY),
    Policy(order=Order.SMALL, backfill=Backfill.EASY),
    Policy(order=Order.LARGE, backfill=Backfill.EASY),
)
_CASES_FOR_OTHERS: Final = 24

_GOOD_ENOUGH: Final = 0.02
"""The default is kept without trying others if it errs by less than this share of the GPUs."""
_CLEARLY_BETTER: Final = 0.7
"""Another policy is taken only if it leaves less than this share of the default's mean square."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFit:
    """A policy, and how well it explains quiet stretches.

    Attributes:
        policy: The policy.
        busy_error_gpus: Root mean square error of the mean number of busy GPUs of a partition,
            NaN where there was no stretch to try it on.
        case_count: Stretches that it was tried on.
    """

    policy: Policy
    busy_error_gpus: float
    case_count: int


def infer_policy(cases: Iterable[QueueCase], policies: Sequence[Policy] = POLICIES) -> PolicyFit:
    """Return the policy that explains quiet stretches best.

    All partitions are of one scheduler, so one policy is chosen for all.

    Args:
        cases: Partitions at the beginning of quiet stretches.
        policies: The candidates beside the default.
    """
    cases = [case for case in cases if case.requests]
    if not cases:
        return PolicyFit(policy=DEFAULT_POLICY, busy_error_gpus=float("nan"), case_count=0)
    squares = {DEFAULT_POLICY: _mean_square(cases, DEFAULT_POLICY)}
    gpus = max(sum(case.nodes_up) * case.node_size for case in cases)
    if np.sqrt(squares[DEFAULT_POLICY]) > _GOOD_ENOUGH * gpus:
        few = cases[:_CASES_FOR_OTHERS]
        squares = {p: _mean_square(few, p) for p in (DEFAULT_POLICY, *policies)}
    best = min(squares, key=squares.__getitem__)
    if squares[best] > _CLEARLY_BETTER * squares[DEFAULT_POLICY]:
        best = DEFAULT_POLICY
    return PolicyFit(
        policy=best, busy_error_gpus=float(np.sqrt(squares[best])), case_count=len(cases)
    )


def _mean_square(cases: Sequence[QueueCase], policy: Policy) -> float:
    return float(np.mean([busy_error_gpus(case, policy) ** 2 for case in cases]))


def busy_error_gpus(case: QueueCase, policy: Policy) -> float:
    """Return how many GPUs more the replay keeps busy than were seen busy, on the mean."""
    return _busy_gpus(case, case.play(policy)) - _busy_gpus(case, case.as_seen())


def _busy_gpus(case: QueueCase, stays: Sequence[Stay]) -> float:
    first_s, last_s = case.span_s
    held_s = sum(
        stay.gpu_count * max(0.0, min(stay.end_s, last_s) - max(stay.start_s, first_s))
        for stay in stays
    )
    return held_s / (last_s - first_s)
