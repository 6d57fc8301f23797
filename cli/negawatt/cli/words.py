"""A statement in a few lines, for a person and for a program.

Not here: the report (negawatt.pipelines.exports) and any figure that the statement lacks.
"""

from negawatt.models.settlement.paid import StatementPayment
from negawatt.models.settlement.statement import Statement

_NOT_KNOWN = "not known"


def settlement_words(statement: Statement) -> str:
    """Return what was committed, what was delivered with its band, and both verdicts."""
    body = statement.body
    verdicts, band, hours = body.verdicts, body.band, body.event.interval.duration_h
    lower_kw = upper_kw = None
    if band and band.lower_kwh is not None and band.upper_kwh is not None:
        lower_kw, upper_kw = band.lower_kwh / hours, band.upper_kwh / hours
    delivered = f"{_kw(verdicts.baseline.delivered_kw_mean)} ({body.totals.reduction_kwh} kWh)"
    between = (
        f"90 % band {lower_kw:.1f} to {upper_kw:.1f} kW"
        if lower_kw is not None and upper_kw is not None
        else "no band: too few days to calibrate one"
    )
    cap = verdicts.cap
    share = (
        ""
        if cap.within_limit_ratio is None
        else f"; {cap.within_limit_ratio:.1%} of the intervals at or below"
    )
    grade = "revenue grade" if body.revenue_grade else "NOT revenue grade"
    version = (
        f"version {statement.statement_version}, {statement.statement_digest[:16]}, "
        f"{statement.stage.value}"
    )
    return "\n".join(
        [
            f"event             {body.event.event_id} at {body.event.site_id}, rule {body.rule_id}",
            f"committed         {_kw(verdicts.baseline.committed_kw)}",
            f"delivered         {delivered}, {between}",
            f"baseline verdict  {verdicts.baseline.outcome.value.upper()}",
            f"cap verdict       {cap.outcome.value.upper()}: limit {_kw(cap.limit_kw)}{share}",
            f"meter             {body.meter_id}, {grade}",
            f"payment           {_payment(body.payment)}",
            f"statement         {body.statement_id} {version}",
            *_decided(statement),
        ]
    )


def _decided(statement: Statement) -> list[str]:
    """Return what persons decided about the statement, and why this version differs."""
    lines = [
        f"override          {made.finding_code.value} of {made.subject}, by {made.decided_by}: "
        f"{made.reason}"
        for made in statement.body.overrides
    ]
    if statement.decision is not None:
        reason = f": {statement.decision.reason}" if statement.decision.reason else ""
        kind = statement.decision.kind.value
        lines.append(f"{kind:<18}by {statement.decision.decided_by}{reason}")
    return lines + [
        f"changed           {cause.subject}: {cause.message}" for cause in statement.causes
    ]


def statement_facts(statement: Statement) -> dict[str, object]:
    """Return the same facts as JSON values, by their names in the statement."""
    body = statement.body
    band = body.band
    return {
        "event_id": body.event.event_id,
        "site_id": body.event.site_id,
        "rule_id": body.rule_id,
        "committed_kw": body.verdicts.baseline.committed_kw,
        "delivered_kw_mean": body.verdicts.baseline.delivered_kw_mean,
        "reduction_kwh": str(body.totals.reduction_kwh),
        "reduction_lower_kwh": band.lower_kwh if band else None,
        "reduction_upper_kwh": band.upper_kwh if band else None,
        "baseline_verdict": body.verdicts.baseline.outcome.value,
        "cap_verdict": body.verdicts.cap.outcome.value,
        "cap_limit_kw": body.verdicts.cap.limit_kw,
        "payment_rule_id": body.payment.rule_id if body.payment else None,
        "payment_total": _total(body.payment),
        "payment_currency": body.payment.currency if body.payment else None,
        "revenue_grade": body.revenue_grade,
        "statement_id": body.statement_id,
        "statement_version": statement.statement_version,
        "statement_stage": statement.stage.value,
        "causes": [f"{cause.subject}: {cause.message}" for cause in statement.causes],
        "overrides": [
            f"{made.finding_code.value}:{made.subject}" for made in statement.body.overrides
        ],
        "statement_digest": statement.statement_digest,
    }


def _total(payment: StatementPayment | None) -> str | None:
    return None if payment is None or payment.total is None else str(payment.total)


def _payment(payment: StatementPayment | None) -> str:
    if payment is None:
        return "none stated: the site registered no payment rule for this program"
    if payment.total is None:
        return f"{payment.outcome.value.upper()} by {payment.rule_id}: {payment.reason}"
    return f"{payment.total} {payment.currency} by {payment.rule_id}"


def _kw(power_kw: float | None) -> str:
    return _NOT_KNOWN if power_kw is None else f"{power_kw:.1f} kW"
