"""Months and portfolios: what events and periods are paid together, by currency.

A sum over statements as they were issued; nothing is settled here. Amounts of different currencies
are never added, and no energy is paid twice (once_only.py). Not here: payments of a month
(period.py), and how a portfolio looks (negawatt.pipelines.exports).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from negawatt.models.domain.interval import Interval
from negawatt.models.settlement.lifecycle import Stage
from negawatt.models.settlement.once_only import Deduction
from negawatt.models.settlement.paid import Exposure, PaymentOutcome, Scenario, StatementPayment
from negawatt.models.settlement.period import Month, MonthText, PeriodPayment
from negawatt.models.settlement.rounding import total
from negawatt.models.settlement.statement import Statement
from negawatt.models.verification.verdict import Outcome

ENERGY_DECIMALS: Final = 6
"""Digits of an energy that is promised: a power times a duration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMoney:
    """One settled event as a portfolio counts it.

    Attributes:
        site_id: The site.
        program_id: The program.
        event_id: The event.
        month: Month of its start on the site's clock.
        statement_id: Its statement.
        statement_version: The version that is counted.
        statement_digest: Its digest.
        statement_stage: Where it stands in its life.
        interval: The event window.
        reduction_kwh: Settled reduction [kWh].
        committed_kw: What was promised [kW], None where nothing was, or it is not known.
        committed_kwh: The same over the window [kWh].
        delivered_kw: Mean reduction over the event [kW], None where not known.
        limit_kw: Power that was not to be exceeded [kW], None where none was set or known.
        baseline_outcome: Verdict against the baseline.
        cap_outcome: Verdict against the limit.
        revenue_grade: The program accepts the meter for payment.
        outcome: Whether there is an amount; None where the site registered no payment.
        reason: Why there is none.
        currency: Of the amounts; None where no payment is registered.
        amount: What the statement states, None where there is none.
        charged_amount: The part of it that is charges: zero or negative.
        deductions: What another program pays for already.
        nothing_delivered: What the event would have been paid had it delivered nothing.
    """

    site_id: str
    program_id: str
    event_id: str
    month: MonthText
    statement_id: str
    statement_version: int
    statement_digest: str
    statement_stage: Stage
    interval: Interval
    reduction_kwh: Decimal
    committed_kw: float | None
    committed_kwh: float | None
    delivered_kw: float | None
    limit_kw: float | None
    baseline_outcome: Outcome
    cap_outcome: Outcome
    revenue_grade: bool
    outcome: PaymentOutcome | None
    reason: str | None
    currency: str | None
    amount: Decimal | None
    charged_amount: Decimal
    deductions: tuple[Deduction, ...]
    nothing_delivered: Exposure | None

    @property
    def paid(self) -> Decimal | None:
        """The amount less what another program pays for already; None where there is none."""
        if self.amount is None:
            return None
        return total([self.amount, *(one.amount for one in self.deductions)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """Amounts of one currency.

    Attributes:
        currency: ISO 4217 code.
        event_amount: What events are paid, after deductions; charges count negative.
        charged_amount: The part of it that is negative lines: zero or negative.
        period_amount: What months of capacity and availability are paid.
        total: Both together.
        at_stake_amount: How much less the events would have been paid had they delivered nothing;
            None where that is not known of one that has an amount.
    """

    currency: str
    event_amount: Decimal
    charged_amount: Decimal
    period_amount: Decimal
    total: Decimal
    at_stake_amount: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramMonth:
    """One month of one site in one program.

    Attributes:
        site_id: The site.
        program_id: The program.
        month: The month.
        events: Its settled events, oldest first.
        period: What the month is paid besides, None where the rule pays events only.
        reduction_kwh: Settled reductions of its events [kWh].
        money: Amounts by currency; only what is known is in them.
        without_amount: Events, and the month itself, that have no amount though one is due.
    """

    site_id: str
    program_id: str
    month: MonthText
    events: tuple[EventMoney, ...]
    period: PeriodPayment | None
    reduction_kwh: Decimal
    money: tuple[Money, ...]
    without_amount: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """Months of sites and programs together.

    Attributes:
        months: By month, site and program.
        reduction_kwh: Settled reductions [kWh]; those of two programs in the same hours count
            twice here, though never in an amount.
        money: Amounts by currency, never added to each other.
        without_amount: What has no amount though one is due.
    """

    months: tuple[ProgramMonth, ...]
    reduction_kwh: Decimal
    money: tuple[Money, ...]
    without_amount: tuple[str, ...]


def event_money(
    statement: Statement, month: Month, deductions: Iterable[Deduction] = ()
) -> EventMoney:
    """Return what a portfolio counts of a statement.

    Args:
        statement: The newest version of a statement.
        month: Month of the event's start on the site's clock.
        deductions: What another program pays for already, of this event only.
    """
    body = statement.body
    payment, baseline = body.payment, body.verdicts.baseline
    return EventMoney(
        site_id=body.event.site_id,
        program_id=body.event.program_id,
        event_id=body.event.event_id,
        month=month,
        statement_id=body.statement_id,
        statement_version=statement.statement_version,
        statement_digest=statement.statement_digest,
        statement_stage=statement.stage,
        interval=body.event.interval,
        reduction_kwh=body.totals.reduction_kwh,
        committed_kw=baseline.committed_kw,
        committed_kwh=None
        if baseline.committed_kw is None
        else round(baseline.committed_kw * body.event.interval.duration_h, ENERGY_DECIMALS),
        delivered_kw=baseline.delivered_kw_mean,
        limit_kw=body.verdicts.cap.limit_kw,
        baseline_outcome=baseline.outcome,
        cap_outcome=body.verdicts.cap.outcome,
        revenue_grade=body.revenue_grade,
        outcome=payment.outcome if payment else None,
        reason=payment.reason if payment else None,
        currency=payment.currency if payment else None,
        amount=payment.total if payment else None,
        charged_amount=total(
            line.amount for line in (payment.lines if payment else ()) if line.amount < 0
        ),
        deductions=tuple(deductions),
        nothing_delivered=_nothing_delivered(payment),
    )


def program_month(
    site_id: str,
    program_id: str,
    month: Month,
    events: Iterable[EventMoney],
    period: PeriodPayment | None = None,
) -> ProgramMonth:
    """Add up one month of one site in one program; the order of the events never matters."""
    own = tuple(sorted(events, key=lambda one: (one.statement_id, one.statement_version)))
    missing = [
        f"{one.event_id}: {one.reason}"
        for one in own
        if one.outcome is PaymentOutcome.NOT_COMPUTABLE
    ]
    if period is not None and period.total is None:
        missing.append(f"{month.text}: {period.reason}")
    return ProgramMonth(
        site_id=site_id,
        program_id=program_id,
        month=month,
        events=own,
        period=period,
        reduction_kwh=total(one.reduction_kwh for one in own),
        money=_money(own, [] if period is None else [period]),
        without_amount=tuple(missing),
    )


def portfolio(months: Iterable[ProgramMonth]) -> Portfolio:
    """Add up months of sites and programs; their order never matters."""
    ordered = tuple(sorted(months, key=lambda one: (one.month, one.site_id, one.program_id)))
    return Portfolio(
        months=ordered,
        reduction_kwh=total(one.reduction_kwh for one in ordered),
        money=_money(
            [event for one in ordered for event in one.events],
            [one.period for one in ordered if one.period is not None],
        ),
        without_amount=tuple(
            f"{one.site_id}, {one.program_id}, {missing}"
            for one in ordered
            for missing in one.without_amount
        ),
    )


def _nothing_delivered(payment: StatementPayment | None) -> Exposure | None:
    exposures = payment.exposure if payment else ()
    found = (one for one in exposures if one.scenario is Scenario.NOTHING_DELIVERED)
    return next(found, None)


def _money(events: Sequence[EventMoney], periods: Sequence[PeriodPayment]) -> tuple[Money, ...]:
    paid = [one for one in events if one.paid is not None and one.currency is not None]
    months = [one for one in periods if one.total is not None]
    currencies = {str(one.currency) for one in paid} | {one.currency for one in months}
    return tuple(
        _money_in(
            currency,
            [one for one in paid if one.currency == currency],
            [one for one in months if one.currency == currency],
        )
        for currency in sorted(currencies)
    )


def _money_in(
    currency: str, events: Sequence[EventMoney], periods: Sequence[PeriodPayment]
) -> Money:
    event_amount = total(one.paid for one in events if one.paid is not None)
    period_amount = total(one.total for one in periods if one.total is not None)
    return Money(
        currency=currency,
        event_amount=event_amount,
        charged_amount=total(one.charged_amount for one in events),
        period_amount=period_amount,
        total=total([event_amount, period_amount]),
        at_stake_amount=_at_stake([one for one in events if one.amount is not None]),
    )


def _at_stake(events: Sequence[EventMoney]) -> Decimal | None:
    """Return what delivering was worth; None where an event does not state the other course."""
    amounts: list[Decimal] = []
    for one in events:
        if one.amount is None or one.nothing_delivered is None:
            return None
        amounts += [one.amount, -one.nothing_delivered.total]
    return total(amounts)
