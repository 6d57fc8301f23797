"""A month or the portfolio in rows, with the names of the catalog where it has them.

Every value is a statement's or a sum over statements. Not here: files (export.py), the page
(overview_page.py).
"""

from datetime import UTC, datetime
from typing import Any, Final

import polars as pl

from negawatt.models.settlement.concerns import concerns_of
from negawatt.models.settlement.portfolio import EventMoney
from negawatt.models.settlement.rounding import total
from negawatt.pipelines.exports.export import Export
from negawatt.pipelines.exports.tables import with_own_decimals
from negawatt.pipelines.exports.xlsx import utc_text
from negawatt.pipelines.overview import Overview

PORTFOLIO_FORMAT: Final = "negawatt-portfolio"
_TEXT, _FIGURE, _INSTANT = pl.String(), pl.Float64(), pl.Datetime("ms", "UTC")
_COUNT, _FLAG, _DECIMAL = pl.Int64(), pl.Boolean(), pl.Decimal(18, 6)
_OWNER: Final[dict[str, pl.DataType]] = {"month": _TEXT, "site_id": _TEXT, "program_id": _TEXT}
PORTFOLIO_COLUMNS: Final[dict[str, dict[str, pl.DataType]]] = {
    "events": _OWNER
    | {
        "event_id": _TEXT,
        "event_start_utc": _INSTANT,
        "event_end_utc": _INSTANT,
        "statement_id": _TEXT,
        "statement_version": _COUNT,
        "statement_stage": _TEXT,
        "statement_digest": _TEXT,
        "revenue_grade": _FLAG,
        "committed_kw": _FIGURE,
        "delivered_kw_mean": _FIGURE,
        "committed_kwh": _FIGURE,
        "reduction_kwh": _DECIMAL,
        "baseline_verdict": _TEXT,
        "limit_kw": _FIGURE,
        "cap_verdict": _TEXT,
        "payment_outcome": _TEXT,
        "payment_amount": _DECIMAL,
        "deducted_amount": _DECIMAL,
        "paid_amount": _DECIMAL,
        "payment_currency": _TEXT,
        "reason": _TEXT,
    },
    "months": _OWNER
    | {
        "event_count": _COUNT,
        "reduction_kwh": _DECIMAL,
        "payment_outcome": _TEXT,
        "payment_amount": _DECIMAL,
        "payment_currency": _TEXT,
        "reason": _TEXT,
    },
    "month_payments": _OWNER
    | {
        "payment_rule_id": _TEXT,
        "payment_name": _TEXT,
        "payment_kind": _TEXT,
        "payment_amount": _DECIMAL,
        "payment_currency": _TEXT,
    },
    "deductions": {
        "site_id": _TEXT,
        "event_id": _TEXT,
        "payment_name": _TEXT,
        "paid_by": _TEXT,
        "energy_kwh": _DECIMAL,
        "payment_amount": _DECIMAL,
        "payment_currency": _TEXT,
    },
    "money": {
        "payment_currency": _TEXT,
        "event_amount": _DECIMAL,
        "charged_amount": _DECIMAL,
        "period_amount": _DECIMAL,
        "total_amount": _DECIMAL,
        "at_stake_amount": _DECIMAL,
    },
    "concerns": {
        "site_id": _TEXT,
        "event_id": _TEXT,
        "concern_kind": _TEXT,
        "concern_title": _TEXT,
        "message": _TEXT,
    },
    "not_settled": {
        "site_id": _TEXT,
        "program_id": _TEXT,
        "event_id": _TEXT,
        "event_start_utc": _INSTANT,
        "event_end_utc": _INSTANT,
        "committed_kw": _FIGURE,
        "limit_kw": _FIGURE,
    },
}


def portfolio_tables(overview: Overview) -> dict[str, pl.DataFrame]:
    """Return every table by name, also those without a row."""
    months = overview.portfolio.months
    periods = [(one, one.period) for one in months if one.period is not None]
    rows: dict[str, list[dict[str, Any]]] = {
        "events": [_event(one) for one in overview.events],
        "months": [
            {
                "month": one.month.text,
                "site_id": one.site_id,
                "program_id": one.program_id,
                "event_count": len(one.events),
                "reduction_kwh": one.reduction_kwh,
                "payment_outcome": one.period.outcome.value if one.period else None,
                "payment_amount": one.period.total if one.period else None,
                "payment_currency": one.period.currency if one.period else None,
                "reason": one.period.reason if one.period else None,
            }
            for one in months
        ],
        "month_payments": [
            {
                "month": one.month.text,
                "site_id": one.site_id,
                "program_id": one.program_id,
                "payment_rule_id": period.rule_id,
                "payment_name": line.name,
                "payment_kind": line.kind,
                "payment_amount": line.amount,
                "payment_currency": period.currency,
            }
            for one, period in periods
            for line in period.lines
        ],
        "deductions": [
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
        ],
        "money": [
            {
                "payment_currency": one.currency,
                "event_amount": one.event_amount,
                "charged_amount": one.charged_amount,
                "period_amount": one.period_amount,
                "total_amount": one.total,
                "at_stake_amount": one.at_stake_amount,
            }
            for one in overview.portfolio.money
        ],
        "concerns": [
            {
                "site_id": event.site_id,
                "event_id": event.event_id,
                "concern_kind": one.kind.value,
                "concern_title": one.title,
                "message": one.message,
            }
            for event in overview.events
            for one in concerns_of(overview.statements[event.statement_id])
        ],
        "not_settled": [
            {
                "site_id": event.site_id,
                "program_id": event.program_id,
                "event_id": event.event_id,
                "event_start_utc": event.interval.start_utc,
                "event_end_utc": event.interval.end_utc,
                "committed_kw": event.committed_kw,
                "limit_kw": event.limit_kw,
            }
            for event in overview.not_settled
        ],
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
