"""What in a statement a person has to look at before anyone relies on it.

Read from the statement alone, so that everybody who has it finds the same. Not here: what takes the
warehouse or a clock, such as changed inputs and deadlines (review.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.settlement.paid import PaymentOutcome
from negawatt.models.settlement.statement import Statement, StatementBody
from negawatt.models.verification.verdict import Outcome

_SAID_BEFORE: Final = frozenset(
    {FindingCode.METER_NOT_REVENUE_GRADE, FindingCode.PAYMENT_NOT_COMPUTABLE}
)
"""Warnings that a concern of their own kind says already."""


class ConcernKind(StrEnum):
    """Why somebody has to look; the gravest first."""

    OVERRIDDEN = "settled in spite of a blocking finding"
    METER = "meter not accepted for payment"
    BASELINE = "baseline verdict not computable"
    CAP = "limit verdict not computable"
    PAYMENT = "payment not computable"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """One thing to look at.

    Attributes:
        kind: Why.
        title: What it is, the same for every event that has it.
        message: What was found in this event.
    """

    kind: ConcernKind
    title: str
    message: str


def concerns_of(statement: Statement) -> tuple[Concern, ...]:
    """Return what a person has to look at in a statement, the gravest first."""
    body = statement.body
    found = [*_blocked(body), *_verdicts(body), *_payment(body), *_warnings(body)]
    order = list(ConcernKind)
    return tuple(sorted(found, key=lambda one: order.index(one.kind)))


def _blocked(body: StatementBody) -> Iterator[Concern]:
    decided = {(made.finding_code, made.subject): made for made in body.overrides}
    for found in body.findings:
        if found.severity is Severity.BLOCKING:
            made = decided.get((found.code, found.subject))
            by = f"; decided by {made.decided_by}: {made.reason}" if made else ""
            yield _of_finding(ConcernKind.OVERRIDDEN, found, by)


def _verdicts(body: StatementBody) -> Iterator[Concern]:
    if not body.revenue_grade:
        yield Concern(
            kind=ConcernKind.METER,
            title="The program does not accept the meter for payment",
            message=f"meter {body.meter_id}: money must not follow these figures",
        )
    if body.verdicts.baseline.outcome is Outcome.NOT_COMPUTABLE:
        yield Concern(
            kind=ConcernKind.BASELINE,
            title="Whether the commitment was met cannot be computed",
            message="the mean reduction over the event is not known"
            if body.verdicts.baseline.delivered_kw_mean is None
            else f"the commitment is not known: {body.verdicts.baseline.basis}",
        )
    if body.verdicts.cap.outcome is Outcome.NOT_COMPUTABLE:
        cap = body.verdicts.cap
        yield Concern(
            kind=ConcernKind.CAP,
            title="Whether the limit was kept cannot be computed",
            message=f"the limit is not known: {cap.basis}"
            if cap.limit_kw is None
            else f"the power of {cap.unknown_count} intervals is not known",
        )


def _payment(body: StatementBody) -> Iterator[Concern]:
    payment = body.payment
    if payment is not None and payment.outcome is PaymentOutcome.NOT_COMPUTABLE:
        yield Concern(
            kind=ConcernKind.PAYMENT,
            title="An amount is due and cannot be computed",
            message=payment.reason or "no reason is recorded",
        )


def _warnings(body: StatementBody) -> Iterator[Concern]:
    for found in body.findings:
        if found.severity is Severity.WARNING and found.code not in _SAID_BEFORE:
            yield _of_finding(ConcernKind.WARNING, found)


def _of_finding(kind: ConcernKind, found: Finding, more: str = "") -> Concern:
    message = f"{found.subject}: {found.message}{more}"
    return Concern(kind=kind, title=found.code.description, message=message)
