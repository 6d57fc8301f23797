"""Which policy a site's scheduler follows, read off the starts that it made in quiet times.

Here: replays of quiet stretches under each policy that schedulers have, and the one whose starts
agree best with those that were seen. Not here: the replay (queue_replay.py).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from negawatt.models.counterfactual.queue_replay import Backfill, Order, Policy
from negawatt.models.counterfactual.schedule import QueueCase, Stay
from negawatt.models.domain.units import S_PER_H

_PATIENCE_H: Final = (1, 3, 6, 12, 24)

POLICIES: Final = tuple(
    Policy(order=order, backfill=backfill, patience_s=patience_s)
    for order in Order
    for backfill, patience_s in (
        (Backfill.NOBODY, float("inf")),
        (Backfill.EASY, float("inf")),
        (Backfill.ANYBODY, float("inf")),
        *((Backfill.ANYBODY, float(hours * S_PER_H)) for hours in _PATIENCE_H),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFit:
    """A policy, and how far its starts were from those that were seen.

    Attributes:
        policy: The policy.
        mismatch_ratio: GPU time that ran in only one of the two, over the GPU time of the jobs
            whose starts were replayed; 0 is a perfect replay.
    """

    policy: Policy
    mismatch_ratio: float


def infer_policy(
    cases: Iterable[QueueCase], policies: Sequence[Policy] = POLICIES
) -> PolicyFit | None:
    """Return the policy that explains quiet stretches best, None where nothing ever started.

    Args:
        cases: The partition at the beginning of quiet stretches.
        policies: The candidates, in order of preference.
    """
    cases = [case for case in cases if case.requests]
    seen_s = sum(sum(_seen_s(case, stay) for stay in case.waiting) for case in cases)
    if seen_s == 0:
        return None
    fits = [
        PolicyFit(
            policy=policy,
            mismatch_ratio=sum(_mismatch_s(case, policy) for case in cases) / seen_s,
        )
        for policy in policies
    ]
    return min(fits, key=lambda fit: fit.mismatch_ratio)


def _seen_s(case: QueueCase, stay: Stay) -> float:
    return stay.gpu_count * _overlap_s(stay.start_s, stay.end_s, *case.span_s)


def _overlap_s(start_s: float, end_s: float, first_s: float, last_s: float) -> float:
    return max(0.0, min(end_s, last_s) - max(start_s, first_s))


def _mismatch_s(case: QueueCase, policy: Policy) -> float:
    """Return GPU seconds that ran in the replay or in the hall, but not in both."""
    first_s, last_s = case.span_s
    played = {(stay.job, stay.run): stay for stay in case.play(policy)}
    total_s = 0.0
    for seen in case.waiting:
        stay = played.get((seen.job, seen.run))
        seen_s = _overlap_s(seen.start_s, seen.end_s, first_s, last_s)
        if stay is None:
            total_s += seen.gpu_count * seen_s
            continue
        both_s = _overlap_s(
            max(stay.start_s, seen.start_s), min(stay.end_s, seen.end_s), first_s, last_s
        )
        played_s = _overlap_s(stay.start_s, stay.end_s, first_s, last_s)
        total_s += seen.gpu_count * (seen_s + played_s - 2 * both_s)
    return total_s
