"""No energy is paid twice: what an event is deducted because another program pays for it.

Here: claims of several programs on the same intervals of one meter, from their statements. Not
here: how claims are divided (payment/stacking.py), and sums (portfolio.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import combinations, pairwise
from typing import Final, NamedTuple

from negawatt.models.domain.errors import DataRefusedError
from negawatt.models.settlement.paid import PaidInterval, PaidLine
from negawatt.models.settlement.payment.rules import PaymentRule, load_payment_rule
from negawatt.models.settlement.payment.stacking import paid_once_kwh
from negawatt.models.settlement.rounding import exactly, without_noise
from negawatt.models.settlement.statement import StatementBody

ENERGY_KINDS: Final = ("energy", "two_settlement", "performance_energy")
"""Payments for energy. Capacity is paid for being there, and a charge for energy is no payment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deduction:
    """What one line of an event loses because another program pays for the same energy.

    Attributes:
        line_name: The line.
        paid_by: Programs that are paid first, in order.
        energy_kwh: Reduction that they are paid for [kWh].
        amount: Negative amount, rounded once by the rule of the line.
    """

    line_name: str
    paid_by: tuple[str, ...]
    energy_kwh: Decimal
    amount: Decimal


class _Claim(NamedTuple):
    body: StatementBody
    reduction_kwh: dict[datetime, Decimal]


def deductions(
    bodies: Iterable[StatementBody], priority: Sequence[str]
) -> dict[str, tuple[Deduction, ...]]:
    """Return what events of one meter are deducted for each other, by statement.

    Where events of several programs cover the same intervals, an interval pays as much energy as
    the largest claim, to the programs in order of priority. What a program loses of an interval
    it loses of what its energy lines pay for that interval, in proportion.

    Args:
        bodies: Statements of one meter, in any order.
        priority: Programs of the site, the one that is paid first first.

    Raises:
        DataRefusedError: Programs claim the same energy without an order of priority, or in
            intervals of different lengths; two events of one program overlap; or a payment rule is
            not the one of the statement.
    """
    claims = [
        _Claim(body, {line.interval_start_utc: line.reduction_kwh for line in body.lines})
        for body in sorted(bodies, key=lambda body: body.statement_id)
        if _energy_lines(body)
    ]
    found: dict[str, tuple[Deduction, ...]] = {}
    for claim in claims:
        others = [one for one in claims if one is not claim and _overlap(one.body, claim.body)]
        if others:
            _require_one_each([claim, *others])
            found[claim.body.statement_id] = _lost(claim, others, priority)
    return found


@exactly
def _lost(
    claim: _Claim, rivals: Sequence[_Claim], priority: Sequence[str]
) -> tuple[Deduction, ...]:
    shared = sorted(
        {start for rival in rivals for start in rival.reduction_kwh} & claim.reduction_kwh.keys()
    )
    _require_one_grid([claim, *rivals])
    lost_ratio: dict[datetime, Decimal] = {}
    lost_kwh = Decimal(0)
    for start_utc in shared:
        by_program: dict[str, list[Decimal]] = {}
        for one in (claim, *rivals):
            if start_utc in one.reduction_kwh:
                by_program[_program(one)] = [one.reduction_kwh[start_utc]]
        own_kwh = claim.reduction_kwh[start_utc]
        shares = paid_once_kwh(by_program, [one for one in priority if one in by_program])
        (kept_kwh,) = shares[_program(claim)]
        if own_kwh > 0:
            lost_ratio[start_utc] = (own_kwh - kept_kwh) / own_kwh
            lost_kwh += own_kwh - kept_kwh
    if not lost_kwh:
        return ()
    rule = _rule_of(claim.body)
    first = tuple(one for one in priority if one in {_program(rival) for rival in rivals})
    return tuple(
        Deduction(
            line_name=line.name,
            paid_by=first,
            energy_kwh=lost_kwh,
            amount=-rule.rounded(_share(line.intervals, lost_ratio), "payment"),
        )
        for line in _energy_lines(claim.body)
    )


def _share(intervals: Iterable[PaidInterval], lost_ratio: Mapping[datetime, Decimal]) -> Decimal:
    lost = (
        one.exact_amount * lost_ratio[one.interval_start_utc]
        for one in intervals
        if one.interval_start_utc in lost_ratio
    )
    return without_noise(sum(lost, Decimal(0)))


def _program(claim: _Claim) -> str:
    return claim.body.event.program_id


def _overlap(one: StatementBody, other: StatementBody) -> bool:
    return one.meter_id == other.meter_id and one.event.interval.overlaps(other.event.interval)


def _energy_lines(body: StatementBody) -> tuple[PaidLine, ...]:
    lines = body.payment.lines if body.payment else ()
    return tuple(line for line in lines if line.kind in ENERGY_KINDS)


def _rule_of(body: StatementBody) -> PaymentRule:
    assert body.payment is not None  # it has lines  # noqa: S101
    rule = load_payment_rule(body.payment.rule_id.partition("@")[0])
    if rule.digest != body.payment.rule_digest:
        raise DataRefusedError(
            thing=f"statement {body.statement_id!r}",
            expected=f"payment rule {body.payment.rule_id} as it was paid by",
            found="another content of that rule",
            remedy="settle the event again by the rule of this version",
        )
    return rule


def _require_one_each(claims: Sequence[_Claim]) -> None:
    for earlier, later in combinations(claims, 2):
        if _program(earlier) == _program(later) and _overlap(earlier.body, later.body):
            raise DataRefusedError(
                thing=f"program {_program(earlier)!r}",
                expected="one event at any time",
                found=f"{earlier.body.event.event_id!r} and {later.body.event.event_id!r} overlap",
                remedy="withdraw one of them; the same energy is not paid twice",
            )


def _require_one_grid(claims: Sequence[_Claim]) -> None:
    lengths = {
        line.interval_end_utc - line.interval_start_utc
        for claim in claims
        for line in claim.body.lines
    }
    for shorter, longer in pairwise(sorted(lengths)):
        raise DataRefusedError(
            thing=f"statements {', '.join(claim.body.statement_id for claim in claims)}",
            expected="intervals of one length where two programs claim the same energy",
            found=f"{shorter} and {longer}",
            remedy="pay one of the programs, and withdraw the other's event",
        )
