"""How events went together: verdicts counted, and what was promised beside what was delivered.

Energies are compared over the events that promised one, and over no others. Not here: money
(portfolio.py), and what needs a person (concerns.py).
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from negawatt.models.settlement.portfolio import ENERGY_DECIMALS, EventMoney
from negawatt.models.settlement.rounding import total
from negawatt.models.verification.verdict import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Overall:
    """Events together.

    Attributes:
        event_count: Settled events.
        baseline_counts: How many have each verdict against the baseline.
        cap_counts: How many have each verdict against the limit.
        reduction_kwh: Settled reduction of all [kWh].
        promised_count: Events whose commitment and delivery are known.
        committed_kwh: What those promised [kWh].
        promised_reduction_kwh: Settled reduction of those [kWh].
        not_accepted_count: Events whose meter the program does not accept for payment.
    """

    event_count: int
    baseline_counts: Mapping[Outcome, int]
    cap_counts: Mapping[Outcome, int]
    reduction_kwh: Decimal
    promised_count: int
    committed_kwh: float
    promised_reduction_kwh: Decimal
    not_accepted_count: int


def overall(events: Iterable[EventMoney]) -> Overall:
    """Return how events went together; their order never matters."""
    every = tuple(events)
    promised = [
        one for one in every if one.committed_kwh is not None and one.delivered_kw is not None
    ]
    committed_kwh = math.fsum(one.committed_kwh or 0.0 for one in promised)
    return Overall(
        event_count=len(every),
        baseline_counts=_counts(one.baseline_outcome for one in every),
        cap_counts=_counts(one.cap_outcome for one in every),
        reduction_kwh=total(one.reduction_kwh for one in every),
        promised_count=len(promised),
        committed_kwh=round(committed_kwh, ENERGY_DECIMALS),
        promised_reduction_kwh=total(one.reduction_kwh for one in promised),
        not_accepted_count=sum(not one.revenue_grade for one in every),
    )


def _counts(outcomes: Iterable[Outcome]) -> dict[Outcome, int]:
    found = Counter(outcomes)
    return {outcome: found[outcome] for outcome in Outcome}
