"""A month or the portfolio in rows, with the names of the catalog where it has them.

Every value is a statement's or a sum over statements. Not here: files (export.py), the page
(overview_page.py).
"""

from datetime import UTC, datetime
from typing import Final

import polars as pl

from negawatt.models.domain.event import Event
from negawatt.models.settlement.concerns import concerns_of
from negawatt.models.settlement.portfolio import EventMoney, Money, ProgramMonth
from negawatt.models.settlement.rounding import total
from negawatt.pipelines.exports.export import Export
from negawatt.pipelines.exports.export_columns import PORTFOLIO_COLUMNS
from negawatt.pipelines.exports.tables import with_own_decimals
from negawatt.pipelines.exports.xlsx import utc_text
from negawatt.pipelines.overview import Overview

PORTFOLIO_FORMAT: Final = "negawatt-portfolio"


def portfolio_tables(overview: Overview) -> dict[str, pl.DataFrame]:
    """Return every table by name, also those without a row."""
    rows: dict[str, list[dict[str, object]]] = {
        "events": [_event(one) for one in overview.events],
        "months": [_month(one) for one in overview.portfolio.months],
        "month_payments": _month_payments(overview),
        "deductions": _deductions(overview),
        "money": [_money(one) for one in overview.portfolio.money],
        "concerns": _concerns(overview),
        "not_settled": [_not_settled(event) for event in overview.not_settled],
    }
    return {
        name: with_own_decimals(pl.DataFrame(rows[name], schema=columns))
        for name, columns in PORTFOLIO_COLUMNS.items()
    }


def portfolio_export(overview: Overview) -> Export:
    """Return the tables of a month or portfolio, ready to be written.

    Local times are the site's where it is about one site, and UTC otherwise.
    """
    site = overview.sites.get(overview.site_id or "")
    created_utc = overview.last_issued_at_utc or datetime(1980, 1, 1, tzinfo=UTC)
    return Export(
        format_name=PORTFOLIO_FORMAT,
        tables=portfolio_tables(overview),
        time_zone=site.time_zone if site else "UTC",
        about=(
            ("Portfolio", f"site {overview.site_id}" if site else "all sites"),
            ("Month", overview.month.text if overview.month else "all"),
            ("Settled events", str(len(overview.events))),
            ("Newest statement", utc_text(created_utc) if overview.statements else "none"),
            ("Counted", "the newest version of every statement; void ones are not in it"),
            ("Empty cell", "not known, or none; 0 means zero"),
            ("Currencies", "are never added"),
        ),
        created_utc=created_utc,
    )


def _event(one: EventMoney) -> dict[str, object]:
    return {
        "month": one.month.text,
        "site_id": one.site_id,
        "program_id": one.program_id,
        "event_id": one.event_id,
        "event_start_utc": one.interval.start_utc,
        "event_end_utc": one.interval.end_utc,
        "statement_id": one.statement_id,
        "statement_version": one.statement_version,
        "statement_stage": one.statement_stage.value,
        "statement_digest": one.statement_digest,
        "revenue_grade": one.revenue_grade,
        "committed_kw": one.committed_kw,
        "delivered_kw_mean": one.delivered_kw,
        "committed_kwh": one.committed_kwh,
        "reduction_kwh": one.reduction_kwh,
        "baseline_verdict": one.baseline_outcome.value,
        "limit_kw": one.limit_kw,
        "cap_verdict": one.cap_outcome.value,
        "payment_outcome": one.outcome.value if one.outcome else None,
        "payment_amount": one.amount,
        "deducted_amount": total(lost.amount for lost in one.deductions),
        "paid_amount": one.paid,
        "payment_currency": one.currency,
        "reason": one.reason,
    }


def _month(one: ProgramMonth) -> dict[str, object]:
    period = one.period
    return _owner(one) | {
        "event_count": len(one.events),
        "reduction_kwh": one.reduction_kwh,
        "payment_outcome": period.outcome.value if period else None,
        "payment_amount": period.total if period else None,
        "payment_currency": period.currency if period else None,
        "reason": period.reason if period else None,
    }


def _month_payments(overview: Overview) -> list[dict[str, object]]:
    return [
        _owner(one)
        | {
            "payment_rule_id": one.period.rule_id,
            "payment_name": line.name,
            "payment_kind": line.kind,
            "payment_amount": line.amount,
            "payment_currency": one.period.currency,
        }
        for one in overview.portfolio.months
        if one.period is not None
        for line in one.period.lines
    ]


def _owner(one: ProgramMonth) -> dict[str, object]:
    return {"month": one.month.text, "site_id": one.site_id, "program_id": one.program_id}


def _deductions(overview: Overview) -> list[dict[str, object]]:
    return [
        {
            "site_id": event.site_id,
            "event_id": event.event_id,
            "payment_name": lost.line_name,
            "paid_by": ", ".join(lost.paid_by),
            "energy_kwh": lost.energy_kwh,
            "payment_amount": lost.amount,
            "payment_currency": event.currency,
        }
        for event in overview.events
        for lost in event.deductions
    ]


def _money(one: Money) -> dict[str, object]:
    return {
        "payment_currency": one.currency,
        "event_amount": one.event_amount,
        "charged_amount": one.charged_amount,
        "period_amount": one.period_amount,
        "total_amount": one.total,
        "at_stake_amount": one.at_stake_amount,
    }


def _concerns(overview: Overview) -> list[dict[str, object]]:
    return [
        {
            "site_id": event.site_id,
            "event_id": event.event_id,
            "concern_kind": one.kind.value,
            "concern_title": one.title,
            "message": one.message,
        }
        for event in overview.events
        for one in concerns_of(overview.statements[event.statement_id])
    ]


def _not_settled(event: Event) -> dict[str, object]:
    return {
        "site_id": event.site_id,
        "program_id": event.program_id,
        "event_id": event.event_id,
        "event_start_utc": event.interval.start_utc,
        "event_end_utc": event.interval.end_utc,
        "committed_kw": event.committed_kw,
        "limit_kw": event.limit_kw,
    }
