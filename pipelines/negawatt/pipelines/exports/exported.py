"""The tables of an export: one statement in rows, with the catalog's names.

Every value is the statement's. Every export has every table, also one without a row, so that a
missing file is never mistaken for a missing fact. A version that voids its statement has no row but
its head and its findings: the figures count no more. Not here: files (export.py), headings
(headings.py).
"""

from datetime import date, datetime
from decimal import Context, Decimal
from typing import Any, Final

import polars as pl

from negawatt.models.domain.findings import Severity
from negawatt.models.settlement.lifecycle import Stage
from negawatt.models.settlement.statement import Statement, StatementBody
from negawatt.pipelines.exports.export_columns import EVENT_COLUMNS
from negawatt.pipelines.exports.tables import (
    SETTLED_ENERGIES,
    job_reductions,
    settled_lines,
    with_own_decimals,
)
from negawatt.pipelines.findings import finding_rows
from negawatt.pipelines.rows import payment_lines, performance_rows
from negawatt.warehouse.catalog import conform, schema

_PLACES: Final = Decimal("1E-20")
"""What enters a payment is exact; of amounts that no decimal holds, so many places are exported."""
_STANDS_WHEN_VOID: Final = frozenset({"statement", "findings", "overrides"})


def export_tables(statement: Statement) -> dict[str, pl.DataFrame]:
    """Return every table of an export by name; columns in a fixed order, the same for each event.

    Args:
        statement: The version that is exported.
    """
    body = statement.body
    owner: dict[str, str | date] = {
        "event_id": body.event.event_id,
        "site_id": body.event.site_id,
    }
    findings = finding_rows(body.findings, owner)
    tables = {
        "statement": _as_paid(body, _table("statement", [_head(statement)])).with_columns(
            pl.col(SETTLED_ENERGIES).cast(pl.Decimal(18, body.rounding.energy_decimals))
        ),
        "lines": _lines_with_band(statement),
        "payments": _as_paid(body, payment_lines(statement)),
        "paid_intervals": with_own_decimals(_table("paid_intervals", _paid_intervals(statement))),
        "measures": performance_rows(body),
        "days": _days(body),
        "methods": _table("methods", _methods(body)),
        "jobs": job_reductions(statement),
        "findings": conform("out_event__findings", findings),
        "overrides": _table("overrides", _overrides(body)),
    }
    if statement.stage is not Stage.VOID:
        return tables
    return {
        name: rows if name in _STANDS_WHEN_VOID else rows.clear() for name, rows in tables.items()
    }


def _table(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=EVENT_COLUMNS[name])


