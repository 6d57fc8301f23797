"""A portfolio by hand: events of three sites in two months, each made from the one settled event.

The verdicts and payments are put in as stated here, so that every kind of row is there: met, not
met, nothing promised, not computable, paid, charged, deducted nowhere, not payable, two currencies.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from negawatt.models.domain.findings import Finding, FindingCode, Severity
from negawatt.models.domain.interval import Interval
from negawatt.models.settlement.paid import PaidLine, PaymentOutcome, StatementPayment
from negawatt.models.settlement.statement import Override, Statement
from negawatt.models.settlement.versions import issue
from negawatt.models.verification.verdict import Outcome
from negawatt.warehouse.catalog import schema
from negawatt.warehouse.layout import Layout
from negawatt.warehouse.raw_files import seal_rows
from negawatt.warehouse.sites import register_sites
from tests.pipelines.exports.conftest import PROVENANCE, SITE, START_UTC, publish

SITES = {
    "s1": SITE,
    "phoenix": SITE.model_copy(update={"time_zone": "America/Phoenix"}),
    "a-long-name-of-a-hall-in-berlin": SITE.model_copy(
        update={"time_zone": "Europe/Berlin", "revenue_grade": False}
    ),
}
WARNING = Finding(
    code=FindingCode.COVERAGE_LOW,
    severity=Severity.WARNING,
    subject="meter 'm & m'",
    message="expected 240 readings, found 231 from 2026-07-15T18:00:00+00:00",
)
BLOCKING = replace(WARNING, severity=Severity.BLOCKING)
OVERRIDE = Override(
    finding_code=FindingCode.COVERAGE_LOW,
    subject="meter 'm & m'",
    reason="read by hand on the display",
    decided_by="A. Auditor",
    decided_at_utc=PROVENANCE.issued_at_utc,
)


def payment(*amounts: str, currency: str = "USD", reason: str | None = None) -> StatementPayment:
    """Return a payment of these lines, or one that is not computable for a reason."""
    lines = tuple(
        PaidLine(name=f"line {n}", kind="energy", amount=Decimal(amount))
        for n, amount in enumerate(amounts, start=1)
    )
    return StatementPayment(
        outcome=PaymentOutcome.NOT_COMPUTABLE if reason else PaymentOutcome.COMPUTED,
        reason=reason,
        rule_id="pjm_economic@2026-11",
        rule_digest="f" * 64,
        market="PJM",
        currency=currency,
        lines=lines,
        total=None if reason else sum((line.amount for line in lines), Decimal(0)),
        net_benefits=None,
        exposure=(),
        delivered=None,
        facts=(),
        low_confidence_facts=(),
    )


def stated(
    first: Statement,
    event_id: str,
    site_id: str,
    start_utc: datetime,
    delivered_kw: float | None,
    **changes: Any,  # noqa: ANN401 - as replace takes them
) -> Statement:
    """Return a statement of another event, with this mean reduction against 30 kW."""
    body = first.body
    committed_kw = changes.pop("committed_kw", 30.0)
    outcome = Outcome.NOT_COMPUTABLE
    if committed_kw is None:
        outcome = Outcome.NOT_SET
    elif delivered_kw is not None:
        outcome = Outcome.MET if delivered_kw >= committed_kw else Outcome.NOT_MET
    baseline = replace(
        body.verdicts.baseline,
        outcome=outcome,
        committed_kw=committed_kw,
        delivered_kw_mean=delivered_kw,
        delivered_ratio=delivered_kw / committed_kw if delivered_kw and committed_kw else None,
    )
    cap = replace(body.verdicts.cap, outcome=changes.pop("cap", body.verdicts.cap.outcome))
    event = replace(
        body.event,
        event_id=event_id,
        site_id=site_id,
        interval=Interval(start_utc, start_utc + timedelta(hours=4)),
        committed_kw=committed_kw,
    )
    energy_kwh = Decimal(str(4 * (delivered_kw or 0.0))).quantize(Decimal("0.001"))
    made = replace(
        body,
        statement_id=f"{site_id}.{event_id}",
        event=event,
        verdicts=replace(body.verdicts, baseline=baseline, cap=cap),
        totals=replace(body.totals, reduction_kwh=energy_kwh),
        findings=(),
        **changes,
    )
    return issue(None, made, PROVENANCE)


def portfolio_statements(first: Statement) -> list[Statement]:
    """Return nine statements: July and August, three sites."""
    hall = "a-long-name-of-a-hall-in-berlin"
    day, month = timedelta(days=1), timedelta(days=31)
    unpaid = payment(reason="no price")
    blocked = stated(first, "e5", "phoenix", START_UTC + 3 * day, 31.0, payment=payment("5.20"))
    body = replace(blocked.body, findings=(BLOCKING, WARNING), overrides=(OVERRIDE,))
    return [
        stated(first, "e1", "s1", START_UTC, 40.0, payment=payment("12.34")),
        stated(first, "e2", "s1", START_UTC + day, 12.5, payment=payment("4.00", "-36.50")),
        stated(first, "e3", "s1", START_UTC + 2 * day, -6.0, cap=Outcome.NOT_MET),
        stated(first, "e4", "phoenix", START_UTC + 2 * day, 0.0, payment=unpaid),
        issue(None, body, PROVENANCE),
        stated(first, "e6", "phoenix", START_UTC + 4 * day, 18.0, committed_kw=None),
        stated(
            first, "e7", hall, START_UTC + 5 * day + timedelta(hours=3), 90.0,
            payment=payment("8.10", currency="EUR"), revenue_grade=False,
        ),
        stated(first, "e8", hall, START_UTC + month, 33.0, cap=Outcome.NOT_COMPUTABLE),
        stated(first, "e9-with-a-name-that-goes-on-and-on-and-on", "s1", START_UTC + month, 30.0),
    ]  # fmt: skip


def portfolio_layout(layout: Layout, first: Statement) -> Layout:
    """Return the warehouse with those statements, and two events that have none."""
    register_sites(layout, SITES)
    statements = portfolio_statements(first)
    events = [one.body.event for one in statements]
    events += [
        replace(events[0], event_id="e10", interval=Interval(START_UTC + 6 * timedelta(days=1),
            START_UTC + 6.1 * timedelta(days=1))),
        replace(events[0], event_id="e11", cancelled=True),
    ]  # fmt: skip
    for site_id in SITES:
        rows = [
            {
                "event_id": one.event_id,
                "revision": one.revision,
                "site_id": one.site_id,
                "program_id": one.program_id,
                "event_start_utc": one.interval.start_utc,
                "event_end_utc": one.interval.end_utc,
                "notified_at_utc": one.notified_at_utc,
                "committed_kw": one.committed_kw,
                "target_reduction_ratio": None,
                "limit_kw": one.limit_kw,
                "ramp_minutes": 0.0,
                "event_kind": one.kind,
                "cancelled": one.cancelled,
                "event_source": "by hand",
                "available_at_utc": one.interval.start_utc,
            }
            for one in events
            if one.site_id == site_id
        ]
        seal_rows(
            layout,
            "raw_grid__events",
            site_id,
            "hand",
            pl.DataFrame(rows, schema=schema("raw_grid__events")),
        )
    for one in statements:
        publish(layout, one)
    return layout
