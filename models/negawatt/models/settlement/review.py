"""What needs a person before money moves, ranked by what is at stake.

Here: the items that a published statement gives rise to, and their order. Not here: finding events
that were never settled and inputs that changed, which takes the warehouse (negawatt.pipelines).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import groupby

from negawatt.models.settlement.lifecycle import Stage
from negawatt.models.settlement.paid import PaymentOutcome
from negawatt.models.settlement.rounding import total
from negawatt.models.settlement.statement import Statement


class ReviewKind(StrEnum):
    """Why somebody has to look."""

    BLOCKED = "blocked"
    REFUSED = "refused"
    NOT_SETTLED = "not settled"
    CHANGED_AFTER_FINAL = "changed after final"
    OUT_OF_DATE = "out of date"
    CANCELLED = "cancelled"
    DEADLINE = "deadline"
    NOT_PAYABLE = "payment not computable"
    RULE_NOT_READ = "rule not read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stake:
    """What is at stake: money where it is known, and energy where that is.

    Attributes:
        amount: Absolute amount, in its currency; None where there is none.
        currency: ISO 4217 code, None without an amount.
        energy_kwh: Absolute energy [kWh], None where it is not known.
    """

    amount: Decimal | None = None
    currency: str | None = None
    energy_kwh: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewItem:
    """One thing that needs a person.

    Attributes:
        kind: Why.
        subject: The event, or the rule.
        site_id: The site, empty where it is about several.
        program_id: The program.
        stake: What is at stake.
        message: What was found.
        remedy: What the person can do.
    """

    kind: ReviewKind
    subject: str
    site_id: str
    program_id: str
    stake: Stake
    message: str
    remedy: str


def ranked(items: Iterable[ReviewItem]) -> tuple[ReviewItem, ...]:
    """Return items with most at stake first.

    Those with money come first, by currency, as amounts of two currencies cannot be compared;
    then those with energy; last what nobody knows the weight of.
    """
    return tuple(sorted(items, key=_rank))


def stake_of(statement: Statement) -> Stake:
    """Return what a statement's figures weigh."""
    payment = statement.body.payment
    energy_kwh = abs(statement.body.totals.reduction_kwh)
    if payment is None or payment.total is None:
        return Stake(energy_kwh=energy_kwh)
    return Stake(amount=abs(payment.total), currency=payment.currency, energy_kwh=energy_kwh)


def items_of(
    statement: Statement,
    *,
    changes: Sequence[str],
    is_cancelled: bool,
    today: date,
    deadline: date | None,
    within_days: int,
) -> list[ReviewItem]:
    """Return why somebody has to look at the newest version of a statement.

    Args:
        statement: The newest version.
        changes: What it was computed from and changed since, in words.
        is_cancelled: The newest revision of its event cancels it.
        today: The program's local day.
        deadline: Last local day on which the program takes the settlement, None where none is
            known.
        within_days: How many days before the deadline it is near.
    """
    if statement.stage is Stage.VOID:
        return []
    event_id = statement.body.event.event_id
    items = []
    if is_cancelled:
        items.append(
            _item(
                statement,
                ReviewKind.CANCELLED,
                f"the event was cancelled; version {statement.statement_version} still counts",
                f"void it: negawatt settle {event_id}{_reopen(statement)}",
            )
        )
    elif changes and statement.stage is Stage.FINAL:
        items.append(
            _item(
                statement,
                ReviewKind.CHANGED_AFTER_FINAL,
                f"changed since it is final: {'; '.join(changes)}",
                f"leave it, or reopen it: negawatt settle {event_id}{_reopen(statement)}",
            )
        )
    elif changes:
        items.append(
            _item(
                statement,
                ReviewKind.OUT_OF_DATE,
                f"changed since it was issued: {'; '.join(changes)}",
                "state it again: negawatt restate",
            )
        )
    items += _before_deadline(statement, today, deadline, within_days)
    payment = statement.body.payment
    if payment is not None and payment.outcome is PaymentOutcome.NOT_COMPUTABLE:
        items.append(
            _item(
                statement,
                ReviewKind.NOT_PAYABLE,
                payment.reason or "no reason is recorded",
                f"supply what is missing, then: negawatt settle {event_id} --metered",
            )
        )
    return items


def rules_not_read(statements: Iterable[Statement]) -> list[ReviewItem]:
    """Return each rule that money rests on though facts of it were not read in its document."""
    paid = sorted(
        (
            (rule_id, facts, statement)
            for statement in statements
            for rule_id, facts in _open_facts(statement)
            if statement.stage is not Stage.VOID and stake_of(statement).amount is not None
        ),
        key=lambda entry: (entry[0], stake_of(entry[2]).currency or ""),
    )
    items = []
    for (rule_id, currency), group in groupby(
        paid, key=lambda entry: (entry[0], stake_of(entry[2]).currency)
    ):
        entries = list(group)
        stakes = [stake_of(statement) for _, _, statement in entries]
        facts = entries[0][1]
        items.append(
            ReviewItem(
                kind=ReviewKind.RULE_NOT_READ,
                subject=rule_id,
                site_id="",
                program_id=entries[0][2].body.event.program_id,
                stake=Stake(
                    amount=total(stake.amount for stake in stakes if stake.amount is not None),
                    currency=currency,
                    energy_kwh=total(s.energy_kwh for s in stakes if s.energy_kwh is not None),
                ),
                message=f"{len(facts)} facts were not read in the primary document; "
                f"{len(entries)} statements rest on it",
                remedy=f"read them: negawatt programs show {rule_id.partition('@')[0]}",
            )
        )
    return items


def _open_facts(statement: Statement) -> list[tuple[str, tuple[str, ...]]]:
    body = statement.body
    rules = [(body.rule_id, body.low_confidence_facts)]
    if body.payment is not None:
        rules.append((body.payment.rule_id, body.payment.low_confidence_facts))
    return [(rule_id, facts) for rule_id, facts in rules if facts]


def _before_deadline(
    statement: Statement, today: date, deadline: date | None, within_days: int
) -> list[ReviewItem]:
    if deadline is None or statement.stage is Stage.FINAL:
        return []
    left = (deadline - today).days
    if left > within_days:
        return []
    when = f"{left} days left" if left >= 0 else f"passed {-left} days ago"
    return [
        _item(
            statement,
            ReviewKind.DEADLINE,
            f"not final; the program takes it until {deadline}: {when}",
            f"look at it, then: negawatt settle {statement.body.event.event_id} --final --by NAME",
        )
    ]


def _item(statement: Statement, kind: ReviewKind, message: str, remedy: str) -> ReviewItem:
    event = statement.body.event
    return ReviewItem(
        kind=kind,
        subject=event.event_id,
        site_id=event.site_id,
        program_id=event.program_id,
        stake=stake_of(statement),
        message=message,
        remedy=remedy,
    )


def _reopen(statement: Statement) -> str:
    return " --reopen REASON --by NAME" if statement.stage is Stage.FINAL else ""


def _rank(item: ReviewItem) -> tuple[bool, str, Decimal, bool, Decimal, str, str]:
    stake = item.stake
    return (
        stake.amount is None,
        stake.currency or "",
        -(stake.amount or Decimal(0)),
        stake.energy_kwh is None,
        -(stake.energy_kwh or Decimal(0)),
        item.subject,
        item.kind.value,
    )