def _as_paid(body: StatementBody, rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows whose amounts have the decimals that the payment rule rounds to."""
    lines = body.payment.lines if body.payment else ()
    decimals = max((len(f"{line.amount:f}".partition(".")[2]) for line in lines), default=2)
    return rows.with_columns(pl.col("payment_amount").cast(pl.Decimal(18, decimals)))


def _head(statement: Statement) -> dict[str, object]:
    """Return what the statement says of the event as a whole; void, it has no figure."""
    body, provenance = statement.body, statement.provenance
    event = body.event
    stated: dict[str, object] = {
        "statement_id": body.statement_id,
        "statement_version": statement.statement_version,
        "statement_stage": statement.stage.value,
        "statement_digest": statement.statement_digest,
        "previous_digest": statement.previous_digest,
        "issued_at_utc": provenance.issued_at_utc,
        "code_version": provenance.code_version,
        "event_id": event.event_id,
        "site_id": event.site_id,
        "program_id": event.program_id,
        "rule_id": body.rule_id,
        "meter_id": body.meter_id,
        "revenue_grade": body.revenue_grade,
        "event_start_utc": event.interval.start_utc,
        "event_end_utc": event.interval.end_utc,
        "notified_at_utc": event.notified_at_utc,
        "override_count": len(body.overrides),
    }
    counts = {
        f"{severity.value}_count": sum(found.severity is severity for found in body.findings)
        for severity in (Severity.BLOCKING, Severity.WARNING)
    }
    figures = _figures(body) if statement.stage is not Stage.VOID else {}
    return dict.fromkeys(EVENT_COLUMNS["statement"]) | stated | counts | figures


def _figures(body: StatementBody) -> dict[str, datetime | Decimal | float | str | None]:
    baseline, cap, band, payment = (
        body.verdicts.baseline,
        body.verdicts.cap,
        body.band,
        body.payment,
    )
    return {
        "committed_kw": baseline.committed_kw,
        "delivered_kw_mean": baseline.delivered_kw_mean,
        "delivered_ratio": baseline.delivered_ratio,
        "baseline_verdict": baseline.outcome.value,
        "limit_kw": cap.limit_kw,
        "cap_verdict": cap.outcome.value,
        "adjusted_baseline_kwh": body.totals.adjusted_baseline_kwh,
        "metered_kwh": body.totals.metered_kwh,
        "reduction_kwh": body.totals.reduction_kwh,
        "reduction_lower_kwh": band.lower_kwh if band else None,
        "reduction_upper_kwh": band.upper_kwh if band else None,
        "payment_outcome": payment.outcome.value if payment else None,
        "payment_rule_id": payment.rule_id if payment else None,
        "payment_amount": payment.total if payment else None,
        "payment_currency": payment.currency if payment else None,
    }


def _lines_with_band(statement: Statement) -> pl.DataFrame:
    """Return the settled lines, each with the band of its own reduction where that is known."""
    lines, band = settled_lines(statement), statement.body.band
    edges = {
        "reduction_lower_kwh": band.interval_lower_kwh if band else (),
        "reduction_upper_kwh": band.interval_upper_kwh if band else (),
    }
    return lines.with_columns(
        pl.Series(
            name, values if len(values) == lines.height else [None] * lines.height, pl.Float64
        )
        for name, values in edges.items()
    )


def _paid_intervals(statement: Statement) -> list[dict[str, object]]:
    """Return what each interval adds to each payment that is a sum over intervals."""
    payment = statement.body.payment
    return (
        [
            {
                "statement_id": statement.body.statement_id,
                "statement_version": statement.statement_version,
                "payment_number": number,
                "payment_name": line.name,
                "interval_start_utc": interval.interval_start_utc,
                "interval_end_utc": interval.interval_end_utc,
                "counted_kw": _to_places(interval.counted_kw),
                "price_per_kwh": _to_places(interval.price_per_kwh),
                "exact_amount": _to_places(interval.exact_amount),
                "payment_currency": payment.currency,
            }
            for number, line in enumerate(payment.lines, start=1)
            for interval in line.intervals
        ]
        if payment
        else []
    )


def _to_places(value: Decimal | None) -> Decimal | None:
    return None if value is None else value.quantize(_PLACES, context=Context(prec=60))


def _days(body: StatementBody) -> pl.DataFrame:
    rows = [
        {
            "event_id": body.event.event_id,
            "site_id": body.event.site_id,
            "rule_id": body.rule_id,
            "candidate_date": day.candidate_date,
            "day_use": day.use.value,
            "day_reason": day.reason,
            "window_power_kw_mean": day.window_power_kw_mean,
        }
        for day in body.days
    ]
    return pl.DataFrame(rows, schema=schema("out_event__baseline_days"))


def _methods(body: StatementBody) -> list[dict[str, object]]:
    tried, event_id = body.sensitivity, body.event.event_id
    if tried is None:
        return []
    computed = [
        {
            "event_id": event_id,
            "method_id": method.method_id,
            "is_settled": method.method_id == body.rule_id,
            "reduction_kwh": method.reduction_kwh,
            "note": "",
        }
        for method in tried.computed
    ]
    return computed + [
        {
            "event_id": event_id,
            "method_id": method.method_id,
            "is_settled": method.method_id == body.rule_id,
            "reduction_kwh": None,
            "note": method.reason,
        }
        for method in tried.not_computable
    ]


def _overrides(body: StatementBody) -> list[dict[str, object]]:
    return [
        {
            "event_id": body.event.event_id,
            "finding_code": made.finding_code.value,
            "subject": made.subject,
            "reason": made.reason,
            "decided_by": made.decided_by,
            "decided_at_utc": made.decided_at_utc,
        }
        for made in body.overrides
    ]
